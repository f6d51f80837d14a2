//! The embedded engine: one writer with group commit, a few readers, a checkpointer.

mod checkpoint;
mod connection;
mod readers;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::{Semaphore, broadcast, mpsc};

use crate::engine::ReadJob;
use crate::job::Job;
use crate::{Error, Result};

pub(crate) use connection::{SqliteTx, failure, open_plain};
use readers::Readers;
use writer::Writer;

/// Writes that may wait before callers are made to wait for room.
const WAITING: usize = 4_096;

/// An open SQLite store.
pub(crate) struct Sqlite {
    path: PathBuf,
    queue: std::sync::Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    readers: Readers,
    writer: Writer,
    /// Never says anything: there are no other nodes.
    silence: broadcast::Sender<String>,
}

impl Sqlite {
    /// Opens or makes the database at `path` and brings its tables up to date.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let connection = connection::open_writer(path)?;
        connection::migrate(&connection)?;
        let readers = Readers::open(path)?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let writer = Writer::start(connection, path, waiting)?;
        Ok(Self {
            path: path.to_owned(),
            queue: std::sync::Mutex::new(Some(queue)),
            readers,
            writer,
            silence: broadcast::channel(1).0,
        })
    }

    /// Where the database is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) async fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        let queue = self.queue()?;
        queue.send(job).await.map_err(|_| closed())
    }

    pub(crate) fn reading_permits(&self) -> Arc<Semaphore> {
        self.readers.permits()
    }

    pub(crate) fn read(&self, read: ReadJob<'_>) -> Result<()> {
        self.readers.read(read)
    }

    pub(crate) fn notifications(&self) -> broadcast::Receiver<String> {
        self.silence.subscribe()
    }

    pub(crate) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
        self.writer.join();
        self.readers.close();
    }

    fn queue(&self) -> Result<mpsc::Sender<Box<dyn Job>>> {
        let queue = self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        queue.clone().ok_or_else(closed)
    }
}

fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}
