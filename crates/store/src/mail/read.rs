//! Reading a folder.

use sekisho_message::Time;
use sekisho_message::search::Signature;

use super::history::{self, Change};
use super::{Flags, Mail};
use crate::mailbox::{Mailbox, number};
use crate::{ContentId, MailboxId, Result, Row, Tx, TxExt};

/// A [`Summary`](crate::Summary) that is borrowed from the row.
#[derive(Clone, Copy, Debug)]
pub struct SummaryRef<'a> {
    /// `ENVELOPE`
    pub envelope: &'a [u8],
    /// `BODY`
    pub body: &'a [u8],
    /// `BODYSTRUCTURE`
    pub bodystructure: &'a [u8],
    /// Octets of the header.
    pub header_len: u32,
}

const COLUMNS: &str = "uid, mail.content, flags, modseq, date, size, saved";

/// Calls `each` for every message with a UID from `first` to `last`, by UID.
///
/// # Errors
/// What the engine reports, and the first error of `each`.
pub fn entries(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    first: u32,
    last: u32,
    each: &mut dyn FnMut(Mail) -> Result<()>,
) -> Result<()> {
    tx.query(
        "SELECT uid, content, flags, modseq, date, size, saved FROM mail
         WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3 ORDER BY uid",
        &[mailbox.into(), first.into(), last.into()],
        &mut |row| each(read(row)?),
    )
}

/// As [`entries`], with the summary of each body; none when it was not computed yet, see
/// [`Store::summarize`](crate::Store::summarize).
///
/// # Errors
/// As [`entries`].
pub fn summaries(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    first: u32,
    last: u32,
    each: &mut dyn FnMut(Mail, Option<SummaryRef<'_>>) -> Result<()>,
) -> Result<()> {
    tx.query(
        &format!(
            "SELECT {COLUMNS}, header_len, envelope, structure, bodystructure
             FROM mail LEFT JOIN summary ON summary.content = mail.content
             WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3 ORDER BY uid"
        ),
        &[mailbox.into(), first.into(), last.into()],
        &mut |row| {
            let summary = match row.opt_int(7)? {
                None => None,
                Some(header_len) => Some(SummaryRef {
                    header_len: u32::try_from(header_len).unwrap_or(0),
                    envelope: row.blob(8)?,
                    body: row.blob(9)?,
                    bodystructure: row.blob(10)?,
                }),
            };
            each(read(row)?, summary)
        },
    )
}

/// As [`entries`], with the [signature](crate::index) of each message; none when it was not made yet.
///
/// # Errors
/// As [`entries`].
pub fn signed(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    first: u32,
    last: u32,
    each: &mut dyn FnMut(Mail, Option<Signature<'_>>) -> Result<()>,
) -> Result<()> {
    tx.query(
        &format!(
            "SELECT {COLUMNS}, bits
             FROM mail LEFT JOIN signature ON signature.content = mail.content
             WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3 ORDER BY uid"
        ),
        &[mailbox.into(), first.into(), last.into()],
        &mut |row| each(read(row)?, row.opt_blob(7)?.and_then(Signature::read)),
    )
}

/// UIDs from `first` to `last` of messages that have all of `flags`.
///
/// # Errors
/// What the engine reports.
pub fn flagged(tx: &mut dyn Tx, mailbox: MailboxId, first: u32, last: u32, flags: Flags) -> Result<Vec<u32>> {
    tx.all(
        "SELECT uid FROM mail WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3 AND (flags & ?4) = ?4 ORDER BY uid",
        &[mailbox.into(), first.into(), last.into(), flags.0.into()],
        |row| number(row, 0),
    )
}

/// UID of the first message without `\Seen`, and the UID from which on it was looked for.
///
/// # Errors
/// What the engine reports.
pub fn first_unseen(tx: &mut dyn Tx, mailbox: &Mailbox) -> Result<(Option<u32>, u32)> {
    let from = tx.one("SELECT unseen_from FROM mailbox WHERE id = ?1", &[mailbox.id.into()], |row| number(row, 0))?;
    let from = from.unwrap_or(1);
    if mailbox.unseen == 0 {
        return Ok((None, from));
    }
    let first = tx.one(
        "SELECT uid FROM mail WHERE mailbox = ?1 AND uid >= ?2 AND (flags & 1) = 0 ORDER BY uid LIMIT 1",
        &[mailbox.id.into(), from.into()],
        |row| number(row, 0),
    )?;
    Ok((first, from))
}

/// Notes that all messages below `first` have `\Seen`, if nothing has changed since `modseq`.
///
/// # Errors
/// What the engine reports.
pub fn note_first_unseen(tx: &mut dyn Tx, mailbox: MailboxId, first: u32, modseq: u64) -> Result<()> {
    tx.execute(
        "UPDATE mailbox SET unseen_from = ?2 WHERE id = ?1 AND modseq = ?3",
        &[mailbox.into(), first.into(), modseq.into()],
    )?;
    Ok(())
}

/// Messages whose MODSEQ is greater than `modseq`, by UID. Costs what it answers, not what the folder holds,
/// unless `modseq` is older than the folder's history.
///
/// # Errors
/// What the engine reports.
pub fn changed_since(tx: &mut dyn Tx, mailbox: MailboxId, modseq: u64) -> Result<Vec<Mail>> {
    let state = tx.one("SELECT modseq, history_floor FROM mailbox WHERE id = ?1", &[mailbox.into()], |row| {
        Ok((row.count(0)?, row.count(1)?))
    })?;
    let Some((highest, floor)) = state else { return Ok(Vec::new()) };
    if modseq >= highest {
        return Ok(Vec::new());
    }
    if modseq < floor {
        return changed_between(tx, mailbox, modseq, 1, u32::MAX);
    }
    // New messages have the highest UIDs, and MODSEQs that rise with them: above the last message that did not
    // change since, everything is new. Below it only flags can have changed, and the history says where.
    let last_old = tx.one(
        "SELECT uid FROM mail WHERE mailbox = ?1 AND modseq <= ?2 ORDER BY uid DESC LIMIT 1",
        &[mailbox.into(), modseq.into()],
        |row| number(row, 0),
    )?;
    let last_old = last_old.unwrap_or(0);
    let mut changed = Vec::new();
    for (first, last) in history::since(tx, mailbox, Change::Flags, modseq)? {
        if first <= last_old {
            changed.extend(changed_between(tx, mailbox, modseq, first, last.min(last_old))?);
        }
    }
    changed.extend(changed_between(tx, mailbox, modseq, last_old.saturating_add(1), u32::MAX)?);
    Ok(changed)
}

fn changed_between(tx: &mut dyn Tx, mailbox: MailboxId, modseq: u64, first: u32, last: u32) -> Result<Vec<Mail>> {
    tx.all(
        "SELECT uid, content, flags, modseq, date, size, saved FROM mail
         WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3 AND modseq > ?4 ORDER BY uid",
        &[mailbox.into(), first.into(), last.into(), modseq.into()],
        read,
    )
}

/// Messages of the given UIDs that exist, by UID, each with whether it directly follows the one before:
/// no message of the folder lies between them.
pub(super) fn chosen(tx: &mut dyn Tx, mailbox: MailboxId, uids: &[u32]) -> Result<Vec<(Mail, bool)>> {
    /// UIDs that lie no further apart are read together.
    const NEAR: u32 = 64;
    let mut wanted = uids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut found = Vec::with_capacity(wanted.len());
    for near in wanted.chunk_by(|a, b| b - a <= NEAR) {
        let (Some(first), Some(last)) = (near.first(), near.last()) else { continue };
        let mut rest = near.iter().copied().peekable();
        let mut follows = false;
        entries(tx, mailbox, *first, *last, &mut |mail| {
            while rest.next_if(|uid| *uid < mail.uid).is_some() {}
            let wanted = rest.next_if_eq(&mail.uid).is_some();
            if wanted {
                found.push((mail, follows));
            }
            follows = wanted;
            Ok(())
        })?;
    }
    Ok(found)
}

/// The mails of [`chosen`] that `take` wants, as runs of UIDs that an act may treat as one range.
pub(super) fn runs(chosen: &[(Mail, bool)], take: impl Fn(&Mail) -> bool) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    let mut open = false;
    for (mail, follows) in chosen {
        if !take(mail) {
            open = false;
            continue;
        }
        match runs.last_mut().filter(|_| open && *follows) {
            Some(run) => run.1 = mail.uid,
            None => runs.push((mail.uid, mail.uid)),
        }
        open = true;
    }
    runs
}

fn read(row: &dyn Row) -> Result<Mail> {
    Ok(Mail {
        uid: number(row, 0)?,
        content: ContentId(row.int(1)?),
        flags: Flags(row.int(2)?),
        modseq: row.count(3)?,
        date: Time(row.int(4)?),
        size: row.count(5)?,
        saved: Time(row.int(6)?),
    })
}
