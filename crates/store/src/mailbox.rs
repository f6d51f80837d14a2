//! IMAP folders.
//!
//! Names are UTF-8 with `/` between levels. INBOX is the same name in any case. A folder that is deleted
//! vanishes at once; its messages go in steps.

use std::collections::BTreeSet;

use sekisho_message::Time;

use crate::mail::{self, MOST_AT_ONCE};
use crate::{AccountId, Error, MailboxId, Result, Row, Tx, TxExt};

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its row.
    pub id: MailboxId,
    /// Whose.
    pub account: AccountId,
    /// Name in UTF-8, levels separated by `/`.
    pub name: String,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// UIDNEXT.
    pub uidnext: u32,
    /// HIGHESTMODSEQ.
    pub modseq: u64,
    /// Messages.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Octets of all messages.
    pub size: u64,
    /// Special use without backslash: `Sent`, `Drafts`, `Trash`, `Junk`.
    pub special: Option<String>,
    /// Lowest UID that no session has seen yet (`\Recent`).
    pub first_recent: u32,
}
/// Most folders of an account.
pub const MOST_MAILBOXES: u64 = 10_000;

/// Most keywords of one folder.
pub const MOST_KEYWORDS: usize = 54;

/// Longest name in octets.
pub const LONGEST_NAME: usize = 1_000;

/// The bit of the first keyword in [`Flags`](crate::mail::Flags).
const FIRST_KEYWORD: i64 = 8;

pub(crate) const COLUMNS: &str = "mailbox.id, mailbox.account, mailbox.name, mailbox.uidvalidity, mailbox.uidnext, \
    mailbox.modseq, mailbox.messages, mailbox.unseen, mailbox.deleted, mailbox.size, mailbox.special, \
    mailbox.first_recent";

/// How many [`COLUMNS`] there are.
pub(crate) const COLUMN_COUNT: usize = 12;

/// All folders of an account by name, INBOX first.
///
/// # Errors
/// What the engine reports.
pub fn list(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Mailbox>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM mailbox WHERE account = ?1 ORDER BY CASE WHEN name = 'INBOX' THEN 0 ELSE 1 END, name"
        ),
        &[account.into()],
        read,
    )
}

/// A folder by name (INBOX in any case).
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, account: AccountId, name: &str) -> Result<Option<Mailbox>> {
    tx.one(
        &format!("SELECT {COLUMNS} FROM mailbox WHERE account = ?1 AND name = ?2"),
        &[account.into(), canonical(name).into()],
        read,
    )
}

/// A folder by id: its counters are the answer to STATUS.
///
/// # Errors
/// What the engine reports.
pub fn status(tx: &mut dyn Tx, id: MailboxId) -> Result<Option<Mailbox>> {
    tx.one(&format!("SELECT {COLUMNS} FROM mailbox WHERE id = ?1"), &[id.into()], read)
}

/// Creates a folder and the levels above it that are missing.
///
/// # Errors
/// `Conflict` when it exists, its name is malformed, or there are [`MOST_MAILBOXES`]; `NotFound` when there is
/// no such account.
pub fn create(tx: &mut dyn Tx, account: AccountId, name: &str, special: Option<&str>, now: Time) -> Result<MailboxId> {
    let name = checked(name)?;
    lock_account(tx, account)?;
    if get(tx, account, name)?.is_some() {
        return Err(Error::Conflict(format!("the folder {name} exists")));
    }
    create_parents(tx, account, name, now)?;
    insert(tx, account, name, special, now)
}

/// Deletes a folder: it is gone at once, and what it held no longer counts in the quota. Its messages go in steps:
/// call [`delete_step`] until it answers false.
///
/// # Errors
/// `NotFound`; `Conflict` for INBOX.
pub fn delete(tx: &mut dyn Tx, account: AccountId, name: &str) -> Result<MailboxId> {
    lock_account(tx, account)?;
    let mailbox = get(tx, account, name)?.ok_or(Error::NotFound("folder"))?;
    if mailbox.name == "INBOX" {
        return Err(Error::Conflict("INBOX cannot be deleted".into()));
    }
    // The counters once more, locked: mail may come in this moment.
    let size = tx.one("SELECT size FROM mailbox WHERE id = ?1 /*lock*/", &[mailbox.id.into()], |row| row.int(0))?;
    give_up(tx, mailbox.id)?;
    mail::count_usage(tx, account, -size.unwrap_or(0))?;
    Ok(mailbox.id)
}

/// One step (at most 1,000 messages) of emptying deleted folders; false when nothing is left to do.
///
/// # Errors
/// What the engine reports.
pub fn delete_step(tx: &mut dyn Tx) -> Result<bool> {
    let gone = tx.one("SELECT mailbox FROM mailbox_gone ORDER BY mailbox LIMIT 1 /*lock*/", &[], |row| row.int(0))?;
    let Some(id) = gone.map(MailboxId) else { return Ok(false) };
    if mail::drop_some(tx, id, MOST_AT_ONCE)? == 0 {
        for table in ["history", "keyword", "gap", "mailbox_gone"] {
            tx.execute(&format!("DELETE FROM {table} WHERE mailbox = ?1"), &[id.into()])?;
        }
    }
    Ok(true)
}

/// Renames a folder and those below it, or a name that only has folders below it; the folders that have new names, each
/// with its old one. INBOX cannot be renamed: its messages can be moved to a new folder (RFC 9051 §6.3.6).
///
/// # Errors
/// `NotFound`; `Conflict` for INBOX, and when the new name is taken, malformed, or below the old one.
pub fn rename(tx: &mut dyn Tx, account: AccountId, from: &str, to: &str, now: Time) -> Result<Vec<(Mailbox, String)>> {
    let (from, to) = (canonical(from), checked(to)?);
    lock_account(tx, account)?;
    let below = format!("{from}/");
    let moved: Vec<Mailbox> =
        list(tx, account)?.into_iter().filter(|one| one.name == from || one.name.starts_with(&below)).collect();
    if moved.is_empty() {
        return Err(Error::NotFound("folder"));
    }
    if from == "INBOX" {
        return Err(Error::Conflict("INBOX keeps its name".into()));
    }
    if get(tx, account, to)?.is_some() {
        return Err(Error::Conflict(format!("the folder {to} exists")));
    }
    if to.starts_with(&below) {
        return Err(Error::Conflict("a folder cannot be moved below itself".into()));
    }
    create_parents(tx, account, to, now)?;
    let mut renamed = Vec::with_capacity(moved.len());
    for mut folder in moved {
        let name = format!("{to}{}", folder.name.strip_prefix(from).unwrap_or_default());
        set_name(tx, folder.id, checked(&name)?)?;
        let old = std::mem::replace(&mut folder.name, name);
        renamed.push((folder, old));
    }
    Ok(renamed)
}

/// Subscribes to a name or unsubscribes from it, whether there is such a folder or not (RFC 9051 §6.3.7). Whether that
/// changed anything.
///
/// # Errors
/// `Conflict` when there are [`MOST_MAILBOXES`] subscriptions already.
pub fn subscribe(tx: &mut dyn Tx, account: AccountId, name: &str, subscribed: bool) -> Result<bool> {
    let name = canonical(name);
    if !subscribed {
        let gone =
            tx.execute("DELETE FROM subscription WHERE account = ?1 AND name = ?2", &[account.into(), name.into()])?;
        return Ok(gone > 0);
    }
    let count =
        tx.one("SELECT COUNT(*) FROM subscription WHERE account = ?1", &[account.into()], |row| row.count(0))?;
    if count.unwrap_or(0) >= MOST_MAILBOXES {
        return Err(Error::Conflict(format!("an account has {MOST_MAILBOXES} subscriptions at most")));
    }
    let made = tx.execute(
        "INSERT INTO subscription (account, name) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        &[account.into(), name.into()],
    )?;
    Ok(made > 0)
}

/// The names that an account has subscribed to, by name.
///
/// # Errors
/// What the engine reports.
pub fn subscriptions(tx: &mut dyn Tx, account: AccountId) -> Result<BTreeSet<String>> {
    let names = tx.all("SELECT name FROM subscription WHERE account = ?1", &[account.into()], |row| {
        Ok(row.text(0)?.to_owned())
    })?;
    Ok(names.into_iter().collect())
}

/// The UIDs in use, as ranges in order. Costs as much as there are gaps between them, not what the folder holds.
///
/// # Errors
/// What the engine reports.
pub fn uids(tx: &mut dyn Tx, mailbox: &Mailbox) -> Result<Vec<(u32, u32)>> {
    let mut ranges = Vec::new();
    let mut next = 1;
    tx.query("SELECT first, last FROM gap WHERE mailbox = ?1 ORDER BY first", &[mailbox.id.into()], &mut |row| {
        let (first, last) = (number(row, 0)?, number(row, 1)?);
        if first > next {
            ranges.push((next, first - 1));
        }
        next = last.saturating_add(1);
        Ok(())
    })?;
    if next < mailbox.uidnext {
        ranges.push((next, mailbox.uidnext - 1));
    }
    Ok(ranges)
}

/// Gives a folder a special use, without backslash, or takes it away.
///
/// # Errors
/// `NotFound`.
pub fn set_special(tx: &mut dyn Tx, id: MailboxId, special: Option<&str>) -> Result<()> {
    match tx.execute("UPDATE mailbox SET special = ?2 WHERE id = ?1", &[id.into(), special.into()])? {
        0 => Err(Error::NotFound("folder")),
        _ => Ok(()),
    }
}

/// Takes the `\Recent` messages for one session: those from the answered UID on.
///
/// # Errors
/// `NotFound`.
pub fn take_recent(tx: &mut dyn Tx, id: MailboxId) -> Result<u32> {
    let first =
        tx.one("SELECT first_recent FROM mailbox WHERE id = ?1 /*lock*/", &[id.into()], |row| number(row, 0))?;
    let first = first.ok_or(Error::NotFound("folder"))?;
    tx.execute("UPDATE mailbox SET first_recent = uidnext WHERE id = ?1 AND first_recent < uidnext", &[id.into()])?;
    Ok(first)
}

/// Keywords of the folder, each with its bit in [`Flags`](crate::mail::Flags).
///
/// # Errors
/// What the engine reports.
pub fn keywords(tx: &mut dyn Tx, id: MailboxId) -> Result<Vec<(u8, String)>> {
    tx.all("SELECT bit, name FROM keyword WHERE mailbox = ?1 ORDER BY bit", &[id.into()], |row| {
        Ok((u8::try_from(row.int(0)?).unwrap_or(0), row.text(1)?.to_owned()))
    })
}

/// The bit of a keyword (compared without regard to case), made when it is new.
///
/// # Errors
/// `Conflict` when the folder has [`MOST_KEYWORDS`] already; `NotFound`.
pub fn keyword(tx: &mut dyn Tx, id: MailboxId, name: &str) -> Result<u8> {
    // Locked, so that two sessions do not make it twice.
    tx.one("SELECT id FROM mailbox WHERE id = ?1 /*lock*/", &[id.into()], |_| Ok(()))?
        .ok_or(Error::NotFound("folder"))?;
    let known = keywords(tx, id)?;
    if let Some((bit, _)) = known.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)) {
        return Ok(*bit);
    }
    if known.len() >= MOST_KEYWORDS {
        return Err(Error::Conflict(format!("a folder has {MOST_KEYWORDS} keywords at most")));
    }
    let bit = FIRST_KEYWORD + known.len() as i64;
    tx.execute("INSERT INTO keyword (mailbox, bit, name) VALUES (?1, ?2, ?3)", &[id.into(), bit.into(), name.into()])?;
    Ok(u8::try_from(bit).unwrap_or(0))
}

/// Takes a folder away and leaves its messages to [`delete_step`].
pub(crate) fn give_up(tx: &mut dyn Tx, id: MailboxId) -> Result<()> {
    tx.execute("DELETE FROM mailbox WHERE id = ?1", &[id.into()])?;
    for table in ["acl", "annotation"] {
        tx.execute(&format!("DELETE FROM {table} WHERE mailbox = ?1"), &[id.into()])?;
    }
    tx.execute("INSERT INTO mailbox_gone (mailbox) VALUES (?1)", &[id.into()])?;
    Ok(())
}

fn insert(tx: &mut dyn Tx, account: AccountId, name: &str, special: Option<&str>, now: Time) -> Result<MailboxId> {
    let count = tx.one("SELECT COUNT(*) FROM mailbox WHERE account = ?1", &[account.into()], |row| row.count(0))?;
    if count.unwrap_or(0) >= MOST_MAILBOXES {
        return Err(Error::Conflict(format!("an account has {MOST_MAILBOXES} folders at most")));
    }
    // Greater than any before, even for a folder of a name that was there already (RFC 9051 §2.3.1.1).
    let uidvalidity = tx.one(
        "UPDATE account SET uidvalidity = CASE WHEN uidvalidity >= ?2 THEN uidvalidity + 1 ELSE ?2 END
         WHERE id = ?1 RETURNING uidvalidity",
        &[account.into(), now.seconds().max(1).into()],
        |row| row.int(0),
    )?;
    let uidvalidity = uidvalidity.ok_or(Error::NotFound("account"))?;
    let id = tx.insert(
        "INSERT INTO mailbox (account, name, uidvalidity, uidnext, modseq, messages, unseen, deleted, size,
             special, first_recent, history_floor)
         VALUES (?1, ?2, ?3, 1, 1, 0, 0, 0, 0, ?4, 1, 1) RETURNING id",
        &[account.into(), name.into(), uidvalidity.into(), special.into()],
    )?;
    Ok(MailboxId(id))
}

fn create_parents(tx: &mut dyn Tx, account: AccountId, name: &str, now: Time) -> Result<()> {
    for (end, _) in name.match_indices('/') {
        let parent = canonical(&name[..end]);
        if get(tx, account, parent)?.is_none() {
            insert(tx, account, parent, None, now)?;
        }
    }
    Ok(())
}

fn set_name(tx: &mut dyn Tx, id: MailboxId, name: &str) -> Result<()> {
    tx.execute("UPDATE mailbox SET name = ?2 WHERE id = ?1", &[id.into(), name.into()])?;
    Ok(())
}

/// Folders of one account are made and renamed one after the other.
fn lock_account(tx: &mut dyn Tx, account: AccountId) -> Result<()> {
    let found = tx.one("SELECT id FROM account WHERE id = ?1 /*lock*/", &[account.into()], |_| Ok(()))?;
    found.ok_or(Error::NotFound("account"))
}

/// INBOX is the same in any case, alone; other names are as they are.
fn canonical(name: &str) -> &str {
    if name.eq_ignore_ascii_case("INBOX") { "INBOX" } else { name }
}

fn checked(name: &str) -> Result<&str> {
    let name = canonical(name);
    let empty_level = name.split('/').any(str::is_empty);
    if empty_level || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Error::Conflict("a malformed folder name".into()));
    }
    Ok(name)
}

pub(crate) fn number(row: &dyn Row, column: usize) -> Result<u32> {
    let n = row.int(column)?;
    u32::try_from(n).map_err(|_| Error::Corrupt(format!("the number {n} of a folder")))
}

pub(crate) fn read(row: &dyn Row) -> Result<Mailbox> {
    Ok(Mailbox {
        id: MailboxId(row.int(0)?),
        account: AccountId(row.int(1)?),
        name: row.text(2)?.to_owned(),
        uidvalidity: number(row, 3)?,
        uidnext: number(row, 4)?,
        modseq: row.count(5)?,
        messages: number(row, 6)?,
        unseen: number(row, 7)?,
        deleted: number(row, 8)?,
        size: row.count(9)?,
        special: row.opt_text(10)?.map(ToOwned::to_owned),
        first_recent: number(row, 11)?,
    })
}
