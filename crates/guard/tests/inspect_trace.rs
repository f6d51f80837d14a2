//! Two years of real mail among some 150 people, written as Postfix would have logged it: the honest are not accused, and
//! intruders put among them are found.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use jiff::tz::TimeZone;
use sekisho_guard::inspect::{Clock, Format, Inspector, Report, Settings, Source};
use sekisho_message::Time;

/// Lines by time.
#[derive(Default)]
struct Log {
    lines: BTreeMap<i64, Vec<String>>,
    count: u64,
}

impl Log {
    fn message(&mut self, at: i64, user: u64, ip: &str, to: &[String], dead: &dyn Fn(usize) -> bool) {
        self.count += 1;
        let queue = format!("4Z{:08X}", self.count);
        let stamp = Time::from_seconds(at).to_string();
        let lines = self.lines.entry(at).or_default();
        lines.push(format!(
            "{stamp} mx postfix/smtpd[7]: {queue}: client=h[{ip}], sasl_method=PLAIN, sasl_username=u{user}"
        ));
        lines.push(format!(
            "{stamp} mx postfix/qmgr[9]: {queue}: from=<u{user}@example.jp>, size=900, nrcpt={} (queue active)",
            to.len()
        ));
        for (n, to) in to.iter().enumerate() {
            let end = if dead(n) {
                "dsn=5.1.1, status=bounced (host m[203.0.113.9] said: 550 5.1.1 User unknown (in reply to RCPT TO command))"
            } else {
                "dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 9)"
            };
            lines.push(format!(
                "{stamp} mx postfix/smtp[10]: {queue}: to=<{to}>, relay=m[203.0.113.9]:25, delay=1, {end}"
            ));
        }
        lines.push(format!("{stamp} mx postfix/qmgr[9]: {queue}: removed"));
    }

    fn inspect(&self) -> Report {
        let mut inspector = Inspector::new(Settings::default());
        let clock = Clock::new(TimeZone::UTC, Time::from_seconds(1_800_000_000));
        let mut source = Source::new(Format::Postfix, clock, "mail.log");
        for (number, line) in self.lines.values().flatten().enumerate() {
            inspector.line(&mut source, line, "mail.log", number as u64 + 1);
        }
        inspector.finish()
    }
}

/// Each person has an office and a home; one day in ten he is at home.
fn network(user: u64, at: i64) -> String {
    let home = (at / 86_400 + user as i64) % 10 == 0;
    format!("198.{}.{}.{}", if home { 18 } else { 19 }, user % 250, 1 + at.rem_euclid(200))
}

fn address(person: u64) -> String {
    format!("p{:x}@d{}.example", person.wrapping_mul(0x9E37_79B9_7F4A_7C15), person % 13)
}

fn real() -> Option<(Log, Vec<(i64, u64)>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/enron/messages.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).ok()?).read_to_string(&mut text).unwrap();
    let messages: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let (mut log, mut sent) = (Log::default(), Vec::new());
    for message in &messages {
        let to: Vec<String> = match &message["receiver"] {
            serde_json::Value::Array(many) => many.iter().filter_map(serde_json::Value::as_u64).map(address).collect(),
            one => one.as_u64().into_iter().map(address).collect(),
        };
        let (at, from) = (message["time"].as_i64().unwrap(), message["sender"].as_u64().unwrap());
        log.message(at, from, &network(from, at), &to, &|_| false);
        sent.push((at, from));
    }
    sent.sort_unstable();
    Some((log, sent))
}

#[test]
fn the_honest_are_not_accused_and_intruders_among_them_are_found() {
    let Some((mut log, sent)) = real() else {
        println!("left out: no real trace beside this clone");
        return;
    };
    let honest = log.inspect();
    assert_eq!((honest.bad_lines, honest.messages), (0, sent.len() as u64));
    assert_eq!(honest.incidents, [], "honest people are accused");

    // Late in the trace, five of those who write most.
    let late = sent.get(sent.len() * 4 / 5).unwrap().0;
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    sent.iter().filter(|(at, _)| *at < late).for_each(|(_, from)| *counts.entry(*from).or_default() += 1);
    let mut victims: Vec<(u32, u64)> = counts.into_iter().map(|(user, count)| (count, user)).collect();
    victims.sort_unstable_by(|a, b| b.cmp(a));
    let victim = |n: usize| victims.get(10 + 3 * n).unwrap().1;
    let spam = |n: i64| format!("v{:x}@x{}.example", n.wrapping_mul(7_919), n % 311);
    let dead = |n: i64| move |_: usize| n % 7 == 3;
    for n in 0..300 {
        log.message(late + n, victim(0), "100.64.9.1", &[spam(n)], &dead(n)); // a blast
        log.message(late + n, victim(1), &format!("100.{}.{}.1", n % 60, n % 7), &[spam(n)], &dead(n)); // a botnet
        log.message(late + n * 2, victim(4), &network(victim(4), late), &[spam(n)], &dead(n)); // from his own network
    }
    for n in 0..144 {
        log.message(late + n * 1_800, victim(2), &format!("100.{}.3.1", n % 120), &[spam(n)], &dead(n)); // low and slow
    }
    for n in 0..60 {
        let fifty: Vec<String> = (0..50).map(|m| spam(n * 50 + m)).collect();
        log.message(late + n * 10, victim(3), "100.65.1.1", &fifty, &|m| m % 7 == 3);
    }
    let report = log.inspect();
    let found: Vec<&str> = report.incidents.iter().map(|i| i.origin.as_str()).collect();
    assert_eq!(found.len(), 5, "{found:?}");
    for (n, (most, escaped)) in [(8, 3), (8, 3), (8, 10), (3, 3), (16, 8)].into_iter().enumerate() {
        let name = format!("account:u{}", victim(n));
        let incident = report.incidents.iter().find(|i| i.origin == name).unwrap_or_else(|| panic!("{name} {found:?}"));
        println!(
            "{name}: {} messages before the hold, {} recipients escape",
            incident.messages_before_hold, incident.recipients_escaped
        );
        assert!(incident.messages_before_hold <= most && incident.recipients_escaped <= escaped, "{incident:?}");
        assert!(incident.first_evidence >= late && incident.first_evidence <= late + 3_600, "{incident:?}");
    }
}
