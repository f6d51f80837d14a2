//! Lanes: finding them, and keeping their due time true. The epoch is locked by the caller.

use super::LOCAL;
use crate::{NEVER, Result, Tx, TxExt};

/// The lane of `epoch` to `destination`, made when it is new, for entries that are due at `due`.
/// Whether its due time came nearer: then the epoch's may have too.
pub(super) fn enter(tx: &mut dyn Tx, epoch: i64, destination: &str, due: i64) -> Result<(i64, bool)> {
    let found = tx.one(
        "SELECT id, due, owner FROM lane WHERE epoch = ?1 AND destination = ?2",
        &[epoch.into(), destination.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.opt_text(2)?.is_some())),
    )?;
    let Some((lane, at, leased)) = found else {
        let lane = tx.insert(
            "INSERT INTO lane (epoch, destination, due, claimed) VALUES (?1, ?2, ?3, 0) RETURNING id",
            &[epoch.into(), destination.into(), due.into()],
        )?;
        return Ok((lane, true));
    };
    // While it is leased, its due time is the end of the lease.
    let nearer = due < at && !leased;
    if nearer {
        tx.execute("UPDATE lane SET due = ?2 WHERE id = ?1", &[lane.into(), due.into()])?;
    }
    Ok((lane, nearer))
}

/// Makes the due time of a lane that nobody leases that of its earliest entry; an empty one goes.
pub(super) fn refresh(tx: &mut dyn Tx, lane: i64) -> Result<()> {
    let earliest = tx.one("SELECT MIN(due) FROM recipient WHERE lane = ?1", &[lane.into()], |row| row.opt_int(0))?;
    match earliest.flatten() {
        Some(due) => {
            tx.execute(
                "UPDATE lane SET due = ?2 WHERE id = ?1 AND due <> ?2 AND owner IS NULL",
                &[lane.into(), due.into()],
            )?;
        }
        None => {
            let gone = tx.execute(
                "DELETE FROM lane WHERE id = ?1 AND owner IS NULL AND destination <> ?2",
                &[lane.into(), LOCAL.into()],
            )?;
            if gone == 0 {
                tx.execute("UPDATE lane SET due = ?2 WHERE id = ?1 AND owner IS NULL", &[lane.into(), NEVER.into()])?;
            }
        }
    }
    Ok(())
}

/// Ends the lease of a lane.
pub(super) fn give_back(tx: &mut dyn Tx, lane: i64) -> Result<()> {
    tx.execute("UPDATE lane SET owner = NULL, claimed = 0 WHERE id = ?1", &[lane.into()])?;
    refresh(tx, lane)
}

/// Makes the due time of an epoch that of its earliest lane.
pub(super) fn refresh_epoch(tx: &mut dyn Tx, epoch: i64) -> Result<()> {
    tx.execute(
        "UPDATE epoch SET next_due = COALESCE((SELECT MIN(due) FROM lane WHERE epoch = ?1), ?2) WHERE id = ?1",
        &[epoch.into(), NEVER.into()],
    )?;
    Ok(())
}
