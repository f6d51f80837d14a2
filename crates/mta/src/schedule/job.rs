//! A transaction to do, which cannot get lost: one that is dropped reports itself.

use std::sync::Arc;

use sekisho_store::queue::Entry;
use sekisho_store::{LaneId, OriginId};
use tokio::sync::mpsc::UnboundedSender;

use crate::relay::Attempt;

/// A claimed batch of one lane.
#[derive(Debug)]
pub struct Flight {
    /// The lane.
    pub lane: LaneId,
    /// The origin that answers for it.
    pub origin: OriginId,
    /// Destination of the lane.
    pub destination: String,
    /// How many entries were claimed and are to be reported.
    pub claimed: usize,
    /// Whether the lane had as many entries as a claim takes, so that there may be more.
    pub full: bool,
}

/// What the ledger hears of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It was tried.
    Tried(Attempt),
    /// It was not, because the destination rests; this is why.
    Resting(Attempt),
    /// Nothing happened to it.
    Untouched,
}

/// News of some entries of a batch.
#[derive(Debug)]
pub struct Report {
    /// The batch.
    pub flight: Arc<Flight>,
    /// The entries and what happened to them.
    pub news: Vec<(Entry, News)>,
}

/// Where reports go.
pub type Reports = UnboundedSender<Report>;

/// One transaction to do: recipients of one message.
#[derive(Debug)]
pub struct Job {
    flight: Arc<Flight>,
    entries: Vec<Entry>,
    reports: Reports,
    /// How often a connection broke before this job was begun on it.
    pub broken: u8,
}

impl Job {
    /// A job of `flight`.
    #[must_use]
    pub fn new(flight: Arc<Flight>, entries: Vec<Entry>, reports: Reports) -> Self {
        Self { flight, entries, reports, broken: 0 }
    }

    /// Its recipients, all of one message.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Who answers for it.
    #[must_use]
    pub fn origin(&self) -> OriginId {
        self.flight.origin
    }

    /// Reports an attempt for each entry, in their order. An entry for which there is none was not tried.
    pub fn report(mut self, mut attempts: impl Iterator<Item = Attempt>) {
        self.send(|| attempts.next().map_or(News::Untouched, News::Tried));
    }

    /// Reports the same attempt for all entries.
    pub fn tried(mut self, attempt: &Attempt) {
        self.send(|| News::Tried(attempt.clone()));
    }

    /// Reports that nothing was tried because of what happened to others.
    pub fn resting(mut self, why: &Attempt) {
        self.send(|| News::Resting(why.clone()));
    }

    fn send(&mut self, mut news: impl FnMut() -> News) {
        let entries = std::mem::take(&mut self.entries);
        if entries.is_empty() {
            return;
        }
        let news = entries.into_iter().map(|entry| (entry, news())).collect();
        // An error says that the ledger is gone; the lease will end by itself.
        let _ = self.reports.send(Report { flight: Arc::clone(&self.flight), news });
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // It goes on, but not at once: whatever failed would fail again.
            self.send(|| News::Tried(Attempt::deferred("4.3.0", "internal error")));
        } else {
            self.send(|| News::Untouched);
        }
    }
}
