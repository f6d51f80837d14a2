//! The connections that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection::{SqliteTx, failure, open_reader};
use crate::engine::ReadJob;
use crate::{Error, Result};

/// Reads at the same time from asynchronous callers. More would not be faster: they share the cores.
const READERS: usize = 6;

/// A pool that opens connections as they are needed and keeps [`READERS`] of them.
pub(super) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let first = open_reader(path)?;
        Ok(Self {
            path: path.to_owned(),
            permits: Arc::new(Semaphore::new(READERS)),
            idle: Mutex::new(Some(vec![first])),
        })
    }

    pub(super) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    /// Runs `read` in a transaction, that is on one snapshot.
    pub(super) fn read(&self, read: ReadJob<'_>) -> Result<()> {
        let connection = self.take()?;
        snapshot(&connection, "BEGIN")?;
        read(&mut SqliteTx::new(&connection));
        let ended = snapshot(&connection, "COMMIT");
        if ended.is_ok() {
            self.give_back(connection);
        }
        ended
    }

    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn take(&self) -> Result<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(connections) = idle.as_mut() else {
            return Err(Error::Unavailable("the store is closed".into()));
        };
        if let Some(connection) = connections.pop() {
            return Ok(connection);
        }
        drop(idle);
        open_reader(&self.path)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = idle.as_mut().filter(|connections| connections.len() < READERS) {
            connections.push(connection);
        }
    }
}

fn snapshot(connection: &Connection, word: &str) -> Result<()> {
    let mut statement = connection.prepare_cached(word).map_err(failure)?;
    statement.execute([]).map_err(failure)?;
    Ok(())
}
