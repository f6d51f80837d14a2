//! How many passwords are hashed at once.
//!
//! Each takes 19 MiB and a core for some 20 ms, which makes hashing a lever for whoever can connect. A few run at a time,
//! some wait, the rest are told to come back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use tokio::sync::{Semaphore, oneshot};

use super::{hash, scram};

/// Logins that may wait for their turn, per running one.
const WAITING_EACH: usize = 64;

/// What came of comparing a password with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    Right {
        /// The hash should be made anew with today's parameters.
        outdated: bool,
    },
    Wrong,
}

/// Too many wait already, or the server is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being verified")]
pub(crate) struct Busy;

type Work = Box<dyn FnOnce() + Send>;

pub(crate) struct Gate {
    running: Semaphore,
    /// To the threads that hash. They are few and always the same, because the system's allocator keeps what each
    /// thread once used: on ever new threads a burst of logins would leave hundreds of MiB behind.
    threads: mpsc::Sender<Work>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
    done: AtomicU64,
}

impl Gate {
    /// Lets `at_once` hashes run at a time.
    pub(crate) fn new(at_once: usize) -> Self {
        let at_once = at_once.max(1);
        Self {
            running: Semaphore::new(at_once),
            threads: start_threads(at_once),
            waiting: Arc::default(),
            most_waiting: at_once * WAITING_EACH,
            done: AtomicU64::new(0),
        }
    }

    pub(crate) async fn check(&self, password: &str, phc: String) -> Result<Checked, Busy> {
        let password = password.to_owned();
        self.blocking(move || {
            if hash::fits(&password, &phc) {
                Checked::Right { outdated: hash::outdated(&password, &phc) }
            } else {
                Checked::Wrong
            }
        })
        .await
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.blocking(move || hash::hash(&password)).await?.map_err(|_| Busy)
    }

    pub(crate) async fn scram(&self, password: &str) -> Result<String, Busy> {
        let password = password.to_owned();
        self.blocking(move || scram::derive(&password)).await?.map_err(|_| Busy)
    }

    /// Hashes made or compared so far.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let turn = Waiting::new(&self.waiting, self.most_waiting).ok_or(Busy)?;
        let _permit = self.running.acquire().await.map_err(|_| Busy)?;
        drop(turn);
        self.done.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        // Nobody listens any more when the session is gone.
        let work = Box::new(move || drop(answer.send(work())));
        self.threads.send(work).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }
}

/// Threads that hash until the gate is gone. Without any of them every login is told to come back.
fn start_threads(count: usize) -> mpsc::Sender<Work> {
    let (threads, work) = mpsc::channel::<Work>();
    let work = Arc::new(Mutex::new(work));
    for n in 0..count {
        let work = Arc::clone(&work);
        let next = move || work.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        // A panic costs its login, not the thread.
        let run = move || std::iter::from_fn(next).for_each(|work| drop(catch_unwind(AssertUnwindSafe(work))));
        if let Err(error) = std::thread::Builder::new().name(format!("password-{n}")).spawn(run) {
            tracing::error!(%error, "cannot start a thread for passwords");
        }
    }
    threads
}

/// Counts one that waits, for as long as it does.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(Arc::clone(count));
        (before < most).then_some(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[tokio::test]
    async fn a_crowd_is_turned_away_and_the_gate_recovers() {
        let gate = Arc::new(Gate::new(1));
        let held = gate.running.acquire().await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..WAITING_EACH {
            let gate = Arc::clone(&gate);
            waiting.push(tokio::spawn(async move { gate.blocking(|| ()).await }));
        }
        while gate.waiting.load(Ordering::Relaxed) < WAITING_EACH {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.blocking(|| ()).await, Err(Busy));
        drop(held);
        for one in waiting {
            assert_eq!(one.await.unwrap(), Ok(()));
        }
        assert_eq!(gate.blocking(|| 7).await, Ok(7));
    }
}
