//! Message ids without a transaction for each: blocks of them are reserved in the store.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{MessageId, Result, Store, Tx, TxExt};

/// Ids of one block. A restart wastes what is left of one.
const BLOCK: i64 = 16_384;

/// Left in the current block when the next one is asked for.
const LOW: i64 = BLOCK / 2;

/// Ids that this process may give out.
#[derive(Default)]
pub(crate) struct Numbers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: i64,
    end: i64,
    /// A block that is reserved already, by its first id.
    ahead: Option<i64>,
    /// The next block is being reserved.
    asked: bool,
}

impl Numbers {
    /// The next id; asks `store` for a block ahead of need.
    pub(crate) fn next(&self, store: &Store) -> MessageId {
        let mut state = self.lock();
        if state.next == state.end {
            drop(state);
            self.refill(store);
            state = self.lock();
        }
        let id = state.next;
        state.next += 1;
        let low = state.end - state.next < LOW && state.ahead.is_none() && !state.asked;
        state.asked |= low;
        drop(state);
        if low {
            self.ask_ahead(store);
        }
        MessageId(id)
    }

    /// Makes the current block the one that was reserved ahead, or reserves one now.
    fn refill(&self, store: &Store) {
        let mut state = self.lock();
        if state.next < state.end {
            return;
        }
        if let Some(first) = state.ahead.take() {
            (state.next, state.end) = (first, first + BLOCK);
            return;
        }
        drop(state);
        let reserved = store.write_blocking(reserve);
        let mut state = self.lock();
        match reserved {
            Ok(first) if state.next == state.end => (state.next, state.end) = (first, first + BLOCK),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "no message ids can be reserved: the store cannot be written");
                if state.next == state.end {
                    (state.next, state.end) = (state.end - BLOCK.min(state.end), state.end.max(1));
                }
            }
        }
    }

    fn ask_ahead(&self, store: &Store) {
        let ours = store.clone();
        let spawned = std::thread::Builder::new().name("store-numbers".into()).spawn(move || {
            let reserved = ours.write_blocking(reserve);
            let mut state = ours.numbers().lock();
            state.asked = false;
            state.ahead = reserved.ok();
        });
        if spawned.is_err() {
            self.lock().asked = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reserves a block; its first id.
fn reserve(tx: &mut dyn Tx) -> Result<i64> {
    // The row is locked by the update first, so that two nodes cannot read the same value.
    let taken = tx.one(
        "UPDATE counter SET value = value + ?1 WHERE name = 'message' RETURNING value",
        &[BLOCK.into()],
        |row| row.int(0),
    )?;
    Ok(taken.unwrap_or(BLOCK) - BLOCK + 1)
}
