#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::time::Duration;

use super::*;
use crate::rules::reject::{Decision, RejectTable};

const NOW: Time = Time::from_seconds(1_800_000_000);

fn client(ip: &str, account: u64) -> Client {
    Client {
        protocol: Protocol::Pop3,
        ip: ip.parse().unwrap(),
        account,
        owner_here: false,
        anyone_here: false,
        exempt: false,
    }
}

fn after(seconds: u64) -> Time {
    NOW + Duration::from_secs(seconds)
}

fn is_locked(permit: &Permit) -> bool {
    matches!(permit, Permit::Locked { .. })
}

#[test]
fn a_guesser_is_locked_and_his_row_can_be_read_by_the_table() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    let guesser = client("203.0.113.5", 1);
    let locks: Vec<Lock> = (0..30).flat_map(|n| lockouts.attempt(&policy, &guesser, Some(n), after(n))).collect();
    let rules: Vec<Rule> = locks.iter().map(|l| l.rule).collect();
    assert_eq!(rules, [Rule::Pair, Rule::Failures, Rule::Account]);
    assert!(is_locked(&lockouts.may_try(&policy, &guesser, after(60))));
    assert!(!lockouts.may_connect(Protocol::Pop3, guesser.ip, after(60)));
    let (protocol, row) = locks[1].row().unwrap();
    assert_eq!(protocol, Some(Protocol::Pop3));
    let Entry::Timed { until, by_connections: false } = row.entry else { panic!("{row:?}") };
    let table = RejectTable::parse(format!("{}\t{}\r\n", row.network, until.seconds()).as_bytes());
    assert!(matches!(table.decide(guesser.ip, after(60)), Decision::Refused { .. }));
    assert!(locks[0].row().is_none() && locks[2].row().is_none(), "a lock on a login never bans an address");
    assert!(locks[0].text(Some("taro")).en.contains("taro"));
    // It ends by itself.
    assert!(lockouts.may_connect(Protocol::Pop3, guesser.ip, after(2 * 3_600)));
    // Other doors are not its business.
    assert!(lockouts.may_connect(Protocol::Smtp, guesser.ip, after(60)));
}

#[test]
fn the_same_wrong_password_counts_once() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    let old_phone = client("198.51.100.9", 1);
    for n in 0..3_000 {
        assert!(lockouts.attempt(&policy, &old_phone, Some(77), after(n * 60)).is_empty());
    }
    for n in 0..40 {
        let road = client(&format!("198.51.{n}.9"), 1);
        assert!(
            lockouts.attempt(&policy, &road, Some(77), after(n)).is_empty(),
            "one password from many places is no guessing"
        );
    }
    assert!(lockouts.regime.since(after(3_000 * 60)).is_none(), "nor a sign that the site is guessed at");
}

#[test]
fn one_try_from_each_address_locks_the_account_but_never_its_owner_nor_who_comes_next() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    let mut locks = Vec::new();
    for n in 0..5_000_u64 {
        let bot = client(&format!("203.{}.{}.5", n / 250, n % 250), 1);
        if !is_locked(&lockouts.may_try(&policy, &bot, after(n * 60))) {
            locks.extend(lockouts.attempt(&policy, &bot, Some(n), after(n * 60)));
        }
    }
    assert_eq!(locks.first().map(|l| (l.rule, l.subject, l.count)), Some((Rule::Scattered, Subject::Account(1), 8)));
    assert!(locks.iter().all(|l| l.row().is_none()), "no address is banned");
    // 5,000 tries in three and a half days became a few dozen.
    assert!(locks.len() < 40, "{} locks", locks.len());

    let mut lockouts = Lockouts::default();
    for n in 0..20 {
        lockouts.attempt(&policy, &client(&format!("203.0.{n}.5"), 1), Some(n), after(n));
    }
    let owner = Client { owner_here: true, anyone_here: true, ..client("192.0.2.1", 1) };
    assert_eq!(lockouts.may_try(&policy, &owner, after(30)), Permit::Open { delay: Duration::ZERO });
    assert!(lockouts.attempt(&policy, &owner, Some(999), after(31)).is_empty());
    assert!(lockouts.may_connect(Protocol::Pop3, owner.ip, after(32)));
    assert!(is_locked(&lockouts.may_try(&policy, &client("203.9.9.9", 1), after(30))));
    assert!(!is_locked(&lockouts.may_try(&policy, &client("203.9.9.9", 2), after(30))), "other accounts are open");
    assert_eq!(lockouts.unlock_account(1).len(), 1);
    assert!(!is_locked(&lockouts.may_try(&policy, &client("203.9.9.9", 1), after(30))));
}

#[test]
fn who_guesses_in_the_owners_network_waits_but_the_owner_is_not_locked_out() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    let inside = Client { owner_here: true, anyone_here: true, ..client("192.0.2.1", 1) };
    for n in 0..200 {
        assert!(lockouts.attempt(&policy, &inside, Some(n), after(n)).is_empty());
    }
    let Permit::Open { delay } = lockouts.may_try(&policy, &inside, after(200)) else { panic!("locked") };
    assert_eq!(delay, Duration::from_secs(5));
    // A colleague's account that was never used here is locked, the network is not.
    let other = Client { account: 2, owner_here: false, ..inside };
    let locks: Vec<Lock> = (0..30).flat_map(|n| lockouts.attempt(&policy, &other, Some(n), after(300))).collect();
    assert!(!locks.is_empty() && locks.iter().all(|l| l.row().is_none()));
    assert!(is_locked(&lockouts.may_try(&policy, &other, after(301))));
    assert!(lockouts.may_connect(Protocol::Pop3, inside.ip, after(301)));
    assert!(!is_locked(&lockouts.may_try(&policy, &inside, after(301))));
}

#[test]
fn spraying_locks_the_network_on_every_door() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    let locks: Vec<Lock> = (0..5)
        .flat_map(|n| lockouts.attempt(&policy, &client(&format!("203.0.113.{n}"), n), Some(1), after(n)))
        .collect();
    assert_eq!(locks.iter().map(|l| l.rule).collect::<Vec<_>>(), [Rule::Spraying]);
    let (protocol, row) = locks[0].row().unwrap();
    assert_eq!((protocol, row.network.to_string().as_str()), (None, "203.0.113.0/24"));
    assert!(!lockouts.may_connect(Protocol::Imap4, "203.0.113.77".parse().unwrap(), after(9)));
    assert_eq!(lockouts.unlock_network(&Network::parse("203.0.113.77").unwrap()).len(), 1);
    assert!(lockouts.may_connect(Protocol::Imap4, "203.0.113.77".parse().unwrap(), after(9)));
}

#[test]
fn connections_are_counted_except_those_of_this_server_and_its_lan() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    let stranger = Client { protocol: Protocol::Smtp, ..client("2001:db8:1:2::9", 0) };
    let own = Client { exempt: true, ..stranger };
    let mut locks = Vec::new();
    for n in 0..300_u64 {
        assert!(lockouts.connection(&policy, &own, after(n / 20)).is_none());
        let neighbour = Client { ip: format!("2001:db8:1:2::{n:x}").parse().unwrap(), ..stranger };
        locks.extend(lockouts.connection(&policy, &neighbour, after(n / 20)));
    }
    assert_eq!(locks.len(), 1);
    let (protocol, row) = locks[0].row().unwrap();
    assert_eq!((protocol, row.network.to_string().as_str()), (Some(Protocol::Smtp), "2001:db8:1:2::/64"));
    assert!(matches!(row.entry, Entry::Timed { by_connections: true, .. }));
}

#[test]
fn guessing_all_over_the_site_halves_the_limits() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    for n in 0..400_u64 {
        lockouts.attempt(&policy, &client(&format!("198.{}.{}.1", n / 250, n % 250), n), Some(n), after(n));
    }
    assert!(lockouts.regime.since(after(400)).is_some());
    let guesser = client("203.0.113.5", 7_000);
    let locks: Vec<Lock> = (0..4).flat_map(|n| lockouts.attempt(&policy, &guesser, Some(n), after(401))).collect();
    assert_eq!(locks.iter().map(|l| (l.rule, l.count)).collect::<Vec<_>>(), [(Rule::Pair, 4)]);
}

#[test]
fn strangers_cannot_make_it_grow() {
    let policy = LockoutPolicy { most_keys: 100, ..LockoutPolicy::default() };
    let mut lockouts = Lockouts::default();
    for n in 0..20_000_u64 {
        let bot = client(&format!("{}.{}.{}.5", 1 + n % 200, n / 200, n % 97), n);
        lockouts.attempt(&policy, &bot, Some(n), after(n / 100));
        lockouts.connection(&policy, &bot, after(n / 100));
    }
    assert!(lockouts.failures.len() <= 100 && lockouts.pairs.len() <= 100 && lockouts.connections.len() <= 100);
    assert!(lockouts.locks.len() <= 100);
}

#[test]
fn what_is_switched_off_is_off_and_settings_have_defaults() {
    let policy: LockoutPolicy = serde_json::from_str(
        r#"{"pair":{"tries":0,"window_seconds":1,"lock_seconds":1},"pop3":{"tries":0,"window_seconds":1,"lock_seconds":1}}"#,
    )
    .unwrap();
    assert_eq!(policy.smtp, LockoutPolicy::default().smtp);
    let mut lockouts = Lockouts::default();
    let locks: Vec<Lock> =
        (0..20).flat_map(|n| lockouts.attempt(&policy, &client("203.0.113.5", 1), Some(n), after(n))).collect();
    assert!(locks.is_empty(), "{locks:?}");
    assert!(serde_json::from_str::<LockoutPolicy>(r#"{"pear":1}"#).is_err());
}

#[test]
fn unlocking_reaches_what_a_network_overlaps_and_nothing_else() {
    let (policy, mut lockouts) = (LockoutPolicy::default(), Lockouts::default());
    for ip in ["203.0.113.5", "198.51.100.5", "2001:db8:1:2::9"] {
        (0..30).for_each(|n| drop(lockouts.attempt(&policy, &client(ip, 1), Some(n), after(n))));
    }
    let locked = |lockouts: &Lockouts, ip: &str| !lockouts.may_connect(Protocol::Pop3, ip.parse().unwrap(), after(60));
    for ip in ["203.0.113.5", "198.51.100.5", "2001:db8:1:2::77"] {
        assert!(locked(&lockouts, ip), "{ip}");
    }
    assert!(lockouts.unlock_network(&Network::parse("192.0.2.0/24").unwrap()).is_empty());
    assert!(!lockouts.unlock_network(&Network::parse("203.0.113.*").unwrap()).is_empty());
    assert!(!lockouts.unlock_network(&Network::parse("2001:db8:1:2::1").unwrap()).is_empty());
    assert!(!locked(&lockouts, "203.0.113.5") && !locked(&lockouts, "2001:db8:1:2::77"));
    assert!(locked(&lockouts, "198.51.100.5"));
    // What was counted is gone too: one more failure locks nothing.
    assert!(lockouts.attempt(&policy, &client("203.0.113.5", 2), Some(1), after(61)).is_empty());
    lockouts.retain(|lock| !matches!(lock.subject, Subject::Address(..)));
    assert!(!locked(&lockouts, "198.51.100.5"));
}
