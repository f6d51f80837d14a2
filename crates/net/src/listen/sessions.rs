//! The connections that are being served, and how they end together.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tasks that end together. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    tasks: TaskTracker,
    stopping: CancellationToken,
    cut: CancellationToken,
}

impl Sessions {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when stopping begins. Give it to [`Drive::cancel`](crate::drive::Drive::cancel).
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Runs `work` as one of them. A panic in it ends that task and nothing else.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        // On the heap as it is, lest the task keep room for it twice.
        let mut work = Box::pin(work);
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                () = work.as_mut() => {}
                () = cut.cancelled() => {}
            }
        });
    }

    /// How many run.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether none runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Stops: no new connection is accepted, each session is told and may finish what is in
    /// flight for `grace`, then the rest is cut off. How many were cut off.
    pub async fn stop(&self, grace: Duration) -> usize {
        self.tasks.close();
        self.stopping.cancel();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.tasks.len();
        self.cut.cancel();
        self.tasks.wait().await;
        left
    }
}
