//! Copying and moving messages between folders.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_message::Time;

use super::expunge::{lock_account, take_out};
use super::place::{Entry, Placed, account_of, count_usage, insert, make_room, take_room};
use super::read::chosen;
use super::{Flags, Mail, Tally, lock};
use crate::{ContentId, Error, MailboxId, Result, Tx, content, mailbox};

/// What [`copy`] or [`move_`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// UIDVALIDITY of the target.
    pub uidvalidity: u32,
    /// Old and new UIDs, in order.
    pub uids: Vec<(u32, u32)>,
}

/// Copies messages, flags and dates included, at `now`. UIDs that do not exist are passed over.
/// At most [`MOST_TOGETHER`](super::MOST_TOGETHER) in one transaction: give more in pieces.
///
/// # Errors
/// `NotFound` when a folder is gone; [`Error::OverQuota`].
pub fn copy(tx: &mut dyn Tx, from: MailboxId, uids: &[u32], to: MailboxId, now: Time) -> Result<Copied> {
    let account = account_of(tx, to)?;
    lock_account(tx, account)?;
    lock_both(tx, from, to)?;
    let chosen = chosen(tx, from, uids)?;
    take_room(tx, account, chosen.iter().map(|(mail, _)| mail.size).sum(), chosen.len())?;
    let copied = put(tx, from, &chosen, to, now)?;
    retain_all(tx, from, &chosen)?;
    Ok(copied)
}

/// Moves messages (RFC 6851 §3.3): as [`copy`], and they leave the old folder in the same transaction.
/// Within one account it needs no room.
///
/// # Errors
/// As [`copy`].
pub fn move_(tx: &mut dyn Tx, from: MailboxId, uids: &[u32], to: MailboxId, now: Time) -> Result<Copied> {
    let (giver, taker) = (account_of(tx, from)?, account_of(tx, to)?);
    for account in BTreeSet::from([giver, taker]) {
        lock_account(tx, account)?;
    }
    lock_both(tx, from, to)?;
    let chosen = chosen(tx, from, uids)?;
    if giver != taker {
        take_room(tx, taker, chosen.iter().map(|(mail, _)| mail.size).sum(), chosen.len())?;
    }
    let copied = put(tx, from, &chosen, to, now)?;
    let tally = take_out(tx, from, &chosen, |_| true)?;
    if giver != taker {
        count_usage(tx, giver, -tally.size)?;
    }
    Ok(copied)
}

fn lock_both(tx: &mut dyn Tx, from: MailboxId, to: MailboxId) -> Result<()> {
    for folder in BTreeSet::from([from, to]) {
        if !lock(tx, folder)? {
            return Err(Error::NotFound("folder"));
        }
    }
    Ok(())
}

/// Inserts rows for the messages into `to`.
fn put(tx: &mut dyn Tx, from: MailboxId, chosen: &[(Mail, bool)], to: MailboxId, now: Time) -> Result<Copied> {
    let flags = translated(tx, from, chosen, to)?;
    let mut tally = Tally::default();
    for ((mail, _), flags) in chosen.iter().zip(&flags) {
        tally.add(*flags, mail.size);
    }
    if tally.messages == 0 {
        let target = mailbox::status(tx, to)?.ok_or(Error::NotFound("folder"))?;
        return Ok(Copied { uidvalidity: target.uidvalidity, uids: Vec::new() });
    }
    let first = make_room(tx, to, tally)?.ok_or(Error::NotFound("folder"))?;
    let each = chosen.iter().zip(flags).zip(first.uid..);
    let moves: Vec<Move> = each.map(|(((mail, _), flags), uid)| Move { mail: *mail, flags, uid }).collect();
    for run in moves.chunk_by(Move::goes_with) {
        match run {
            [] => {}
            [Move { mail, flags, uid }] => {
                let entry =
                    Entry { content: mail.content, flags: *flags, date: mail.date, size: mail.size, saved: now };
                insert(tx, to, Placed { uid: *uid, ..first }, &entry)?;
            }
            [start, .., end] => put_run(tx, from, (start, end), to, Placed { uid: start.uid, ..first }, now)?,
        }
    }
    Ok(Copied { uidvalidity: first.uidvalidity, uids: moves.iter().map(|one| (one.mail.uid, one.uid)).collect() })
}

/// A message on its way.
struct Move {
    mail: Mail,
    /// Its flags in the new folder.
    flags: Flags,
    /// Its UID there.
    uid: u32,
}

impl Move {
    /// Whether one statement may take it with the `next` one: the UIDs follow each other, and flags stay as they are.
    fn goes_with(&self, next: &Self) -> bool {
        let kept = |one: &Self| one.flags == one.mail.flags;
        next.mail.uid - self.mail.uid == 1 && kept(self) && kept(next)
    }
}

/// Inserts copies of the messages from `start` to `end`, which follow each other.
fn put_run(
    tx: &mut dyn Tx,
    from: MailboxId,
    (start, end): (&Move, &Move),
    to: MailboxId,
    first: Placed,
    now: Time,
) -> Result<()> {
    let (first_uid, last_uid) = (start.mail.uid, end.mail.uid);
    tx.execute(
        "INSERT INTO mail (mailbox, uid, content, flags, modseq, date, size, saved)
         SELECT ?4, uid - ?2 + ?5, content, flags, ?6, date, size, ?7 FROM mail
         WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3 ORDER BY uid",
        &[from.into(), first_uid.into(), last_uid.into(), to.into(), first.uid.into(), first.modseq.into(), now.into()],
    )?;
    Ok(())
}

/// One more reference for each body.
fn retain_all(tx: &mut dyn Tx, from: MailboxId, chosen: &[(Mail, bool)]) -> Result<()> {
    let mut counts: BTreeMap<ContentId, u64> = BTreeMap::new();
    for (mail, _) in chosen {
        *counts.entry(mail.content).or_default() += 1;
    }
    if counts.len() < chosen.len() {
        return counts.into_iter().try_for_each(|(id, count)| content::retain(tx, id, count));
    }
    for run in chosen.chunk_by(|(one, _), (next, _)| next.uid - one.uid == 1) {
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { continue };
        let retained = tx.execute(
            "UPDATE content SET refs = refs + 1
             WHERE id IN (SELECT content FROM mail WHERE mailbox = ?1 AND uid >= ?2 AND uid <= ?3)",
            &[from.into(), first.uid.into(), last.uid.into()],
        )?;
        if retained != run.len() as u64 {
            return Err(Error::NotFound("body"));
        }
    }
    Ok(())
}

/// The flags of the messages with the keywords of `from` given the bits that they have in `to`.
/// A keyword that finds no place there any more is lost.
fn translated(tx: &mut dyn Tx, from: MailboxId, chosen: &[(Mail, bool)], to: MailboxId) -> Result<Vec<Flags>> {
    let used = chosen.iter().fold(Flags::default(), |all, (mail, _)| all.with(mail.flags)).without(Flags::SYSTEM);
    let mut bits = Vec::new();
    if used.0 != 0 && from != to {
        for (bit, name) in mailbox::keywords(tx, from)? {
            if used.has(Flags::keyword(bit)) {
                let target = match mailbox::keyword(tx, to, &name) {
                    Ok(target) => Flags::keyword(target),
                    Err(Error::Conflict(_)) => Flags::default(),
                    Err(error) => return Err(error),
                };
                bits.push((Flags::keyword(bit), target));
            }
        }
    }
    let translate = |flags: Flags| {
        if from == to {
            return flags;
        }
        let mut out = Flags(flags.0 & Flags::SYSTEM.0);
        for (_, new) in bits.iter().filter(|(old, _)| flags.has(*old)) {
            out = out.with(*new);
        }
        out
    };
    Ok(chosen.iter().map(|(mail, _)| translate(mail.flags)).collect())
}
