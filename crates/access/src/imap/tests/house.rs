//! A store with one account, and the service over it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use sekisho_control::{BusEvent, Control, Options, credential};
use sekisho_message::{Address, Language, Time};
use sekisho_net::clock::Clock;
use sekisho_store::account::{self, NewAccount, Role};
use sekisho_store::mail::{self, Body};
use sekisho_store::{AccountId, Engine, Settings, Store, domain, mailbox};
use sekisho_testkit::{TempDir, TempPostgres};

use super::talk::Talk;
use crate::imap::{Imap, ImapSettings};

/// 2026-03-01 09:00:00 UTC.
pub(super) const START: Time = Time::from_seconds(1_772_355_600);
pub(super) const USER: &str = "taro@example.jp";
pub(super) const PASSWORD: &str = "kaki-no-ki 47";
/// Somebody in the same domain, with the same password.
pub(super) const OTHER: &str = "hanako@example.jp";
/// Who administers the domain.
pub(super) const ADMIN: &str = "admin@example.jp";

pub(super) struct House {
    pub(super) clock: Clock,
    pub(super) control: Control,
    pub(super) imap: Imap,
    pub(super) account: AccountId,
    _folder: TempDir,
}

impl House {
    pub(super) async fn new(engine: Engine) -> Self {
        let folder = TempDir::new("imap").unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.join("store.db").display()),
            Engine::Postgres => TempPostgres::database().unwrap(),
        };
        let store = Store::open(&Settings { url, blobs: folder.join("blobs"), node: "test".into() }).unwrap();
        let clock = Clock::stopped_at(START);
        let now = clock.clone();
        let control = Control::new(store, Arc::new(move || now.now()), Options::default()).await.unwrap();
        let password = credential::hash(PASSWORD).unwrap();
        let account = control
            .store()
            .write(move |tx| {
                domain::add(tx, "example.jp", START)?;
                let mut ids = Vec::new();
                for (address, role) in [(USER, Role::User), (OTHER, Role::User), (ADMIN, Role::DomainAdmin)] {
                    let new = NewAccount {
                        address: Address::parse(address).unwrap(),
                        full_name: "Somebody".into(),
                        role,
                        quota: None,
                        password: password.clone(),
                        scram: None,
                        language: Language::Ja,
                        must_change: false,
                    };
                    ids.push(account::add(tx, &new, START)?);
                }
                Ok(ids[0])
            })
            .await
            .unwrap();
        let settings = ImapSettings {
            hostname: "mx.example.jp".into(),
            login_without_tls: true,
            message_max: 1_000_000,
            ..ImapSettings::default()
        };
        let imap = Imap::new(control.clone(), clock.clone(), &settings);
        Self { clock, control, imap, account, _folder: folder }
    }

    /// A new connection, greeted.
    pub(super) async fn connect(&self) -> Talk {
        let (session, agent) = self.imap.connect(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
        Talk::new(session, agent, self.clock.clone()).await
    }

    /// A new connection, logged in.
    pub(super) async fn logged_in(&self) -> Talk {
        self.logged_in_as(USER).await
    }

    /// A new connection of `user`, logged in.
    pub(super) async fn logged_in_as(&self, user: &str) -> Talk {
        let mut talk = self.connect().await;
        let said = talk.say(&format!("in LOGIN {user} \"{PASSWORD}\"\r\n")).await;
        assert!(said.contains("in OK"), "{said}");
        talk
    }

    /// A message arrives in INBOX as delivery would put it there.
    pub(super) async fn deliver(&self, message: &[u8]) {
        let mut staging = self.control.store().stage();
        staging.write(message).unwrap();
        let staged = staging.finish().await.unwrap();
        let (account, now) = (self.account, self.clock.now());
        let inbox = self
            .control
            .store()
            .write(move |tx| {
                let inbox = mailbox::get(tx, account, "INBOX")?.unwrap().id;
                mail::append(tx, inbox, &Body::New(staged.clone()), mail::Flags::default(), now, now)?;
                Ok(inbox)
            })
            .await
            .unwrap();
        self.control.bus().publish(BusEvent::MailboxChanged { mailbox: inbox, account });
    }

    pub(super) async fn set_quota(&self, quota: u64) {
        let account = self.account;
        self.control.store().write(move |tx| account::set_quota(tx, account, Some(quota))).await.unwrap();
    }
}
