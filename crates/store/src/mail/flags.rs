//! Changing flags.

use super::history::{self, Change, Mark};
use super::read::{chosen, runs};
use super::{Flags, Mail, lock};
use crate::{Error, MailboxId, Param, Result, Tx, TxExt};

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
        match self {
            Self::Replace(new) => new,
            Self::Add(more) => flags.with(more),
            Self::Remove(less) => flags.without(less),
        }
    }
}

/// What [`set_flags`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagsSet {
    /// The MODSEQ that changed messages have now.
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
    if !lock(tx, mailbox)? {
        return Err(Error::NotFound("folder"));
    }
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
    let mark = next_mark(tx, mailbox, unseen, deleted, !ranges.is_empty())?;
    if let Some(uid) = first_unseen {
        tx.execute(
            "UPDATE mailbox SET unseen_from = ?2 WHERE id = ?1 AND unseen_from > ?2",
            &[mailbox.into(), uid.into()],
        )?;
    }
    for (first, last) in &ranges {
        apply(tx, mailbox, *first, *last, change, mark)?;
    }
    history::record(tx, mailbox, Change::Flags, mark, &ranges)?;

    let mut set = FlagsSet { modseq: mark.modseq, ..FlagsSet::default() };
    for (mail, _) in chosen {
        if refused(&mail) {
            set.modified.push(mail.uid);
        } else if changes(&mail) {
            set.mails.push(Mail { flags: change.of(mail.flags), modseq: mark.modseq, ..mail });
        } else {
            set.mails.push(mail);
        }
    }
    Ok(set)
}

fn next_mark(tx: &mut dyn Tx, mailbox: MailboxId, unseen: i64, deleted: i64, changed: bool) -> Result<Mark> {
    let mark = tx.one(
        "UPDATE mailbox SET modseq = modseq + ?2, unseen = unseen + ?3, deleted = deleted + ?4
         WHERE id = ?1 RETURNING modseq, history_floor",
        &[mailbox.into(), changed.into(), unseen.into(), deleted.into()],
        |row| Ok(Mark { modseq: row.count(0)?, floor: row.count(1)? }),
    )?;
    mark.ok_or(Error::NotFound("folder"))
}

fn apply(tx: &mut dyn Tx, mailbox: MailboxId, first: u32, last: u32, change: FlagChange, mark: Mark) -> Result<()> {
    let (sql, flags) = match change {
        FlagChange::Replace(flags) => {
            ("UPDATE mail SET flags = ?4, modseq = ?5 WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3", flags)
        }
        FlagChange::Add(flags) => {
            ("UPDATE mail SET flags = flags | ?4, modseq = ?5 WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3", flags)
        }
        FlagChange::Remove(flags) => (
            "UPDATE mail SET flags = flags & ?4, modseq = ?5 WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3",
            Flags(!flags.0),
        ),
    };
    let params: [Param<'_>; 5] = [mailbox.into(), first.into(), last.into(), flags.0.into(), mark.modseq.into()];
    tx.execute(sql, &params)?;
    Ok(())
}
