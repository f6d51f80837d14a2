//! Lines as real servers write them, and hostile ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use jiff::tz::TimeZone;
use proptest::prelude::*;
use sekisho_message::Time;

use super::fact::Fact;
use super::read::Line;
use super::{Clock, Format, Inspector, Report, Settings, Source};

const NOW: Time = Time::from_seconds(1_795_000_000);

fn source(format: Format, name: &str) -> Source {
    Source::new(format, Clock::new(TimeZone::UTC, NOW), name)
}

/// What a line says, in short.
fn told(format: Format, name: &str, line: &str) -> String {
    let mut source = source(format, name);
    let (time, read) = source.read(line);
    let said = match &read {
        Line::Fact(fact) => short(fact),
        Line::Two(first, second) => format!("{}; {}", short(first), short(second)),
        Line::Other => "other".into(),
        Line::Bad => "bad".into(),
    };
    if time.is_some() { said } else { format!("{said} without a time") }
}

fn short(fact: &Fact<'_>) -> String {
    match fact {
        Fact::Client { queue, ip, user, original } => {
            format!("client {queue} {ip} {user} {original}").trim_end().into()
        }
        Fact::Pickup { queue, user } => format!("pickup {queue} {user}"),
        Fact::MessageId { queue, id } => format!("id {queue} {id}"),
        Fact::Envelope { queue, from, size, recipients } => format!("envelope {queue} {from} {size} {recipients}"),
        Fact::Delivery(d) => {
            format!("delivery {} {} {:?} {:?} {}", d.queue, d.to, d.reach, d.end, d.original).trim_end().into()
        }
        Fact::Done { queue } => format!("done {queue}"),
        Fact::Accepted(a) => format!("accepted {} {} {} {} {:?} +{}", a.queue, a.ip, a.user, a.from, a.to, a.more),
        Fact::Login(l) => format!("login {:?} {} {} {} x{}", l.protocol, l.user, l.ip, l.right, l.count),
        Fact::Refused => "refused".into(),
    }
}

#[test]
fn postfix_lines() {
    for (line, says) in [
        (
            "Nov  4 10:00:00 mx postfix/submission/smtpd[123]: 4ZabCd1234z9: client=host.example[192.0.2.1], sasl_method=PLAIN, sasl_username=taro@example.jp",
            "client 4ZabCd1234z9 192.0.2.1 taro@example.jp",
        ),
        (
            "Nov  4 10:00:00 mx postfix/smtpd[123]: A1B2C3D4E5: client=unknown[2001:db8::1], sasl_method=LOGIN, sasl_username=taro, sasl_sender=x@y",
            "client A1B2C3D4E5 2001:db8::1 taro",
        ),
        (
            "Nov  4 10:00:00 mx postfix/smtpd[9]: A1B2C3D4E5: client=localhost[127.0.0.1], orig_queue_id=FFFFF12345, orig_client=pc[192.0.2.1]",
            "client A1B2C3D4E5 127.0.0.1  FFFFF12345",
        ),
        (
            "2026-11-04T10:00:00.123456+09:00 mx postfix/smtpd[123]: A1B2C3D4E5: client=h[192.0.2.1]:50123",
            "client A1B2C3D4E5 192.0.2.1",
        ),
        (
            "<22>Nov  4 10:00:00 mx postfix/smtpd[123]: [ID 197553 mail.info] A1B2C3D4E5: client=h[192.0.2.1]",
            "client A1B2C3D4E5 192.0.2.1",
        ),
        ("<22>1 2026-11-04T10:00:00Z mx postfix/qmgr 12 - - A1B2C3D4E5: removed", "done A1B2C3D4E5"),
        (
            "Nov  4 10:00:00 mx postfix/qmgr[1]: A1B2C3D4E5: from=<>, size=900, nrcpt=2 (queue active)",
            "envelope A1B2C3D4E5  900 2",
        ),
        ("Nov  4 10:00:00 mx postfix/pickup[1]: A1B2C3D4E5: uid=33 from=<www-data>", "pickup A1B2C3D4E5 33"),
        ("Nov  4 10:00:00 mx postfix/cleanup[1]: A1B2C3D4E5: message-id=<a@b>", "id A1B2C3D4E5 a@b"),
        (
            "Nov  4 10:00:00 mx postfix/smtp[1]: A1B2C3D4E5: to=<a@b.example>, relay=mx.b.example[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)",
            "delivery A1B2C3D4E5 a@b.example Outside Sent",
        ),
        (
            "Nov  4 10:00:00 mx postfix/smtp[1]: A1B2C3D4E5: to=<a@b.example>, orig_to=<info@example.jp>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (connect to b.example[203.0.113.9]:25: Connection timed out)",
            "delivery A1B2C3D4E5 a@b.example Unknown Deferred info@example.jp",
        ),
        (
            "Nov  4 10:00:00 mx postfix/smtp[1]: A1B2C3D4E5: to=<a@b.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 9F8E7D6C5B)",
            "delivery A1B2C3D4E5 a@b.example Filter(\"9F8E7D6C5B\") Sent",
        ),
        (
            "Nov  4 10:00:00 mx postfix/lmtp[1]: A1B2C3D4E5: to=<u@example.jp>, relay=mx.example.jp[private/dovecot-lmtp], delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Saved)",
            "delivery A1B2C3D4E5 u@example.jp Inside Sent",
        ),
        (
            "Nov  4 10:00:00 mx postfix/lmtp[1]: A1B2C3D4E5: to=<u@example.jp>, relay=store.example.net[203.0.113.77]:24, delay=1, dsn=2.0.0, status=sent (250 ok)",
            "delivery A1B2C3D4E5 u@example.jp Inside Sent",
        ),
        (
            "Nov  4 10:00:00 mx postfix/pipe[1]: A1B2C3D4E5: to=<a@b.example>, relay=spamassassin, delay=1, dsn=2.0.0, status=sent (delivered via spamassassin service)",
            "delivery A1B2C3D4E5 a@b.example Program Sent",
        ),
        (
            "Nov  4 10:00:00 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <x@y>: Relay access denied; from=<a@b> to=<x@y> proto=SMTP helo=<z>",
            "refused",
        ),
        (
            "Nov  4 10:00:00 mx postfix/smtps/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=taro@example.jp",
            "login Some(Smtp) taro@example.jp 192.0.2.1 false x1",
        ),
        (
            "Nov  4 10:00:00 mx postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL PLAIN authentication failed: Connection lost to authentication server",
            "other",
        ),
        ("Nov  4 10:00:00 mx postfix/smtpd[1]: connect from unknown[192.0.2.1]", "other"),
        ("Nov  4 10:00:00 mx sshd[1]: Failed password for root", "other"),
        ("Nov  4 10:00:00 mx postfix/smtpd[1]: A1B2C3D4E5: client=broken", "bad"),
        ("Nov  4 10:00:00 mx postfix/smtp[1]: A1B2C3D4E5: to=<a@b", "bad"),
        ("Nov 34 10:00:00 mx postfix/smtp[1]: A1B2C3D4E5: removed", "bad without a time"),
        ("", "bad without a time"),
    ] {
        assert_eq!(told(Format::Postfix, "mail.log", line), says, "{line}");
    }
}

#[test]
fn dovecot_lines() {
    for (line, says) in [
        (
            "Nov  4 10:00:00 mx dovecot: imap-login: Login: user=<taro@example.jp>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9, mpid=12, TLS, session=<a>",
            "login Some(Imap4) taro@example.jp 192.0.2.1 true x1",
        ),
        (
            "Nov  4 10:00:00 mx dovecot: pop3-login: Disconnected (auth failed, 3 attempts in 9 secs): user=<taro>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9",
            "login Some(Pop3) taro 192.0.2.1 false x3",
        ),
        (
            "Nov  4 10:00:00 mx dovecot: imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<taro>, method=PLAIN, rip=2001:db8::7, lip=::1, TLS",
            "login Some(Imap4) taro 2001:db8::7 false x1",
        ),
        (
            "Nov 04 10:00:00 pop3-login: Info: Aborted login (auth failed, 2 attempts in 4 secs): user=<taro>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9",
            "login Some(Pop3) taro 192.0.2.1 false x2",
        ),
        (
            "Nov  4 10:00:00 mx dovecot: auth: passwd-file(taro,192.0.2.1,<x>): Password mismatch",
            "login None taro 192.0.2.1 false x1",
        ),
        (
            "Nov  4 10:00:00 mx dovecot: auth-worker(77): conn unix:auth-worker (pid=1,uid=2): auth-worker<1>: sql(taro@example.jp,192.0.2.1): Password mismatch (SHA1 of given password: 5baa61)",
            "login None taro@example.jp 192.0.2.1 false x1",
        ),
        (
            "Nov  4 10:00:00 mx dovecot: submission-login: Login: user=<taro>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.9",
            "login Some(Smtp) taro 192.0.2.1 true x1",
        ),
        (
            "Nov  4 10:00:00 mx dovecot: imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip=192.0.2.1, lip=192.0.2.9",
            "other",
        ),
        ("Nov  4 10:00:00 mx dovecot: lda(taro)<1><a>: msgid=<x>: saved mail to INBOX", "other"),
        ("Nov  4 10:00:00 mx dovecot: pop3-login: Login: user=<taro", "bad"),
    ] {
        assert_eq!(told(Format::Dovecot, "mail.log", line), says, "{line}");
        assert_eq!(told(Format::Auto, "mail.log", line), says, "{line}");
    }
}

#[test]
fn exim_lines() {
    for (line, says) in [
        (
            "2026-11-04 10:00:00 1abcDE-000001-AB <= taro@example.jp H=(pc) [192.0.2.1]:4711 P=esmtpsa X=TLS1.3:x:256 CV=no A=plain_server:taro S=1234 id=a@b",
            "client 1abcDE-000001-AB 192.0.2.1 taro; envelope 1abcDE-000001-AB taro@example.jp 1234 0",
        ),
        (
            "2026-11-04 10:00:00 [12] 1abcDE-00000000001-ABCD <= a@b H=mx.b [192.0.2.1] P=esmtp S=99 for c@example.jp d@example.jp",
            "client 1abcDE-00000000001-ABCD 192.0.2.1; envelope 1abcDE-00000000001-ABCD a@b 99 2",
        ),
        (
            "2026-11-04 10:00:00 1abcDE-000001-AB <= www@example.jp U=www-data P=local S=1",
            "pickup 1abcDE-000001-AB www-data",
        ),
        (
            "2026-11-04 10:00:00 1abcDE-000001-AB => a@b.example R=dnslookup T=remote_smtp H=mx [203.0.113.9] C=\"250 OK\"",
            "delivery 1abcDE-000001-AB a@b.example Outside Sent",
        ),
        (
            "2026-11-04 10:00:00 1abcDE-000001-AB => taro <info@example.jp> R=local_user T=local_delivery",
            "delivery 1abcDE-000001-AB info@example.jp Inside Sent info@example.jp",
        ),
        (
            "2026-11-04 10:00:00 1abcDE-000001-AB ** a@b.example R=dnslookup T=remote_smtp H=mx [203.0.113.9]: SMTP error from remote mail server after RCPT TO:<a@b.example>: 550 5.1.1 User unknown",
            "delivery 1abcDE-000001-AB a@b.example Outside Failed",
        ),
        (
            "2026-11-04 10:00:00 1abcDE-000001-AB == a@b.example R=dnslookup T=remote_smtp defer (110): Connection timed out",
            "delivery 1abcDE-000001-AB a@b.example Unknown Deferred",
        ),
        ("2026-11-04 10:00:00 1abcDE-000001-AB Completed", "done 1abcDE-000001-AB"),
        (
            "2026-11-04 10:00:00 plain_server authenticator failed for (pc) [192.0.2.1]:4711: 535 Incorrect authentication data (set_id=taro)",
            "login Some(Smtp) taro 192.0.2.1 false x1",
        ),
        ("2026-11-04 10:00:00 H=(x) [192.0.2.1] F=<a@b> rejected RCPT <c@d>: relay not permitted", "refused"),
        ("2026-11-04 10:00:00 Start queue run: pid=12", "other"),
        ("2026-11-04 10:00:00 1abcDE-000001-AB <= a@b H=(broken", "bad"),
    ] {
        assert_eq!(told(Format::Exim, "mainlog", line), says, "{line}");
    }
}

#[test]
fn lines_of_sekisho_and_of_e_post() {
    for (name, line, says) in [
        (
            "inlog",
            "<B0000000012@mx.example.jp> [30/Nov/2026:08:20:44] <192.0.2.1> <pc> <taro@example.jp> <a@b.example> AUTH=<taro@example.jp>",
            "accepted B0000000012 192.0.2.1 taro@example.jp taro@example.jp [\"a@b.example\"] +0",
        ),
        (
            "outlog",
            "<B0000000012@mx.example.jp> sent on [30/Nov/2026:08:20:45] to <203.0.113.9> <mx.b.example> from <taro@example.jp> to <a@b.example>",
            "delivery B0000000012 a@b.example Outside Sent",
        ),
        (
            "faillog",
            "B0000000012@mx.example.jp send fail on [30/Nov/2026:08:20:45] from <taro@example.jp> to <a@b.example> [550 5.1.1 no such user]",
            "delivery B0000000012 a@b.example Unknown Failed",
        ),
        (
            "imap4log",
            "<taro@example.jp> from <192.0.2.1> LOGIN taro@example.jp failed [30/Nov/2026:08:20:44] (wrong password)",
            "login Some(Imap4) taro@example.jp 192.0.2.1 false x1",
        ),
        (
            "pop3log",
            "<taro@example.jp> from <192.0.2.1> PASS **** [30/Nov/2026:08:20:44] (+OK)",
            "login Some(Pop3) taro@example.jp 192.0.2.1 true x1",
        ),
        (
            "inlog",
            "{\"time\":\"2026-11-30T08:20:44.000Z\",\"log\":\"inlog\",\"account\":\"taro@example.jp\",\"address\":\"a@b.example\",\"network\":\"192.0.2.1\",\"message\":\"B1\",\"detail\":{\"from\":\"taro@example.jp\",\"to\":[\"a@b.example\"],\"recipients\":3}}",
            "accepted B1 192.0.2.1 taro@example.jp taro@example.jp [\"a@b.example\"] +2",
        ),
        ("inlog", "{\"time\":\"2026-11-30T08:20:44.000Z\",\"log\":\"inlog\"", "bad without a time"),
        ("inlog", "<B0000000012@mx.example.jp> [30/Nov/2026:08:20:44] <192.0.2.1>", "bad"),
    ] {
        assert_eq!(told(Format::Sekisho, name, line), says, "{line}");
    }
}

/// A year's worth of nothing special, and a burst from elsewhere at the end.
fn sample() -> Vec<String> {
    let mut lines = Vec::new();
    let mut put = |day: usize, second: usize, ip: &str, n: usize, to: String| {
        let time = Time::from_seconds(1_767_571_200 + (day * 86_400 + second) as i64);
        let stamp = time.to_string();
        lines.push(format!(
            "{stamp} mx postfix/smtpd[7]: AB{n:05X}: client=h[{ip}], sasl_method=PLAIN, sasl_username=taro@example.jp"
        ));
        lines.push(format!(
            "{stamp} mx postfix/qmgr[9]: AB{n:05X}: from=<taro@example.jp>, size=900, nrcpt=1 (queue active)"
        ));
        lines.push(format!("{stamp} mx postfix/smtp[10]: AB{n:05X}: to=<{to}>, relay=m[203.0.113.9]:25, delay=1, dsn=2.0.0, status=sent (250 ok)"));
        lines.push(format!("{stamp} mx postfix/qmgr[9]: AB{n:05X}: removed"));
    };
    (0..60).for_each(|n| put(n, 36_000, "192.0.2.7", n, format!("friend{}@d.example", n % 9)));
    (0..30).for_each(|n| put(60, 40_000 + n, "198.51.100.9", 100 + n, format!("v{n}@x{n}.example")));
    lines
}

fn inspect(format: Format, lines: &[String]) -> Report {
    let mut inspector = Inspector::new(Settings::default());
    let mut source = source(format, "mail.log");
    for (n, line) in lines.iter().enumerate() {
        inspector.line(&mut source, line, "mail.log", n as u64 + 1);
    }
    inspector.finish()
}

#[test]
fn wrong_passwords_without_a_name_count_against_whoever_comes_in_then() {
    let mut lines = sample();
    lines.truncate(240);
    for n in 0..30 {
        let stamp = Time::from_seconds(1_767_571_200 + 60 * 86_400 + n * 20).to_string();
        lines.push(format!("{stamp} mx postfix/smtpd[7]: warning: unknown[198.51.100.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6"));
    }
    lines.extend(sample().split_off(240));
    let report = inspect(Format::Postfix, &lines);
    let login = report.incidents[0].login.unwrap();
    assert!(login.guessed && login.distinct > 20, "{login:?}");
    assert_eq!(login.first_failure, Some(1_767_571_200 + 60 * 86_400));
}

#[test]
fn a_filter_that_is_a_program_is_not_where_mail_ends() {
    let mut lines = Vec::new();
    for (n, line) in sample().into_iter().enumerate() {
        let stamp = line.split(' ').next().unwrap().to_owned();
        let queue = format!("AB{:05X}", if n < 240 { n / 4 } else { 100 + (n - 240) / 4 });
        let child = queue.replace("AB", "CD");
        if line.contains("status=sent") {
            let to = line.split("to=<").nth(1).unwrap().split('>').next().unwrap().to_owned();
            lines.push(format!("{stamp} mx postfix/cleanup[8]: {queue}: message-id=<{queue}@pc>"));
            lines.push(format!("{stamp} mx postfix/pickup[8]: {child}: uid=110 from=<taro@example.jp>"));
            lines.push(format!("{stamp} mx postfix/cleanup[8]: {child}: message-id=<{queue}@pc>"));
            lines.push(format!("{stamp} mx postfix/pipe[8]: {queue}: to=<{to}>, relay=spamassassin, delay=1, dsn=2.0.0, status=sent (delivered via spamassassin service)"));
            lines.push(format!(
                "{stamp} mx postfix/qmgr[9]: {child}: from=<taro@example.jp>, size=900, nrcpt=1 (queue active)"
            ));
            lines.push(line.replace(&queue, &child));
            lines.push(format!("{stamp} mx postfix/qmgr[9]: {child}: removed"));
        } else {
            lines.push(line);
        }
    }
    let report = inspect(Format::Postfix, &lines);
    assert_eq!((report.messages, report.incidents.len()), (90, 1));
    assert_eq!(report.incidents[0].origin, "account:taro@example.jp");
}

#[test]
fn what_a_hostile_log_may_make_grow_has_a_limit() {
    let mut lines = Vec::new();
    for n in 0..3_000 {
        lines.push(format!("<B{n:010}@mx.example.jp> [30/Nov/2026:08:20:44] <192.0.2.1> <pc> <t@example.jp> <x> AUTH=<t@example.jp> (4000000000 more recipients)"));
        lines.push(format!("<B0000000000@mx.example.jp> [30/Nov/2026:08:20:44] <192.0.2.1> <pc> <t@example.jp> <x{n}@y> AUTH=<t@example.jp>"));
    }
    let report = inspect(Format::Sekisho, &lines);
    assert_eq!((report.lines, report.bad_lines), (6_000, 0));
    assert!(report.messages > 1_000, "{report:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Noise between the lines changes no verdict, and every line of it is counted.
    #[test]
    fn noise_changes_no_verdict(noise in proptest::collection::vec((0_usize..360, "\\PC{0,80}"), 0..40)) {
        let clean = inspect(Format::Postfix, &sample());
        prop_assert_eq!(clean.incidents.len(), 1);
        let mut lines = sample();
        // What looks like a line of the log is not noise.
        let noise: Vec<_> = noise.into_iter().filter(|(_, text)| source(Format::Postfix, "").time(text).is_none()).collect();
        let count = noise.iter().filter(|(_, text)| !text.trim().is_empty()).count() as u64;
        for (at, text) in noise {
            lines.insert(at, text);
        }
        let report = inspect(Format::Postfix, &lines);
        prop_assert_eq!(report.bad_lines, count);
        prop_assert_eq!(report.incidents, clean.incidents);
    }

    /// Lines cut, joined and bent in any way neither panic nor get lost.
    #[test]
    fn bent_lines_are_counted(cuts in proptest::collection::vec((0_usize..360, any::<prop::sample::Index>(), "\\PC{0,6}"), 1..60), format in 0_usize..6) {
        let mut lines = sample();
        for (at, index, text) in cuts {
            let line = &mut lines[at];
            let cut = index.index(line.len() + 1);
            if line.is_char_boundary(cut) {
                let rest = line.split_off(cut);
                line.push_str(&text);
                line.push_str(rest.get(1..).unwrap_or_default());
            }
        }
        let report = inspect(Format::ALL[format].1, &lines);
        prop_assert_eq!(report.lines, 360);
        prop_assert!(report.bad_lines <= 360 && report.incidents.len() <= 400);
        for incident in &report.incidents {
            prop_assert!(incident.first_evidence <= incident.held_at);
            prop_assert!(incident.recipients_escaped <= incident.recipients_before_hold);
        }
    }

    #[test]
    fn anything_at_all_is_read(text in "(\\PC{0,120}\n){0,20}", format in 0_usize..6) {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let report = inspect(Format::ALL[format].1, &lines);
        prop_assert_eq!(report.lines, lines.len() as u64);
    }
}
