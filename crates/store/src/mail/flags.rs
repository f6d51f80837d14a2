//! Changing flags.

use super::history::{self, Change, Mark};
use super::read::{chosen, runs};
use super::{Flags, Mail};
use crate::{Error, MailboxId, Result, Tx, TxExt};

/// How flags change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagChange {
    /// FLAGS
    Replace(Flags),
    /// +FLAGS
    Add(Flags),
    /// -FLAGS
    Remove(Flags),
}

impl FlagChange {
    /// The flags after the change.
    #[must_use]
    pub fn of(self, flags: Flags) -> Flags {
        let (keep, set) = self.masks();
        Flags(flags.0 & keep.0).with(set)
    }

    /// The flags that stay if they are set, and those that are set afterwards.
    const fn masks(self) -> (Flags, Flags) {
        match self {
            Self::Replace(new) => (Flags(0), new),
            Self::Add(more) => (Flags(!0), more),
            Self::Remove(less) => (Flags(!less.0), Flags(0)),
        }
    }

    /// Whether it may change what a folder counts.
    const fn counts(self) -> bool {
        const COUNTED: i64 = Flags::SEEN.0 | Flags::DELETED.0;
        let (keep, set) = self.masks();
        !keep.0 & COUNTED != 0 || set.0 & COUNTED != 0
    }
}

/// What [`set_flags`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagsSet {
    /// The folder's MODSEQ before.
    pub before: u64,
    /// The MODSEQ that changed messages have now; as before when none changed.
    pub modseq: u64,
    /// Messages as they are now, by UID: all that exist and were not refused, changed or not.
    pub mails: Vec<Mail>,
    /// UIDs refused by `unchanged_since`.
    pub modified: Vec<u32>,
}

/// Changes flags of the given UIDs, except of messages whose MODSEQ is greater than `unchanged_since`
/// (RFC 7162 §3.1.3). Messages that have the flags already keep their MODSEQ.
///
/// # Errors
/// `NotFound` when the folder is gone.
pub fn set_flags(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    uids: &[u32],
    change: FlagChange,
    unchanged_since: Option<u64>,
) -> Result<FlagsSet> {
    let before = tx.one("SELECT modseq FROM mailbox WHERE id = ?1 /*lock*/", &[mailbox.into()], |row| row.count(0))?;
    let before = before.ok_or(Error::NotFound("folder"))?;
    let chosen = chosen(tx, mailbox, uids)?;
    let refused = |mail: &Mail| unchanged_since.is_some_and(|limit| mail.modseq > limit);
    let changes = |mail: &Mail| !refused(mail) && change.of(mail.flags) != mail.flags;

    let (mut unseen, mut deleted, mut first_unseen) = (0, 0, None);
    for (mail, _) in chosen.iter().filter(|(mail, _)| changes(mail)) {
        let now = change.of(mail.flags);
        unseen += i64::from(mail.flags.has(Flags::SEEN)) - i64::from(now.has(Flags::SEEN));
        deleted += i64::from(now.has(Flags::DELETED)) - i64::from(mail.flags.has(Flags::DELETED));
        if !now.has(Flags::SEEN) {
            first_unseen = first_unseen.or(Some(mail.uid));
        }
    }
    let ranges = runs(&chosen, changes);
    let mut modseq = before;
    // Nothing to write is nothing to wait for the disk for.
    if !ranges.is_empty() {
        let mark = next_mark(tx, mailbox, unseen, deleted)?;
        note_unseen(tx, mailbox, first_unseen)?;
        for range in &ranges {
            apply(tx, mailbox, *range, change, mark.modseq)?;
        }
        history::record(tx, mailbox, Change::Flags, mark, &ranges)?;
        modseq = mark.modseq;
    }

    let mails = Vec::with_capacity(chosen.len());
    let mut set = FlagsSet { before, modseq, mails, modified: Vec::new() };
    for (mail, _) in chosen {
        if refused(&mail) {
            set.modified.push(mail.uid);
        } else if changes(&mail) {
            set.mails.push(Mail { flags: change.of(mail.flags), modseq, ..mail });
        } else {
            set.mails.push(mail);
        }
    }
    Ok(set)
}

/// Changes flags of all messages in `ranges` of UIDs, for a client that wants to hear nothing of it; the folder's MODSEQ
/// before and after, which is the same when no message changed. None, and nothing is done, when the folder is no longer
/// at `known`: then it matters what happened to each message, and [`set_flags`] tells it.
///
/// # Errors
/// `NotFound` when the folder is gone.
pub fn set_flags_unheard(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    ranges: &[(u32, u32)],
    change: FlagChange,
    known: u64,
) -> Result<Option<(u64, u64)>> {
    let before = tx.one("SELECT modseq FROM mailbox WHERE id = ?1 /*lock*/", &[mailbox.into()], |row| row.count(0))?;
    let before = before.ok_or(Error::NotFound("folder"))?;
    if before != known {
        return Ok(None);
    }
    let mut counted = Counted::default();
    let mut changed = Vec::with_capacity(ranges.len());
    for &(first, last) in ranges {
        if change.counts() {
            counted.add(tx, mailbox, (first, last), change)?;
        }
        if apply(tx, mailbox, (first, last), change, before + 1)? > 0 {
            changed.push((first, last));
        }
    }
    if changed.is_empty() {
        return Ok(Some((before, before)));
    }
    let mark = next_mark(tx, mailbox, counted.unseen, counted.deleted)?;
    note_unseen(tx, mailbox, counted.first_unseen)?;
    history::record(tx, mailbox, Change::Flags, mark, &changed)?;
    Ok(Some((before, mark.modseq)))
}

/// What a change of flags does to a folder's counters.
#[derive(Default)]
struct Counted {
    /// Messages that are without `\Seen` from now on, less those that were.
    unseen: i64,
    /// The same with `\Deleted`.
    deleted: i64,
    /// The lowest UID that lost `\Seen`.
    first_unseen: Option<u32>,
}

impl Counted {
    fn add(
        &mut self,
        tx: &mut dyn Tx,
        mailbox: MailboxId,
        (first, last): (u32, u32),
        change: FlagChange,
    ) -> Result<()> {
        let (keep, set) = change.masks();
        tx.query(
            "SELECT CAST(COALESCE(SUM((flags & 1) - (((flags & ?4) | ?5) & 1)), 0) AS BIGINT),
                 CAST(COALESCE(SUM((((flags & ?4) | ?5) & 8) - (flags & 8)), 0) AS BIGINT),
                 MIN(CASE WHEN (flags & 1) > (((flags & ?4) | ?5) & 1) THEN uid END)
             FROM mail WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3",
            &[mailbox.into(), first.into(), last.into(), keep.0.into(), set.0.into()],
            &mut |row| {
                self.unseen += row.int(0)?;
                self.deleted += row.int(1)? / Flags::DELETED.0;
                let lowest = row.opt_int(2)?.and_then(|uid| u32::try_from(uid).ok());
                self.first_unseen = self.first_unseen.or(lowest);
                Ok(())
            },
        )
    }
}

fn note_unseen(tx: &mut dyn Tx, mailbox: MailboxId, first: Option<u32>) -> Result<()> {
    if let Some(uid) = first {
        tx.execute(
            "UPDATE mailbox SET unseen_from = ?2 WHERE id = ?1 AND unseen_from > ?2",
            &[mailbox.into(), uid.into()],
        )?;
    }
    Ok(())
}

fn next_mark(tx: &mut dyn Tx, mailbox: MailboxId, unseen: i64, deleted: i64) -> Result<Mark> {
    let mark = tx.one(
        "UPDATE mailbox SET modseq = modseq + 1, unseen = unseen + ?2, deleted = deleted + ?3
         WHERE id = ?1 RETURNING modseq, history_floor",
        &[mailbox.into(), unseen.into(), deleted.into()],
        |row| Ok(Mark { modseq: row.count(0)?, floor: row.count(1)? }),
    )?;
    mark.ok_or(Error::NotFound("folder"))
}

/// Changes the rows from `first` to `last` that the change makes any different; how many.
fn apply(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    (first, last): (u32, u32),
    change: FlagChange,
    modseq: u64,
) -> Result<u64> {
    let (keep, set) = change.masks();
    tx.execute(
        "UPDATE mail SET flags = (flags & ?4) | ?5, modseq = ?6
         WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3 AND flags <> ((flags & ?4) | ?5)",
        &[mailbox.into(), first.into(), last.into(), keep.0.into(), set.0.into(), modseq.into()],
    )
}
