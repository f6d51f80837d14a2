//! A server with one domain, a few people, a list and aliases, over a SQLite store of its own.

use sekisho_control::command::{
    AccountCommand, AliasCommand, Command, DomainCommand, ListChange, ListCommand, NewPerson, RuleFile, RulesCommand,
    Secret, SwitchCommand,
};
use sekisho_control::{Actor, Options};
use sekisho_message::{Domain, Language};
use sekisho_store::account::Role;
use sekisho_store::journal::{self, Entry, JournalFilter, Kind};
use sekisho_store::list::Posting;
use sekisho_store::queue::{self, Filter, Listed};
use sekisho_store::{MessageId, Store};
use sekisho_testkit::TempDir;

use super::*;

/// Everybody's password.
pub const PASSWORD: &str = "grave-otter-lantern-79-quilt";

pub struct Site {
    pub data: TempDir,
    pub control: Control,
    pub clock: Clock,
    pub reception: Arc<Reception>,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::made(sekisho_control::guard::Settings::default(), change).await
    }

    pub async fn guarded(guard: sekisho_control::guard::Settings) -> Self {
        Self::made(guard, |_| {}).await
    }

    async fn made(guard: sekisho_control::guard::Settings, change: impl FnOnce(&mut Settings)) -> Self {
        let data = TempDir::new("reception").unwrap();
        let store = Store::open(&sekisho_store::Settings {
            url: format!("sqlite:{}", data.join("sekisho.db").display()),
            blobs: data.join("blobs"),
            node: "test".into(),
        })
        .unwrap();
        let clock = Clock::stopped_at(Time::from_seconds(1_764_000_000));
        let hands = clock.clone();
        let options = Options { hashes: 1, rules: Some(data.path().to_owned()), guard, ..Options::default() };
        let control = Control::new(store, Arc::new(move || hands.now()), options).await.unwrap();
        let mut settings = Settings::new(Domain::parse("mx.example.jp").unwrap(), data.path().to_owned());
        change(&mut settings);
        let reception = Reception::new(control.clone(), clock.clone(), settings);
        let site = Self { data, control, clock, reception };
        site.populate().await;
        site
    }

    async fn populate(&self) {
        self.run(Command::Domain(DomainCommand::Add { name: "example.jp".into() })).await;
        for (address, role) in [
            ("admin@example.jp", Role::SystemAdmin),
            ("taro@example.jp", Role::User),
            ("hanako@example.jp", Role::User),
        ] {
            self.run(Command::Account(AccountCommand::Add(NewPerson {
                address: address.into(),
                full_name: String::new(),
                password: Secret(PASSWORD.into()),
                role,
                quota: None,
                language: Language::Ja,
                must_change: false,
            })))
            .await;
        }
        for (pattern, target) in [
            ("sales@example.jp", "taro@example.jp"),
            ("first@example.jp", "second@example.jp"),
            ("second@example.jp", "hanako@example.jp"),
            ("ring@example.jp", "gnir@example.jp"),
            ("gnir@example.jp", "ring@example.jp"),
            ("away@example.jp", "taro@elsewhere.test"),
        ] {
            self.alias(pattern, target).await;
        }
        let change = ListChange { posting: Some(Posting::Members), ..ListChange::default() };
        self.run(Command::List(ListCommand::Add {
            address: "team@example.jp".into(),
            owner: "hanako@example.jp".into(),
            change,
        }))
        .await;
        self.run(Command::List(ListCommand::MemberAdd {
            address: "team@example.jp".into(),
            members: vec!["taro@example.jp".into(), "guest@outside.test".into()],
        }))
        .await;
    }

    pub async fn run(&self, command: Command) {
        self.control.run(command, &Actor::server("test")).await.unwrap();
    }

    pub async fn alias(&self, pattern: &str, target: &str) {
        let (pattern, target) = (pattern.to_owned(), target.to_owned());
        self.run(Command::Alias(AliasCommand::Add { pattern, target })).await;
    }

    pub async fn suspend(&self, address: &str) {
        let (address, reason) = (address.to_owned(), "test".to_owned());
        self.run(Command::Account(AccountCommand::Suspend { address, reason })).await;
    }

    pub async fn account_rules(&self, account: &str, file: RuleFile, text: &str) {
        let (account, text) = (Some(account.to_owned()), text.to_owned());
        self.run(Command::Rules(RulesCommand::Write { file, account, text })).await;
    }

    pub async fn pause(&self) {
        let service = sekisho_control::command::Service::Receive;
        self.run(Command::Switch(SwitchCommand::Pause { service, reason: "maintenance".into() })).await;
    }

    /// Writes `effect.dat` and lets a second pass.
    pub fn effect(&self, text: &str) {
        std::fs::write(self.data.join("effect.dat"), text).unwrap();
        self.clock.advance(std::time::Duration::from_secs(2));
    }

    /// Everything in the queue.
    pub async fn queue(&self) -> Vec<Listed> {
        self.control.store().read(|tx| queue::list(tx, &Filter::default(), None, 1_000)).await.unwrap().0
    }

    /// The stored bytes of a message, and where relaying starts.
    pub async fn stored(&self, id: MessageId) -> (String, usize) {
        let shown = self.control.store().read(move |tx| queue::show(tx, id)).await.unwrap().unwrap();
        let bytes = self.control.store().content(shown.content).await.unwrap();
        (String::from_utf8(bytes.to_vec()).unwrap(), usize::try_from(shown.relay_offset).unwrap())
    }

    /// The journal's entries of a kind.
    pub async fn journal(&self, kind: Kind) -> Vec<Entry> {
        self.control.journal().flush().await;
        let filter = JournalFilter { kinds: vec![kind], ..JournalFilter::default() };
        let page = self.control.store().read(move |tx| journal::query(tx, &filter, 0, 1_000)).await.unwrap();
        page.entries.into_iter().map(|(_, entry)| entry).collect()
    }
}
