//! Counting the journal as it grows.

use std::collections::BTreeMap;

use sekisho_store::journal::{self, EntryId, JournalFilter};
use sekisho_store::{Result, rounds};

use super::tally::Tally;
use super::{KEPT, hour_of, read_hour};
use crate::Control;

/// Entries that are counted in one step.
const PAGE: u32 = 5_000;
/// Steps of one round: what is left is for the next one.
const STEPS: u32 = 400;

impl Control {
    /// Adds what the journal has got since the last time to the tallies of its hours. Each entry counts once, whichever
    /// node counts it and wherever a crash falls.
    pub(super) async fn count_journal(&self) -> Result<()> {
        for _ in 0..STEPS {
            let from = self.store().read(rounds::cursor).await?;
            let oldest = hour_of(self.now()) - KEPT;
            let page = self.store().read(move |tx| journal::query(tx, &JournalFilter::default(), from, PAGE)).await?;
            let mut hours: BTreeMap<i64, Tally> = BTreeMap::new();
            for (_, entry) in &page.entries {
                let hour = hour_of(entry.at);
                if hour >= oldest {
                    hours.entry(hour).or_default().take(entry);
                }
            }
            self.keep(from, page.next, hours).await?;
            if page.end {
                break;
            }
        }
        Ok(())
    }

    async fn keep(&self, from: EntryId, to: EntryId, hours: BTreeMap<i64, Tally>) -> Result<()> {
        if from == to {
            return Ok(());
        }
        let keep = move |tx: &mut dyn sekisho_store::Tx| {
            if !rounds::advance(tx, from, to)? {
                return Ok(());
            }
            for (hour, more) in &hours {
                let mut tally = read_hour(tx, *hour)?;
                tally.merge(more);
                rounds::set_hour(tx, *hour, &serde_json::to_string(&tally).unwrap_or_default())?;
            }
            Ok(())
        };
        self.store().write(keep).await
    }
}
