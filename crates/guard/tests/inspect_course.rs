//! Servers whose honest machines write to strangers from the log's first line on, and the same servers abused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use sekisho_guard::inspect::{Clock, Excuse, Format, Inspector, Report, Settings, Source};
use sekisho_message::Time;

const START: i64 = 1_767_571_200;
const DAY: i64 = 86_400;

/// Postfix's lines by time.
#[derive(Default)]
struct Log {
    lines: BTreeMap<i64, Vec<String>>,
    count: u64,
}

impl Log {
    fn put(&mut self, at: i64, client: &str, from: &str, to: &[String], dead: bool) {
        self.count += 1;
        let (queue, stamp) = (format!("4Z{:08X}", self.count), Time::from_seconds(at).to_string());
        let lines = self.lines.entry(at).or_default();
        lines.push(format!("{stamp} mx postfix/smtpd[7]: {queue}: client={client}"));
        let count = to.len();
        lines.push(format!(
            "{stamp} mx postfix/qmgr[9]: {queue}: from=<{from}>, size=900, nrcpt={count} (queue active)"
        ));
        for to in to {
            let end = if dead {
                "dsn=5.1.1, status=bounced (host m[203.0.113.9] said: 550 5.1.1 User unknown)"
            } else {
                "dsn=2.0.0, status=sent (250 ok)"
            };
            lines.push(format!(
                "{stamp} mx postfix/smtp[10]: {queue}: to=<{to}>, relay=m[203.0.113.9]:25, delay=1, {end}"
            ));
        }
        lines.push(format!("{stamp} mx postfix/qmgr[9]: {queue}: removed"));
    }

    /// A shop in the house: 60 orders on working days, each confirmed to somebody new.
    fn shop(&mut self, days: i64) {
        for day in (0..days).filter(|day| day % 7 < 5) {
            for n in 0..60 {
                let to = format!("customer{}@d{}.example", day * 60 + n, (day * 60 + n) % 400);
                self.put(
                    START + day * DAY + 30_000 + n * 600,
                    "shop[192.168.1.5]",
                    "shop@example.jp",
                    &[to],
                    n == 17 && day % 3 == 0,
                );
            }
        }
    }

    fn spam(&mut self, at: i64, count: i64, client: impl Fn(i64) -> String) {
        for n in 0..count {
            let to = format!("v{}@x{}.example", n * 7_919 % 100_003, n % 97);
            self.put(at + n, &client(n), "x@y.example", &[to], n % 6 == 1);
        }
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

#[test]
fn a_shop_that_always_writes_to_strangers_is_a_notice() {
    let mut log = Log::default();
    log.shop(40);
    let report = log.inspect();
    assert_eq!(report.incidents, []);
    let [notice] = report.notices.as_slice() else { panic!("{:?}", report.notices) };
    assert_eq!((notice.origin.as_str(), notice.excuse), ("network:192.168.1.0/24", Some(Excuse::Steady)));
}

#[test]
fn the_same_shop_infected_later_is_found() {
    let mut log = Log::default();
    log.shop(40);
    log.spam(START + 30 * DAY + 3_000, 2_000, |_| "shop[192.168.1.5]".into());
    let report = log.inspect();
    let found: Vec<_> = report.incidents.iter().map(|i| (i.origin.as_str(), i.held_at)).collect();
    assert!(
        found.iter().any(|(origin, held)| *origin == "network:192.168.1.0/24" && *held >= START + 30 * DAY),
        "{found:?}"
    );
}

#[test]
fn a_newsletter_that_goes_to_the_same_people_is_a_notice_and_one_blast_is_not() {
    let news = "pc[192.0.2.7], sasl_method=PLAIN, sasl_username=news@example.jp";
    let mut log = Log::default();
    for week in 0..6 {
        for n in 0..25 {
            let to: Vec<String> =
                (0..20).map(|m| week * 10 + n * 20 + m).map(|k| format!("reader{k}@d{}.example", k % 20)).collect();
            log.put(START + DAY + week * 7 * DAY + n * 30, news, "news@example.jp", &to, false);
        }
    }
    let report = log.inspect();
    assert_eq!(report.incidents, []);
    assert_eq!(report.notices.first().and_then(|notice| notice.excuse), Some(Excuse::Repeats));

    let mut log = Log::default();
    log.spam(START + DAY, 500, |_| news.into());
    let report = log.inspect();
    assert_eq!((report.incidents.len(), report.notices.len()), (1, 0));
}

#[test]
fn a_gateway_is_a_notice_and_an_open_relay_is_not() {
    let mut log = Log::default();
    for n in 0..3_000 {
        let client = format!("mail[198.51.{}.25]", n * 31 % 90);
        let to = format!("user{}@customer{}.example", n * 7 % 200, n % 3);
        log.put(START + n * 600, &client, &format!("someone{}@else{}.example", n % 900, n % 70), &[to], n % 50 == 0);
    }
    let report = log.inspect();
    assert_eq!(report.incidents, [], "{:?}", report.notices);

    log.spam(START + 15 * DAY, 800, |n| format!("x[203.0.{}.9]", n % 12));
    let found = log.inspect().incidents;
    assert!(found.iter().any(|i| i.origin == "network:0.0.0.0/0"), "{found:?}");
}

#[test]
fn an_account_abused_from_the_first_day_on_is_no_notice() {
    let mut log = Log::default();
    for day in 0..20 {
        log.spam(START + day * DAY + 20_000, 300, |n| {
            format!("b[198.{}.{}.9], sasl_method=PLAIN, sasl_username=taro@example.jp", 18 + n % 2, n * 13 % 250)
        });
    }
    let report = log.inspect();
    assert!(report.incidents.iter().any(|i| i.origin == "account:taro@example.jp"), "{:?}", report.notices);
    assert_eq!(report.notices, []);
}

/// The list is clean, the network is one, and it goes on every day of the log at the same pace: still nobody's shop.
#[test]
fn steady_abuse_for_the_whole_log_is_named() {
    let client = "pc[198.18.4.9], sasl_method=PLAIN, sasl_username=taro@example.jp";
    for (count, together, gap) in [(300, 1, 2), (30, 20, 700)] {
        let mut log = Log::default();
        for day in 0..30_i64 {
            for n in 0..count {
                let number = |k: i64| (day * count + n) * together + k;
                let to: Vec<String> =
                    (0..together).map(|k| format!("v{}@x{}.example", number(k), number(k) % 97)).collect();
                log.put(START + day * DAY + 20_000 + n * gap, client, "taro@example.jp", &to, false);
            }
        }
        let report = log.inspect();
        let named = report.incidents.iter().any(|i| i.origin == "account:taro@example.jp");
        assert!(named && report.notices.is_empty(), "{count} {together}: {:?}", report.notices);
    }
}
