//! A control over a fresh store, for the tests of this crate.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::journal::{self, Entry, JournalFilter, Kind};
use sekisho_store::{Settings, Store};
use sekisho_testkit::TempDir;

use crate::command::{AccountCommand, Command, DomainCommand, NewPerson, Secret};
use crate::{Actor, Control, Done, Options, Refusal};

/// A password that is not guessable.
pub(crate) const GOOD: &str = "copper lantern violet sawmill";

/// A control, its folder and its hands on the clock.
pub(crate) struct World {
    pub(crate) control: Control,
    pub(crate) dir: TempDir,
    now: Arc<AtomicI64>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose options were changed.
    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = TempDir::new("control").unwrap();
        let store = Store::open(&Settings {
            url: format!("sqlite:{}", dir.path().join("test.db").display()),
            blobs: dir.path().join("blobs"),
            node: "test".into(),
        })
        .unwrap();
        let now = Arc::new(AtomicI64::new(1_764_000_000_000_000));
        let hands = Arc::clone(&now);
        let mut options = Options { rules: Some(dir.path().to_owned()), hashes: 2, ..Options::default() };
        change(&mut options);
        let control =
            Control::new(store, Arc::new(move || Time(hands.load(Ordering::Relaxed))), options).await.unwrap();
        Self { control, dir, now }
    }

    /// A world with the domain `example.jp` and the account `taro@example.jp`.
    pub(crate) async fn with_taro() -> Self {
        let world = Self::new().await;
        world.run(Command::Domain(DomainCommand::Add { name: "example.jp".into() })).await.unwrap();
        world.add("taro@example.jp").await.unwrap();
        world
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.now.fetch_add(by.as_micros() as i64, Ordering::Relaxed);
    }

    pub(crate) async fn run(&self, command: Command) -> Result<Done, Refusal> {
        self.control.run(command, &Actor::server("test")).await
    }

    pub(crate) async fn add(&self, address: &str) -> Result<Done, Refusal> {
        self.run(Command::Account(AccountCommand::Add(person(address, GOOD)))).await
    }

    /// Journal entries of a kind, oldest first.
    pub(crate) async fn journal(&self, kind: Kind) -> Vec<Entry> {
        self.control.journal().flush().await;
        let filter = JournalFilter { kinds: vec![kind], ..JournalFilter::default() };
        let page = self.control.store().read(move |tx| journal::query(tx, &filter, 0, 1_000)).await.unwrap();
        page.entries.into_iter().map(|(_, entry)| entry).collect()
    }
}

pub(crate) fn person(address: &str, password: &str) -> NewPerson {
    NewPerson {
        address: address.into(),
        full_name: String::new(),
        password: Secret(password.into()),
        role: Default::default(),
        quota: None,
        language: Default::default(),
        must_change: false,
    }
}
