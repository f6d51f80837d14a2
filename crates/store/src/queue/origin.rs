//! Origins and their current epochs.

use crate::{Error, NEVER, Result, Tx, TxExt};

/// An origin's current epoch, locked until the transaction ends.
#[derive(Clone, Copy)]
pub(super) struct Current {
    pub(super) origin: i64,
    pub(super) epoch: i64,
    pub(super) held: bool,
    pub(super) next_due: i64,
}

/// The current epoch of the origin `key`.
///
/// Whoever changes anything below an epoch (its lanes, messages and recipients) locks the epoch
/// first: so transactions of several nodes wait for each other instead of deadlocking.
pub(super) fn current(tx: &mut dyn Tx, key: &str) -> Result<Option<Current>> {
    tx.one(
        "SELECT o.id, o.epoch, e.held, e.next_due FROM origin o JOIN epoch e ON e.id = o.epoch
         WHERE o.key = ?1 /*lock*/",
        &[key.into()],
        |row| Ok(Current { origin: row.int(0)?, epoch: row.int(1)?, held: row.flag(2)?, next_due: row.int(3)? }),
    )
}

/// [`current`], making the origin when it is new.
pub(super) fn current_or_new(tx: &mut dyn Tx, key: &str) -> Result<Current> {
    if let Some(current) = current(tx, key)? {
        return Ok(current);
    }
    let made = tx.one(
        "INSERT INTO origin (key, epoch) VALUES (?1, 0) ON CONFLICT DO NOTHING RETURNING id",
        &[key.into()],
        |row| row.int(0),
    )?;
    match made {
        Some(origin) => {
            let epoch = add_epoch(tx, origin)?;
            tx.execute("UPDATE origin SET epoch = ?2 WHERE id = ?1", &[origin.into(), epoch.into()])?;
            Ok(Current { origin, epoch, held: false, next_due: NEVER })
        }
        // Another node made it this moment.
        None => current(tx, key)?.ok_or_else(|| Error::Unavailable(format!("the origin {key} is being made"))),
    }
}

/// Locks an epoch; whether it is held. None when it is gone.
pub(super) fn lock_epoch(tx: &mut dyn Tx, epoch: i64) -> Result<Option<bool>> {
    tx.one("SELECT held FROM epoch WHERE id = ?1 /*lock*/", &[epoch.into()], |row| row.flag(0))
}

/// Adds an epoch that is not held.
pub(super) fn add_epoch(tx: &mut dyn Tx, origin: i64) -> Result<i64> {
    tx.insert(
        "INSERT INTO epoch (origin, number, held, next_due, r0, r1, r2, r3, m0, m1, m2, m3, b0, b1, b2, b3,
             messages, bytes)
         SELECT ?1, COALESCE(MAX(number), 0) + 1, 0, ?2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
         FROM epoch WHERE origin = ?1 RETURNING id",
        &[origin.into(), NEVER.into()],
    )
}

/// Recipients that are queued for the origin `key`, in all its epochs.
///
/// # Errors
/// What the engine reports.
pub fn pending(tx: &mut dyn Tx, key: &str) -> Result<u64> {
    let count = tx.one(
        "SELECT CAST(COALESCE(SUM(e.r0 + e.r1 + e.r2 + e.r3), 0) AS BIGINT)
         FROM origin o JOIN epoch e ON e.origin = o.id WHERE o.key = ?1",
        &[key.into()],
        |row| row.count(0),
    )?;
    Ok(count.unwrap_or(0))
}
