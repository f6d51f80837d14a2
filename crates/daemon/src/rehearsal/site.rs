//! A scratch copy of the server: its settings, its rules, and a store of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sekisho_control::command::{AccountCommand, DomainCommand, NewPerson, Secret};
use sekisho_control::guard::{Attempt, Known};
use sekisho_control::{Actor, Command, Control, Options, Protocol};
use sekisho_guard::drill::world::Held;
use sekisho_guard::event::{Event, Login, LoginResult, Operator, Protocol as Door};
use sekisho_guard::ladder::{Incident, Reason};
use sekisho_guard::place::Place;
use sekisho_guard::policy::Policy;
use sekisho_guard::profile::Profile;
use sekisho_message::{Address, Domain, Language, Text, Time, say};
use sekisho_mta::reception::{self, Reception};
use sekisho_net::Clock;
use sekisho_store::account::Role;
use sekisho_store::{MessageId, Store, contact, incident, profile, queue};

use super::letter::address;
use super::post::Sent;
use super::script::Script;
use crate::config::Settings;
use crate::trouble::Trouble;

/// The domain of everybody in a rehearsal.
const DOMAIN: &str = "drill.example";
/// Everybody's password there.
pub(super) const PASSWORD: &str = "grave-otter-lantern-79-quilt";
/// This node's name in the scratch store.
pub(super) const NODE: &str = "drill";

/// Incidents that may be opened by one act.
const NEW: u32 = 64;

/// The copy.
pub(super) struct Site {
    pub(super) control: Control,
    pub(super) reception: Arc<Reception>,
    clock: Clock,
    /// What was accepted.
    pub(super) sent: HashMap<MessageId, Sent>,
    /// The last incident that was told.
    told: i64,
    _folder: Folder,
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("sekisho-drill-{}-{number}", std::process::id());
        // In memory where the system has such a place: nothing of it has to last.
        let path = Path::new("/dev/shm").join(&name);
        if std::fs::create_dir(&path).is_ok() {
            return Ok(Self(path));
        }
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn refused(error: sekisho_store::Error) -> Trouble {
    Trouble::could_not(say!(ja: "予行用の保存領域のエラー: {error}", en: "The scratch store failed: {error}"))
}

impl Site {
    pub(super) async fn open(server: &Settings, policy: &Policy, script: &Script) -> Result<Self, Trouble> {
        let folder = Folder::new().map_err(Trouble::from_io)?;
        let dir = folder.0.clone();
        let config = &server.config;
        rules(&server.dir, &dir, script).map_err(Trouble::from_io)?;
        let store = Store::open(&sekisho_store::Settings {
            url: format!("sqlite:{}", dir.join("drill.db").display()),
            blobs: dir.join("blobs"),
            node: NODE.into(),
        })
        .map_err(refused)?;
        let begin = script.acts.first().map_or(Time(0), |act| act.at) - Duration::from_secs(3_600);
        let clock = Clock::stopped_at(begin);
        let hands = clock.clone();
        let mut guard = config.guard.settings(None, None);
        guard.policy = policy.clone();
        let options = Options {
            guard,
            lockout: server.lockout()?,
            password_cache: Duration::from_secs(3_600),
            rules: Some(dir.clone()),
            ..Options::default()
        };
        let control = Control::new(store, Arc::new(move || hands.now()), options).await.map_err(refused)?;
        let hostname = Domain::parse(config.hostname.as_str()).map_err(|error| {
            Trouble::could_not(say!(ja: "hostname を使えません: {error}", en: "hostname cannot be used: {error}"))
        })?;
        let mut settings = reception::Settings::new(hostname, dir);
        settings.limits.message = config.limits.message_size.0;
        settings.limits.recipients = config.limits.recipients;
        let reception = Reception::new(control.clone(), clock.clone(), settings);
        let site = Self { control, reception, clock, sent: HashMap::new(), told: 0, _folder: folder };
        site.populate(script).await?;
        Ok(site)
    }

    /// The login of an origin that has an account.
    pub(super) fn account(&self, origin: usize) -> String {
        format!("drill{origin}@{DOMAIN}")
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) fn turn_to(&self, time: Time) {
        self.clock.advance(time.since(self.now()));
    }

    async fn populate(&self, script: &Script) -> Result<(), Trouble> {
        self.run(Command::Domain(DomainCommand::Add { name: DOMAIN.into() })).await?;
        for &origin in &script.accounts {
            self.run(Command::Account(AccountCommand::Add(NewPerson {
                address: self.account(origin),
                full_name: String::new(),
                password: Secret(PASSWORD.into()),
                role: Role::User,
                quota: None,
                language: Language::En,
                must_change: false,
            })))
            .await?;
        }
        let now = self.now();
        for (origin, known) in &script.contacts {
            let guard = self.control.guard();
            let id = guard.origin(&format!("account:{}", self.account(*origin)));
            let peers: Vec<i64> =
                known.iter().filter_map(|&n| Address::parse(&address(n)).ok()).map(|a| guard.peer(&a)).collect();
            let write = move |tx: &mut dyn sekisho_store::Tx| {
                peers.iter().try_for_each(|peer| contact::received(tx, id, *peer, now).map(drop))
            };
            self.control.store().write(write).await.map_err(refused)?;
        }
        Ok(())
    }

    async fn run(&self, command: Command) -> Result<(), Trouble> {
        self.control.run(command, &Actor::server("drill")).await?;
        Ok(())
    }

    /// A login at another door, as its server tells it.
    pub(super) async fn login(&self, origin: usize, login: &Login) {
        let account = self.account(origin);
        let network = super::client::ip(login.place).to_string();
        let tried = match login.result {
            LoginResult::Right => None,
            LoginResult::Wrong { password } => Some(format!("{password:x}")),
        };
        let protocol = match login.protocol {
            Door::Smtp => Protocol::Smtp,
            Door::Pop3 => Protocol::Pop3,
            Door::Imap4 => Protocol::Imap4,
            Door::Console => Protocol::Console,
        };
        let wrong = tried.as_deref().map(Known::Password);
        self.control
            .tell_login(&Attempt {
                account: &account,
                protocol,
                network: &network,
                wrong,
                legacy: false,
                failed_on_others: 0,
                live_elsewhere: None,
            })
            .await;
        if wrong.is_some()
            && let Err(error) = self.control.judge_logins().await
        {
            tracing::warn!(%error, "a login of the drill could not be judged");
        }
    }

    /// Incidents that were opened since this was asked last.
    pub(super) async fn new_incidents(&mut self) -> Result<Vec<Held>, Trouble> {
        let told = self.told;
        let all = self.control.store().read(move |tx| incident::list(tx, None, NEW)).await.map_err(refused)?;
        let mut held = Vec::new();
        for incident in all.into_iter().filter(|incident| incident.id.0 > told).rev() {
            self.told = self.told.max(incident.id.0);
            held.push(self.held(incident).await?);
        }
        Ok(held)
    }

    async fn held(&self, incident: incident::Incident) -> Result<Held, Trouble> {
        let id = self.control.guard().origin(&incident.origin);
        let bytes = self.control.store().read(move |tx| profile::get(tx, id)).await.map_err(refused)?;
        let profile = bytes.and_then(|bytes| Profile::decode(&bytes).ok());
        let profile = profile.unwrap_or_else(|| Profile::new(id.cast_unsigned(), incident.opened));
        let first = serde_json::from_value(incident.facts["first_evidence"].clone()).unwrap_or(incident.opened);
        let reason = serde_json::from_value(serde_json::json!(incident.reason)).unwrap_or(Reason::Operator);
        let number = incident
            .account
            .as_deref()
            .and_then(|account| account.split('@').next()?.strip_prefix("drill")?.parse().ok());
        Ok(Held {
            origin: number.unwrap_or(0),
            at: incident.opened,
            hostile: false,
            messages: 0,
            recipients: 0,
            reached: 0,
            class: profile.class(),
            rung: profile.rung,
            authenticated: incident.account.is_some(),
            signals: profile.evidence(first, &[]),
            incident: Some(Incident { reason, text: Text::new("", ""), first_evidence: first, login: profile.breach }),
        })
    }

    /// Somebody has looked, and lets an honest origin go on.
    pub(super) async fn release(&self, origin: usize) -> Result<(), Trouble> {
        let key = format!("account:{}", self.account(origin));
        self.control.tell(&key, Event::Operator(Operator::Release), Some("the drill")).await.map_err(refused)?;
        self.control.store().write(move |tx| queue::release_origin(tx, &key)).await.map_err(refused)?;
        Ok(())
    }
}

/// The server's own rules, after those that the attack needs: a network that was trusted by mistake.
fn rules(server: &Path, dir: &Path, script: &Script) -> std::io::Result<()> {
    let mut text = String::new();
    for place in &script.open {
        if let Place::V4([a, b, c]) = place {
            text.push_str(&format!("{a}.{b}.{c}.* true\r\n"));
        }
    }
    let mut bytes = text.into_bytes();
    match std::fs::read(server.join("effect.dat")) {
        Ok(own) => bytes.extend_from_slice(&own),
        Err(_) => bytes.extend_from_slice(sekisho_guard::rules::effect::SHIPPED.as_bytes()),
    }
    std::fs::write(dir.join("effect.dat"), bytes)
}
