//! Putting messages into folders.

use sekisho_message::Time;

use super::{Flags, Tally};
use crate::content::{self, Body};
use crate::mailbox::number;
use crate::{AccountId, ContentId, Error, MailboxId, Result, Tx, TxExt};

/// Where an appended message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its UID.
    pub uid: u32,
    /// UIDVALIDITY of the folder.
    pub uidvalidity: u32,
    /// MODSEQ.
    pub modseq: u64,
}

/// What became of a local delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is in the INBOX.
    Delivered {
        /// The INBOX.
        mailbox: MailboxId,
        /// UID there.
        uid: u32,
    },
    /// No room.
    OverQuota,
    /// No such account any more.
    Gone,
}

/// Puts a message into a folder; `date` is its INTERNALDATE, `now` its SAVEDATE.
///
/// # Errors
/// `NotFound` when the folder is gone; [`Error::OverQuota`] when there is no room.
pub fn append(tx: &mut dyn Tx, mailbox: MailboxId, body: &Body, flags: Flags, date: Time, now: Time) -> Result<Placed> {
    let account = account_of(tx, mailbox)?;
    let size = match body {
        Body::New(staged) => staged.size(),
        Body::Stored(id) => content::size(tx, *id)?,
    };
    charge(tx, account, size, 1)?.ok_or(Error::OverQuota)?;
    let (content, size) = content::keep(tx, body)?;
    let mut tally = Tally::default();
    tally.add(flags, size);
    let placed = make_room(tx, mailbox, tally)?.ok_or(Error::NotFound("folder"))?;
    insert(tx, mailbox, placed, &Entry { content, flags, date, size, saved: now })?;
    Ok(placed)
}

/// Puts a message into the folder `to` in place of the one with the UID `uid` in the folder `from` (RFC 8508). Both or
/// neither; the room of the old one counts for the new one when both folders are of one account.
///
/// # Errors
/// As [`append`]; `NotFound("message")` when the old one is not there any more.
pub fn replace(
    tx: &mut dyn Tx,
    (from, uid): (MailboxId, u32),
    to: MailboxId,
    body: &Body,
    flags: Flags,
    (date, now): (Time, Time),
) -> Result<Placed> {
    if super::expunge(tx, from, &[uid], false)?.is_empty() {
        return Err(Error::NotFound("message"));
    }
    append(tx, to, body, flags, date, now)
}

/// What a row of `mail` says besides where it stands.
pub(super) struct Entry {
    pub(super) content: ContentId,
    pub(super) flags: Flags,
    pub(super) date: Time,
    pub(super) size: u64,
    pub(super) saved: Time,
}

/// Delivers one stored body of `size` octets to the INBOX of each account; the outcomes are in the same order.
///
/// # Errors
/// `NotFound` when the body is gone.
pub fn deliver(
    tx: &mut dyn Tx,
    accounts: &[AccountId],
    content: ContentId,
    now: Time,
    size: u64,
) -> Result<Vec<Delivery>> {
    let mut outcomes = vec![Delivery::Gone; accounts.len()];
    // Always in the order of the accounts, so that two nodes cannot wait for each other.
    let mut order: Vec<(AccountId, usize)> = accounts.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut delivered = 0;
    for (account, place) in order {
        outcomes[place] = deliver_one(tx, account, content, now, size)?;
        delivered += u64::from(matches!(outcomes[place], Delivery::Delivered { .. }));
    }
    content::retain(tx, content, delivered)?;
    Ok(outcomes)
}

fn deliver_one(tx: &mut dyn Tx, account: AccountId, content: ContentId, now: Time, size: u64) -> Result<Delivery> {
    let Some(mailbox) = charge(tx, account, size, 1)? else {
        let known = tx.one("SELECT id FROM account WHERE id = ?1 AND state < 2", &[account.into()], |_| Ok(()))?;
        return Ok(if known.is_some() { Delivery::OverQuota } else { Delivery::Gone });
    };
    let mut tally = Tally::default();
    tally.add(Flags::default(), size);
    let placed = make_room(tx, mailbox, tally)?;
    let placed = placed.ok_or_else(|| Error::Corrupt(format!("account {} has no INBOX", account.0)))?;
    insert(tx, mailbox, placed, &Entry { content, flags: Flags::default(), date: now, size, saved: now })?;
    Ok(Delivery::Delivered { mailbox, uid: placed.uid })
}

/// Adds `size` to what an account uses; its INBOX. None when it has no room for `count` messages of `size` octets
/// together, or is removed.
fn charge(tx: &mut dyn Tx, account: AccountId, size: u64, count: usize) -> Result<Option<MailboxId>> {
    tx.one(
        "UPDATE account SET used = used + ?2
         WHERE id = ?1 AND state < 2 AND (quota IS NULL OR used + ?2 <= quota)
             AND (message_quota IS NULL OR
                 (SELECT CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM mailbox WHERE account = ?1) + ?3 <= message_quota)
         RETURNING inbox",
        &[account.into(), size.into(), count.into()],
        |row| Ok(MailboxId(row.int(0)?)),
    )
}

/// Changes what an account uses, whatever its quota.
pub(crate) fn count_usage(tx: &mut dyn Tx, account: AccountId, change: i64) -> Result<()> {
    tx.execute("UPDATE account SET used = used + ?2 WHERE id = ?1", &[account.into(), change.into()])?;
    Ok(())
}

/// Takes room for `count` messages of `size` octets together, as [`append`] does.
pub(super) fn take_room(tx: &mut dyn Tx, account: AccountId, size: u64, count: usize) -> Result<()> {
    charge(tx, account, size, count)?.map(|_| ()).ok_or(Error::OverQuota)
}

/// Takes UIDs for the messages of `tally` and counts them; the first UID. None when the folder is gone.
pub(super) fn make_room(tx: &mut dyn Tx, mailbox: MailboxId, tally: Tally) -> Result<Option<Placed>> {
    tx.one(
        "UPDATE mailbox SET uidnext = uidnext + ?2, modseq = modseq + 1, messages = messages + ?2,
             unseen = unseen + ?3, deleted = deleted + ?4, size = size + ?5
         WHERE id = ?1 RETURNING uidnext - ?2, uidvalidity, modseq",
        &[mailbox.into(), tally.messages.into(), tally.unseen.into(), tally.deleted.into(), tally.size.into()],
        |row| Ok(Placed { uid: number(row, 0)?, uidvalidity: number(row, 1)?, modseq: row.count(2)? }),
    )
}

pub(super) fn insert(tx: &mut dyn Tx, mailbox: MailboxId, placed: Placed, entry: &Entry) -> Result<()> {
    tx.execute(
        "INSERT INTO mail (mailbox, uid, content, flags, modseq, date, size, saved)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            mailbox.into(),
            placed.uid.into(),
            entry.content.into(),
            entry.flags.0.into(),
            placed.modseq.into(),
            entry.date.into(),
            entry.size.into(),
            entry.saved.into(),
        ],
    )?;
    Ok(())
}

/// Whose folder it is.
///
/// Whoever changes both an account and its folders changes the account first, so that transactions of
/// several nodes wait for each other instead of deadlocking.
pub(super) fn account_of(tx: &mut dyn Tx, mailbox: MailboxId) -> Result<AccountId> {
    let account =
        tx.one("SELECT account FROM mailbox WHERE id = ?1", &[mailbox.into()], |row| Ok(AccountId(row.int(0)?)))?;
    account.ok_or(Error::NotFound("folder"))
}
