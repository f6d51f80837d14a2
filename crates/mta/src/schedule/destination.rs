//! One destination: what waits for it, how many connections it gets, how it is doing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sekisho_message::Time;
use sekisho_store::OriginId;
use tokio::sync::Notify;

use super::feedback::{Feedback, Limits};
use super::job::Job;
use super::turns::Turns;
use crate::relay::{Attempt, Route};

/// Which way mail goes.
#[derive(Clone, Debug)]
pub enum Way {
    /// By a static route.
    Route(Arc<Route>),
    /// By the MX records of this domain or address literal.
    Mx(String),
}

/// One destination.
#[derive(Debug)]
pub struct Destination {
    /// Which way it is reached.
    pub way: Way,
    state: Mutex<State>,
    work: Notify,
}

#[derive(Debug)]
struct State {
    feedback: Feedback,
    waiting: Turns<OriginId, Job>,
    /// Connections: those being made, busy and idle.
    open: u32,
    /// Connections that wait for work.
    idle: u32,
    /// Queued for a connection out of the common stock.
    hungry: bool,
    /// Delivery is paused: nothing is begun.
    closed: bool,
    /// Why it rests.
    trouble: Option<Attempt>,
}

/// What [`Destination::reserve`] answers.
#[derive(Debug)]
pub enum Reserve<S> {
    /// One more connection, to begin with this job.
    Connect(Job, Seat, S),
    /// There is no need for one, or no room.
    Enough,
    /// One would be of use, and the stock has none for this owner.
    Hungry {
        /// Whose work waits.
        owner: OriginId,
        /// The destination is not queued for one yet.
        first: bool,
    },
}

impl Destination {
    /// A destination about which nothing is known.
    #[must_use]
    pub fn new(way: Way, limits: Limits) -> Self {
        let state = State {
            feedback: Feedback::new(limits),
            waiting: Turns::default(),
            open: 0,
            idle: 0,
            hungry: false,
            closed: false,
            trouble: None,
        };
        Self { way, state: Mutex::new(state), work: Notify::new() }
    }

    /// Why nobody connects at `now`, while the destination rests.
    #[must_use]
    pub fn resting(&self, now: Time) -> Option<Attempt> {
        let state = self.state();
        let until = state.feedback.resting(now)?;
        let trouble = state.trouble.clone();
        Some(trouble.unwrap_or_else(|| Attempt::deferred("4.4.1", "host unreachable")).not_before(until))
    }

    /// Adds jobs.
    pub fn offer(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut state = self.state();
        let mut added = 0u32;
        for job in jobs {
            state.waiting.push(job.origin(), job);
            added += 1;
        }
        let wake = added.min(state.idle);
        drop(state);
        for _ in 0..wake {
            self.work.notify_one();
        }
    }

    /// Puts a job back to the front: its connection broke before the job was begun.
    pub fn give_back(&self, job: Job) {
        self.state().waiting.push_front(job.origin(), job);
        self.work.notify_one();
    }

    /// Opens one more connection if it is of use at `now` and `stock` has one for the owner of the next job.
    pub fn reserve<S>(self: &Arc<Self>, now: Time, stock: impl FnOnce(OriginId) -> Option<S>) -> Reserve<S> {
        let mut state = self.state();
        if state.closed || state.open >= state.feedback.window(now) || state.waiting.len() <= state.idle as usize {
            return Reserve::Enough;
        }
        let Some(owner) = state.waiting.next_owner() else { return Reserve::Enough };
        let Some(share) = stock(owner) else {
            let first = !std::mem::replace(&mut state.hungry, true);
            return Reserve::Hungry { owner, first };
        };
        let Some(job) = state.waiting.pop() else { return Reserve::Enough };
        state.open += 1;
        drop(state);
        Reserve::Connect(job, Seat(Arc::clone(self)), share)
    }

    /// The destination is no longer queued for a connection.
    pub fn fed(&self) {
        self.state().hungry = false;
    }

    /// The next job, if one waits and work may begin.
    pub fn take(&self) -> Option<Job> {
        let mut state = self.state();
        if state.closed { None } else { state.waiting.pop() }
    }

    /// Waits for a job on behalf of an idle connection; none when it should close. Cancel-safe.
    pub async fn next(&self) -> Option<Job> {
        let _idle = Idle::new(self);
        loop {
            let news = self.work.notified();
            {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                if let Some(job) = state.waiting.pop() {
                    return Some(job);
                }
            }
            news.await;
        }
    }

    /// How many jobs of one origin wait.
    #[must_use]
    pub fn waiting_of(&self, origin: OriginId) -> usize {
        self.state().waiting.len_of(origin)
    }

    /// How many jobs wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// How many connections are open or being made.
    #[must_use]
    pub fn open(&self) -> u32 {
        self.state().open
    }

    /// Takes back all jobs that are not begun. With `close`, idle connections end and nothing is begun until
    /// [`Destination::reopen`].
    #[must_use]
    pub fn withdraw(&self, close: bool) -> Vec<Job> {
        let mut state = self.state();
        let jobs = state.waiting.drain();
        if close {
            state.closed = true;
            drop(state);
            self.work.notify_waiters();
        }
        jobs
    }

    /// Work may begin again.
    pub fn reopen(&self) {
        self.state().closed = false;
    }

    /// A host greeted us.
    pub fn connected(&self) {
        let mut state = self.state();
        state.feedback.connected();
        state.trouble = None;
    }

    /// A transaction went as it should (`true`), or was put off as a whole.
    pub fn finished(&self, well: bool) {
        let mut state = self.state();
        if well {
            state.feedback.succeeded();
        } else {
            state.feedback.deferred();
        }
    }

    /// No host could be reached. When a rest begins with that: the jobs that wait, and what to tell them.
    #[must_use]
    pub fn unreachable(&self, now: Time, why: &Attempt) -> Option<(Vec<Job>, Attempt)> {
        let mut state = self.state();
        let until = state.feedback.unreachable(now)?;
        state.trouble = Some(why.clone());
        Some((state.waiting.drain(), why.clone().not_before(until)))
    }

    /// Whether forgetting the destination loses nothing.
    #[must_use]
    pub fn is_forgettable(&self, now: Time) -> bool {
        let state = self.state();
        state.open == 0 && state.waiting.is_empty() && state.feedback.is_plain(now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for a connection in the destination's window. It is free when this is dropped, which is when the connection
/// takes no more work and not only when it has said goodbye.
#[derive(Debug)]
pub struct Seat(Arc<Destination>);

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open = state.open.saturating_sub(1);
    }
}

/// Counts a connection as idle while it lives.
struct Idle<'a>(&'a Destination);

impl<'a> Idle<'a> {
    fn new(destination: &'a Destination) -> Self {
        destination.state().idle += 1;
        Self(destination)
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.idle = state.idle.saturating_sub(1);
    }
}
