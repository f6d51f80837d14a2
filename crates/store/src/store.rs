//! The store as everybody else holds it.

use std::fmt;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use bytes::Bytes;

use crate::blob::Blobs;
use crate::engine::Backend;
use crate::job::{guarded, job};
use crate::numbers::Numbers;
use crate::{ContentId, Error, MessageId, Result, Staging, Summary, Tx, content};

/// Where the store is and who is using it.
#[derive(Clone)]
pub struct Settings {
    /// `sqlite:PATH` or `postgres://user:password@host/database`.
    pub url: String,
    /// Folder for bodies that are too large for the database; nodes that share a store share it.
    pub blobs: PathBuf,
    /// Name of this node, unique among the nodes that share the store; the owner of its leases.
    pub node: String,
}

impl fmt::Debug for Settings {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("blobs", &self.blobs).field("node", &self.node).finish_non_exhaustive()
    }
}

/// Payloads of [`Store::notify`], from this node and the others.
pub type Notifications = tokio::sync::broadcast::Receiver<String>;

/// The store. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    blobs: Arc<Blobs>,
    numbers: Numbers,
    node: String,
    /// Writes that were asked for.
    writes: AtomicU64,
}

impl Store {
    /// Opens the store, making or migrating its tables as needed. Blocks for some milliseconds.
    ///
    /// # Errors
    /// A URL of another kind, an engine that cannot be reached, tables of a newer release.
    pub fn open(settings: &Settings) -> Result<Self> {
        let blobs = Arc::new(Blobs::open(&settings.blobs)?);
        let backend = Backend::open(&settings.url)?;
        let node = settings.node.clone();
        Ok(Self {
            inner: Arc::new(Inner { backend, blobs, numbers: Numbers::default(), node, writes: AtomicU64::new(0) }),
        })
    }

    /// Runs `f` in a transaction that is durable when this returns. `f` may run more than once
    /// (after a conflict, or because a neighbour in the same commit failed); only the changes of its last run stay.
    ///
    /// # Errors
    /// What `f` answers, and what the engine reports. Nothing was changed then.
    pub async fn write<T: Send + 'static>(&self, f: impl Fn(&mut dyn Tx) -> Result<T> + Send + 'static) -> Result<T> {
        let (job, answer) = job(f);
        self.inner.writes.fetch_add(1, Ordering::Relaxed);
        self.inner.backend.submit(job).await?;
        answer.await.map_err(|_| closed())?
    }

    /// Runs `f` on a consistent snapshot, on a thread that may block.
    ///
    /// # Errors
    /// What `f` answers, and what the engine reports.
    pub async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.inner.backend.reading_permit().await;
        let store = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let result = store.read_blocking(f);
            drop(permit);
            result
        });
        reading.await.map_err(|error| Error::Engine(error.to_string()))?
    }

    /// [`Store::read`] of a few rows by their keys. The embedded engine answers that sooner than another thread could be
    /// woken, so it is asked right here; a server is asked as by [`Store::read`].
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn look<T: Send + 'static>(
        &self,
        f: impl FnOnce(&mut dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        match &self.inner.backend {
            Backend::Sqlite(_) => self.read_blocking(f),
            Backend::Postgres(_) => self.read(f).await,
        }
    }

    /// How many writes this process has asked for: by how fast that grows, work that can wait sees that others are busy.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.inner.writes.load(Ordering::Relaxed)
    }

    /// [`Store::write`] for threads that may block.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T: Send + 'static>(
        &self,
        f: impl Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        wait(self.write(f))
    }

    /// [`Store::read`] for threads that may block.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T: Send>(&self, f: impl FnOnce(&mut dyn Tx) -> Result<T> + Send) -> Result<T> {
        let mut f = Some(f);
        let mut result = None;
        self.inner.backend.read(&mut |tx| {
            if let Some(f) = f.take() {
                result = Some(guarded(|| f(tx)));
            }
        })?;
        result.unwrap_or_else(|| Err(Error::Engine("a read was never run".into())))
    }

    /// A body under construction.
    #[must_use]
    pub fn stage(&self) -> Staging {
        Staging::new(Arc::clone(&self.inner.blobs))
    }

    /// The bytes of a stored body.
    ///
    /// # Errors
    /// `NotFound` when there is no such body, `Corrupt` when its file is missing.
    pub async fn content(&self, id: ContentId) -> Result<Bytes> {
        let blobs = Arc::clone(&self.inner.blobs);
        self.read(move |tx| content::bytes(tx, &blobs, id)).await
    }

    /// [`Store::content`] for threads that may block.
    ///
    /// # Errors
    /// As [`Store::content`].
    pub fn content_blocking(&self, id: ContentId) -> Result<Bytes> {
        let blobs = Arc::clone(&self.inner.blobs);
        self.read_blocking(move |tx| content::bytes(tx, &blobs, id))
    }

    /// Reads bodies within a transaction, for those who read many.
    #[must_use]
    pub fn bodies(&self) -> content::Bodies {
        content::Bodies::new(Arc::clone(&self.inner.blobs))
    }

    /// The summary of a stored body, computed and stored now if that was not done at its arrival.
    ///
    /// # Errors
    /// As [`Store::content`] and [`Store::write`].
    pub async fn summarize(&self, id: ContentId) -> Result<Summary> {
        if let Some(summary) = self.read(move |tx| content::summary(tx, id)).await? {
            return Ok(summary);
        }
        let body = self.content(id).await?;
        let summary = Summary::of(&body);
        let stored = summary.clone();
        self.write(move |tx| content::set_summary(tx, id, &stored)).await?;
        Ok(summary)
    }

    /// An id that no message ever had. Waits for the disk once in some thousand calls only.
    ///
    /// When the store cannot be written at all, ids of the last reserved block come again: accepting
    /// with them fails as any write does.
    #[must_use]
    pub fn next_message_id(&self) -> MessageId {
        self.inner.numbers.next(self)
    }

    /// The name of this node.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.inner.node
    }

    /// Tells every node that shares the store, this one included. Does nothing on SQLite, which one node uses.
    ///
    /// # Errors
    /// When the engine cannot be reached, or `payload` exceeds 7,999 octets.
    pub async fn notify(&self, payload: &str) -> Result<()> {
        match &self.inner.backend {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(_) => {
                let payload = payload.to_owned();
                self.write(move |tx| crate::postgres::notify(tx, &payload)).await
            }
        }
    }

    /// What nodes tell with [`Store::notify`]; silent on SQLite.
    #[must_use]
    pub fn notifications(&self) -> Notifications {
        self.inner.backend.notifications()
    }

    /// Deletes up to `limit` bodies that nothing refers to any more, and takes away up to `limit` references of expunged
    /// messages; how many of what was more. Call now and then until 0.
    /// When there are none it looks through one folder of body files for leftovers of a crash.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn collect_garbage(&self, limit: u32) -> Result<u32> {
        content::collect(self, &self.inner.blobs, limit).await
    }

    /// Finishes what is in flight and closes the engine; everything answers `Unavailable` afterwards.
    pub async fn close(&self) {
        let store = self.clone();
        let closing = tokio::task::spawn_blocking(move || store.close_blocking());
        if closing.await.is_err() {
            tracing::error!("closing the store panicked");
        }
    }

    /// [`Store::close`] for threads that may block.
    pub fn close_blocking(&self) {
        self.inner.backend.close();
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.inner.backend
    }

    pub(crate) fn numbers(&self) -> &Numbers {
        &self.inner.numbers
    }

    pub(crate) fn blobs(&self) -> &Arc<Blobs> {
        &self.inner.blobs
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("node", &self.inner.node).finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}

/// Waits for a future that needs no runtime, from any thread.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // A thread that blocks within a task would never get a new budget from the runtime.
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}
