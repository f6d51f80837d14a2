//! Holding a whole origin: its epochs are marked, whatever is queued below them.

use sekisho_message::Time;

use super::origin::{add_epoch, current_or_new};
use crate::{EpochId, Error, Result, Row, Tx, TxExt};

/// A held epoch of an origin.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OriginHold {
    /// Key of the origin.
    pub origin: String,
    /// Number of the epoch.
    pub epoch: i64,
    /// Since when.
    pub since: Time,
    /// Why.
    pub reason: String,
    /// Recipients that wait.
    pub recipients: u64,
    /// Messages that wait.
    pub messages: u64,
}

/// Holds everything of an origin, queued and to come: one row an epoch (there is one, or a few after an
/// incident), however much is queued. Makes the origin when it is not known yet. Its current epoch is the answer.
///
/// # Errors
/// What the engine reports.
pub fn hold_origin(tx: &mut dyn Tx, origin: &str, reason: &str, now: Time) -> Result<OriginHold> {
    let current = current_or_new(tx, origin)?;
    tx.execute(
        "UPDATE epoch SET held = 1, held_since = ?2, held_reason = ?3 WHERE origin = ?1 AND held = 0",
        &[current.origin.into(), now.into(), reason.into()],
    )?;
    let hold = tx.one(&format!("{HOLDS} WHERE e.id = ?1"), &[current.epoch.into()], read)?;
    hold.ok_or_else(|| Error::Corrupt(format!("the origin {origin} has no epoch")))
}

/// Releases everything of an origin; false when it was not held.
///
/// # Errors
/// What the engine reports.
pub fn release_origin(tx: &mut dyn Tx, origin: &str) -> Result<bool> {
    let released = tx.execute(
        "UPDATE epoch SET held = 0, held_since = NULL, held_reason = NULL
         WHERE origin = (SELECT id FROM origin WHERE key = ?1) AND held = 1",
        &[origin.into()],
    )?;
    Ok(released > 0)
}

/// Starts a new epoch that is not held: mail to come flows, what is held stays held.
///
/// # Errors
/// What the engine reports.
pub fn new_epoch(tx: &mut dyn Tx, origin: &str) -> Result<EpochId> {
    let current = current_or_new(tx, origin)?;
    let epoch = add_epoch(tx, current.origin)?;
    tx.execute("UPDATE origin SET epoch = ?2 WHERE id = ?1", &[current.origin.into(), epoch.into()])?;
    Ok(EpochId(epoch))
}

/// The held epochs, the longest held first, at most 1,000.
///
/// # Errors
/// What the engine reports.
pub fn holds(tx: &mut dyn Tx) -> Result<Vec<OriginHold>> {
    tx.all(&format!("{HOLDS} WHERE e.held = 1 ORDER BY e.held_since LIMIT 1000"), &[], read)
}

const HOLDS: &str = "SELECT o.key, e.number, e.held_since, e.held_reason, e.r0 + e.r1 + e.r2 + e.r3, e.messages
    FROM epoch e JOIN origin o ON o.id = e.origin";

fn read(row: &dyn Row) -> Result<OriginHold> {
    Ok(OriginHold {
        origin: row.text(0)?.to_owned(),
        epoch: row.int(1)?,
        since: Time(row.opt_int(2)?.unwrap_or(0)),
        reason: row.opt_text(3)?.unwrap_or_default().to_owned(),
        recipients: row.count(4)?,
        messages: row.count(5)?,
    })
}
