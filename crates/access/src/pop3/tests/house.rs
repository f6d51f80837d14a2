//! A store with one account, the service over it, and connections without a socket.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use sekisho_control::{Control, Options, credential};
use sekisho_message::{Address, Language, Time};
use sekisho_net::clock::Clock;
use sekisho_net::drive::Agent;
use sekisho_proto::pop3::PopSession;
use sekisho_proto::session::{Session, Step};
use sekisho_store::account::{self, NewAccount, Role};
use sekisho_store::mail::{self, Body, Mail};
use sekisho_store::{AccountId, Settings, Store, domain, mailbox};
use sekisho_testkit::TempDir;

use crate::pop3::{Pop3, Pop3Agent, Pop3Settings};

/// 2026-03-01 09:00:00 UTC.
pub(super) const START: Time = Time::from_seconds(1_772_355_600);
pub(super) const USER: &str = "taro@example.jp";
pub(super) const PASSWORD: &str = "kaki-no-ki 47";

pub(super) struct House {
    pub(super) clock: Clock,
    pub(super) control: Control,
    pub(super) pop3: Pop3,
    pub(super) account: AccountId,
    _folder: TempDir,
}

impl House {
    pub(super) async fn new() -> Self {
        Self::with(Pop3Settings::default()).await
    }

    pub(super) async fn with(settings: Pop3Settings) -> Self {
        let folder = TempDir::new("pop3").unwrap();
        let url = format!("sqlite:{}", folder.join("store.db").display());
        let store = Store::open(&Settings { url, blobs: folder.join("blobs"), node: "test".into() }).unwrap();
        let clock = Clock::stopped_at(START);
        let now = clock.clone();
        let control = Control::new(store, Arc::new(move || now.now()), Options::default()).await.unwrap();
        let password = credential::hash(PASSWORD).unwrap();
        let account = control
            .store()
            .write(move |tx| {
                domain::add(tx, "example.jp", START)?;
                let new = NewAccount {
                    address: Address::parse(USER).unwrap(),
                    full_name: "Taro".into(),
                    role: Role::User,
                    quota: None,
                    password: password.clone(),
                    scram: None,
                    language: Language::Ja,
                    must_change: false,
                };
                account::add(tx, &new, START)
            })
            .await
            .unwrap();
        let settings = Pop3Settings { hostname: "mx.example.jp".into(), login_without_tls: true, ..settings };
        let pop3 = Pop3::new(control.clone(), clock.clone(), &settings);
        Self { clock, control, pop3, account, _folder: folder }
    }

    /// A new connection, greeted.
    pub(super) async fn connect(&self) -> Talk {
        let (session, agent) = self.pop3.connect(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
        let mut talk = Talk { session, agent, clock: self.clock.clone(), out: Vec::new(), closed: false };
        talk.pump().await;
        assert!(talk.heard().starts_with("+OK mx.example.jp"));
        talk
    }

    /// A new connection, and what it heard at the login.
    pub(super) async fn log_in(&self) -> (Talk, String) {
        let mut talk = self.connect().await;
        talk.say(&format!("USER {USER}\r\n")).await;
        let said = talk.say(&format!("PASS {PASSWORD}\r\n")).await;
        (talk, said)
    }

    /// A message arrives in INBOX.
    pub(super) async fn deliver(&self, message: &[u8]) {
        let mut staging = self.control.store().stage();
        staging.write(message).unwrap();
        let staged = staging.finish().await.unwrap();
        let (account, now) = (self.account, self.clock.now());
        let placed = self.control.store().write(move |tx| {
            let inbox = mailbox::get(tx, account, "INBOX")?.unwrap().id;
            mail::append(tx, inbox, &Body::New(staged.clone()), mail::Flags::default(), now, now)
        });
        placed.await.unwrap();
    }

    pub(super) async fn inbox_id(&self) -> sekisho_store::MailboxId {
        let account = self.account;
        let read = self.control.store().read(move |tx| Ok(mailbox::get(tx, account, "INBOX")?.unwrap().id));
        read.await.unwrap()
    }

    /// What is in INBOX.
    pub(super) async fn inbox(&self) -> Vec<Mail> {
        let account = self.account;
        let read = self.control.store().read(move |tx| {
            let inbox = mailbox::get(tx, account, "INBOX")?.unwrap().id;
            let mut all = Vec::new();
            mail::entries(tx, inbox, 1, u32::MAX, &mut |mail| {
                all.push(mail);
                Ok(())
            })?;
            Ok(all)
        });
        read.await.unwrap()
    }
}

/// Session and agent pumped as the driver does it.
pub(super) struct Talk {
    session: PopSession,
    pub(super) agent: Pop3Agent,
    clock: Clock,
    out: Vec<u8>,
    pub(super) closed: bool,
}

impl Talk {
    /// Sends `text` and gives back all that was answered.
    pub(super) async fn say(&mut self, text: &str) -> String {
        self.session.receive(self.clock.now(), text.as_bytes());
        self.pump().await;
        self.heard()
    }

    /// What has been answered since the last look.
    pub(super) fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.out)).unwrap()
    }

    /// Waits for the client as the driver does; what the agent says unasked, if anything, within `patience`.
    pub(super) async fn wait(&mut self, patience: Duration) -> Option<String> {
        let reply = tokio::time::timeout(patience, self.agent.wait()).await.ok()?;
        self.session.answer(self.clock.now(), reply);
        self.pump().await;
        Some(self.heard())
    }

    async fn pump(&mut self) {
        loop {
            match self.session.next(self.clock.now()) {
                Step::Send(bytes) => self.out.extend_from_slice(&bytes),
                Step::Event(event) => {
                    let reply = self.agent.answer(event).await;
                    self.session.answer(self.clock.now(), reply);
                }
                Step::StartTls => panic!("no TLS here"),
                Step::NeedInput => return,
                Step::Close => {
                    self.closed = true;
                    return;
                }
            }
        }
    }
}
