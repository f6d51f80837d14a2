//! Releasing: back to where an entry would stand if nothing kept it.
//!
//! Entries of a held epoch go, with their whole message, to an epoch of the same origin that is not held;
//! those of the message's other recipients are kept back there by hand.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_message::Time;

use super::{STEP, lock_epochs, restage};
use crate::queue::filter::{Filter, Found, walk};
use crate::queue::ledger::Ledger;
use crate::queue::origin::{add_epoch, lock_epoch};
use crate::queue::{Stage, Step, lane};
use crate::{EpochId, Error, MessageId, NEVER, RecipientId, Result, Tx, TxExt};

/// Makes matching entries that are held (by hand, by dwell or with their origin) due now.
///
/// # Errors
/// What the engine reports.
pub fn release_step(
    tx: &mut dyn Tx,
    filter: &Filter,
    after: Option<RecipientId>,
    limit: u32,
    now: Time,
) -> Result<Step> {
    let (found, next) = walk(tx, filter, after, limit.clamp(1, STEP))?;
    lock_epochs(tx, &found)?;
    let mut ledger = Ledger::default();
    let mut step = Step { next, ..Step::default() };
    let mut seen = BTreeSet::new();
    let mut of_held: BTreeMap<MessageId, Vec<&Found>> = BTreeMap::new();
    for entry in &found {
        if entry.held {
            of_held.entry(entry.listed.message).or_default().push(entry);
        } else if entry.stage == Stage::Holding {
            let stage = Stage::of_destination(&entry.listed.destination);
            // An attempt may be under way: wait for its end, or the message might go twice.
            let due = entry.leased_until.unwrap_or(now.micros());
            if restage(tx, &mut ledger, entry, stage, due)? {
                step.changed += 1;
                if seen.insert(entry.listed.message) {
                    step.bytes += entry.listed.size;
                }
            }
        }
    }
    step.messages = seen.len() as u64;
    let mut targets = BTreeMap::new();
    for (message, entries) in of_held {
        let Some(first) = entries.first() else { continue };
        let target = match targets.get(&first.epoch) {
            Some(target) => *target,
            None => {
                let target = open_epoch(tx, first.epoch)?;
                targets.insert(first.epoch, target);
                target
            }
        };
        move_message(tx, &mut ledger, message, &entries, target, now)?;
        step.changed += entries.len() as u64;
        step.messages += 1;
        step.bytes += first.listed.size;
    }
    ledger.enter(tx)?;
    Ok(step)
}

/// An epoch of the same origin as `held` that is not held, made when there is none.
fn open_epoch(tx: &mut dyn Tx, held: i64) -> Result<EpochId> {
    let origin = tx.one("SELECT origin FROM epoch WHERE id = ?1", &[held.into()], |row| row.int(0))?;
    let origin = origin.ok_or(Error::NotFound("epoch"))?;
    let open = tx.one(
        "SELECT id FROM epoch WHERE origin = ?1 AND held = 0 ORDER BY number DESC LIMIT 1",
        &[origin.into()],
        |row| row.int(0),
    )?;
    let epoch = match open {
        Some(epoch) => epoch,
        None => add_epoch(tx, origin)?,
    };
    lock_epoch(tx, epoch)?;
    Ok(EpochId(epoch))
}

/// Moves a message to the epoch `target`: `released` become due, its other recipients are kept back by hand.
fn move_message(
    tx: &mut dyn Tx,
    ledger: &mut Ledger,
    message: MessageId,
    released: &[&Found],
    target: EpochId,
    now: Time,
) -> Result<()> {
    let released: BTreeSet<RecipientId> = released.iter().map(|entry| entry.listed.recipient).collect();
    let everyone = tx.all(
        "SELECT r.id, r.stage, l.id, l.destination, l.due, l.owner FROM recipient r JOIN lane l ON l.id = r.lane
         WHERE r.id >= ?1 AND r.id < ?2 ORDER BY r.id",
        &[message.recipient(0).into(), MessageId(message.0 + 1).recipient(0).into()],
        |row| {
            let leased_until = row.opt_text(5)?.map(|_| row.int(4)).transpose()?;
            let id = RecipientId(row.int(0)?);
            Ok((id, Stage::stored(row.int(1)?)?, row.int(2)?, row.text(3)?.to_owned(), leased_until))
        },
    )?;
    let (mut before, mut after) = ([0; 4], [0; 4]);
    let (epoch, size) = tx
        .one("SELECT epoch, size FROM message WHERE id = ?1", &[message.into()], |row| Ok((row.int(0)?, row.int(1)?)))?
        .ok_or(Error::NotFound("message"))?;
    for (id, stage, old_lane, destination, leased_until) in &everyone {
        let (new_stage, due) = if released.contains(id) {
            (Stage::of_destination(destination), leased_until.unwrap_or(now.micros()))
        } else {
            (Stage::Holding, NEVER)
        };
        let (new_lane, _) = lane::enter(tx, target.0, destination, due)?;
        tx.execute(
            "UPDATE recipient SET lane = ?2, stage = ?3, due = ?4 WHERE id = ?1",
            &[(*id).into(), new_lane.into(), (new_stage as i64).into(), due.into()],
        )?;
        before[*stage as usize] += 1;
        after[new_stage as usize] += 1;
        ledger.touch(epoch, *old_lane);
        ledger.touch(target.0, new_lane);
    }
    tx.execute(
        "UPDATE message SET epoch = ?2, p0 = ?3, p1 = ?4, p2 = ?5, p3 = ?6 WHERE id = ?1",
        &[message.into(), target.into(), after[0].into(), after[1].into(), after[2].into(), after[3].into()],
    )?;
    ledger.epoch(epoch).count(before, [0; 4], size);
    ledger.epoch(target.0).count([0; 4], after, size);
    Ok(())
}
