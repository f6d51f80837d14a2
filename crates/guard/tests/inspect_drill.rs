//! Logs of drill runs, in every format: `inspect` must come to the verdict of the drill itself.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod logs;

use logs::{Style, account, inspect, write};
use sekisho_guard::drill::world::{Held, Recorded, World};
use sekisho_guard::drill::{Attack, From, Honest, run_attack, run_honest};
use sekisho_guard::event::Protocol;
use sekisho_guard::inspect::{Format, Report};
use sekisho_guard::policy::Policy;

/// A run with nothing but what a log tells.
fn attack(class: Attack, from: From, seed: u64) -> (Vec<Recorded>, Vec<Held>) {
    let mut world = World::new(Policy::default(), seed);
    (world.blind, world.record) = (true, Some(Vec::new()));
    run_attack(&mut world, class, from, seed);
    (world.record.take().unwrap(), world.tally().holds.clone())
}

fn honest(class: Honest, seed: u64) -> (Vec<Recorded>, usize) {
    let mut world = World::new(Policy::default(), seed);
    (world.blind, world.record) = (true, Some(Vec::new()));
    run_honest(&mut world, class, seed);
    (world.record.take().unwrap(), world.tally().holds.len())
}

/// The verdict on the log must be that of the drill, but for what a log cannot tell: SMTP logins are events of their own
/// there, which makes the hold come earlier, and times are whole seconds, which blurs the rhythm. Of an account without a
/// history the log begins with its first message, not when it was made, and a hold of what comes from elsewhere counts only
/// that: up to 40 messages fewer.
fn agrees(report: &Report, held: Option<&Held>, what: &str) {
    assert_eq!((report.bad_lines, &report.bad[..]), (0, &[][..]), "{what}");
    let Some(held) = held else {
        assert_eq!(report.incidents.len(), 0, "{what}");
        return;
    };
    let found = report.incidents.iter().find(|i| i.origin == format!("account:{}", account(held.origin)));
    let found = found.unwrap_or_else(|| panic!("{what}: {:?}", report.incidents));
    let messages = i64::from(found.messages_before_hold) - i64::from(held.messages);
    let escaped = i64::from(found.recipients_escaped) - i64::from(held.reached);
    let (early, fewer) = if what.starts_with("FreshAccount") { (-40, -6) } else { (-4, -3) };
    assert!((early..=6).contains(&messages), "{what}: {messages} more messages\n{found:?}\n{held:?}");
    assert!((fewer..=1).contains(&escaped), "{what}: {escaped} more escape\n{found:?}\n{held:?}");
    assert!(found.held_at <= held.at.seconds() + 60, "{what}: {} seconds later", found.held_at - held.at.seconds());
    assert!(!found.signals.is_empty() && found.first_evidence <= found.held_at, "{what}");
}

#[test]
fn every_format_tells_the_same_story_as_the_drill() {
    const CLASSES: [Attack; 6] = [
        Attack::Blast,
        Attack::Botnet,
        Attack::LowAndSlow,
        Attack::FatRecipients,
        Attack::ContactPhish,
        Attack::ProbeThenFlood,
    ];
    const STYLES: [(Style, Format); 8] = [
        (Style::Syslog, Format::Postfix),
        (Style::Syslog, Format::Auto),
        (Style::SyslogIso, Format::Dovecot),
        (Style::Exim, Format::Auto),
        (Style::Sekisho, Format::Sekisho),
        (Style::Sekisho, Format::Auto),
        (Style::Json, Format::Sekisho),
        (Style::Json, Format::Auto),
    ];
    for (n, class) in CLASSES.into_iter().enumerate() {
        for (from, guessed) in [(From::Foreign, false), (From::Guessed, true)] {
            let (record, holds) = attack(class, from, n as u64);
            for (style, format) in STYLES {
                let what = format!("{class:?} {from:?} {style:?} {format:?}");
                let report = inspect(&write(&record, style), format);
                agrees(&report, holds.first(), &what);
                let login = report.incidents[0].login.unwrap();
                assert_eq!(login.guessed, guessed, "{what}");
                if guessed {
                    assert_eq!(login.protocol, Protocol::Pop3, "{what}");
                    assert!(login.first_failure.unwrap() < login.success && login.distinct > 30, "{what} {login:?}");
                    assert!(login.success <= report.incidents[0].held_at, "{what}");
                }
            }
        }
    }
}

#[test]
fn many_runs_agree() {
    for seed in 0..12 {
        for (class, from) in [
            (Attack::Blast, From::Own),
            (Attack::FatRecipients, From::Own),
            (Attack::RoleAccount, From::Foreign),
            (Attack::FreshAccount, From::Own),
            (Attack::ContactPhish, From::Foreign),
            (Attack::LowAndSlow, From::Foreign),
            (Attack::InfectedPc, From::Own),
        ] {
            let (record, holds) = attack(class, from, seed);
            let report = inspect(&write(&record, Style::SyslogIso), Format::Auto);
            agrees(&report, holds.first(), &format!("{class:?} {from:?} {seed}"));
        }
    }
}

#[test]
fn clients_that_do_not_authenticate_are_origins_when_they_relay() {
    let (record, _) = attack(Attack::WebForm, From::Own, 1);
    let report = inspect(&write(&record, Style::Syslog), Format::Auto);
    assert_eq!(report.incidents[0].origin, "network:127.0.0.0/24");
    assert!(report.incidents[0].login.is_none());
    let (record, _) = attack(Attack::OpenRelay, From::Own, 1);
    let report = inspect(&write(&record, Style::Syslog), Format::Auto);
    assert_eq!(report.incidents[0].origin, "network:0.0.0.0/0", "many strange networks relay: the rule is too wide");
    assert!(report.incidents[0].recipients_escaped <= 9, "{:?}", report.incidents[0]);
}

#[test]
fn honest_senders_are_not_accused() {
    for class in Honest::ALL {
        for seed in 0..6 {
            let (record, holds) = honest(class, seed);
            let report = inspect(&write(&record, Style::SyslogIso), Format::Auto);
            // A log does not tell that an origin was set to be a newsletter, nor what it sent before.
            if !matches!(class, Honest::Newsletter | Honest::Application) {
                assert_eq!(report.incidents.len(), holds, "{class:?} {seed} {:?}", report.incidents);
            }
            assert!(report.messages > 0 && report.bad_lines == 0);
        }
    }
}
