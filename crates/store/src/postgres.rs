//! The engine for several nodes: a PostgreSQL server, or what speaks its protocol.
//!
//! A few threads take writes, each in a transaction of its own; the server gathers their commits.
//! Conflicts between transactions (a serialization failure, a deadlock) and lost connections are
//! tried again. Connections are not encrypted: use a Unix socket, a private network or a tunnel.

mod connection;
mod listen;
mod row;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, broadcast, mpsc};

use crate::engine::ReadJob;
use crate::job::Job;
use crate::{Error, Result, Tx};

use connection::Connector;
use writer::Writers;

/// Writes that may wait before callers are made to wait for room.
const WAITING: usize = 4_096;

/// Reads at the same time.
const READERS: usize = 8;

/// The channel of LISTEN and NOTIFY.
const CHANNEL: &str = "sekisho";

/// An open PostgreSQL store.
pub(crate) struct Postgres {
    connector: Arc<Connector>,
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    writers: Writers,
    permits: Arc<Semaphore>,
    heard: broadcast::Sender<String>,
    /// Drives the connections' sockets.
    runtime: Mutex<Option<Runtime>>,
}

impl Postgres {
    /// Connects to the server that `url` names and brings the tables up to date.
    pub(crate) fn open(url: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store-postgres")
            .enable_all()
            .build()?;
        let connector = Arc::new(Connector::new(url, runtime.handle().clone())?);
        connector.write(&mut |tx| {
            // Two nodes may start at once.
            tx.query("SELECT pg_advisory_xact_lock(5358)::TEXT", &[], &mut |_| Ok(()))?;
            crate::migrate::run(tx)
        })?;
        let (heard, _) = broadcast::channel(1_024);
        listen::spawn(&runtime, Arc::clone(&connector), heard.clone());
        let (queue, waiting) = mpsc::channel(WAITING);
        let writers = Writers::start(&connector, waiting)?;
        Ok(Self {
            connector,
            queue: Mutex::new(Some(queue)),
            writers,
            permits: Arc::new(Semaphore::new(READERS)),
            heard,
            runtime: Mutex::new(Some(runtime)),
        })
    }

    pub(crate) async fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        queue.ok_or_else(closed)?.send(job).await.map_err(|_| closed())
    }

    pub(crate) fn reading_permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.permits)
    }

    pub(crate) fn read(&self, read: ReadJob<'_>) -> Result<()> {
        self.connector.read(read)
    }

    pub(crate) fn notifications(&self) -> broadcast::Receiver<String> {
        self.heard.subscribe()
    }

    pub(crate) fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.writers.join();
        self.connector.close();
        if let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A runtime that is dropped inside another one panics unless it is told not to wait.
        if let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

/// Tells all nodes when the transaction commits.
pub(crate) fn notify(tx: &mut dyn Tx, payload: &str) -> Result<()> {
    tx.query("SELECT pg_notify(?1, ?2)::TEXT", &[CHANNEL.into(), payload.into()], &mut |_| Ok(()))
}

fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}
