//! The run that is recorded: something of everything that must survive.

use std::sync::OnceLock;
use std::time::Duration;

use sekisho_message::{Address, Language, Time};
use sekisho_store::account::{self, NewAccount, Role};
use sekisho_store::journal::{self, Entry, Kind};
use sekisho_store::mail::{self, FlagChange, Flags};
use sekisho_store::queue::{self, Filter, NewMessage, NewRecipient, Outcome, Stage};
use sekisho_store::{AccountId, Body, MailboxId, Result, Store, Tx, domain, mailbox};
use sekisho_testkit::tempdir::TempDir;

use crate::image::{Image, seen, settings};

const NOW: Time = Time::from_seconds(1_764_000_000);

/// A recorded run.
pub struct Run {
    pub images: Vec<Image>,
}

struct Recorder {
    folder: TempDir,
    store: Store,
    images: Vec<Image>,
}

impl Run {
    /// The run, recorded once for all tests.
    pub fn recorded() -> &'static Self {
        static RUN: OnceLock<Run> = OnceLock::new();
        RUN.get_or_init(Self::record)
    }

    fn record() -> Self {
        let folder = TempDir::new("crash").unwrap();
        let store = Store::open(&settings(folder.path())).unwrap();
        // Reserves a block of ids, which is a step of its own.
        assert!(store.next_message_id().0 > 0);
        let mut recorder = Recorder { folder, store, images: Vec::new() };
        recorder.acknowledged();
        let (account, inbox) = recorder.people();
        for round in 0..4 {
            recorder.mail_comes_and_goes(account, inbox, round);
            recorder.queue(round);
            recorder.checkpoint(round);
        }
        recorder.store.close_blocking();
        Self { images: recorder.images }
    }
}

impl Recorder {
    /// One step that is acknowledged: from now on it must be there.
    fn step<T: Send + 'static>(&mut self, f: impl Fn(&mut dyn Tx) -> Result<T> + Send + 'static) -> T {
        let done = self.store.write_blocking(f).unwrap();
        self.acknowledged();
        done
    }

    fn acknowledged(&mut self) {
        let seen = seen(self.folder.path());
        self.images.push(Image::of(self.folder.path(), seen));
    }

    fn body(&self, octets: usize) -> Body {
        let mut staging = self.store.stage();
        staging.write(b"Subject: x\r\n\r\n").unwrap();
        staging.write(&vec![b'x'; octets]).unwrap();
        Body::New(staging.finish_blocking().unwrap())
    }

    fn people(&mut self) -> (AccountId, MailboxId) {
        self.step(|tx| domain::add(tx, "example.jp", NOW));
        let account = self.step(|tx| {
            let new = NewAccount {
                address: Address::parse("hanako@example.jp").unwrap(),
                full_name: "花子".into(),
                role: Role::User,
                quota: None,
                password: "hash".into(),
                scram: None,
                language: Language::Ja,
                must_change: false,
            };
            account::add(tx, &new, NOW)
        });
        let inbox = self.step(move |tx| Ok(account::by_id(tx, account)?.unwrap().inbox));
        (account, inbox)
    }

    fn mail_comes_and_goes(&mut self, account: AccountId, inbox: MailboxId, round: u32) {
        for octets in [100, 5_000, 70_000] {
            let body = self.body(octets);
            self.step(move |tx| mail::append(tx, inbox, &body, Flags::default(), NOW, NOW));
        }
        let first = round * 3 + 1;
        self.step(move |tx| mail::set_flags(tx, inbox, &[first, first + 1], FlagChange::Add(Flags::SEEN), None));
        self.step(move |tx| mailbox::create(tx, account, &format!("Folder {round}"), None, NOW));
        self.step(move |tx| mail::expunge(tx, inbox, &[first], false));
    }

    fn queue(&mut self, round: u32) {
        for octets in [200, 9_000, 66_000] {
            let message = self.message(octets);
            self.step(move |tx| {
                let accepted = queue::accept(tx, &message, NOW)?;
                journal::append(tx, &[note(&accepted.id.to_string())])
            });
        }
        let lanes = self.store.read_blocking(|tx| queue::due_lanes(tx, NOW, 10)).unwrap();
        for lane in lanes {
            let until = NOW + Duration::from_secs(60);
            let work = self.step(move |tx| queue::claim(tx, "one", lane.lane, NOW, until, 2)).unwrap();
            self.step(move |tx| {
                let outcomes: Vec<_> = work.entries.iter().map(|entry| (entry.id, Outcome::Relayed)).collect();
                queue::settle(tx, "one", lane.lane, &outcomes, NOW)
            });
        }
        if round == 1 {
            self.step(|tx| queue::hold_origin(tx, "account:hanako@example.jp", "test", NOW));
        }
        if round == 2 {
            self.step(|tx| queue::purge_step(tx, &Filter::default(), None, 1_000));
            self.step(|tx| queue::release_origin(tx, "account:hanako@example.jp"));
        }
    }

    /// A checkpoint, and a first write after it, which begins the log again.
    fn checkpoint(&mut self, round: u32) {
        let connection = rusqlite::Connection::open(self.folder.join("store.db")).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
        // Nothing was written, but the database has changed.
        self.acknowledged();
        self.step(move |tx| sekisho_store::meta::set(tx, "round", Some(&round.to_string())));
    }

    fn message(&self, octets: usize) -> NewMessage {
        let recipients = ["taro@example.jp", "c@example.com", "d@example.com"];
        NewMessage {
            id: self.store.next_message_id(),
            content: self.body(octets),
            relay_offset: 0,
            reverse_path: Some("hanako@example.jp".into()),
            origin: "account:hanako@example.jp".into(),
            account: Some("hanako@example.jp".into()),
            network: "192.0.2.1".into(),
            helo: "client".into(),
            header_from: "hanako@example.jp".into(),
            message_id_header: "<1@example.jp>".into(),
            subject: "x".into(),
            fingerprint: 1,
            smtputf8: false,
            eightbit: false,
            dsn_ret: None,
            dsn_envid: None,
            received: NOW,
            recipients: recipients
                .into_iter()
                .map(|address| {
                    let domain = address.rsplit('@').next().unwrap();
                    let destination = if domain == "example.jp" { queue::LOCAL } else { domain };
                    NewRecipient {
                        address: address.into(),
                        destination: destination.into(),
                        stage: Stage::of_destination(destination),
                        notify: 0,
                        orcpt: None,
                        due: NOW,
                    }
                })
                .collect(),
        }
    }
}

fn note(message: &str) -> Entry {
    Entry {
        at: NOW,
        kind: Kind::In,
        account: Some("hanako@example.jp".into()),
        address: None,
        network: Some("192.0.2.1".into()),
        message: Some(message.into()),
        detail: serde_json::json!({}),
    }
}
