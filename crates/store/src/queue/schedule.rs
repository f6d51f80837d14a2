//! What is due, and leases.

use sekisho_message::Time;

use super::lane::{give_back, refresh, refresh_epoch};
use super::origin::lock_epoch;
use super::{Entry, LaneRef, LaneWork, Stage};
use crate::{ContentId, EpochId, LaneId, NEVER, OriginId, RecipientId, Result, Row, Tx, TxExt};

/// Up to `limit` due lanes that nobody leases, fair between origins: first one lane of each epoch,
/// the longest due first, then the second of each, and so on.
///
/// # Errors
/// What the engine reports.
pub fn due_lanes(tx: &mut dyn Tx, now: Time, limit: u32) -> Result<Vec<LaneRef>> {
    let epochs = tx.all(
        "SELECT e.id, e.origin, o.key FROM epoch e JOIN origin o ON o.id = e.origin
         WHERE e.held = 0 AND e.next_due <= ?1 ORDER BY e.next_due LIMIT ?2",
        &[now.into(), limit.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.text(2)?.to_owned())),
    )?;
    let mut columns = Vec::with_capacity(epochs.len());
    for (epoch, origin, key) in epochs {
        let lanes = tx.all(
            "SELECT id, destination FROM lane WHERE epoch = ?1 AND due <= ?2 ORDER BY due LIMIT ?3",
            &[epoch.into(), now.into(), limit.into()],
            |row| {
                Ok(LaneRef {
                    lane: LaneId(row.int(0)?),
                    epoch: EpochId(epoch),
                    origin: OriginId(origin),
                    origin_key: key.clone(),
                    destination: row.text(1)?.to_owned(),
                })
            },
        )?;
        columns.push(lanes.into_iter());
    }
    let limit = limit as usize;
    let mut fair = Vec::new();
    while fair.len() < limit {
        let before = fair.len();
        fair.extend(columns.iter_mut().filter_map(Iterator::next).take(limit - before));
        if fair.len() == before {
            break;
        }
    }
    Ok(fair)
}

/// Leases a due lane to `node` until `until` and answers up to `limit` of its due entries, the longest due first.
/// None when it is not due, leased to somebody, held, or gone.
///
/// # Errors
/// What the engine reports.
pub fn claim(
    tx: &mut dyn Tx,
    node: &str,
    lane: LaneId,
    now: Time,
    until: Time,
    limit: u32,
) -> Result<Option<LaneWork>> {
    let place = tx.one(
        "SELECT l.epoch, l.destination, o.key FROM lane l JOIN epoch e ON e.id = l.epoch
             JOIN origin o ON o.id = e.origin WHERE l.id = ?1",
        &[lane.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.text(2)?.to_owned())),
    )?;
    let Some((epoch, destination, origin)) = place else { return Ok(None) };
    if lock_epoch(tx, epoch)? != Some(false) {
        return Ok(None);
    }
    // Due means that nobody leases it, or that a lease has run out.
    let due = tx.one("SELECT due FROM lane WHERE id = ?1", &[lane.into()], |row| row.int(0))?;
    if due.is_none_or(|due| due > now.micros()) {
        return Ok(None);
    }
    let entries = tx.all(ENTRIES, &[lane.into(), now.into(), limit.into()], |row| entry(row, &origin))?;
    if entries.is_empty() {
        give_back(tx, lane.0)?;
        refresh_epoch(tx, epoch)?;
        return Ok(None);
    }
    tx.execute(
        "UPDATE lane SET owner = ?2, due = ?3, claimed = ?4 WHERE id = ?1",
        &[lane.into(), node.into(), until.into(), entries.len().into()],
    )?;
    refresh_epoch(tx, epoch)?;
    Ok(Some(LaneWork { lane, destination, entries }))
}

/// Extends a lease until `until`; false when it was lost.
///
/// # Errors
/// What the engine reports.
pub fn renew(tx: &mut dyn Tx, node: &str, lane: LaneId, until: Time) -> Result<bool> {
    let epoch = tx.one("SELECT epoch FROM lane WHERE id = ?1", &[lane.into()], |row| row.int(0))?;
    let Some(epoch) = epoch else { return Ok(false) };
    lock_epoch(tx, epoch)?;
    let renewed =
        tx.execute("UPDATE lane SET due = ?3 WHERE id = ?1 AND owner = ?2", &[lane.into(), node.into(), until.into()])?;
    refresh_epoch(tx, epoch)?;
    Ok(renewed > 0)
}

/// When the next lane that is not held is due, or a lease of one ends. None when nothing is queued that will
/// ever be due by itself.
///
/// # Errors
/// What the engine reports.
pub fn next_due(tx: &mut dyn Tx) -> Result<Option<Time>> {
    let next = tx.one("SELECT next_due FROM epoch WHERE held = 0 ORDER BY next_due LIMIT 1", &[], |row| row.int(0))?;
    Ok(next.filter(|due| *due < NEVER).map(Time))
}

/// Gives back all leases of `node`, at its start; how many.
///
/// # Errors
/// What the engine reports.
pub fn release_leases(tx: &mut dyn Tx, node: &str) -> Result<u64> {
    let leased = tx.all("SELECT epoch, id FROM lane WHERE owner = ?1 ORDER BY epoch, id", &[node.into()], |row| {
        Ok((row.int(0)?, row.int(1)?))
    })?;
    let mut locked = None;
    for (epoch, lane) in &leased {
        if locked != Some(*epoch) {
            if let Some(done) = locked {
                refresh_epoch(tx, done)?;
            }
            lock_epoch(tx, *epoch)?;
            locked = Some(*epoch);
        }
        tx.execute(
            "UPDATE lane SET owner = NULL, claimed = 0 WHERE id = ?1 AND owner = ?2",
            &[(*lane).into(), node.into()],
        )?;
        refresh(tx, *lane)?;
    }
    if let Some(done) = locked {
        refresh_epoch(tx, done)?;
    }
    Ok(leased.len() as u64)
}

/// The due entries of a lane with what is needed of their messages.
const ENTRIES: &str = "SELECT r.id, r.address, r.stage, r.notify, r.orcpt, r.attempts, r.warned, r.code, r.reply,
        m.content, m.size, m.relay_offset, m.reverse_path, m.dsn_ret, m.dsn_envid, m.smtputf8, m.eightbit,
        m.received, m.account, m.network, m.message_id_header
    FROM recipient r JOIN message m ON m.id = (r.id >> 20)
    WHERE r.lane = ?1 AND r.due <= ?2 ORDER BY r.due LIMIT ?3";

fn entry(row: &dyn Row, origin: &str) -> Result<Entry> {
    let own = |text: Option<&str>| text.map(ToOwned::to_owned);
    let id = RecipientId(row.int(0)?);
    Ok(Entry {
        id,
        message: id.message(),
        address: row.text(1)?.to_owned(),
        stage: Stage::stored(row.int(2)?)?,
        notify: u8::try_from(row.int(3)?).unwrap_or(0),
        orcpt: own(row.opt_text(4)?),
        attempts: u32::try_from(row.int(5)?).unwrap_or(u32::MAX),
        warned: row.flag(6)?,
        code: row.opt_int(7)?.and_then(|code| u16::try_from(code).ok()),
        reply: own(row.opt_text(8)?),
        content: ContentId(row.int(9)?),
        size: row.count(10)?,
        relay_offset: u32::try_from(row.int(11)?).unwrap_or(0),
        reverse_path: own(row.opt_text(12)?),
        dsn_ret: own(row.opt_text(13)?),
        dsn_envid: own(row.opt_text(14)?),
        smtputf8: row.flag(15)?,
        eightbit: row.flag(16)?,
        received: Time(row.int(17)?),
        origin: origin.to_owned(),
        account: own(row.opt_text(18)?),
        network: row.text(19)?.to_owned(),
        message_id_header: row.text(20)?.to_owned(),
    })
}
