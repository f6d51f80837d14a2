//! A store of its own for each case, and short ways to fill it.

use std::future::Future;
use std::time::Duration;

use sekisho_message::{Address, Language, Time};
use sekisho_store::account::{self, NewAccount, Role};
use sekisho_store::queue::{self, Accepted, LaneWork, NewMessage, NewRecipient, Outcome, Settled, Stage};
use sekisho_store::{AccountId, Body, LaneId, Settings, Store, check, domain};
use sekisho_testkit::postgres::TempPostgres;
use sekisho_testkit::tempdir::TempDir;

/// The beginning of all time in these tests.
pub const NOW: Time = Time::from_seconds(1_764_000_000);

pub fn later(seconds: u64) -> Time {
    NOW + Duration::from_secs(seconds)
}

pub struct World {
    pub store: Store,
    pub folder: TempDir,
    pub url: String,
}

impl World {
    pub fn sqlite() -> Self {
        let folder = TempDir::new("store").unwrap();
        let url = format!("sqlite:{}", folder.join("store.db").display());
        Self::open(folder, url)
    }

    pub fn postgres() -> Self {
        let url = TempPostgres::database()
            .unwrap_or_else(|error| panic!("these tests need PostgreSQL 15, which scripts/test installs: {error}"));
        Self::open(TempDir::new("store").unwrap(), url)
    }

    fn open(folder: TempDir, url: String) -> Self {
        let settings = Settings { url: url.clone(), blobs: folder.join("blobs"), node: "one".into() };
        Self { store: Store::open(&settings).unwrap(), folder, url }
    }

    /// Settings of another node on the same store.
    pub fn settings(&self, node: &str) -> Settings {
        Settings { url: self.url.clone(), blobs: self.folder.join("blobs"), node: node.into() }
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Runs a case; whatever it did, the store must fit together afterwards.
    pub fn run(&self, case: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(case);
        runtime.block_on(async {
            if let Ok(report) = check::run(&self.store).await {
                assert!(report.is_well(), "{:#?}", report.problems);
            }
        });
        self.store.close_blocking();
    }

    /// The domain example.jp and one account in it for each name.
    pub async fn people(&self, names: &[&str]) -> Vec<AccountId> {
        let names: Vec<String> = names.iter().map(|name| format!("{name}@example.jp")).collect();
        self.store
            .write(move |tx| {
                if domain::get(tx, "example.jp")?.is_none() {
                    domain::add(tx, "example.jp", NOW)?;
                }
                names.iter().map(|name| account::add(tx, &person(name), NOW)).collect()
            })
            .await
            .unwrap()
    }

    /// One account in another domain.
    pub async fn other_domain(&self, address: &'static str) -> AccountId {
        self.store
            .write(move |tx| {
                domain::add(tx, address.rsplit('@').next().unwrap_or_default(), NOW)?;
                account::add(tx, &person(address), NOW)
            })
            .await
            .unwrap()
    }

    pub async fn body(&self, bytes: &[u8]) -> Body {
        let mut staging = self.store.stage();
        staging.write(bytes).unwrap();
        Body::New(staging.finish().await.unwrap())
    }

    /// A message of `origin` to each of `recipients`, due at once.
    pub async fn message(&self, origin: &str, recipients: &[&str]) -> NewMessage {
        NewMessage {
            id: self.store.next_message_id(),
            content: self.body(b"Return-Path: <a@example.jp>\r\nSubject: hello\r\n\r\nbody\r\n").await,
            relay_offset: 29,
            reverse_path: Some("a@example.jp".into()),
            origin: origin.into(),
            account: origin.strip_prefix("account:").map(Into::into),
            network: "192.0.2.7".into(),
            helo: "client.example.jp".into(),
            header_from: "a@example.jp".into(),
            message_id_header: "<1@example.jp>".into(),
            subject: "hello".into(),
            fingerprint: 7,
            smtputf8: false,
            eightbit: true,
            dsn_ret: Some("HDRS".into()),
            dsn_envid: None,
            received: NOW,
            recipients: recipients.iter().map(|address| recipient(address)).collect(),
        }
    }

    pub async fn accept(&self, message: NewMessage) -> Accepted {
        self.store.write(move |tx| queue::accept(tx, &message, NOW)).await.unwrap()
    }

    pub async fn due(&self, now: Time) -> Vec<LaneId> {
        let lanes = self.store.read(move |tx| queue::due_lanes(tx, now, 100)).await.unwrap();
        lanes.into_iter().map(|lane| lane.lane).collect()
    }

    pub async fn claim(&self, node: &'static str, lane: LaneId, now: Time, seconds: u64) -> Option<LaneWork> {
        let until = now + Duration::from_secs(seconds);
        self.store.write(move |tx| queue::claim(tx, node, lane, now, until, 100)).await.unwrap()
    }

    /// Gives every entry of `work` the same outcome.
    pub async fn settle(&self, node: &'static str, work: &LaneWork, outcome: Outcome, now: Time) -> Settled {
        let lane = work.lane;
        let outcomes: Vec<_> = work.entries.iter().map(|entry| (entry.id, outcome.clone())).collect();
        self.store.write(move |tx| queue::settle(tx, node, lane, &outcomes, now)).await.unwrap()
    }

    pub async fn status(&self) -> queue::Status {
        self.store.read(queue::status).await.unwrap()
    }
}

pub fn recipient(address: &str) -> NewRecipient {
    let domain = address.rsplit('@').next().unwrap();
    let destination = match domain {
        "example.jp" => queue::LOCAL.to_owned(),
        "lists.example.jp" => format!("list:{address}"),
        other => other.to_owned(),
    };
    NewRecipient {
        address: address.into(),
        stage: Stage::of_destination(&destination),
        destination,
        notify: 4,
        orcpt: None,
        due: NOW,
    }
}

pub fn person(address: &str) -> NewAccount {
    NewAccount {
        address: Address::parse(address).unwrap(),
        full_name: "A Person".into(),
        role: Role::User,
        quota: None,
        password: "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAA".into(),
        scram: None,
        language: Language::Ja,
        must_change: false,
    }
}

/// Waits until `ready` holds; a bound instead of a guess.
pub async fn until<F: Future<Output = bool>>(mut ready: impl FnMut() -> F) {
    for _ in 0..1_000 {
        if ready().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen within ten seconds");
}
