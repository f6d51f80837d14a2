//! Writes what happened in a drill as another server would have logged it.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_guard::drill::world::{Act, Mail, Recorded, What};
use sekisho_guard::event::{Login, LoginResult, Protocol};
use sekisho_guard::inspect::{Clock, Format, Inspector, Report, Settings, Source};
use sekisho_guard::place::Place;
use sekisho_message::Time;

/// Whose log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Postfix and Dovecot in one syslog, without years.
    Syslog,
    /// The same with RFC 3339 times.
    SyslogIso,
    /// Exim's mainlog, and Dovecot's own file.
    Exim,
    /// Sekisho's logs as text.
    Sekisho,
    /// Sekisho's logs as JSON.
    Json,
}

/// The account of an origin.
pub fn account(origin: usize) -> String {
    format!("u{origin}@example.jp")
}

/// The log of a record, in the order of time.
pub fn write(record: &[Recorded], style: Style) -> String {
    let mut dead = BTreeMap::new();
    for one in record {
        if let Recorded::Outcome { since, origin, recipient, dead: true, .. } = one {
            dead.insert((*since, *origin, *recipient), ());
        }
    }
    let mut writer = Writer { style, lines: BTreeMap::new(), count: 0 };
    let start =
        record.iter().find_map(|one| if let Recorded::Act(act, _) = one { Some(act.at) } else { None }).unwrap();
    let mut born = 0;
    for one in record {
        match one {
            Recorded::Born(contacts) => {
                for (n, contact) in contacts.iter().enumerate() {
                    writer.inbound(start - Duration::from_secs(3_000 - (n as u64).min(2_999)), *contact, born);
                }
                born += 1;
            }
            Recorded::Act(act, _) => match &act.what {
                What::Mail(mail) => writer.mail(act, mail, &|to| dead.contains_key(&(act.at, act.origin, to))),
                What::Login(login) => writer.login(act, login),
            },
            Recorded::Outcome { .. } | Recorded::Counting => {}
        }
    }
    writer.lines.into_values().flatten().collect()
}

/// What `inspect` says of a log.
pub fn inspect(log: &str, format: Format) -> Report {
    let now = Time::from_seconds(1_767_571_200 + 300 * 86_400);
    let local_domains = if format == Format::Sekisho { vec!["example.jp".to_owned()] } else { Vec::new() };
    let mut inspector = Inspector::new(Settings { local_domains, ..Settings::default() });
    let mut source = Source::new(format, Clock::new(TimeZone::UTC, now), "mail.log");
    for (number, line) in log.lines().enumerate() {
        inspector.line(&mut source, line, "mail.log", number as u64 + 1);
    }
    inspector.finish()
}

struct Writer {
    style: Style,
    /// By time; equal times in the order of writing.
    lines: BTreeMap<Time, Vec<String>>,
    count: u64,
}

impl Writer {
    fn put(&mut self, at: Time, line: String) {
        self.lines.entry(at).or_default().push(line + "\n");
    }

    fn stamp(&self, at: Time) -> String {
        let zoned = jiff::Timestamp::from_microsecond(at.micros()).unwrap().to_zoned(TimeZone::UTC);
        match self.style {
            Style::Syslog => zoned.strftime("%b %e %H:%M:%S mx").to_string(),
            Style::SyslogIso => zoned.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00 mx").to_string(),
            Style::Exim => zoned.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Style::Sekisho => zoned.strftime("%d/%b/%Y:%H:%M:%S").to_string(),
            Style::Json => zoned.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        }
    }

    fn inbound(&mut self, at: Time, from: u64, to: usize) {
        self.message(at, None, Place::V4([198, 51, 100]), &address(from), &[(account(to), true, false)]);
    }

    fn mail(&mut self, act: &Act, mail: &Mail, dead: &dyn Fn(u64) -> bool) {
        let user = mail.authenticated.then(|| account(act.origin));
        let from = if mail.authenticated { account(act.origin) } else { "form@example.jp".into() };
        let to: Vec<(String, bool, bool)> = mail.recipients.iter().map(|&r| (address(r), false, dead(r))).collect();
        self.message(act.at, user.as_deref(), mail.place, &from, &to);
    }

    fn message(&mut self, at: Time, user: Option<&str>, place: Place, from: &str, to: &[(String, bool, bool)]) {
        self.count += 1;
        let later = at + Duration::from_secs(2);
        let ip = ip(place);
        match self.style {
            Style::Syslog | Style::SyslogIso => self.postfix(at, later, user, &ip, from, to),
            Style::Exim => self.exim(at, later, user, &ip, from, to),
            Style::Sekisho => self.sekisho(at, later, user, &ip, from, to),
            Style::Json => self.json(at, later, user, &ip, from, to),
        }
    }

    fn postfix(
        &mut self,
        at: Time,
        later: Time,
        user: Option<&str>,
        ip: &str,
        from: &str,
        to: &[(String, bool, bool)],
    ) {
        let (n, time) = (self.count, self.stamp(at));
        let queue = format!("4Z{n:08X}");
        let login = user.map_or(String::new(), |u| format!(", sasl_method=PLAIN, sasl_username={u}"));
        self.put(at, format!("{time} postfix/smtpd[77]: {queue}: client=h.example[{ip}]{login}"));
        self.put(at, format!("{time} postfix/cleanup[78]: {queue}: message-id=<{n}@h.example>"));
        self.put(
            at,
            format!("{time} postfix/qmgr[79]: {queue}: from=<{from}>, size=4096, nrcpt={} (queue active)", to.len()),
        );
        let time = self.stamp(later);
        for (address, local, dead) in to {
            let line = match (local, dead) {
                (true, _) => format!(
                    "virtual[80]: {queue}: to=<{address}>, relay=virtual, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (delivered to maildir)"
                ),
                (_, false) => format!(
                    "smtp[80]: {queue}: to=<{address}>, relay=mx.example[203.0.113.9]:25, delay=2, delays=0/0/0/2, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9)"
                ),
                (_, true) => format!(
                    "smtp[80]: {queue}: to=<{address}>, relay=mx.example[203.0.113.9]:25, delay=2, delays=0/0/0/2, dsn=5.1.1, status=bounced (host mx.example[203.0.113.9] said: 550 5.1.1 User unknown (in reply to RCPT TO command))"
                ),
            };
            self.put(later, format!("{time} postfix/{line}"));
        }
        self.put(later, format!("{time} postfix/qmgr[79]: {queue}: removed"));
    }

    fn exim(&mut self, at: Time, later: Time, user: Option<&str>, ip: &str, from: &str, to: &[(String, bool, bool)]) {
        let (n, time) = (self.count, self.stamp(at));
        let queue = format!("1a{:04}-{:06}-Ab", n / 1_000_000, n % 1_000_000);
        let login = user.map_or(String::new(), |u| format!(" A=plain_login:{u}"));
        self.put(
            at,
            format!("{time} {queue} <= {from} H=(pc) [{ip}]:4711 P=esmtpsa X=TLS1.3:A:256{login} S=4096 id={n}@h"),
        );
        let time = self.stamp(later);
        for (address, local, dead) in to {
            let line = match (local, dead) {
                (true, _) => format!(
                    "{queue} => {} <{address}> R=local_user T=local_delivery",
                    address.split('@').next().unwrap()
                ),
                (_, false) => {
                    format!("{queue} => {address} R=dnslookup T=remote_smtp H=mx.example [203.0.113.9] C=\"250 OK\"")
                }
                (_, true) => format!(
                    "{queue} ** {address} R=dnslookup T=remote_smtp H=mx.example [203.0.113.9]: SMTP error from remote mail server after RCPT TO:<{address}>: 550 5.1.1 User unknown"
                ),
            };
            self.put(later, format!("{time} {line}"));
        }
        self.put(later, format!("{time} {queue} Completed"));
    }

    fn sekisho(
        &mut self,
        at: Time,
        later: Time,
        user: Option<&str>,
        ip: &str,
        from: &str,
        to: &[(String, bool, bool)],
    ) {
        let (n, time) = (self.count, self.stamp(at));
        let login = user.map_or(String::new(), |u| format!(" AUTH=<{u}>"));
        for (address, ..) in to {
            self.put(at, format!("<B{n:010}@mx.example.jp> [{time}] <{ip}> <pc> <{from}> <{address}>{login}"));
        }
        let time = self.stamp(later);
        for (address, local, dead) in to {
            let host = if *local { "local" } else { "203.0.113.9" };
            self.put(later, if *dead {
                format!("B{n:010}@mx.example.jp send fail on [{time}] from <{from}> to <{address}> [550 5.1.1 User unknown]{login}")
            } else {
                format!("<B{n:010}@mx.example.jp> sent on [{time}] to <{host}> <mx.example> from <{from}> to <{address}>{login}")
            });
        }
    }

    fn json(&mut self, at: Time, later: Time, user: Option<&str>, ip: &str, from: &str, to: &[(String, bool, bool)]) {
        let n = self.count;
        let all: Vec<&str> = to.iter().map(|(address, ..)| address.as_str()).collect();
        let row = serde_json::json!({
            "id": n, "time": self.stamp(at), "log": "inlog", "kind": "in", "account": user, "address": all.first(),
            "network": ip, "message": format!("B{n:010}"),
            "detail": { "helo": "pc", "from": from, "to": all, "recipients": all.len(), "size": 4096 },
        });
        self.put(at, row.to_string());
        for (address, local, dead) in to {
            let row = serde_json::json!({
                "id": n, "time": self.stamp(later), "log": if *dead { "faillog" } else { "outlog" }, "kind": "out",
                "account": user, "address": address, "network": ip, "message": format!("B{n:010}"),
                "detail": {
                    "from": from, "host": if *local { "local" } else { "203.0.113.9" },
                    "reply": if *dead { "550 5.1.1 User unknown" } else { "250 ok" },
                },
            });
            self.put(later, row.to_string());
        }
    }

    fn login(&mut self, act: &Act, login: &Login) {
        let (user, ip, at) = (account(act.origin), ip(login.place), act.at);
        let right = login.result == LoginResult::Right;
        let time = self.stamp(at);
        let door = if login.protocol == Protocol::Pop3 { "pop3" } else { "imap" };
        let line = match self.style {
            Style::Syslog | Style::SyslogIso | Style::Exim => {
                let tag = if self.style == Style::Exim { "" } else { "dovecot: " };
                let info = if self.style == Style::Exim { "Info: " } else { "" };
                if right {
                    format!("{time} {tag}{door}-login: {info}Login: user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.1, mpid=9, TLS, session=<x>")
                } else {
                    format!("{time} {tag}{door}-login: {info}Aborted login (auth failed, 1 attempts in 2 secs): user=<{user}>, method=PLAIN, rip={ip}, lip=192.0.2.1, session=<x>")
                }
            }
            Style::Sekisho => {
                let what = if right { "ok" } else { "failed" };
                format!("<{user}> from <{ip}> LOGIN {user} {what} [{time}]")
            }
            Style::Json => serde_json::json!({
                "id": 1, "time": time, "log": format!("{door}{}log", if door == "imap" { "4" } else { "" }).replace("pop3log", "pop3log"),
                "kind": "pop3", "account": user, "address": null, "network": ip, "message": null,
                "detail": { "login": user, "ok": right, "reason": "" },
            })
            .to_string(),
        };
        self.put(at, line);
    }
}

fn address(n: u64) -> String {
    // Not in the order of the alphabet.
    format!("r{:x}@d{}.example", n.wrapping_mul(0x9E37_79B9_7F4A_7C15), n / 10)
}

fn ip(place: Place) -> String {
    match place {
        Place::V4([a, b, c]) => format!("{a}.{b}.{c}.7"),
        _ => String::new(),
    }
}
