//! One session at a time has a maildrop (RFC 1939 §4), without a lock that anybody would have to break.
//!
//! The holder's driver keeps the lease alive by what it does: while it works for the client, or writes to it, the
//! lease is busy; while it waits for the client, the lease says since when. A client that has been silent for long
//! enough gives way to a new session: it may have vanished without a word, as clients behind address translators do.
//! Two sessions on two nodes do no harm: removal goes by UID, and removing twice is removing once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::AccountId;
use tokio_util::sync::CancellationToken;

/// The holder works for its client, or writes to it.
const BUSY: i64 = i64::MAX;
/// Login times are looked through for old ones when there are so many.
const MANY: usize = 1024;

/// The maildrops that are open.
#[derive(Debug)]
pub(super) struct Leases {
    takeover: Duration,
    login_delay: Option<Duration>,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    held: HashMap<AccountId, Arc<Holder>>,
    /// When each account logged in last; kept only where a delay is set.
    logins: HashMap<AccountId, Time>,
}

#[derive(Debug)]
struct Holder {
    silent_since: AtomicI64,
    ended: CancellationToken,
}

/// Why there is no lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Another session has the maildrop.
    InUse,
    /// The login comes too soon after the last one.
    TooSoon,
}

/// The right to a maildrop; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    account: AccountId,
    holder: Arc<Holder>,
}

impl Leases {
    pub(super) fn new(takeover: Duration, login_delay: Option<Duration>) -> Self {
        Self { takeover, login_delay, tables: Mutex::default() }
    }

    /// Takes the maildrop of `account`, from a silent session if need be.
    pub(super) fn take(self: &Arc<Self>, account: AccountId, now: Time) -> Result<Lease, Denied> {
        let mut tables = self.tables();
        if let Some(delay) = self.login_delay {
            tables.may_log_in(account, now, delay)?;
        }
        if let Some(holder) = tables.held.get(&account) {
            let since = holder.silent_since.load(Ordering::Acquire);
            if since == BUSY || now.since(Time(since)) < self.takeover {
                return Err(Denied::InUse);
            }
            holder.ended.cancel();
        }
        let holder = Arc::new(Holder { silent_since: AtomicI64::new(BUSY), ended: CancellationToken::new() });
        tables.held.insert(account, Arc::clone(&holder));
        if self.login_delay.is_some() {
            tables.logins.insert(account, now);
        }
        Ok(Lease { leases: Arc::clone(self), account, holder })
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A panic while the tables were locked cannot have left them half changed.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn may_log_in(&mut self, account: AccountId, now: Time, delay: Duration) -> Result<(), Denied> {
        if self.logins.len() >= MANY {
            self.logins.retain(|_, at| now.since(*at) < delay);
        }
        match self.logins.get(&account) {
            Some(at) if now.since(*at) < delay => Err(Denied::TooSoon),
            _ => Ok(()),
        }
    }
}

impl Lease {
    /// The session works, or writes to its client.
    pub(super) fn busy(&self) {
        self.holder.silent_since.store(BUSY, Ordering::Release);
    }

    /// The session waits for its client.
    pub(super) fn waits(&self, now: Time) {
        self.holder.silent_since.store(now.0, Ordering::Release);
    }

    /// Whether another session has taken the maildrop over.
    pub(super) fn is_lost(&self) -> bool {
        self.holder.ended.is_cancelled()
    }

    /// Returns when another session takes the maildrop over. Cancel-safe.
    pub(super) async fn lost(&self) {
        self.holder.ended.cancelled().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut tables = self.leases.tables();
        if tables.held.get(&self.account).is_some_and(|holder| Arc::ptr_eq(holder, &self.holder)) {
            tables.held.remove(&self.account);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const ACCOUNT: AccountId = AccountId(7);

    fn at(seconds: i64) -> Time {
        Time::from_seconds(1_000 + seconds)
    }

    #[test]
    fn one_at_a_time_until_it_is_dropped() {
        let leases = Arc::new(Leases::new(Duration::from_secs(30), None));
        let first = leases.take(ACCOUNT, at(0)).unwrap();
        assert_eq!(leases.take(ACCOUNT, at(1_000)).unwrap_err(), Denied::InUse, "it works for its client");
        assert!(leases.take(AccountId(8), at(0)).is_ok());
        drop(first);
        assert!(leases.take(ACCOUNT, at(0)).is_ok());
    }

    #[test]
    fn a_silent_session_gives_way() {
        let leases = Arc::new(Leases::new(Duration::from_secs(30), None));
        let first = leases.take(ACCOUNT, at(0)).unwrap();
        first.waits(at(10));
        assert_eq!(leases.take(ACCOUNT, at(39)).unwrap_err(), Denied::InUse);
        first.busy();
        assert_eq!(leases.take(ACCOUNT, at(99)).unwrap_err(), Denied::InUse);
        first.waits(at(100));
        let second = leases.take(ACCOUNT, at(130)).unwrap();
        assert!(first.is_lost() && !second.is_lost());
        drop(first);
        assert_eq!(leases.take(ACCOUNT, at(131)).unwrap_err(), Denied::InUse, "the second still has it");
    }

    #[test]
    fn logins_keep_their_distance_where_that_is_set() {
        let leases = Arc::new(Leases::new(Duration::from_secs(30), Some(Duration::from_secs(60))));
        drop(leases.take(ACCOUNT, at(0)).unwrap());
        assert_eq!(leases.take(ACCOUNT, at(59)).unwrap_err(), Denied::TooSoon);
        drop(leases.take(ACCOUNT, at(60)).unwrap());
        for id in 100..100 + 2 * i64::try_from(MANY).unwrap() {
            drop(leases.take(AccountId(id), at(1_000 + id)).unwrap());
        }
        assert!(leases.tables().logins.len() <= MANY);
    }
}
