//! The seam between the store and its two engines.

use crate::job::Job;
use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::store::Notifications;
use crate::{Error, Result, Tx};

/// A closure that reads.
pub(crate) type ReadJob<'a> = &'a mut (dyn FnMut(&mut dyn Tx) + Send);

/// An open engine.
pub(crate) enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Backend {
    /// Opens the engine that `url` names and brings its tables up to date.
    pub(crate) fn open(url: &str) -> Result<Self> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Self::Sqlite(Sqlite::open(path.as_ref())?));
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Ok(Self::Postgres(Postgres::open(url)?));
        }
        Err(Error::Conflict("a store URL starts with sqlite: or postgres:".into()))
    }

    /// Hands a write over; waits while too many are waiting.
    pub(crate) async fn submit(&self, job: Box<dyn Job>) -> Result<()> {
        match self {
            Self::Sqlite(engine) => engine.submit(job).await,
            Self::Postgres(engine) => engine.submit(job).await,
        }
    }

    /// Waits until a connection for reading is likely to be free.
    pub(crate) async fn reading_permit(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let permits = match self {
            Self::Sqlite(engine) => engine.reading_permits(),
            Self::Postgres(engine) => engine.reading_permits(),
        };
        permits.acquire_owned().await.ok()
    }

    /// Runs `read` once on a consistent snapshot; blocks.
    pub(crate) fn read(&self, read: ReadJob<'_>) -> Result<()> {
        match self {
            Self::Sqlite(engine) => engine.read(read),
            Self::Postgres(engine) => engine.read(read),
        }
    }

    /// Finishes what is in flight; blocks.
    pub(crate) fn close(&self) {
        match self {
            Self::Sqlite(engine) => engine.close(),
            Self::Postgres(engine) => engine.close(),
        }
    }

    /// What nodes tell each other; silent on SQLite.
    pub(crate) fn notifications(&self) -> Notifications {
        match self {
            Self::Sqlite(engine) => engine.notifications(),
            Self::Postgres(engine) => engine.notifications(),
        }
    }
}
