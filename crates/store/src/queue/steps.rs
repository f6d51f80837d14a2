//! Acts on many entries, in steps of at most 1,000 that resume where the last one ended.
//!
//! Each step is a transaction of its own: nobody waits long behind it, and a crash between two of them
//! leaves an act half done that can be begun again.

mod release;

use std::collections::BTreeSet;

use sekisho_message::Time;

use super::filter::{Filter, Found, walk};
use super::ledger::Ledger;
use super::origin::lock_epoch;
use super::{Stage, Step, settle};
use crate::{NEVER, RecipientId, Result, Tx};

pub use release::release_step;

/// Most entries that one step changes.
pub const STEP: u32 = 1_000;

/// Counts what `filter` matches, for saying how many of whose messages an act would concern.
///
/// # Errors
/// What the engine reports.
pub fn count_step(tx: &mut dyn Tx, filter: &Filter, after: Option<RecipientId>) -> Result<Step> {
    let (found, next) = walk(tx, filter, after, u32::MAX)?;
    let mut seen = BTreeSet::new();
    let mut step = Step { changed: found.len() as u64, next, ..Step::default() };
    for entry in &found {
        if seen.insert(entry.listed.message) {
            step.bytes += entry.listed.size;
        }
    }
    step.messages = seen.len() as u64;
    Ok(step)
}

/// Puts matching entries in holding until a person releases them.
///
/// # Errors
/// What the engine reports.
pub fn hold_step(tx: &mut dyn Tx, filter: &Filter, after: Option<RecipientId>, limit: u32) -> Result<Step> {
    act(tx, filter, after, limit, |tx, ledger, entry| {
        if entry.stage == Stage::Holding && entry.listed.due.is_none() {
            return Ok(false);
        }
        restage(tx, ledger, entry, Stage::Holding, NEVER)
    })
}

/// Makes matching entries that nobody holds due now.
///
/// # Errors
/// What the engine reports.
pub fn retry_step(tx: &mut dyn Tx, filter: &Filter, after: Option<RecipientId>, limit: u32, now: Time) -> Result<Step> {
    act(tx, filter, after, limit, |tx, ledger, entry| {
        if entry.listed.stage == Stage::Holding || entry.listed.due.is_some_and(|due| due <= now) {
            return Ok(false);
        }
        restage(tx, ledger, entry, entry.stage, now.micros())
    })
}

/// Deletes matching entries, and messages and bodies with their last one.
///
/// # Errors
/// What the engine reports.
pub fn purge_step(tx: &mut dyn Tx, filter: &Filter, after: Option<RecipientId>, limit: u32) -> Result<Step> {
    act(tx, filter, after, limit, |tx, ledger, entry| {
        ledger.touch(entry.epoch, entry.lane);
        settle::remove(tx, ledger, entry.listed.recipient)
    })
}

/// Does `change` to every entry of one step; it answers whether the entry was changed.
fn act(
    tx: &mut dyn Tx,
    filter: &Filter,
    after: Option<RecipientId>,
    limit: u32,
    mut change: impl FnMut(&mut dyn Tx, &mut Ledger, &Found) -> Result<bool>,
) -> Result<Step> {
    let (found, next) = walk(tx, filter, after, limit.clamp(1, STEP))?;
    lock_epochs(tx, &found)?;
    let mut ledger = Ledger::default();
    let mut step = Step { next, ..Step::default() };
    let mut seen = BTreeSet::new();
    for entry in &found {
        if change(tx, &mut ledger, entry)? {
            step.changed += 1;
            if seen.insert(entry.listed.message) {
                step.bytes += entry.listed.size;
            }
        }
    }
    step.messages = seen.len() as u64;
    ledger.enter(tx)?;
    Ok(step)
}

/// Locks the epochs of all entries, always in the same order.
fn lock_epochs(tx: &mut dyn Tx, found: &[Found]) -> Result<()> {
    let epochs: BTreeSet<i64> = found.iter().map(|entry| entry.epoch).collect();
    for epoch in epochs {
        lock_epoch(tx, epoch)?;
    }
    Ok(())
}

/// Gives an entry another stage and due time, unless it was changed since it was found.
fn restage(tx: &mut dyn Tx, ledger: &mut Ledger, entry: &Found, stage: Stage, due: i64) -> Result<bool> {
    let id = entry.listed.recipient;
    let changed = tx.execute(
        "UPDATE recipient SET stage = ?4, due = ?5 WHERE id = ?1 AND lane = ?2 AND stage = ?3",
        &[id.into(), entry.lane.into(), (entry.stage as i64).into(), (stage as i64).into(), due.into()],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    ledger.touch(entry.epoch, entry.lane);
    if stage != entry.stage {
        ledger.note(id, entry.stage, -1);
        ledger.note(id, stage, 1);
    }
    Ok(true)
}
