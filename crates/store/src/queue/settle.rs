//! Recording outcomes.

use sekisho_message::Time;

use super::accept::clip;
use super::lane::give_back;
use super::ledger::Ledger;
use super::origin::lock_epoch;
use super::{Outcome, Settled, Stage};
use crate::{LaneId, NEVER, RecipientId, Result, Tx, TxExt};

/// Records outcomes of claimed entries. The lease ends when as many are settled as were claimed;
/// an empty slice ends it at once (nothing was tried).
///
/// What was relayed or delivered is recorded even when the lease was lost meanwhile, because it happened.
///
/// # Errors
/// What the engine reports.
pub fn settle(
    tx: &mut dyn Tx,
    node: &str,
    lane: LaneId,
    outcomes: &[(RecipientId, Outcome)],
    now: Time,
) -> Result<Settled> {
    let mut settled = Settled::default();
    let mut ledger = Ledger::default();
    // A lane never changes its epoch.
    let epoch = tx.one("SELECT epoch FROM lane WHERE id = ?1", &[lane.into()], |row| row.int(0))?;
    if let Some(epoch) = epoch {
        lock_epoch(tx, epoch)?;
        ledger.touch(epoch, lane.0);
    }
    for (id, outcome) in outcomes {
        let known = match outcome {
            Outcome::Relayed | Outcome::Delivered | Outcome::Expanded | Outcome::Failed { .. } => {
                remove(tx, &mut ledger, *id)?
            }
            Outcome::Deferred { until, code, reply, warned } => {
                let until = (*until).max(now);
                defer(tx, &mut ledger, *id, until, *code, reply, *warned)?
            }
            Outcome::Held { code, reply } => keep_back(tx, &mut ledger, *id, *code, reply)?,
        };
        if known { settled.applied += 1 } else { settled.gone += 1 }
    }
    settled.leased = end_lease(tx, node, lane, outcomes.len())?;
    settled.finished = ledger.enter(tx)?.finished;
    Ok(settled)
}

/// Deletes a recipient; false when it was gone.
pub(super) fn remove(tx: &mut dyn Tx, ledger: &mut Ledger, id: RecipientId) -> Result<bool> {
    let stage =
        tx.one("DELETE FROM recipient WHERE id = ?1 RETURNING stage", &[id.into()], |row| Stage::stored(row.int(0)?))?;
    if let Some(stage) = stage {
        ledger.note(id, stage, -1);
    }
    Ok(stage.is_some())
}

fn defer(
    tx: &mut dyn Tx,
    ledger: &mut Ledger,
    id: RecipientId,
    until: Time,
    code: u16,
    reply: &str,
    warned: bool,
) -> Result<bool> {
    // What a person holds stays held, whatever became of an attempt that was under way.
    let place = tx.one(
        "UPDATE recipient SET attempts = attempts + 1, code = ?3, reply = ?4,
             warned = CASE WHEN ?5 = 1 THEN 1 ELSE warned END,
             due = CASE WHEN due = ?6 THEN due ELSE ?2 END
         WHERE id = ?1 RETURNING lane, (SELECT epoch FROM lane WHERE lane.id = recipient.lane)",
        &[
            id.into(),
            until.into(),
            (code > 0).then(|| i64::from(code)).into(),
            clip(reply, 500).into(),
            warned.into(),
            NEVER.into(),
        ],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    if let Some((lane, epoch)) = place {
        ledger.touch(epoch, lane);
    }
    Ok(place.is_some())
}

/// Moves a recipient to holding, where it waits for a person.
fn keep_back(tx: &mut dyn Tx, ledger: &mut Ledger, id: RecipientId, code: u16, reply: &str) -> Result<bool> {
    let stage =
        tx.one("SELECT stage FROM recipient WHERE id = ?1 /*lock*/", &[id.into()], |row| Stage::stored(row.int(0)?))?;
    let Some(stage) = stage else { return Ok(false) };
    let place = tx.one(
        "UPDATE recipient SET attempts = attempts + 1, code = ?2, reply = ?3, stage = ?4, due = ?5
         WHERE id = ?1 RETURNING lane, (SELECT epoch FROM lane WHERE lane.id = recipient.lane)",
        &[
            id.into(),
            (code > 0).then(|| i64::from(code)).into(),
            clip(reply, 500).into(),
            (Stage::Holding as i64).into(),
            NEVER.into(),
        ],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    if let Some((lane, epoch)) = place {
        ledger.touch(epoch, lane);
        ledger.note(id, stage, -1);
        ledger.note(id, Stage::Holding, 1);
    }
    Ok(place.is_some())
}

/// Counts `settled` entries against the lease of `node`; whether there was one. The last one ends it.
fn end_lease(tx: &mut dyn Tx, node: &str, lane: LaneId, settled: usize) -> Result<bool> {
    let left = tx.one(
        "UPDATE lane SET claimed = claimed - ?3 WHERE id = ?1 AND owner = ?2 RETURNING claimed",
        &[lane.into(), node.into(), settled.into()],
        |row| row.int(0),
    )?;
    if left.is_some_and(|left| left <= 0 || settled == 0) {
        give_back(tx, lane.0)?;
    }
    Ok(left.is_some())
}
