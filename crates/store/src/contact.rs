//! With whom an origin is in contact: the one bit that tells most about outgoing mail.
//!
//! Origins and peers are keyed hashes; who has the key can ask about an address that he knows, and nobody can list
//! addresses. Each origin's contacts are bounded: those that only ever wrote to it go first, then the oldest.

use std::collections::HashMap;

use sekisho_message::Time;

use crate::{Param, Result, Row, Tx, TxExt};

/// Most contacts of one origin, beside [`SLACK`] that may gather until they are thinned out.
pub const MOST: u64 = 20_000;
/// Contacts that are forgotten at a time.
pub const SLACK: u64 = 1_000;

/// The origin wrote to the peer.
const WRITTEN: i64 = 1;
/// The peer wrote to the origin.
const RECEIVED: i64 = 2;
/// How old the last mark may be before it is renewed: a write a week for each correspondent, not one a message.
const RENEW: i64 = 7 * 86_400_000_000;
/// Peers that one question asks about. Few sizes, so that statements stay prepared.
const SIZES: [usize; 4] = [1, 4, 16, 64];

/// A contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Whether the origin has written to it.
    pub written: bool,
    /// Whether it has written to the origin.
    pub received: bool,
    /// When it became one.
    pub since: Time,
    /// About when mail last went to it.
    pub seen: Time,
}

/// Those of `peers` that are contacts of `origin`: one question for up to 64 peers.
///
/// # Errors
/// What the engine reports.
pub fn known(tx: &mut dyn Tx, origin: i64, peers: &[i64]) -> Result<HashMap<i64, Contact>> {
    let mut found = HashMap::with_capacity(peers.len());
    for chunk in peers.chunks(64) {
        let size = SIZES.into_iter().find(|size| *size >= chunk.len()).unwrap_or(64);
        let places = (2..size + 2).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT peer, how, since, seen FROM contact WHERE origin = ?1 AND peer IN ({places})");
        // What is asked twice is answered once.
        let last = chunk.last().copied().unwrap_or_default();
        let padded = chunk.iter().copied().chain(std::iter::repeat(last)).take(size);
        let params: Vec<Param<'_>> = std::iter::once(origin).chain(padded).map(Param::Int).collect();
        tx.query(&sql, &params, &mut |row| {
            let (peer, contact) = read(row)?;
            found.insert(peer, contact);
            Ok(())
        })?;
    }
    Ok(found)
}

/// Notes that `origin` wrote to `peers` (each once), of which `known` has what [`known()`] answered.
///
/// # Errors
/// What the engine reports.
pub fn wrote(tx: &mut dyn Tx, origin: i64, peers: &[i64], known: &HashMap<i64, Contact>, now: Time) -> Result<()> {
    let mut new = 0;
    for peer in peers {
        match known.get(peer) {
            Some(contact) if contact.written && now.0.saturating_sub(contact.seen.0) < RENEW => {}
            Some(_) => mark(tx, origin, *peer, WRITTEN, now)?,
            None => new += insert(tx, origin, *peer, WRITTEN, now)?,
        }
    }
    count(tx, origin, new)
}

/// Notes that `peer` wrote to `origin`; whether it answers for the first time to somebody who wrote to it.
///
/// # Errors
/// What the engine reports.
pub fn received(tx: &mut dyn Tx, origin: i64, peer: i64, now: Time) -> Result<bool> {
    let sql = "INSERT INTO contact (origin, peer, how, since, seen) VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING";
    let new = tx.execute(sql, &[origin.into(), peer.into(), RECEIVED.into(), now.into()])?;
    count(tx, origin, new)?;
    if new > 0 {
        return Ok(false);
    }
    let sql = "UPDATE contact SET how = ?3 WHERE origin = ?1 AND peer = ?2 AND how = ?4";
    let both = WRITTEN | RECEIVED;
    Ok(tx.execute(sql, &[origin.into(), peer.into(), both.into(), WRITTEN.into()])? > 0)
}

/// How many contacts an origin has.
///
/// # Errors
/// What the engine reports.
pub fn number(tx: &mut dyn Tx, origin: i64) -> Result<u64> {
    let sql = "SELECT contacts FROM contact_count WHERE origin = ?1";
    Ok(tx.one(sql, &[origin.into()], |row| row.count(0))?.unwrap_or(0))
}

/// Forgets at most `limit` contacts of `origin`; how many are left.
///
/// # Errors
/// What the engine reports.
pub fn forget_step(tx: &mut dyn Tx, origin: i64, limit: u64) -> Result<u64> {
    forget(tx, origin, limit)?;
    let left = number(tx, origin)?;
    if left == 0 {
        tx.execute("DELETE FROM contact_count WHERE origin = ?1", &[origin.into()])?;
    }
    Ok(left)
}

/// Gives at most `limit` contacts of `from` to `to`; how many are left.
///
/// # Errors
/// What the engine reports.
pub fn move_step(tx: &mut dyn Tx, from: i64, to: i64, limit: u64) -> Result<u64> {
    let moving = tx.all(
        "SELECT peer, how, since, seen FROM contact WHERE origin = ?1 ORDER BY peer LIMIT ?2",
        &[from.into(), limit.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?)),
    )?;
    let mut new = 0;
    for (peer, how, since, seen) in moving {
        tx.execute("DELETE FROM contact WHERE origin = ?1 AND peer = ?2", &[from.into(), peer.into()])?;
        new += tx.execute(
            "INSERT INTO contact (origin, peer, how, since, seen) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            &[to.into(), peer.into(), how.into(), since.into(), seen.into()],
        )?;
        tx.execute("UPDATE contact_count SET contacts = contacts - 1 WHERE origin = ?1", &[from.into()])?;
    }
    count(tx, to, new)?;
    forget_step(tx, from, 0)
}

fn insert(tx: &mut dyn Tx, origin: i64, peer: i64, how: i64, now: Time) -> Result<u64> {
    let sql = "INSERT INTO contact (origin, peer, how, since, seen) VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING";
    let new = tx.execute(sql, &[origin.into(), peer.into(), how.into(), now.into()])?;
    if new == 0 {
        // Another node noted it this moment.
        mark(tx, origin, peer, how, now)?;
    }
    Ok(new)
}

fn mark(tx: &mut dyn Tx, origin: i64, peer: i64, how: i64, now: Time) -> Result<()> {
    let sql = "UPDATE contact SET how = how | ?3, seen = ?4 WHERE origin = ?1 AND peer = ?2";
    tx.execute(sql, &[origin.into(), peer.into(), how.into(), now.into()])?;
    Ok(())
}

/// Counts new contacts, and thins them out when they are too many.
fn count(tx: &mut dyn Tx, origin: i64, new: u64) -> Result<()> {
    if new == 0 {
        return Ok(());
    }
    let contacts = tx.one(
        "INSERT INTO contact_count (origin, contacts) VALUES (?1, ?2)
         ON CONFLICT (origin) DO UPDATE SET contacts = contact_count.contacts + excluded.contacts RETURNING contacts",
        &[origin.into(), new.into()],
        |row| row.count(0),
    )?;
    if contacts.unwrap_or(0) > MOST + SLACK {
        forget(tx, origin, SLACK)?;
    }
    Ok(())
}

/// Forgets `number` contacts: first those that the origin never wrote to, the oldest first.
fn forget(tx: &mut dyn Tx, origin: i64, number: u64) -> Result<()> {
    let gone = tx.execute(
        "DELETE FROM contact WHERE origin = ?1 AND peer IN
             (SELECT peer FROM contact WHERE origin = ?1 ORDER BY how & 1, seen LIMIT ?2)",
        &[origin.into(), number.into()],
    )?;
    tx.execute("UPDATE contact_count SET contacts = contacts - ?2 WHERE origin = ?1", &[origin.into(), gone.into()])?;
    Ok(())
}

fn read(row: &dyn Row) -> Result<(i64, Contact)> {
    let how = row.int(1)?;
    let contact = Contact {
        written: how & WRITTEN != 0,
        received: how & RECEIVED != 0,
        since: Time(row.int(2)?),
        seen: Time(row.int(3)?),
    };
    Ok((row.int(0)?, contact))
}
