//! Our address is on a blocklist: who may have brought it there.

use std::collections::BTreeSet;
use std::time::Duration;

use sekisho_guard::event::{Event, Report};
use sekisho_message::Time;
use sekisho_store::Result;
use sekisho_store::journal::{self, JournalFilter, Kind};

use crate::Control;

/// How far back suspicions count.
const BACK: Duration = Duration::from_secs(86_400);
/// Entries in one question, and how many questions.
const PAGE: (u32, usize) = (1_000, 20);
/// Origins that are told.
const MOST: usize = 50;

impl Control {
    /// Tells the guard that an address by which our mail leaves was newly listed. It counts against those alone who were
    /// suspected anyway within a day: the list does not say who it was.
    pub(crate) async fn tell_listing(&self, now: Time) -> Result<()> {
        let least = f64::from(self.guard().settings().policy.dwell_at);
        let filter = JournalFilter { kinds: vec![Kind::Verdict], since: Some(now - BACK), ..JournalFilter::default() };
        let (mut origins, mut after) = (BTreeSet::new(), 0);
        for _ in 0..PAGE.1 {
            let wanted = filter.clone();
            let page = self.store().read(move |tx| journal::query(tx, &wanted, after, PAGE.0)).await?;
            let suspected = page.entries.iter().map(|(_, entry)| &entry.detail);
            let suspected = suspected.filter(|detail| detail["score"].as_f64().is_some_and(|score| score >= least));
            origins.extend(suspected.filter_map(|detail| detail["origin"].as_str()).map(str::to_owned));
            if page.end {
                break;
            }
            after = page.next;
        }
        for origin in origins.into_iter().take(MOST) {
            self.tell(&origin, Event::Report(Report::Listing), Some("our address is on a blocklist")).await?;
        }
        Ok(())
    }
}
