//! The one writer: many closures, one transaction, one wait for the disk (group commit).
//!
//! Closures run one after the other without savepoints, because nearly all of them
//! succeed. When one fails after it changed something, the transaction is rolled
//! back and the batch runs again with a savepoint around each closure, so that a
//! failure undoes its own changes and nobody else's.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::mpsc;

use super::checkpoint::Checkpointer;
use super::connection::{SqliteTx, failure};
use crate::job::Job;
use crate::{Error, Result};

/// Most closures of one transaction.
const BATCH: usize = 512;

/// How long a transaction may go on taking closures in.
const GATHER: Duration = Duration::from_millis(2);

/// The thread that writes.
pub(super) struct Writer {
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn start(mut connection: Connection, path: &Path, queue: mpsc::Receiver<Box<dyn Job>>) -> Result<Self> {
        let log_pages = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&log_pages);
        connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
                counted.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(failure)?;
        let checkpointer = Checkpointer::start(path)?;
        let mut work = Work { connection, queue, log_pages, checkpointer };
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || work.run())?;
        Ok(Self { thread: Mutex::new(Some(thread)) })
    }

    /// Waits until everything that was handed over is written. The queue must be closed.
    pub(super) fn join(&self) {
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Closures that panic are caught, so there is nothing to learn from the thread's end.
            let _ = thread.join();
        }
    }
}

struct Work {
    connection: Connection,
    queue: mpsc::Receiver<Box<dyn Job>>,
    log_pages: Arc<AtomicUsize>,
    checkpointer: Checkpointer,
}

impl Work {
    fn run(&mut self) {
        while let Some(first) = self.queue.blocking_recv() {
            let mut batch = vec![first];
            let outcome = self.transaction(&mut batch);
            for job in batch {
                job.answer(outcome.clone());
            }
            self.checkpointer.after_commit(&self.connection, self.log_pages.load(Ordering::Relaxed));
        }
        self.checkpointer.stop(&self.connection);
    }

    /// One transaction over `batch` and whatever arrives meanwhile.
    fn transaction(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Result<()> {
        self.say("BEGIN IMMEDIATE")?;
        let outcome = match self.run_plain(batch) {
            Plain::Done => self.say("COMMIT"),
            Plain::Undone => {
                self.roll_back();
                self.run_with_savepoints(batch)
            }
            Plain::Alone => {
                self.roll_back();
                Ok(())
            }
            Plain::Broken(error) => Err(error),
        };
        if outcome.is_err() {
            self.roll_back();
        }
        outcome
    }

    /// Runs the closures as they come, until one fails that changed something.
    fn run_plain(&mut self, batch: &mut Vec<Box<dyn Job>>) -> Plain {
        let began = Instant::now();
        let mut next = 0;
        while let Some(job) = batch.get_mut(next) {
            let before = self.connection.total_changes();
            let result = job.run(&mut SqliteTx::new(&self.connection));
            next += 1;
            if let Err(error) = result {
                if self.connection.is_autocommit() {
                    return Plain::Broken(error);
                }
                if self.connection.total_changes() != before {
                    return if batch.len() == 1 { Plain::Alone } else { Plain::Undone };
                }
            }
            if next == batch.len() && next < BATCH && began.elapsed() < GATHER {
                batch.extend(self.queue.try_recv());
            }
        }
        Plain::Done
    }

    /// Runs the closures again, each so that it can be undone alone.
    fn run_with_savepoints(&mut self, batch: &mut [Box<dyn Job>]) -> Result<()> {
        self.say("BEGIN IMMEDIATE")?;
        for job in batch {
            self.say("SAVEPOINT closure")?;
            if let Err(error) = job.run(&mut SqliteTx::new(&self.connection)) {
                // A full disk may have ended the whole transaction.
                if self.connection.is_autocommit() {
                    return Err(error);
                }
                self.say("ROLLBACK TO closure")?;
            }
            self.say("RELEASE closure")?;
        }
        self.say("COMMIT")
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit()
            && let Err(error) = self.say("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
    }

    fn say(&self, word: &str) -> Result<()> {
        let mut statement = self.connection.prepare_cached(word).map_err(failure)?;
        statement.execute([]).map_err(failure)?;
        Ok(())
    }
}

/// How the first run of a batch ended.
enum Plain {
    /// Ready to commit.
    Done,
    /// A closure failed half way.
    Undone,
    /// The only closure failed half way: there is nobody to protect.
    Alone,
    /// The engine ended the transaction by itself.
    Broken(Error),
}
