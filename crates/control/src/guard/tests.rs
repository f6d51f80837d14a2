#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sekisho_guard::class::Class;
use sekisho_guard::profile::Profile;
use sekisho_message::{Address, Time};
use sekisho_store::{Store, contact, profile};
use sekisho_testkit::TempDir;

use super::*;
use crate::{Options, Protocol};

const START: i64 = 1_764_000_000_000_000;
const TARO: &str = "account:taro@example.jp";

struct World {
    control: Control,
    now: Arc<AtomicI64>,
    _folder: TempDir,
}

async fn world() -> World {
    let folder = TempDir::new("guard").unwrap();
    let store = Store::open(&sekisho_store::Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "one".into(),
    })
    .unwrap();
    let now = Arc::new(AtomicI64::new(START));
    let clock = Arc::clone(&now);
    let options = Options { hashes: 1, ..Options::default() };
    let control = Control::new(store, Arc::new(move || Time(clock.load(Ordering::SeqCst))), options).await.unwrap();
    World { control, now, _folder: folder }
}

impl World {
    fn pass(&self, span: Duration) {
        self.now.fetch_add(i64::try_from(span.as_micros()).unwrap(), Ordering::SeqCst);
    }

    async fn profile(&self) -> Option<Profile> {
        let id = self.control.guard().origin(TARO);
        let bytes = self.control.store().read(move |tx| profile::get(tx, id)).await.unwrap();
        bytes.map(|bytes| Profile::decode(&bytes).unwrap())
    }

    async fn login(&self, network: &str, wrong: Option<&str>) {
        let wrong = wrong.map(Known::Password);
        let attempt = Attempt {
            account: "taro@example.jp",
            protocol: Protocol::Pop3,
            network,
            wrong,
            legacy: false,
            failed_on_others: 0,
            live_elsewhere: None,
        };
        self.control.tell_login(&attempt).await;
    }
}

#[tokio::test]
async fn pollers_cost_one_write_a_day_and_wrong_passwords_wait_for_each_other() {
    let world = world().await;
    world.login("192.0.2.7", Some("first")).await;
    assert!(world.profile().await.is_none(), "a wrong password waits");
    world.login("192.0.2.7", None).await;
    let first = world.profile().await.unwrap();
    assert_eq!((first.places.items().len(), first.guesses.failures.items().len()), (1, 1));
    for _ in 0..50 {
        world.pass(Duration::from_secs(300));
        world.login("192.0.2.7", None).await;
    }
    assert_eq!(world.profile().await.unwrap(), first, "nothing was written");
    world.pass(Duration::from_secs(86_400));
    world.login("192.0.2.7", None).await;
    assert_eq!(world.profile().await.unwrap().places.items()[0].days, 2);
    world.login("198.51.100.9", Some("other")).await;
    world.control.judge_logins().await.unwrap();
    assert_eq!(world.profile().await.unwrap().guesses.failures.items().len(), 2);
}

#[tokio::test]
async fn a_guessed_password_is_known_before_the_session_goes_on() {
    let world = world().await;
    world.login("192.0.2.7", None).await;
    world.pass(Duration::from_secs(86_400));
    for n in 0..12 {
        world.login("198.51.100.9", Some(&format!("guess{n}"))).await;
    }
    world.login("198.51.100.9", None).await;
    let breach = world.profile().await.unwrap().breach.unwrap();
    assert!(breach.guessed && breach.distinct >= 10, "{breach:?}");
    assert_eq!(breach.place.to_string(), "198.51.100.0/24");
}

#[tokio::test]
async fn one_wrong_password_again_and_again_is_no_guessing() {
    let world = world().await;
    world.login("192.0.2.7", None).await;
    world.pass(Duration::from_secs(86_400));
    for _ in 0..500 {
        world.login("198.51.100.9", Some("the old one")).await;
    }
    world.login("198.51.100.9", None).await;
    assert!(world.profile().await.unwrap().breach.is_none());
}

#[tokio::test]
async fn outcomes_of_first_contacts_are_evidence_and_what_is_taken_becomes_a_contact() {
    let world = world().await;
    let (guard, now) = (world.control.guard(), world.control.now());
    let origin = guard.origin(TARO);
    let friend = guard.peer(&Address::parse("friend@old.test").unwrap());
    world
        .control
        .store()
        .write(move |tx| contact::wrote(tx, origin, &[friend], &Default::default(), now - Duration::from_secs(99)))
        .await
        .unwrap();
    let outcome = |address: &str, said| Outcome {
        origin: TARO.into(),
        received: now,
        address: address.into(),
        provider: "mx.test".into(),
        said,
    };
    world.control.tell_outcomes(vec![outcome("friend@old.test", Said::Dead)]).await.unwrap();
    assert!(world.profile().await.is_none(), "a friend who left says nothing");
    let dead = (0..8).map(|n| outcome(&format!("x{n}@new.test"), Said::Dead)).collect();
    world.control.tell_outcomes(dead).await.unwrap();
    assert!(!world.profile().await.unwrap().ledger.items().is_empty());
    world.control.tell_outcomes(vec![outcome("there@new.test", Said::Taken)]).await.unwrap();
    let there = guard.peer(&Address::parse("there@new.test").unwrap());
    let known = world.control.store().read(move |tx| contact::known(tx, origin, &[there])).await.unwrap();
    assert!(known[&there].written);
}

#[tokio::test]
async fn a_damaged_profile_starts_afresh() {
    let world = world().await;
    let id = world.control.guard().origin(TARO);
    world.control.store().write(move |tx| profile::put(tx, id, TARO, false, 0, b"rubbish")).await.unwrap();
    world.login("192.0.2.7", None).await;
    assert_eq!(world.profile().await.unwrap().class(), Class::Person);
}
