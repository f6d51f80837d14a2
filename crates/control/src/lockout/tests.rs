#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use sekisho_guard::lockout::{Limit, LockoutPolicy};
use sekisho_store::Store;
use sekisho_store::journal::Kind;

use crate::command::{AccountCommand, Command, DomainCommand, LockoutCommand, WhenceRule};
use crate::tests::{GOOD, World};
use crate::{BusEvent, Control, Failure, Options, Protocol};

const TARO: &str = "taro@example.jp";
const HOME: &str = "192.0.2.1";
const THIEF: &str = "203.0.113.5";

impl World {
    async fn login(&self, who: &str, password: &str, protocol: Protocol, from: &str) -> Result<(), Failure> {
        self.control.verify(who, password, protocol, from).await.map(drop)
    }

    async fn wrong(&self, who: &str, n: u32, from: &str) -> Failure {
        self.login(who, &format!("guess {n}"), Protocol::Pop3, from).await.unwrap_err()
    }

    async fn locks(&self) -> Vec<String> {
        let acts = self.journal(Kind::Act).await;
        let locks = acts.iter().filter(|entry| entry.detail["act"] == "lockout.lock");
        locks.map(|entry| entry.detail["detail"]["lock"]["rule"].as_str().unwrap().to_owned()).collect()
    }

    fn table(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn set_table(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
        self.advance(Duration::from_secs(2));
    }

    async fn lockout(&self, act: LockoutCommand) -> String {
        self.run(Command::Lockout(act)).await.unwrap().text.en
    }

    /// Another process over the same store and folder.
    async fn restarted(&self, settings: super::Settings) -> Control {
        let store = Store::open(&sekisho_store::Settings {
            url: format!("sqlite:{}", self.dir.path().join("test.db").display()),
            blobs: self.dir.path().join("blobs"),
            node: "test".into(),
        })
        .unwrap();
        let options =
            Options { rules: Some(self.dir.path().to_owned()), hashes: 2, lockout: settings, ..Options::default() };
        let hands = self.control.clone();
        Control::new(store, Arc::new(move || hands.now()), options).await.unwrap()
    }
}

fn is_locked(result: Result<(), Failure>) -> bool {
    matches!(result, Err(Failure::Locked(_)))
}

#[tokio::test]
async fn a_guesser_is_locked_and_hashing_stops_while_the_owner_comes_and_goes() {
    let world = World::with_taro().await;
    world.login(TARO, GOOD, Protocol::Imap4, HOME).await.unwrap();
    for n in 0..8 {
        assert_eq!(world.wrong(TARO, n, THIEF).await, Failure::WrongPassword);
    }
    let hashed = world.control.passwords_hashed();
    assert!(is_locked(Err(world.wrong(TARO, 8, THIEF).await)));
    assert!(is_locked(world.login("Taro", GOOD, Protocol::Smtp, "203.0.113.200").await), "every door, every spelling");
    assert_eq!(world.control.passwords_hashed(), hashed, "a locked login hashes nothing");
    // The owner at home, and others at the thief's, are not concerned.
    world.login(TARO, GOOD, Protocol::Pop3, "192.0.2.77").await.unwrap();
    world.add("jiro@example.jp").await.unwrap();
    world.login("jiro@example.jp", GOOD, Protocol::Pop3, THIEF).await.unwrap();
    assert_eq!(world.locks().await, ["pair"]);
    let entry = world.journal(Kind::Pop3).await.into_iter().rfind(|e| e.detail["ok"] == false).unwrap();
    assert!(entry.detail["reason"].as_str().unwrap().starts_with("locked out: pair until"), "{entry:?}");
    let lock = world.journal(Kind::Act).await.into_iter().rfind(|e| e.detail["act"] == "lockout.lock").unwrap();
    assert_eq!(lock.account.as_deref(), Some(TARO));
    assert_eq!(lock.network.as_deref(), Some("203.0.113.0/24"));
    assert!(lock.detail["detail"]["text"]["ja"].as_str().unwrap().contains(TARO));
    assert!(!format!("{:?}", world.journal(Kind::Act).await).contains("guess"), "no password is kept");
    // It ends by itself.
    world.advance(Duration::from_secs(31 * 60));
    world.control.tidy_lockouts().await;
    world.login(TARO, GOOD, Protocol::Smtp, THIEF).await.unwrap();
    assert!(world.journal(Kind::Act).await.iter().any(|e| e.detail["act"] == "lockout.end"));
}

#[tokio::test]
async fn the_same_wrong_password_locks_nobody_and_unknown_names_count_like_known_ones() {
    let world = World::with_taro().await;
    for _ in 0..100 {
        assert_eq!(world.wrong(TARO, 1, THIEF).await, Failure::WrongPassword);
    }
    assert!(world.locks().await.is_empty());
    for n in 0..8 {
        assert_eq!(world.wrong("nobody@example.jp", n, "198.51.100.7").await, Failure::UnknownUser);
    }
    assert!(is_locked(Err(world.wrong("Nobody@example.jp", 9, "198.51.100.7").await)));
    for n in 0..5 {
        world.wrong(&format!("user{n}@example.jp"), 1, &format!("203.0.113.{n}")).await;
    }
    assert_eq!(world.locks().await, ["pair", "spraying"]);
    for (_, name) in super::FILES {
        assert!(world.table(name).starts_with("203.0.113.0/24\t"), "{name}: {}", world.table(name));
    }
    assert!(world.control.admit(Protocol::Imap4, "203.0.113.99".parse().unwrap(), false).await.is_err());
}

#[tokio::test]
async fn a_locked_login_takes_as_long_as_a_wrong_one() {
    let world = World::with_taro().await;
    let mut wrong = Duration::ZERO;
    for n in 0..8 {
        let begun = Instant::now();
        world.wrong(TARO, n, THIEF).await;
        wrong += begun.elapsed() / 8;
    }
    let begun = Instant::now();
    for n in 0..4 {
        assert!(is_locked(Err(world.wrong(TARO, 20 + n, THIEF).await)));
    }
    let locked = begun.elapsed() / 4;
    assert!(locked > wrong / 3 && locked < wrong * 3, "wrong {wrong:?}, locked {locked:?}");
    assert_eq!(Failure::Locked(String::new()).peer_text(), Failure::WrongPassword.peer_text());
    assert_eq!(Failure::Elsewhere.peer_text(), Failure::WrongPassword.peer_text());
    assert!(!Failure::Locked(String::new()).is_temporary() && !Failure::Elsewhere.is_temporary());
}

#[tokio::test]
async fn one_try_from_each_of_many_addresses_leaves_the_owner_alone() {
    let world = World::with_taro().await;
    world.login(TARO, GOOD, Protocol::Pop3, HOME).await.unwrap();
    let mut locked = 0;
    for n in 0..200 {
        locked += u32::from(matches!(world.wrong(TARO, n, &format!("100.64.{n}.1")).await, Failure::Locked(_)));
        if n % 20 == 0 {
            world.login(TARO, GOOD, Protocol::Pop3, HOME).await.unwrap();
        }
    }
    assert!(locked >= 190, "{locked} of 200");
    assert_eq!(world.locks().await, ["scattered"]);
    assert!(super::FILES.iter().all(|(_, name)| world.table(name).is_empty()), "no address is banned");
    assert!(world.control.admit(Protocol::Pop3, "100.64.199.1".parse().unwrap(), false).await.is_ok());
    assert!(is_locked(world.login(TARO, GOOD, Protocol::Pop3, "198.51.100.1").await));
    assert!(world.lockout(LockoutCommand::Unlock { what: "taro".into() }).await.contains("Lifted 1"));
    world.login(TARO, GOOD, Protocol::Pop3, "198.51.100.1").await.unwrap();
}

#[tokio::test]
async fn many_guesses_at_once_do_not_slip_through_while_the_first_ones_are_hashed() {
    let world = World::with_taro().await;
    let guesses = (0..40).map(|n| {
        let control = world.control.clone();
        let password = if n == 39 { GOOD.to_owned() } else { format!("guess {n}") };
        tokio::spawn(async move { control.verify(TARO, &password, Protocol::Imap4, THIEF).await.map(drop) })
    });
    let mut outcomes = Vec::new();
    for guess in guesses.collect::<Vec<_>>() {
        outcomes.push(guess.await.unwrap());
    }
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
}

#[tokio::test]
async fn locks_outlive_the_process_and_rows_that_people_take_away_lift_them() {
    let world = World::with_taro().await;
    for n in 0..8 {
        world.wrong(TARO, n, THIEF).await;
    }
    for n in 0..10 {
        world.wrong(&format!("u{}@example.jp", n % 4), n, "198.51.100.7").await;
    }
    assert_eq!(world.locks().await, ["pair", "failures"]);
    assert!(world.table("rejectpopip.dat").starts_with("198.51.100.7\t"));
    let again = world.restarted(super::Settings::default()).await;
    let refused = again.verify(TARO, GOOD, Protocol::Smtp, THIEF).await.unwrap_err();
    assert!(matches!(refused, Failure::Locked(_)));
    let overview = again.lockouts();
    let kinds: Vec<_> = overview.locks.iter().map(|one| (one.kind(), one.about.clone())).collect();
    assert!(kinds.contains(&("login", TARO.into())) && kinds.contains(&("address", "198.51.100.7/32".into())));
    let ip = "198.51.100.7".parse().unwrap();
    assert!(again.admit(Protocol::Pop3, ip, false).await.is_err());
    again.store().close().await;
    // An operator edits the file, as operators of the ancestor do.
    world.set_table("rejectpopip.dat", "# nothing any more\r\n");
    assert!(world.control.admit(Protocol::Pop3, ip, false).await.is_ok());
    assert!(world.control.lockouts().locks.iter().all(|one| one.kind() == "login"));
    let unlocks = world.journal(Kind::Act).await;
    assert!(unlocks.iter().any(|e| e.detail["act"] == "lockout.unlock"));
    assert_eq!(
        world.wrong("u1@example.jp", 77, "198.51.100.7").await,
        Failure::UnknownUser,
        "and counting starts anew"
    );
}

#[tokio::test]
async fn tables_are_honoured_whether_or_not_anything_is_counted() {
    let world = World::with_taro().await;
    let off = super::Settings { enabled: false, ..super::Settings::default() };
    let control = world.restarted(off).await;
    let admit = async |ip: &str| control.admit(Protocol::Pop3, ip.parse().unwrap(), false).await;
    world.set_table("rejectpopip.dat", "203.0.113.9\ttrue\r\n203.0.113.*\t\r\nrubbish\t12\r\n198.51.100.0/28\t\r\n");
    assert!(admit("203.0.113.9").await.is_ok());
    assert_eq!(admit("203.0.113.8").await.unwrap_err().reason, "line 2 of rejectpopip.dat");
    assert!(admit("198.51.100.15").await.is_err() && admit("198.51.100.16").await.is_ok());
    let later = control.now().seconds() + 60;
    world.set_table("rejectpopip.dat", &format!("192.0.2.7\t{later}\tiplock\r\n192.0.2.8\t{later}\r\n"));
    assert!(admit("192.0.2.7").await.unwrap_err().crowded);
    assert!(!admit("192.0.2.8").await.unwrap_err().crowded);
    world.advance(Duration::from_secs(120));
    assert!(admit("192.0.2.7").await.is_ok());
    for n in 0..30 {
        let failed = control.verify(TARO, &format!("g{n}"), Protocol::Pop3, THIEF).await.unwrap_err();
        assert_eq!(failed, Failure::WrongPassword);
    }
    control.tidy_lockouts().await;
    assert_eq!(world.table("rejectpopip.dat"), "", "what was over is gone");
    control.store().close().await;
}

#[tokio::test]
async fn a_row_that_says_true_is_never_counted_and_commands_write_rows() {
    let world = World::with_taro().await;
    let allow = LockoutCommand::Allow { network: "203.0.113.0/24".into(), protocol: None };
    for n in 0..8 {
        world.wrong(TARO, n, THIEF).await;
    }
    assert!(is_locked(Err(world.wrong(TARO, 9, THIEF).await)));
    assert!(world.lockout(allow).await.contains("never locked"));
    world.login(TARO, GOOD, Protocol::Pop3, THIEF).await.unwrap();
    for n in 0..50 {
        assert_eq!(world.wrong(TARO, 100 + n, THIEF).await, Failure::WrongPassword);
    }
    let deny = LockoutCommand::Deny { network: "198.51.100.0/24".into(), protocol: Some(Protocol::Imap4) };
    world.lockout(deny).await;
    assert_eq!(world.table("rejectimapip.dat"), "203.0.113.0/24\ttrue\r\n198.51.100.0/24\t\r\n");
    assert_eq!(world.table("rejectsmtpip.dat"), "203.0.113.0/24\ttrue\r\n");
    let ip = "198.51.100.9".parse().unwrap();
    assert!(world.control.admit(Protocol::Imap4, ip, false).await.is_err());
    assert!(world.control.admit(Protocol::Pop3, ip, false).await.is_ok());
    let said = world.lockout(LockoutCommand::Unlock { what: "198.51.100.9".into() }).await;
    assert!(said.contains("Line 2 of rejectimapip.dat still refuses"), "{said}");
    world.lockout(LockoutCommand::Forget { network: "198.51.100.*".into(), protocol: None }).await;
    assert!(world.control.admit(Protocol::Imap4, ip, false).await.is_ok());
    assert!(world.run(Command::Lockout(LockoutCommand::Deny { network: "x".into(), protocol: None })).await.is_err());
}

#[tokio::test]
async fn connections_are_counted_but_not_those_of_this_machine_and_of_who_may_relay() {
    let world = World::with_taro().await;
    let limit = Limit { tries: 5, window_seconds: 60, lock_seconds: 600 };
    let policy = LockoutPolicy { smtp_connections: limit, ..LockoutPolicy::default() };
    let control = world.restarted(super::Settings { policy, ..super::Settings::default() }).await;
    let mut bus = control.bus().subscribe();
    let admit = async |ip: &str, trusted| control.admit(Protocol::Smtp, ip.parse().unwrap(), trusted).await;
    for _ in 0..50 {
        assert!(admit("127.0.0.1", false).await.is_ok() && admit("::1", false).await.is_ok());
        assert!(admit("10.0.0.9", true).await.is_ok());
    }
    for _ in 0..4 {
        assert!(admit(THIEF, false).await.is_ok());
    }
    let barred = admit(THIEF, false).await.unwrap_err();
    assert!(barred.crowded && admit(THIEF, false).await.unwrap_err().crowded);
    let table = world.table("rejectsmtpip.dat");
    assert!(table.starts_with("203.0.113.5\t") && table.ends_with("\tiplock\r\n"), "{table}");
    assert!(admit("203.0.113.6", false).await.is_ok(), "only that address");
    assert!(control.admit(Protocol::Pop3, THIEF.parse().unwrap(), false).await.is_ok(), "only that door");
    // Somebody who has an account and used the network lately may come five times as often.
    control.verify(TARO, GOOD, Protocol::Smtp, HOME).await.unwrap();
    for _ in 0..24 {
        assert!(admit(HOME, false).await.is_ok());
    }
    assert!(admit(HOME, false).await.is_err());
    let mut events = Vec::new();
    while let Some(event) = bus.try_next() {
        events.push(event);
    }
    assert!(events.contains(&BusEvent::LockoutChanged));
    assert!(!events.iter().any(|e| matches!(e, BusEvent::Locked { .. })), "sessions that are open go on");
    control.store().close().await;
}

#[tokio::test]
async fn passwords_can_be_bound_to_networks_for_an_account_or_a_domain() {
    let world = World::with_taro().await;
    world.add("jiro@example.jp").await.unwrap();
    let rule = |networks: &str| WhenceRule { networks: Some(networks.into()), countries: None };
    world
        .run(Command::Domain(DomainCommand::Whence { name: "example.jp".into(), rule: rule("192.0.2.0/24") }))
        .await
        .unwrap();
    world.login(TARO, GOOD, Protocol::Imap4, HOME).await.unwrap();
    assert_eq!(world.login(TARO, GOOD, Protocol::Smtp, THIEF).await.unwrap_err(), Failure::Elsewhere);
    let account = |rule| Command::Account(AccountCommand::Whence { address: TARO.into(), rule });
    world.run(account(rule("any"))).await.unwrap();
    world.login(TARO, GOOD, Protocol::Smtp, THIEF).await.unwrap();
    assert_eq!(world.login("jiro", GOOD, Protocol::Smtp, THIEF).await.unwrap_err(), Failure::Elsewhere);
    let noted = world.journal(Kind::Receive).await.pop().unwrap();
    assert_eq!(noted.detail["reason"], "login from outside the allowed networks or countries");
    world.run(account(rule(""))).await.unwrap();
    assert_eq!(world.login(TARO, GOOD, Protocol::Pop3, "198.51.100.1").await.unwrap_err(), Failure::Elsewhere);
    assert!(world.run(account(rule("nowhere"))).await.is_err());
    let countries = WhenceRule { networks: None, countries: Some("JP".into()) };
    assert!(world.run(account(countries)).await.unwrap_err().text().en.contains("no database"));
}

#[tokio::test]
async fn countries_bind_where_there_is_a_database() {
    let world = World::with_taro().await;
    let path = world.dir.path().join("country.mmdb");
    std::fs::write(&path, crate::countries::tests::database("JP", "US")).unwrap();
    let countries = Some(crate::countries::Countries::open(&path).unwrap());
    let whence = crate::whence::Whence::parse("", "JP").unwrap();
    let control = world.restarted(super::Settings { countries, whence, ..super::Settings::default() }).await;
    control.verify(TARO, GOOD, Protocol::Smtp, "27.0.0.9").await.unwrap();
    control.verify(TARO, GOOD, Protocol::Smtp, "192.168.1.9").await.unwrap();
    let failure = control.verify(TARO, GOOD, Protocol::Smtp, "198.51.100.9").await.unwrap_err();
    assert_eq!(failure, Failure::Elsewhere);
    let rule = WhenceRule { networks: None, countries: Some("us,jp".into()) };
    let act = Command::Account(AccountCommand::Whence { address: TARO.into(), rule });
    control.run(act, &crate::Actor::server("test")).await.unwrap();
    control.verify(TARO, GOOD, Protocol::Smtp, "198.51.100.9").await.unwrap();
    control.store().close().await;
}

#[tokio::test]
async fn other_nodes_take_over_what_one_locks_and_lifts() {
    let world = World::with_taro().await;
    let other = world.restarted(super::Settings::default()).await;
    for n in 0..8 {
        world.wrong(TARO, n, THIEF).await;
    }
    let elsewhere = async |from| other.verify(TARO, GOOD, Protocol::Imap4, from).await.map(drop);
    other.reload_lockouts().await;
    assert!(is_locked(elsewhere(THIEF).await));
    assert!(other.lockouts().locks[0].text.en.contains(TARO));
    world.advance(Duration::from_secs(90));
    other.reload_lockouts().await;
    assert!(is_locked(elsewhere(THIEF).await), "what is still in the store stays");
    world.lockout(LockoutCommand::Unlock { what: THIEF.into() }).await;
    other.reload_lockouts().await;
    elsewhere(THIEF).await.unwrap();
    // And the network that he used there is his on every node.
    for n in 0..5 {
        world.wrong(TARO, 100 + n, "203.0.113.66").await;
    }
    world.login(TARO, GOOD, Protocol::Pop3, "203.0.113.66").await.unwrap();
    other.store().close().await;
}

#[tokio::test]
async fn a_network_is_an_owners_for_thirty_days() {
    let world = World::with_taro().await;
    world.login(TARO, GOOD, Protocol::Pop3, HOME).await.unwrap();
    world.advance(Duration::from_secs(29 * 86_400));
    world.login(TARO, GOOD, Protocol::Pop3, HOME).await.unwrap();
    world.advance(Duration::from_secs(29 * 86_400));
    let place = sekisho_guard::place::Place::of(HOME.parse().unwrap()).to_string();
    let since = |days: u64| world.control.now() - Duration::from_secs(days * 86_400);
    let used = async |days| {
        let (place, since) = (place.clone(), since(days));
        world.control.store().read(move |tx| sekisho_store::lockout::is_used(tx, &place, since)).await.unwrap()
    };
    assert!(used(30).await && !used(28).await);
    for n in 0..4 {
        world.wrong(TARO, n, HOME).await;
    }
    assert!(world.locks().await.is_empty());
    world.advance(Duration::from_secs(2 * 86_400));
    for n in 0..8 {
        world.wrong(TARO, n, HOME).await;
    }
    assert_eq!(world.locks().await, ["pair"]);
    world.advance(Duration::from_secs(2 * 86_400));
    world.control.tidy_lockouts().await;
    assert!(!used(60).await, "and then it is forgotten");
}
