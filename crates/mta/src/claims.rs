//! What comes back about our own mail: bounces (RFC 3464) and complaints (RFC 5965), told to the guard.
//!
//! Everything in such a report is a stranger's claim, and a false one could get somebody held. So it counts only for a
//! message that the journal says we accepted, found by what our own Received field says of it: number and time. Who
//! knows these has had the message in hands. One complainant counts once a week for an origin.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sekisho_control::Control;
use sekisho_control::guard::{Outcome, Said};
use sekisho_guard::event::{Event, Report};
use sekisho_message::dsn::{Action, DsnReport};
use sekisho_message::header::Headers;
use sekisho_message::{Time, arf, dsn, trace};
use sekisho_store::Result;
use sekisho_store::journal::{self, Entry, JournalFilter, Kind};
use tokio::sync::Semaphore;

use crate::witness;

/// Reports that are read at once; more than these and those that wait are not read at all.
const AT_ONCE: usize = 2;
/// Largest report that is read, in octets.
const LARGEST: usize = 1 << 20;
/// How far the journal's time may lie from that of the Received field.
const ROOM: Duration = Duration::from_secs(120);
/// Pages of the journal that are looked through for one message.
const PAGES: usize = 5;
/// Recipients of one bounce that count.
const MOST: usize = 50;
/// How long a complainant counts once.
const WEEK: Duration = Duration::from_secs(7 * 86_400);
/// Complainants that are remembered.
const REMEMBERED: usize = 10_000;

/// Reads reports.
pub(crate) struct Claims {
    control: Control,
    hostname: String,
    seats: Arc<Semaphore>,
    /// When somebody last complained about an origin.
    complained: Mutex<HashMap<u64, Time>>,
}

impl Claims {
    pub(crate) fn new(control: Control, hostname: String) -> Arc<Self> {
        Arc::new(Self { control, hostname, seats: Arc::new(Semaphore::new(AT_ONCE)), complained: Mutex::default() })
    }

    /// Reads `message` by and by, when it is a report and there is room. `bounce`: its reverse-path is null.
    pub(crate) fn consider(self: &Arc<Self>, message: Bytes, bounce: bool) {
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else { return };
        let claims = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = claims.read(&message, bounce).await {
                tracing::warn!(%error, "a report about our mail could not be judged");
            }
            drop(seat);
        });
    }

    pub(crate) async fn read(&self, message: &[u8], bounce: bool) -> Result<()> {
        if message.len() > LARGEST {
            return Ok(());
        }
        if let Some(feedback) = arf::parse(message) {
            if ["abuse", "fraud", "virus"].contains(&feedback.kind.as_str()) {
                let complainant = feedback.recipients.first().map_or("", String::as_str);
                return self.complaint(&feedback.original_header, complainant).await;
            }
        } else if bounce && let Some(report) = dsn::parse(message) {
            return self.bounced(&report).await;
        }
        Ok(())
    }

    async fn complaint(&self, header: &[u8], complainant: &str) -> Result<()> {
        let Some(ours) = self.find(header).await? else { return Ok(()) };
        if ours.origin.is_empty() || !self.is_first(&ours.origin, complainant) {
            return Ok(());
        }
        let why = format!("a complaint about {}", ours.message);
        self.control.tell(&ours.origin, Event::Report(Report::Complaint), Some(&why)).await?;
        Ok(())
    }

    async fn bounced(&self, report: &DsnReport) -> Result<()> {
        let Some(ours) = self.find(&report.original_header).await? else { return Ok(()) };
        let failed = report.recipients.iter().filter(|to| to.action == Some(Action::Failed)).take(MOST);
        let outcomes: Vec<Outcome> = failed
            .filter_map(|to| {
                let address = to.original.clone().unwrap_or_else(|| to.recipient.clone());
                // What we never wrote to cannot have bounced.
                ours.went_to(&address).then_some(())?;
                let status = to.status.as_deref().unwrap_or_default();
                let said = witness::verdict(status, to.diagnostic.as_deref().unwrap_or_default())?;
                let provider = witness::domain(&address).to_owned();
                Some(Outcome { origin: ours.origin.clone(), received: ours.received, address, provider, said })
            })
            .collect();
        debug_assert!(outcomes.iter().all(|outcome| outcome.said != Said::Taken));
        self.control.tell_outcomes(outcomes).await
    }

    /// The message of ours that a returned header is of.
    async fn find(&self, header: &[u8]) -> Result<Option<Ours>> {
        for field in Headers::of(header).all("Received") {
            let received = trace::parse_received(&field.unfolded());
            let by_us = received.by.as_deref().is_some_and(|by| by.eq_ignore_ascii_case(&self.hostname));
            let (Some(id), Some(at), true) = (received.id, received.at, by_us) else { continue };
            if let Some(entry) = self.accepted(id, at).await? {
                return Ok(Ours::of(&entry));
            }
        }
        Ok(None)
    }

    /// The journal's entry of a message that was accepted at about `at`.
    async fn accepted(&self, id: String, at: Time) -> Result<Option<Entry>> {
        let filter = JournalFilter {
            kinds: vec![Kind::In],
            message: Some(id),
            since: Some(at - ROOM),
            until: Some(at + ROOM),
            ..JournalFilter::default()
        };
        let mut after = 0;
        for _ in 0..PAGES {
            let wanted = filter.clone();
            let page = self.control.store().read(move |tx| journal::query(tx, &wanted, after, 1)).await?;
            if let Some((_, entry)) = page.entries.into_iter().next() {
                return Ok(Some(entry));
            }
            if page.end {
                break;
            }
            after = page.next;
        }
        Ok(None)
    }

    /// Whether somebody complains about an origin for the first time in a week. Without a name all are one.
    fn is_first(&self, origin: &str, complainant: &str) -> bool {
        let who = self.control.guard().hash(origin.as_bytes(), complainant.to_lowercase().as_bytes());
        let now = self.control.now();
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.get(&who).is_some_and(|last| now.since(*last) < WEEK) {
            return false;
        }
        if complained.len() >= REMEMBERED {
            complained.retain(|_, last| now.since(*last) < WEEK);
            if complained.len() >= REMEMBERED {
                complained.clear();
            }
        }
        complained.insert(who, now);
        true
    }
}

/// A message that we accepted for an origin that answers for it.
struct Ours {
    origin: String,
    message: String,
    received: Time,
    /// Its recipients, as far as the journal names them.
    to: Vec<String>,
    all: u64,
}

impl Ours {
    fn of(entry: &Entry) -> Option<Self> {
        let origin = entry.detail["origin"].as_str()?;
        if !witness::judged(origin) {
            return None;
        }
        let to = entry.detail["to"].as_array()?;
        Some(Self {
            origin: origin.to_owned(),
            message: entry.message.clone()?,
            received: entry.at,
            to: to.iter().filter_map(|one| one.as_str()).map(str::to_lowercase).collect(),
            all: entry.detail["recipients"].as_u64().unwrap_or(0),
        })
    }

    fn went_to(&self, address: &str) -> bool {
        // More than the journal names: the others cannot be told.
        self.all > self.to.len() as u64 || self.to.contains(&address.to_lowercase())
    }
}

#[cfg(test)]
mod tests;
