//! Copying the log into the database file, off the writer's path.
//!
//! A thread with its own connection does the bulk of it while the writer goes on. The writer
//! itself only copies the few pages that came in meanwhile, between two transactions; then the
//! log starts again from its beginning and does not grow.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::connection::{failure, open_checkpointer};
use crate::Result;

/// Pages in the log from which on a checkpoint is worth its while (8 MiB). Fewer cost throughput, more make the
/// waits longer in which the disk takes the database's pages before the log's.
const WORTH_IT: usize = 2_000;

/// Pages left over that the writer may copy without anybody noticing.
const FEW: usize = 256;

/// Rounds after which the writer copies what is left, however much.
const ROUNDS: usize = 4;

/// The thread and what the writer knows of it.
pub(super) struct Checkpointer {
    wake: Option<mpsc::SyncSender<()>>,
    /// The thread has copied all but a few pages.
    nearly: Arc<AtomicBool>,
    busy: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path) -> Result<Self> {
        let connection = open_checkpointer(path)?;
        let (wake, woken) = mpsc::sync_channel::<()>(1);
        let nearly = Arc::new(AtomicBool::new(false));
        let busy = Arc::new(AtomicBool::new(false));
        let (told, working) = (Arc::clone(&nearly), Arc::clone(&busy));
        let thread = thread::Builder::new().name("store-checkpoint".into()).spawn(move || {
            while woken.recv().is_ok() {
                for _ in 0..ROUNDS {
                    match passive(&connection) {
                        Ok(left) if left > FEW => {}
                        Ok(_) => break,
                        Err(error) => {
                            tracing::warn!(%error, "a checkpoint failed and will be tried again");
                            break;
                        }
                    }
                }
                told.store(true, Ordering::Release);
                working.store(false, Ordering::Release);
            }
        })?;
        Ok(Self { wake: Some(wake), nearly, busy, thread: Some(thread) })
    }

    /// What the writer does between two transactions; `pages` are in the log.
    pub(super) fn after_commit(&self, connection: &Connection, pages: usize) {
        if self.nearly.swap(false, Ordering::Acquire) {
            if let Err(error) = passive(connection) {
                tracing::warn!(%error, "a checkpoint failed and will be tried again");
            }
        } else if pages >= WORTH_IT
            && !self.busy.swap(true, Ordering::AcqRel)
            && let Some(wake) = &self.wake
        {
            // Full means that the thread has been told already.
            let _ = wake.try_send(());
        }
    }

    /// The last checkpoint; the log is empty afterwards unless somebody still reads.
    pub(super) fn stop(&mut self, connection: &Connection) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // It panics nowhere; and if it did, the checkpoint below does its work.
            let _ = thread.join();
        }
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::debug!(%error, "the log stays; the next start reads it");
        }
    }
}

/// Copies what can be copied without waiting for anybody; pages left over.
fn passive(connection: &Connection) -> Result<usize> {
    let (log, copied): (i64, i64) = connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?)))
        .map_err(failure)?;
    Ok(usize::try_from(log - copied).unwrap_or(0))
}
