//! Which sessions of an account are open now, and from where.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sekisho_guard::place::Place;
use sekisho_store::AccountId;

/// Open sessions by account. A handful each.
#[derive(Debug, Default)]
pub(super) struct Live(Mutex<HashMap<AccountId, Vec<Session>>>);

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The client's network.
    pub(super) place: Place,
    /// Whether mail is read in it.
    pub(super) reads: bool,
}

impl Live {
    pub(super) fn enter(&self, account: AccountId, session: Session) {
        self.sessions().entry(account).or_default().push(session);
    }

    pub(super) fn leave(&self, account: AccountId, session: Session) {
        let mut all = self.sessions();
        let Some(open) = all.get_mut(&account) else { return };
        if let Some(index) = open.iter().position(|one| *one == session) {
            open.swap_remove(index);
        }
        if open.is_empty() {
            all.remove(&account);
        }
    }

    /// Other known networks with an open session of the account, each once.
    pub(super) fn elsewhere(&self, account: AccountId, place: Place) -> u8 {
        let all = self.sessions();
        let mut places: Vec<Place> = all.get(&account).into_iter().flatten().map(|one| one.place).collect();
        places.retain(|other| *other != place && *other != Place::Unknown);
        places.sort_unstable();
        places.dedup();
        u8::try_from(places.len()).unwrap_or(u8::MAX)
    }

    /// Whether the account's mail is being read there.
    pub(super) fn reads_at(&self, account: AccountId, place: Place) -> bool {
        self.sessions().get(&account).into_iter().flatten().any(|one| one.reads && one.place == place)
    }

    /// A panic elsewhere leaves the map whole.
    fn sessions(&self) -> MutexGuard<'_, HashMap<AccountId, Vec<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
