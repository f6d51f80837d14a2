//! What leaves the queue: claimed as the scheduler claims it, handed to nobody, and told to the guard.

use std::time::Duration;

use sekisho_control::guard::{Outcome, Said};
use sekisho_guard::drill::prng::Prng;
use sekisho_message::Time;
use sekisho_store::MessageId;
use sekisho_store::queue::{self, Entry};

use super::site::{NODE, Site, refused};
use crate::trouble::Trouble;

/// Lanes and entries that are taken at once.
const LANES: u32 = 256;
const ENTRIES: u32 = 100;

/// What is known of a message that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) hostile: bool,
    pub(super) neighbour: bool,
    /// Share of its first contacts that do not exist.
    pub(super) dead: f64,
}

/// A recipient who was reached.
pub(super) struct Left {
    pub(super) sent: Sent,
    /// Seconds since the message was accepted.
    pub(super) waited: f32,
}

impl Site {
    /// When something leaves next by itself.
    pub(super) async fn next_due(&self) -> Result<Option<Time>, Trouble> {
        let now = self.now();
        let due = self.control.store().read(queue::next_due).await.map_err(refused)?;
        Ok(due.map(|due| due.max(now)))
    }

    /// How many recipients of a message wait.
    pub(super) async fn waiting(&self, message: MessageId) -> Result<u32, Trouble> {
        let now = self.now();
        let shown = self.control.store().read(move |tx| queue::show(tx, message)).await.map_err(refused)?;
        let Some(shown) = shown.filter(|shown| shown.held.is_none()) else { return Ok(0) };
        let waits = shown.recipients.iter().filter(|one| one.due.is_some_and(|due| due > now)).count();
        Ok(u32::try_from(waits).unwrap_or(u32::MAX))
    }

    /// Everything that is due now.
    pub(super) async fn relay(&mut self) -> Result<Vec<Left>, Trouble> {
        let now = self.now();
        let entries = self.control.store().write(move |tx| take(tx, now)).await.map_err(refused)?;
        let (mut left, mut outcomes) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for entry in entries {
            let Some(sent) = self.sent.get(&entry.message).copied() else { continue };
            // Whether somebody exists is the same in every rehearsal of a seed.
            let dead = sent.dead > 0.0 && Prng::new(number(&entry.address)).chance(sent.dead);
            left.push(Left { sent, waited: now.since(entry.received).as_secs_f32() });
            let provider = entry.address.rsplit_once('@').map_or("", |(_, domain)| domain).to_owned();
            let said = if dead { Said::Dead } else { Said::Taken };
            outcomes.push(Outcome {
                origin: entry.origin,
                received: entry.received,
                address: entry.address,
                provider,
                said,
            });
        }
        self.control.tell_outcomes(outcomes).await.map_err(refused)?;
        Ok(left)
    }
}

fn take(tx: &mut dyn sekisho_store::Tx, now: Time) -> sekisho_store::Result<Vec<Entry>> {
    let mut all = Vec::new();
    for lane in queue::due_lanes(tx, now, LANES)? {
        let until = now + Duration::from_secs(60);
        let Some(work) = queue::claim(tx, NODE, lane.lane, now, until, ENTRIES)? else { continue };
        let outcomes: Vec<_> = work.entries.iter().map(|entry| (entry.id, queue::Outcome::Relayed)).collect();
        queue::settle(tx, NODE, lane.lane, &outcomes, now)?;
        all.extend(work.entries);
    }
    Ok(all)
}

/// A number for an address, the same in every rehearsal.
fn number(address: &str) -> u64 {
    address.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}
