//! Signatures of messages: what texts they cannot hold, so that a search need not read them.
//!
//! A signature ([`sekisho_message::search::Signature`]) is made of all the text of a message, some time after it came
//! into a folder, in steps that nobody waits for: [`step`]. A search asks it first and reads only what it leaves open,
//! so that results are the same with and without. The step also makes the [`Summary`] of a message that has none:
//! mail that came by SMTP.
//!
//! How far a folder is done is in its row (`indexed`), so that work goes on where it stopped.

use sekisho_message::Time;
use sekisho_message::search::Builder;

use crate::content::{self, Bodies};
use crate::{ContentId, Error, MailboxId, Result, Store, Summary, Tx, TxExt, mailbox, meta};

/// Octets of one message's text that are looked through.
pub const TEXT_MAX: usize = 32 * 1024 * 1024;

/// Most messages of one step.
const MESSAGES: usize = 250;
/// Octets of bodies after which a step ends.
const OCTETS: u64 = 4 * 1024 * 1024;
/// Which node does the work, and until when others leave it alone.
const LEASE: &str = "index_lease";
/// How long that is, in microseconds.
const LEASE_TIME: i64 = 30_000_000;

/// What one step found to do.
struct Work {
    mailbox: MailboxId,
    /// UIDs below this one are done when the work is stored.
    done: u32,
    made: Vec<(ContentId, Vec<u8>, Option<Summary>)>,
}

/// Does a piece of the work, if there is any and no other node is at it; whether there may be more. Blocks.
///
/// # Errors
/// What the engine and the disk report. The work is then to be done again.
pub fn step(store: &Store, now: Time) -> Result<bool> {
    let bodies = store.bodies();
    if store.read_blocking(next_mailbox)?.is_none() || !lease(store, now)? {
        return Ok(false);
    }
    let Some(work) = store.read_blocking(|tx| find(tx, &bodies))? else { return Ok(false) };
    store.write_blocking(move |tx| keep(tx, &work))?;
    Ok(true)
}

/// The signature of a body, if it was made.
///
/// # Errors
/// What the engine reports.
pub fn signature(tx: &mut dyn Tx, content: ContentId) -> Result<Option<Vec<u8>>> {
    tx.one("SELECT bits FROM signature WHERE content = ?1", &[content.into()], |row| Ok(row.blob(0)?.to_vec()))
}

/// Octets of all signatures, and how many there are.
///
/// # Errors
/// What the engine reports.
pub fn size(tx: &mut dyn Tx) -> Result<(u64, u64)> {
    let sums =
        tx.one("SELECT CAST(COALESCE(SUM(LENGTH(bits)), 0) AS BIGINT), COUNT(*) FROM signature", &[], |row| {
            Ok((row.count(0)?, row.count(1)?))
        })?;
    Ok(sums.unwrap_or_default())
}

fn next_mailbox(tx: &mut dyn Tx) -> Result<Option<(MailboxId, u32, u32)>> {
    tx.one("SELECT id, indexed, uidnext FROM mailbox WHERE indexed < uidnext ORDER BY id LIMIT 1", &[], |row| {
        Ok((MailboxId(row.int(0)?), mailbox::number(row, 1)?, mailbox::number(row, 2)?))
    })
}

/// Keeps other nodes from doing the same. Written now and then only.
fn lease(store: &Store, now: Time) -> Result<bool> {
    let node = store.node().to_owned();
    let held = store.read_blocking(|tx| meta::get(tx, LEASE))?;
    let (owner, until) = read_lease(held.as_deref());
    let left = until - now.micros();
    if owner == node && left > LEASE_TIME / 2 {
        return Ok(true);
    }
    if owner != node && (0..=LEASE_TIME).contains(&left) {
        return Ok(false);
    }
    store.write_blocking(move |tx| {
        if meta::get(tx, LEASE)? != held {
            return Ok(false);
        }
        meta::set(tx, LEASE, Some(&format!("{} {node}", now.micros() + LEASE_TIME)))?;
        Ok(true)
    })
}

/// Owner and end of a lease as it is stored.
fn read_lease(held: Option<&str>) -> (&str, i64) {
    let (until, owner) = held.and_then(|held| held.split_once(' ')).unwrap_or_default();
    (owner, until.parse().unwrap_or(0))
}

/// Reads the next messages and makes what they lack.
fn find(tx: &mut dyn Tx, bodies: &Bodies) -> Result<Option<Work>> {
    let Some((mailbox, from, uidnext)) = next_mailbox(tx)? else { return Ok(None) };
    let rows = tx.all(
        "SELECT uid, mail.content, size, CASE WHEN bits IS NULL THEN 0 ELSE 1 END,
             CASE WHEN header_len IS NULL THEN 0 ELSE 1 END
         FROM mail LEFT JOIN signature ON signature.content = mail.content
             LEFT JOIN summary ON summary.content = mail.content
         WHERE mailbox = ?1 AND uid >= ?2 ORDER BY uid LIMIT ?3",
        &[mailbox.into(), from.into(), MESSAGES.into()],
        |row| Ok((mailbox::number(row, 0)?, ContentId(row.int(1)?), row.count(2)?, row.flag(3)?, row.flag(4)?)),
    )?;
    let mut work = Work { mailbox, done: uidnext, made: Vec::new() };
    let mut octets = 0;
    let mut builder = Builder::default();
    for (at, (uid, content, size, signed, summarized)) in rows.into_iter().enumerate() {
        octets += size;
        if !signed || !summarized {
            let mut made = (Vec::new(), None);
            match bodies.with(tx, content, &mut |body| {
                made = (builder.message(body, TEXT_MAX), (!summarized).then(|| Summary::of(body)));
                Ok(())
            }) {
                Ok(()) => work.made.push((content, made.0, made.1)),
                // A body that cannot be read is for `check` to report; a search will fall over it by itself.
                Err(Error::Corrupt(_) | Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        if octets >= OCTETS || at + 1 == MESSAGES {
            work.done = uid + 1;
            break;
        }
    }
    Ok(Some(work))
}

fn keep(tx: &mut dyn Tx, work: &Work) -> Result<()> {
    for (content, bits, summary) in &work.made {
        tx.execute(
            "INSERT INTO signature (content, bits) SELECT id, ?2 FROM content WHERE id = ?1 ON CONFLICT DO NOTHING",
            &[(*content).into(), bits.as_slice().into()],
        )?;
        if let Some(summary) = summary {
            content::set_summary(tx, *content, summary)?;
        }
    }
    tx.execute(
        "UPDATE mailbox SET indexed = ?2 WHERE id = ?1 AND indexed < ?2",
        &[work.mailbox.into(), work.done.into()],
    )?;
    Ok(())
}
