//! The journal as sessions see it: a note is made at once and written within a second.
//!
//! Losing the last second in a crash is allowed for dialogue; acceptance, outcomes and acts do not come this way:
//! they are written in the transaction that they describe.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_store::Store;
use sekisho_store::journal::{self, Entry};
use tokio::sync::Notify;

use crate::{Now, entry};

/// Entries that wait to be written; more are counted and dropped, so that a slow disk never stops a session.
const MOST_WAITING: usize = 20_000;
/// Entries in one transaction.
const BATCH: usize = 1_000;
/// Longest time that an entry waits.
const PATIENCE: Duration = Duration::from_millis(500);

struct Waiting {
    entries: Vec<Entry>,
    dropped: u64,
}

struct Inner {
    waiting: Mutex<Waiting>,
    /// Held while a batch is on its way, so that whoever flushes finds everything written when it returns.
    writing: tokio::sync::Mutex<()>,
    full: Notify,
    store: Store,
    now: Now,
}

/// Takes notes. Clones share the buffer.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

impl Journal {
    /// A journal over `store`. Nothing is written until [`Journal::run`] or [`Journal::flush`] is called.
    #[must_use]
    pub fn new(store: Store, now: Now) -> Self {
        let waiting = Mutex::new(Waiting { entries: Vec::new(), dropped: 0 });
        Self(Arc::new(Inner { waiting, writing: tokio::sync::Mutex::default(), full: Notify::new(), store, now }))
    }

    /// Keeps `entry` for the next write. Never waits; when too many wait, the entry is counted and dropped.
    pub fn note(&self, entry: Entry) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.entries.len() >= MOST_WAITING {
            waiting.dropped += 1;
            return;
        }
        waiting.entries.push(entry);
        let wake = waiting.entries.len() == BATCH;
        drop(waiting);
        if wake {
            self.0.full.notify_one();
        }
    }

    /// Writes what is noted at least twice a second, for ever. Cancelling loses nothing that [`Journal::flush`]
    /// would not still write, except a batch in flight.
    pub async fn run(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PATIENCE) => {}
                () = self.0.full.notified() => {}
            }
            self.flush().await;
        }
    }

    /// Writes everything that is noted now. Entries that the store does not take are counted as dropped.
    pub async fn flush(&self) {
        let _writing = self.0.writing.lock().await;
        loop {
            let (batch, dropped) = self.take();
            if batch.is_empty() {
                return;
            }
            let lost = batch.len() as u64 + dropped;
            let batch = Arc::new(batch);
            if let Err(error) = self.0.store.write(move |tx| journal::append(tx, &batch)).await {
                tracing::warn!(%error, "journal entries lost");
                let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.dropped += lost;
                return;
            }
        }
    }

    /// Up to a batch of entries, after a notice of what was dropped before them.
    fn take(&self) -> (Vec<Entry>, u64) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.entries.is_empty() {
            return (Vec::new(), 0);
        }
        let n = waiting.entries.len().min(BATCH);
        let mut batch: Vec<Entry> = waiting.entries.drain(..n).collect();
        let dropped = std::mem::take(&mut waiting.dropped);
        drop(waiting);
        if dropped > 0 {
            batch.push(entry::notice((self.0.now)(), &format!("{dropped} journal entries were dropped")));
        }
        (batch, dropped)
    }
}

#[cfg(test)]
mod tests;
