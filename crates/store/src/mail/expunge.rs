//! Removing messages.

use super::gap;
use super::history::{self, Change, Mark};
use super::place::{account_of, count_usage};
use super::read::{chosen, runs};
use super::{Flags, Mail, Tally, lock};
use crate::{AccountId, ContentId, Error, MailboxId, Result, Tx, TxExt, content};

/// What UIDs were expunged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vanished {
    /// Whether the records go back that far; if not, all UIDs that are not in the folder may have vanished.
    pub complete: bool,
    /// Ranges of UIDs, first and last, in order. They name no message that is in the folder.
    pub ranges: Vec<(u32, u32)>,
}

/// Removes the given UIDs (those that have `\Deleted`, when `only_deleted`); the UIDs removed, in order.
/// At most [`MOST_TOGETHER`](super::MOST_TOGETHER) in one transaction: give more in pieces.
///
/// # Errors
/// `NotFound` when the folder is gone.
pub fn expunge(tx: &mut dyn Tx, mailbox: MailboxId, uids: &[u32], only_deleted: bool) -> Result<Vec<u32>> {
    let account = account_of(tx, mailbox)?;
    lock_account(tx, account)?;
    if !lock(tx, mailbox)? {
        return Err(Error::NotFound("folder"));
    }
    let chosen = chosen(tx, mailbox, uids)?;
    let goes = |mail: &Mail| !only_deleted || mail.flags.has(Flags::DELETED);
    // The bodies themselves take longest, so that is left to `Store::collect_garbage`.
    for (first, last) in runs(&chosen, goes) {
        tx.execute(
            "INSERT INTO expunged (content) SELECT content FROM mail WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3",
            &[mailbox.into(), first.into(), last.into()],
        )?;
    }
    let tally = take_out(tx, mailbox, &chosen, goes)?;
    if tally.messages > 0 {
        count_usage(tx, account, -tally.size)?;
    }
    Ok(chosen.iter().filter(|(mail, _)| goes(mail)).map(|(mail, _)| mail.uid).collect())
}

/// What was expunged after `modseq`.
///
/// # Errors
/// `NotFound` when the folder is gone.
pub fn vanished_since(tx: &mut dyn Tx, mailbox: MailboxId, modseq: u64) -> Result<Vanished> {
    let floor = tx.one("SELECT history_floor FROM mailbox WHERE id = ?1", &[mailbox.into()], |row| row.count(0))?;
    let floor = floor.ok_or(Error::NotFound("folder"))?;
    Ok(Vanished { complete: modseq >= floor, ranges: history::since(tx, mailbox, Change::Vanished, modseq)? })
}

/// Takes the messages that `goes` wants out of the folder: rows, counters, history. Bodies and quota are the caller's.
pub(super) fn take_out(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    chosen: &[(Mail, bool)],
    goes: impl Fn(&Mail) -> bool,
) -> Result<Tally> {
    let mut tally = Tally::default();
    for (mail, _) in chosen.iter().filter(|(mail, _)| goes(mail)) {
        tally.add(mail.flags, mail.size);
    }
    if tally.messages == 0 {
        return Ok(tally);
    }
    let ranges = runs(chosen, goes);
    for (first, last) in &ranges {
        tx.execute(
            "DELETE FROM mail WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3",
            &[mailbox.into(), (*first).into(), (*last).into()],
        )?;
        gap::close(tx, mailbox, *first, *last)?;
    }
    let mark = tx.one(
        "UPDATE mailbox SET modseq = modseq + 1, messages = messages - ?2, unseen = unseen - ?3,
             deleted = deleted - ?4, size = size - ?5
         WHERE id = ?1 RETURNING modseq, history_floor",
        &[mailbox.into(), tally.messages.into(), tally.unseen.into(), tally.deleted.into(), tally.size.into()],
        |row| Ok(Mark { modseq: row.count(0)?, floor: row.count(1)? }),
    )?;
    history::record(tx, mailbox, Change::Vanished, mark.ok_or(Error::NotFound("folder"))?, &ranges)?;
    Ok(tally)
}

/// Deletes up to `most` messages of a folder that is gone; how many.
pub(crate) fn drop_some(tx: &mut dyn Tx, mailbox: MailboxId, most: usize) -> Result<usize> {
    let rows = tx.all(
        "SELECT uid, content FROM mail WHERE mailbox = ?1 ORDER BY uid LIMIT ?2",
        &[mailbox.into(), most.into()],
        |row| Ok((row.int(0)?, ContentId(row.int(1)?))),
    )?;
    if let Some((last, _)) = rows.last() {
        tx.execute("DELETE FROM mail WHERE mailbox = ?1 AND uid <= ?2", &[mailbox.into(), (*last).into()])?;
    }
    content::release_all(tx, rows.iter().map(|(_, content)| *content))?;
    Ok(rows.len())
}

pub(super) fn lock_account(tx: &mut dyn Tx, account: AccountId) -> Result<()> {
    tx.one("SELECT id FROM account WHERE id = ?1 /*lock*/", &[account.into()], |_| Ok(()))?;
    Ok(())
}
