#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::{Protocol, entry};

const AT: Time = Time(1_512_030_044_000_000);

fn style() -> Style {
    Style { host: "our.host".into(), zone: TimeZone::fixed(jiff::tz::offset(9)) }
}

fn print(entry: &Entry) -> String {
    style().lines(entry)
}

#[test]
fn connections_have_two_rows() {
    let open = entry::accept_open(AT, "smtp", "203.0.113.5", 25);
    assert_eq!(print(&open), "[30/Nov/2017:17:20:44], (our.host), [203.0.113.5]:25, Client accept now.\n");
    let mut end = entry::Ending {
        service: "submission",
        name: "peer.name",
        sender: "sender@example.com",
        message: "B0000097586",
        account: Some("taro@example.jp"),
        ok: true,
        reason: "",
    };
    assert_eq!(
        print(&entry::accept_end(AT, "203.0.113.5", &end)),
        "[30/Nov/2017:17:20:44], (our.host), peer.name [203.0.113.5], <sender@example.com>,<B0000097586>,ok \
         AUTH=<taro@example.jp>\n"
    );
    end = entry::Ending { reason: "effect.dat line 3", ..entry::Ending::default() };
    assert_eq!(
        print(&entry::accept_end(AT, "2001:db8::5", &end)),
        "[30/Nov/2017:17:20:44], (our.host), [2001:db8::5], <>,<>,abort (effect.dat line 3)\n"
    );
}

#[test]
fn accepted_mail_has_a_line_for_each_recipient() {
    let many: Vec<String> = (0..102).map(|n| format!("r{n}@example.net")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut message = entry::Accepted {
        message: "B0000097403",
        client: "192.0.2.9",
        helo: "pc.example.jp",
        account: Some("taro@example.jp"),
        from: "taro@example.jp",
        to: &["a@example.net", "b@example.net"],
        ..entry::Accepted::default()
    };
    assert_eq!(
        print(&entry::accepted(AT, &message)),
        "<B0000097403@our.host> [30/Nov/2017:17:20:44] <192.0.2.9> <pc.example.jp> <taro@example.jp> \
         <a@example.net> AUTH=<taro@example.jp>\n\
         <B0000097403@our.host> [30/Nov/2017:17:20:44] <192.0.2.9> <pc.example.jp> <taro@example.jp> \
         <b@example.net> AUTH=<taro@example.jp>\n"
    );
    message.to = &many;
    let lines = print(&entry::accepted(AT, &message));
    assert_eq!(lines.lines().count(), entry::MOST_RECIPIENTS + 1);
    assert!(lines.ends_with("(2 more recipients)\n"), "{lines}");
}

#[test]
fn outcomes_name_message_sender_and_recipient() {
    let outcome = entry::Outcome {
        message: "B0000055688",
        account: None,
        from: "a@example.jp",
        to: "b@example.net",
        host: "198.51.100.7",
        host_name: "mx.example.net",
        reply: "550 User Unknown",
        ..entry::Outcome::default()
    };
    assert_eq!(
        print(&entry::relayed(AT, &outcome)),
        "<B0000055688@our.host> sent on [30/Nov/2017:17:20:44] to <198.51.100.7> <mx.example.net> from \
         <a@example.jp> to <b@example.net>\n"
    );
    assert_eq!(
        print(&entry::failed(AT, &outcome)),
        "B0000055688@our.host send fail on [30/Nov/2017:17:20:44] from <a@example.jp> to <b@example.net> \
         [550 User Unknown]\n"
    );
    let silent = entry::Outcome { reply: "", account: Some("a@example.jp"), ..outcome };
    assert!(
        print(&entry::failed(AT, &silent)).ends_with("[Unable to deliver to destination domain] AUTH=<a@example.jp>\n")
    );
    assert_eq!(print(&entry::deferred(AT, &outcome)), "");
}

#[test]
fn dialogue_and_logins_say_who_and_why() {
    let refused = entry::dialogue(
        AT,
        Protocol::Smtp,
        "203.0.113.5",
        None,
        "RCPT TO:<x@elsewhere.example>",
        "550 5.7.1 Relaying denied",
        "no rule",
    );
    assert_eq!(
        print(&refused),
        "[30/Nov/2017:17:20:44] (our.host) [203.0.113.5] RCPT TO:<x@elsewhere.example> => 550 5.7.1 Relaying \
         denied (no rule)\n"
    );
    let wrong = entry::login(AT, Protocol::Smtp, "203.0.113.5", Some("taro@example.jp"), "taro", "wrong password");
    assert_eq!(
        print(&wrong),
        "[30/Nov/2017:17:20:44] (our.host) [203.0.113.5] LOGIN taro failed AUTH=<taro@example.jp> (wrong \
         password)\n"
    );
    let pop = entry::login(AT, Protocol::Pop3, "203.0.113.5", None, "nobody", "unknown user");
    assert_eq!(print(&pop), "<nobody> from <203.0.113.5> LOGIN nobody failed [30/Nov/2017:17:20:44] (unknown user)\n");
    let imap = entry::dialogue(AT, Protocol::Imap4, "::1", Some("taro@example.jp"), "SELECT Sent", "NO no such", "");
    assert_eq!(print(&imap), "<taro@example.jp> from <::1> SELECT Sent [30/Nov/2017:17:20:44] (NO no such)\n");
}

#[test]
fn peers_cannot_forge_lines_or_move_the_cursor() {
    let evil = entry::dialogue(AT, Protocol::Smtp, "::1", None, "EHLO a\r\n[forged]\x1b[2J\u{202e}x", "", "");
    let line = print(&evil);
    assert_eq!(line.lines().count(), 1);
    assert!(line.contains("EHLO a  [forged]\\u{1b}[2J\\u{202e}x"), "{line}");
}

#[test]
fn every_log_has_its_name_and_kinds() {
    for log in Log::ALL {
        assert_eq!(Log::parse(log.as_str()), Some(log));
        assert!(log.kinds().iter().all(|kind| Log::of(*kind) == Some(log)));
        assert_eq!(serde_json::to_value(log).unwrap(), log.as_str());
    }
    assert_eq!(Log::parse("senderlog"), None);
    assert_eq!(Log::of(Kind::Act), None);
}
