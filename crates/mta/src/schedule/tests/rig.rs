//! A scheduler with a world of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sekisho_control::{Bus, BusEvent};
use sekisho_message::{Address, Language, Time};
use sekisho_net::Clock;
use sekisho_net::resolver::Resolver;
use sekisho_store::account::{self, NewAccount, Role};
use sekisho_store::journal::{self, JournalFilter, Kind};
use sekisho_store::queue::{self, Filter, Listed, NewMessage, NewRecipient, Stage};
use sekisho_store::{AccountId, MessageId, RecipientId, Result, Store, Tx, domain, mail, mailbox, switch};
use sekisho_testkit::{FakeDns, TempDir};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::relay::{Route, Routes};
use crate::schedule::{Scheduler, Settings, World};

/// Longest time that anything may take here.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub const BODY: &str =
    "From: taro@example.jp\r\nTo: a@b.example\r\nSubject: hello\r\nMessage-ID: <1@example.jp>\r\n\r\n.dot\r\nhi\r\n";

pub struct Rig {
    pub store: Store,
    pub bus: Bus,
    pub clock: Clock,
    pub dns: FakeDns,
    pub settings: Settings,
    resolver: Resolver,
    running: Option<(CancellationToken, JoinHandle<()>, Runtime)>,
    _dir: TempDir,
}

impl Rig {
    /// A world in which `example.jp` is local, with `taro` and `hana`, and everything else goes by MX.
    pub fn new(clock: Clock) -> Self {
        let dir = TempDir::new("schedule").unwrap();
        let store = Store::open(&sekisho_store::Settings {
            url: format!("sqlite:{}", dir.join("queue.db").display()),
            blobs: dir.join("blobs"),
            node: "here".to_owned(),
        })
        .unwrap();
        let dns = FakeDns::start().unwrap();
        let resolver = Resolver::new(&dns.setting()).unwrap();
        let mut settings = Settings::new("mx.example.jp");
        settings.retry.jitter_percent = 0;
        settings.goodbye = Duration::from_secs(5);
        let rig = Self { store, bus: Bus::new(), clock, dns, settings, resolver, running: None, _dir: dir };
        let now = rig.clock.now();
        rig.write(move |tx| domain::add(tx, "example.jp", now).map(drop));
        for name in ["taro", "hana"] {
            rig.account(name, None);
        }
        rig
    }

    /// [`Rig::new`] with the time of day.
    pub fn today() -> Self {
        Self::new(Clock::system())
    }

    /// [`Rig::new`] with a clock that the test moves.
    pub fn stopped() -> Self {
        Self::new(Clock::stopped_at(Time::from_seconds(1_764_000_000)))
    }

    pub fn account(&self, name: &str, quota: Option<u64>) -> AccountId {
        let now = self.clock.now();
        let address = Address::parse(&format!("{name}@example.jp")).unwrap();
        self.write(move |tx| {
            let new = NewAccount {
                address: address.clone(),
                full_name: String::new(),
                role: Role::User,
                quota,
                password: "x".to_owned(),
                scram: None,
                language: Language::En,
                must_change: false,
            };
            account::add(tx, &new, now)
        })
    }

    /// All mail for other hosts goes there.
    pub fn route_all(&mut self, to: SocketAddr) {
        self.settings.relay.routes = Routes::new([Route::new("*", to.ip().to_string(), to.port())]);
    }

    pub fn start(&mut self) {
        let world = World {
            store: self.store.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            resolver: self.resolver.clone(),
        };
        let scheduler = Scheduler::new(self.settings.clone(), world).unwrap();
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        // A runtime of its own, so that everything of it can die at once.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let task = runtime.spawn(async move { scheduler.run(token).await });
        self.running = Some((cancel, task, runtime));
    }

    pub async fn stop(&mut self) {
        let (cancel, task, runtime) = self.running.take().unwrap();
        cancel.cancel();
        task.await.unwrap();
        runtime.shutdown_background();
    }

    /// Ends the scheduler as a crash of the process would.
    pub async fn kill(&mut self) {
        let (_, _, runtime) = self.running.take().unwrap();
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.unwrap();
        // A write that was on its way is in before this one.
        self.write(|_| Ok(()));
    }

    pub fn write<T: Send + 'static>(&self, f: impl Fn(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
        self.store.write_blocking(f).unwrap()
    }

    pub fn read<T: Send>(&self, f: impl FnOnce(&mut dyn Tx) -> Result<T> + Send) -> T {
        self.store.read_blocking(f).unwrap()
    }

    /// Queues a message of `taro` for `to`.
    pub fn queue(&self, to: &[&str]) -> MessageId {
        self.post(self.message("account:taro@example.jp", Some("taro@example.jp"), to))
    }

    pub fn message(&self, origin: &str, from: Option<&str>, to: &[&str]) -> NewMessage {
        let head = format!("Return-Path: <{}>\r\n", from.unwrap_or_default());
        let mut staging = self.store.stage();
        staging.write(head.as_bytes()).unwrap();
        staging.write(BODY.as_bytes()).unwrap();
        let now = self.clock.now();
        NewMessage {
            id: self.store.next_message_id(),
            content: staging.finish_blocking().unwrap().into(),
            relay_offset: u32::try_from(head.len()).unwrap(),
            reverse_path: from.map(ToOwned::to_owned),
            origin: origin.to_owned(),
            account: origin.strip_prefix("account:").map(ToOwned::to_owned),
            network: "192.0.2.7".to_owned(),
            helo: "client".to_owned(),
            header_from: "taro@example.jp".to_owned(),
            message_id_header: "<1@example.jp>".to_owned(),
            subject: "hello".to_owned(),
            fingerprint: 0,
            smtputf8: false,
            eightbit: false,
            dsn_ret: None,
            dsn_envid: None,
            received: now,
            recipients: to.iter().map(|to| recipient(to, now)).collect(),
        }
    }

    /// Queues and tells the scheduler.
    pub fn post(&self, message: NewMessage) -> MessageId {
        let (id, now) = (message.id, self.clock.now());
        self.write(move |tx| queue::accept(tx, &message, now).map(drop));
        self.bus.publish(BusEvent::QueueReady);
        id
    }

    pub fn waiting(&self) -> Vec<Listed> {
        self.read(|tx| Ok(queue::list(tx, &Filter::default(), None, 1_000)?.0))
    }

    pub fn recipients(&self, filter: &Filter) -> u64 {
        let mut after: Option<RecipientId> = None;
        let mut total = 0;
        loop {
            let filter = filter.clone();
            let step = self.read(move |tx| queue::count_step(tx, &filter, after));
            total += step.changed;
            after = step.next;
            if after.is_none() {
                return total;
            }
        }
    }

    /// Journal entries of one kind as (address, reply).
    pub fn journal(&self, kind: Kind) -> Vec<(String, String)> {
        let filter = JournalFilter { kinds: vec![kind], ..JournalFilter::default() };
        let page = self.read(move |tx| journal::query(tx, &filter, 0, 10_000));
        page.entries
            .into_iter()
            .map(|(_, entry)| {
                let reply = entry.detail["reply"].as_str().unwrap_or_default().to_owned();
                (entry.address.unwrap_or_default(), reply)
            })
            .collect()
    }

    /// The messages in an INBOX.
    pub fn inbox(&self, name: &str) -> Vec<String> {
        let key = format!("{name}@example.jp");
        let found = self.read(move |tx| {
            let account = account::get(tx, &key)?.unwrap();
            let inbox = mailbox::get(tx, account.id, "INBOX")?.unwrap();
            let mut found = Vec::new();
            mail::entries(tx, inbox.id, 1, u32::MAX, &mut |mail| {
                found.push(mail.content);
                Ok(())
            })?;
            Ok(found)
        });
        found
            .into_iter()
            .map(|id| String::from_utf8(self.store.content_blocking(id).unwrap().to_vec()).unwrap())
            .collect()
    }

    pub fn switch(&self, paused: bool) {
        let now = self.clock.now();
        self.write(move |tx| switch::set(tx, "delivery", paused, "test", now).map(drop));
        self.bus.publish(BusEvent::SwitchChanged);
    }

    /// Waits until the queue is empty.
    pub async fn drained(&self) {
        self.until("the queue is empty", || self.waiting().is_empty()).await;
    }

    /// Waits until `done`, for a bounded time.
    pub async fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let by = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < by, "{what}: not within {PATIENCE:?}; the queue: {:#?}", self.waiting());
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    }
}

pub fn recipient(to: &str, now: Time) -> NewRecipient {
    let address = Address::parse(to).unwrap();
    let domain = address.domain().ascii().to_owned();
    let (destination, stage) = match domain.as_str() {
        "example.jp" if to.starts_with("list-") => (format!("list:{to}"), Stage::Lists),
        "example.jp" => ("local".to_owned(), Stage::Incoming),
        _ => (domain, Stage::Domains),
    };
    NewRecipient { address: to.to_owned(), destination, stage, notify: 0, orcpt: None, due: now }
}
