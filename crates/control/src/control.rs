//! The one door to every act that changes state.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sekisho_message::{Text, Time};
use sekisho_store::{Error, Store, Tx, domain, journal as entries, meta, recoverable};
use serde_json::Value;

use crate::credential::{self, Cache, Gate, Issuer, Key, Vault};
use crate::drill::Drills;
use crate::guard::{self, Guard};
use crate::hush::Hush;
use crate::latency::Latencies;
use crate::lockout::{self, Lockout};
use crate::outside::Outside;
use crate::password::{NoRandom, Policy};
use crate::reputation::{self, Doorkeeper};
use crate::trace::Marks;
use crate::{Actor, Bus, BusEvent, Command, Done, Journal, Refusal, acts, entry};

/// Says what time it is. The clock belongs to whoever starts the server.
pub type Now = Arc<dyn Fn() -> Time + Send + Sync>;

/// What an operator can set about acts and credentials.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our own host name, as in our Received fields. Default `localhost`.
    pub hostname: String,
    /// Local time's distance from UTC in minutes, for the Date of letters that the server writes.
    pub offset_minutes: i32,
    /// Block lists, for looking at ourselves and for reception.
    pub reputation: reputation::Settings,
    /// Selectors of our domains' DKIM keys that the audit looks for, beside the usual ones.
    pub dkim_selectors: Vec<String>,
    /// How long a removed account can be brought back. Default 30 days.
    pub grace: Duration,
    /// How long a verified password is remembered, at most an hour. Default 5 minutes.
    pub password_cache: Duration,
    /// What passwords must satisfy beyond being hard to guess.
    pub password: Policy,
    /// Password hashes at once. Default: one for each core.
    pub hashes: usize,
    /// The guard.
    pub guard: crate::guard::Settings,
    /// Who may not try passwords any more.
    pub lockout: lockout::Settings,
    /// Tokens, certificates, recoverable passwords.
    pub credentials: credential::Settings,
    /// Folder of the server's `effect.dat` and reject tables; none when it has no rule files (tests).
    pub rules: Option<std::path::PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hostname: "localhost".to_owned(),
            offset_minutes: 0,
            reputation: reputation::Settings::default(),
            dkim_selectors: Vec::new(),
            grace: Duration::from_secs(30 * 86_400),
            password_cache: Duration::from_secs(300),
            password: Policy::default(),
            hashes: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            lockout: lockout::Settings::default(),
            guard: crate::guard::Settings::default(),
            credentials: credential::Settings::default(),
            rules: None,
        }
    }
}

/// Keys and tags of the credential checks.
pub(crate) struct Keys {
    /// For the cache of verified passwords; new in every process.
    pub(crate) cache: Key,
    /// For SCRAM decoys; kept in the store, so that a restart does not tell decoys from secrets.
    pub(crate) decoy: Key,
    /// The hash that unknown users are compared with.
    pub(crate) nobody: String,
    /// For verifiers of app passwords; kept in the store.
    pub(crate) app: Key,
    /// Whether some domain asks for SCRAM.
    pub(crate) scram_offered: AtomicBool,
    /// Whether some account may keep a recoverable password.
    pub(crate) digests_offered: AtomicBool,
}

struct Parts {
    store: Store,
    bus: Bus,
    journal: Journal,
    now: Now,
    options: Options,
    keys: Keys,
    cache: Mutex<Cache>,
    gate: Gate,
    lockout: Lockout,
    guard: Guard,
    issuer: Option<Issuer>,
    vault: Vault,
    marks: Marks,
    outside: OnceLock<Arc<dyn Outside>>,
    doorkeeper: Doorkeeper,
    drills: Drills,
    latencies: Latencies,
    hush: Hush,
    /// Held while a row is added to `effect.dat`.
    barring: tokio::sync::Mutex<()>,
}

/// Acts, credentials, journal and bus over one store. Clones share them.
#[derive(Clone)]
pub struct Control(Arc<Parts>);

impl Control {
    /// Control over `store`.
    ///
    /// # Errors
    /// When the store does not answer or the system has no random bytes.
    pub async fn new(store: Store, now: Now, options: Options) -> Result<Self, Error> {
        let no_random = |error: NoRandom| Error::Engine(error.to_string());
        let fresh = credential_key().map_err(no_random)?;
        let another = credential_key().map_err(no_random)?;
        let fresh_guard = credential_key().map_err(no_random)?;
        let fresh_mark = credential_key().map_err(no_random)?;
        let fresh_app = credential_key().map_err(no_random)?;
        let (decoy, tried, app, offers, guard_key, mark_key) = store
            .write(move |tx| {
                let (decoy, tried) = (kept_key(tx, DECOY_KEY, &fresh)?, kept_key(tx, TRIED_KEY, &another)?);
                let (app, mark_key) = (kept_key(tx, APP_KEY, &fresh_app)?, kept_key(tx, MARK_KEY, &fresh_mark)?);
                Ok((decoy, tried, app, offers(tx)?, guard::key(tx, &fresh_guard)?, mark_key))
            })
            .await?;
        let (begun, nobody) = (std::time::Instant::now(), credential::nobody().map_err(no_random)?);
        let tried = Key::from_bytes(tried.as_bytes());
        let lockout = Lockout::new(options.lockout.clone(), options.rules.clone(), tried, begun.elapsed());
        lockout.restore(&store, now()).await?;
        let keys = Keys {
            cache: Key::random().map_err(no_random)?,
            decoy: Key::from_bytes(decoy.as_bytes()),
            nobody,
            app: Key::from_bytes(app.as_bytes()),
            scram_offered: AtomicBool::new(offers.0),
            digests_offered: AtomicBool::new(offers.1),
        };
        Ok(Self(Arc::new(Parts {
            journal: Journal::new(store.clone(), Arc::clone(&now)),
            bus: Bus::new(),
            barring: tokio::sync::Mutex::default(),
            cache: Mutex::new(Cache::new(options.password_cache)),
            gate: Gate::new(options.hashes),
            lockout,
            guard: Guard::new(options.guard.clone(), &guard_key),
            issuer: options.credentials.issuer.clone().map(Issuer::new),
            vault: Vault::new(options.credentials.recoverable_key.clone()),
            marks: Marks::new(&mark_key),
            outside: OnceLock::new(),
            doorkeeper: Doorkeeper::default(),
            drills: Drills::default(),
            latencies: Latencies::default(),
            hush: Hush::default(),
            store,
            now,
            options,
            keys,
        })))
    }

    /// Does what `command` says, on behalf of `actor`: one transaction, or resumable steps, and a journal entry.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn run(&self, command: Command, actor: &Actor) -> Result<Done, Refusal> {
        acts::run(self, command, actor, &mut |_| {}).await
    }

    /// [`Control::run`] that says how many recipients a long act has handled so far.
    ///
    /// # Errors
    /// As [`Control::run`].
    pub async fn run_with(
        &self,
        command: Command,
        actor: &Actor,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Done, Refusal> {
        acts::run(self, command, actor, progress).await
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The bus.
    #[must_use]
    pub fn bus(&self) -> &Bus {
        &self.0.bus
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Time {
        (self.0.now)()
    }

    /// What the operator set.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The guard.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.0.guard
    }

    /// The signed marks of our Received fields.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.0.marks
    }

    /// Lends a network to those acts that look at us from outside. Only the first one counts.
    pub fn look_outside(&self, outside: Arc<dyn Outside>) {
        let _ = self.0.outside.set(outside);
    }

    /// The world outside, if somebody lent a network.
    #[must_use]
    pub fn outside(&self) -> Option<&Arc<dyn Outside>> {
        self.0.outside.get()
    }

    /// Keeps a flood of refusals out of the journal.
    #[must_use]
    pub fn hush(&self) -> &Hush {
        &self.0.hush
    }

    /// The drill that goes on, and the last one.
    #[must_use]
    pub fn drills(&self) -> &Drills {
        &self.0.drills
    }

    /// How long things take.
    #[must_use]
    pub fn latencies(&self) -> &Latencies {
        &self.0.latencies
    }

    pub(crate) fn doorkeeper(&self) -> &Doorkeeper {
        &self.0.doorkeeper
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn cache(&self) -> &Mutex<Cache> {
        &self.0.cache
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.0.gate
    }

    pub(crate) fn issuer(&self) -> Option<&Issuer> {
        self.0.issuer.as_ref()
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn barring(&self) -> &tokio::sync::Mutex<()> {
        &self.0.barring
    }

    pub(crate) fn lockout(&self) -> &Lockout {
        &self.0.lockout
    }

    /// Runs `f` and journals what it did in the same transaction; then tells the bus.
    pub(crate) async fn transact(
        &self,
        actor: &Actor,
        f: impl Fn(&mut dyn Tx) -> Result<Acted, Fault> + Send + 'static,
    ) -> Result<Done, Refusal> {
        let (now, who) = (self.now(), actor.to_string());
        let reason: Arc<Mutex<Option<Text>>> = Arc::default();
        let slot = Arc::clone(&reason);
        let outcome = self
            .0
            .store
            .write(move |tx| match f(tx) {
                Ok(acted) => {
                    let note = entry::act(now, &who, acted.act, acted.about.as_deref(), &acted.detail);
                    entries::append(tx, &[note])?;
                    Ok(acted)
                }
                Err(Fault::Store(error)) => Err(error),
                Err(Fault::Invalid(text)) => {
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(*text);
                    // Any error undoes what the act did before it found the fault.
                    Err(Error::Conflict(String::new()))
                }
            })
            .await;
        match outcome {
            Ok(acted) => {
                for event in acted.events {
                    self.publish(event);
                }
                Ok(acted.done)
            }
            Err(error) => {
                let found = reason.lock().unwrap_or_else(PoisonError::into_inner).take();
                Err(found.map_or_else(|| error.into(), Refusal::invalid))
            }
        }
    }

    /// Tells the bus, and forgets remembered passwords of accounts that it concerns.
    pub(crate) fn publish(&self, event: BusEvent) {
        self.forget_on(event);
        self.0.bus.publish(event);
    }

    /// The same for what another node published.
    pub(crate) fn hear(&self, event: BusEvent) {
        self.forget_on(event);
        self.0.bus.publish_here(event);
    }

    fn forget_on(&self, event: BusEvent) {
        if let BusEvent::Suspended { account } | BusEvent::PasswordChanged { account } = event {
            self.forget(account);
        }
        if let BusEvent::RulesChanged | BusEvent::Missed = event {
            self.0.lockout.look();
        }
    }

    /// Looks up again what is remembered about all domains and accounts together.
    pub(crate) async fn refresh_offers(&self) -> Result<(), Error> {
        let (scram, digests) = self.0.store.read(offers).await?;
        self.0.keys.scram_offered.store(scram, Ordering::Relaxed);
        self.0.keys.digests_offered.store(digests, Ordering::Relaxed);
        Ok(())
    }
}

/// What an act did, inside its transaction.
pub(crate) struct Acted {
    /// Name of the act, such as `account.suspend`.
    pub(crate) act: &'static str,
    /// Address or name that it is about.
    pub(crate) about: Option<String>,
    /// For the journal; never a secret.
    pub(crate) detail: Value,
    /// For the person.
    pub(crate) done: Done,
    /// For the bus, once the transaction is durable.
    pub(crate) events: Vec<BusEvent>,
}

/// Why an act stops inside its transaction.
pub(crate) enum Fault {
    Store(Error),
    Invalid(Box<Text>),
}

impl Fault {
    pub(crate) fn invalid(text: Text) -> Self {
        Self::Invalid(Box::new(text))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

const DECOY_KEY: &str = "secret.decoy";
/// For the marks in Received fields; kept, so that a complaint of next year is understood.
const MARK_KEY: &str = "secret.mark";
/// For hashes of wrong passwords and of names that were tried; kept, so that a restart forgets nothing.
const TRIED_KEY: &str = "secret.tried";
const APP_KEY: &str = "secret.app";

fn credential_key() -> Result<String, NoRandom> {
    // Two one-time passwords are 158 random bits in a printable form.
    Ok(format!("{}{}", crate::password::one_time()?, crate::password::one_time()?))
}

fn kept_key(tx: &mut dyn Tx, name: &str, fresh: &str) -> sekisho_store::Result<String> {
    if let Some(key) = meta::get(tx, name)? {
        return Ok(key);
    }
    meta::set(tx, name, Some(fresh))?;
    Ok(fresh.to_owned())
}

/// Whether SCRAM, and whether digests are worth offering.
fn offers(tx: &mut dyn Tx) -> sekisho_store::Result<(bool, bool)> {
    Ok((any_scram(tx)?, recoverable::any(tx)?))
}

fn any_scram(tx: &mut dyn Tx) -> sekisho_store::Result<bool> {
    for domain in domain::list(tx)? {
        if credential::scram_wanted(tx, domain.id)? {
            return Ok(true);
        }
    }
    Ok(false)
}
