//! The live lockouts: counters in memory, locks in the store and in the reject tables, asked before a password is looked at.
//!
//! | asked | by | says |
//! |---|---|---|
//! | [`Control::admit`] | every session at its start | whether the client may connect |
//! | `Control::may_try` | [`crate::credential`] before hashing | whether a password may be tried |
//! | `Control::learn` | [`crate::credential`] after it | what came of it; sets locks |
//!
//! Whoever is refused hears what a wrong password hears, after the time that one takes. A lock of an address or network has
//! a row in the reject table of its protocol, which people may edit: a row that they take away lifts the lock, a `true` row
//! lets in whatever was counted.
//!
//! [`Control::admit`]: crate::Control::admit

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ipnet::IpNet;
use sekisho_guard::event::Protocol;
use sekisho_guard::lockout::{Lock, LockoutPolicy, Lockouts, Subject};
use sekisho_guard::rules::reject::RejectTable;
use sekisho_message::Time;
use sekisho_store::lockout::{self as kept, Kept};
use sekisho_store::{Error, Store};

use crate::countries::Countries;
use crate::credential::Key;
use crate::whence::Whence;

mod edit;
mod entrance;
mod keep;
mod logins;
mod lookup;
mod tables;
#[cfg(test)]
mod tests;

pub use edit::by_hand;
pub use entrance::Barred;
pub(crate) use logins::{Found, NOTE_EVERY, Seeker};
pub use lookup::{InForce, Overview};
pub use tables::FILES;
use tables::Tables;
pub(crate) use tables::{replace, table_name};

/// For how long a network in which an account was used is its owner's.
pub const OWNED: Duration = Duration::from_secs(30 * 86_400);

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether anything is counted. The reject tables work in any case. Default `true`.
    pub enabled: bool,
    /// Limits, windows and times.
    pub policy: LockoutPolicy,
    /// Networks that are never counted nor locked.
    pub exempt: Vec<IpNet>,
    /// Addresses of this machine. Their connections are not counted, and locks spare whoever used them lately: a web mail
    /// program's users all come from there.
    pub own: Vec<IpAddr>,
    /// From where passwords may be used where neither account nor domain says so.
    pub whence: Whence,
    /// The database of countries, if there is one.
    pub countries: Option<Countries>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            policy: LockoutPolicy::default(),
            exempt: Vec::new(),
            own: vec![IpAddr::from([127, 0, 0, 1]), std::net::Ipv6Addr::LOCALHOST.into()],
            whence: Whence::default(),
            countries: None,
        }
    }
}

/// Counters, locks and tables of this process.
pub(crate) struct Lockout {
    settings: Settings,
    tables: Tables,
    key: Key,
    state: Mutex<State>,
    /// Microseconds that a wrong password takes, a moving average.
    pace: AtomicU64,
    serial: AtomicU64,
}

#[derive(Default)]
struct State {
    lockouts: Lockouts,
    /// Login names of locks that concern one.
    names: BTreeMap<Subject, String>,
    /// Locks that have their rows in the tables.
    rowed: BTreeMap<Subject, Lock>,
    /// The tables when they were last compared with the rows.
    seen: BTreeMap<Protocol, Arc<RejectTable>>,
    /// Whether passwords are being guessed all over the site.
    stormy: bool,
}

impl Lockout {
    /// `folder` has the tables; `pace` is how long a password takes to be hashed.
    pub(crate) fn new(settings: Settings, folder: Option<PathBuf>, key: Key, pace: Duration) -> Self {
        let pace = AtomicU64::new(u64::try_from(pace.as_micros()).unwrap_or(0));
        Self { settings, tables: Tables::new(folder), key, state: Mutex::default(), pace, serial: AtomicU64::new(0) }
    }

    /// Reads the locks that another process left in the store.
    pub(crate) async fn restore(&self, store: &Store, now: Time) -> Result<(), Error> {
        let found = store.read(move |tx| kept::locks(tx, now)).await?;
        let mut state = self.state();
        for (lock, name) in found.iter().filter_map(unpack) {
            if lock.row().is_some() {
                state.rowed.insert(lock.subject, lock.clone());
            }
            state.add(lock, name);
        }
        Ok(())
    }

    /// Looks at the tables at the next occasion.
    pub(crate) fn look(&self) {
        self.tables.look();
    }

    /// A hash of `parts` that only this site can make.
    pub(crate) fn hash(&self, parts: &[&[u8]]) -> u64 {
        let tag = self.key.tag(parts);
        tag.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    /// The hash of a login name, whether it exists or not. Of an account it is that of its key.
    pub(crate) fn name_hash(&self, name: &str) -> u64 {
        self.hash(&[b"name", name.as_bytes()])
    }

    /// The hash of a password that was tried. Equal passwords have equal ones; it is never stored.
    pub(crate) fn tried_hash(&self, tried: &[u8]) -> u64 {
        self.hash(&[b"tried", tried])
    }

    /// Something that was never tried before.
    pub(crate) fn unlike(&self) -> [u8; 16] {
        let mut bytes = [0xFF; 16];
        bytes[..8].copy_from_slice(&self.serial.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes
    }

    /// How long a wrong password takes to be refused.
    pub(crate) fn pace(&self) -> Duration {
        Duration::from_micros(self.pace.load(Ordering::Relaxed)).min(Duration::from_secs(2))
    }

    /// Notes how long one took.
    pub(crate) fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).min(10_000_000);
        let old = self.pace.load(Ordering::Relaxed);
        self.pace.store((old * 7 + micros) / 8, Ordering::Relaxed);
    }

    fn is_exempt(&self, ip: IpAddr) -> bool {
        self.settings.exempt.iter().any(|net| net.contains(&ip))
    }

    /// On how many other accounts the network of a client failed lately.
    pub(crate) fn failed_on_others(&self, client: &str, account: &str, now: Time) -> u32 {
        let Ok(ip) = client.parse::<IpAddr>() else { return 0 };
        let account = self.name_hash(account);
        self.state().lockouts.failed_on_others(&self.settings.policy, ip, account, now)
    }

    fn is_own(&self, ip: IpAddr) -> bool {
        self.settings.own.contains(&ip)
    }

    /// Never held across an await. A panic elsewhere leaves counters and locks whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, lock: Lock, name: Option<String>) {
        if let Some(name) = name {
            self.names.insert(lock.subject, name);
        }
        self.lockouts.restore(lock);
    }

    /// The name of a lock that concerns one.
    fn name(&self, lock: &Lock) -> Option<String> {
        self.names.get(&lock.subject).cloned()
    }

    fn drop_names(&mut self, gone: &[Lock]) {
        for lock in gone {
            self.names.remove(&lock.subject);
            self.rowed.remove(&lock.subject);
        }
    }
}

fn pack(lock: &Lock, name: Option<String>) -> Option<Kept> {
    Some(Kept { subject: subject(lock)?, name, until: lock.until, detail: serde_json::to_string(lock).ok()? })
}

fn unpack(kept: &Kept) -> Option<(Lock, Option<String>)> {
    let lock = serde_json::from_str(&kept.detail).inspect_err(|error| tracing::warn!(%error, "a lock cannot be read"));
    Some((lock.ok()?, kept.name.clone()))
}

/// How the store names what is locked.
fn subject(lock: &Lock) -> Option<String> {
    serde_json::to_string(&lock.subject).ok()
}
