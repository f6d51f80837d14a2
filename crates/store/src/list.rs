//! Mailing lists.

use sekisho_message::{Address, Time};

use crate::directory::must_be_free;
use crate::{Error, ListId, Result, Row, Tx, TxExt, domain};

/// What makes a list's address its bounce address.
const BOUNCES: &str = "-bounces";

/// Who may post.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Posting {
    /// Members.
    #[default]
    Members,
    /// Everybody.
    Anyone,
    /// The owner alone.
    Owner,
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct List {
    /// Its row.
    pub id: ListId,
    /// Its address as written.
    pub address: String,
    /// [`Address::key`] of the address.
    pub key: String,
    /// Who owns it and gets its bounces.
    pub owner: String,
    /// Who may post.
    pub posting: Posting,
    /// What goes before the subject, such as `[team]`; none when empty.
    pub subject_tag: String,
    /// One line about the list.
    pub description: String,
    /// When it was added.
    pub created: Time,
}

/// What can be set about a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListSettings {
    /// Who owns it.
    pub owner: String,
    /// Who may post.
    pub posting: Posting,
    /// Subject tag.
    pub subject_tag: String,
    /// Description.
    pub description: String,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Member {
    /// Address as written.
    pub address: String,
    /// [`Address::key`].
    pub key: String,
    /// Since when.
    pub since: Time,
}
const COLUMNS: &str = "id, key, address, owner, posting, subject_tag, description, created";

/// Adds a list.
///
/// # Errors
/// `NotFound` when its domain is not local; `Conflict` when an account, alias or list has the address.
pub fn add(tx: &mut dyn Tx, address: &Address, settings: &ListSettings, now: Time) -> Result<ListId> {
    let key = address.key();
    let domain = domain::get(tx, address.domain().ascii())?.ok_or(Error::NotFound("domain"))?;
    must_be_free(tx, &key)?;
    let written = address.to_string();
    let id = tx.insert(
        "INSERT INTO list (key, address, domain, owner, posting, subject_tag, description, created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
        &[
            (&key).into(),
            (&written).into(),
            (&domain.name).into(),
            (&settings.owner).into(),
            (settings.posting as i64).into(),
            (&settings.subject_tag).into(),
            (&settings.description).into(),
            now.into(),
        ],
    )?;
    Ok(ListId(id))
}

/// Removes a list and its members.
///
/// # Errors
/// `NotFound`.
pub fn remove(tx: &mut dyn Tx, id: ListId) -> Result<()> {
    tx.execute("DELETE FROM list_member WHERE list = ?1", &[id.into()])?;
    one_row(tx.execute("DELETE FROM list WHERE id = ?1", &[id.into()])?)
}

/// The list whose address has this [`Address::key`].
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, key: &str) -> Result<Option<List>> {
    tx.one(&format!("SELECT {COLUMNS} FROM list WHERE key = ?1"), &[key.into()], read)
}

/// All lists by address.
///
/// # Errors
/// What the engine reports.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<List>> {
    tx.all(&format!("SELECT {COLUMNS} FROM list ORDER BY key"), &[], read)
}

/// Changes what can be set about a list.
///
/// # Errors
/// `NotFound`.
pub fn settings(tx: &mut dyn Tx, id: ListId, settings: &ListSettings) -> Result<()> {
    one_row(tx.execute(
        "UPDATE list SET owner = ?2, posting = ?3, subject_tag = ?4, description = ?5 WHERE id = ?1",
        &[
            id.into(),
            (&settings.owner).into(),
            (settings.posting as i64).into(),
            (&settings.subject_tag).into(),
            (&settings.description).into(),
        ],
    )?)
}

/// Adds a member; false when it is one already.
///
/// # Errors
/// `NotFound` when there is no such list.
pub fn add_member(tx: &mut dyn Tx, id: ListId, address: &Address, now: Time) -> Result<bool> {
    let (written, key) = (address.to_string(), address.key());
    // Locked, so that it is not removed meanwhile.
    let list = tx.one("SELECT id FROM list WHERE id = ?1 /*lock*/", &[id.into()], |_| Ok(()))?;
    list.ok_or(Error::NotFound("list"))?;
    let added = tx.execute(
        "INSERT INTO list_member (list, key, address, since) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        &[id.into(), (&key).into(), (&written).into(), now.into()],
    )?;
    Ok(added > 0)
}

/// Removes the member with this [`Address::key`]; false when there was none.
///
/// # Errors
/// What the engine reports.
pub fn remove_member(tx: &mut dyn Tx, id: ListId, key: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM list_member WHERE list = ?1 AND key = ?2", &[id.into(), key.into()])? > 0)
}

/// Up to `limit` members after the key `after`, by key: expansion goes in steps.
///
/// # Errors
/// What the engine reports.
pub fn members(tx: &mut dyn Tx, id: ListId, after: &str, limit: u32) -> Result<Vec<Member>> {
    tx.all(
        "SELECT address, key, since FROM list_member WHERE list = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
        &[id.into(), after.into(), limit.into()],
        |row| Ok(Member { address: row.text(0)?.to_owned(), key: row.text(1)?.to_owned(), since: Time(row.int(2)?) }),
    )
}

/// Whether the address with this [`Address::key`] is a member.
///
/// # Errors
/// What the engine reports.
pub fn is_member(tx: &mut dyn Tx, id: ListId, key: &str) -> Result<bool> {
    let found =
        tx.one("SELECT since FROM list_member WHERE list = ?1 AND key = ?2", &[id.into(), key.into()], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Where the list's own mail comes from and its bounces go: `team-bounces@example.jp`. None when the name of the list is
/// too long for that. [`directory::resolve`](crate::directory::resolve) leads it to the owner.
#[must_use]
pub fn bounce_address(address: &Address) -> Option<Address> {
    Address::from_parts(&format!("{}{BOUNCES}", address.local()), address.domain().clone()).ok()
}

/// The owner of the list that `key` is the bounce address of.
pub(crate) fn owner_of_bounces(tx: &mut dyn Tx, key: &str) -> Result<Option<String>> {
    let (local, domain) = key.rsplit_once('@').unwrap_or((key, ""));
    let Some(name) = local.strip_suffix(BOUNCES) else { return Ok(None) };
    Ok(get(tx, &format!("{name}@{domain}"))?.map(|list| list.owner))
}

fn one_row(changed: u64) -> Result<()> {
    if changed == 0 { Err(Error::NotFound("list")) } else { Ok(()) }
}

fn read(row: &dyn Row) -> Result<List> {
    Ok(List {
        id: ListId(row.int(0)?),
        key: row.text(1)?.to_owned(),
        address: row.text(2)?.to_owned(),
        owner: row.text(3)?.to_owned(),
        posting: match row.int(4)? {
            0 => Posting::Members,
            1 => Posting::Anyone,
            2 => Posting::Owner,
            other => return Err(Error::Corrupt(format!("posting {other} of a list"))),
        },
        subject_tag: row.text(5)?.to_owned(),
        description: row.text(6)?.to_owned(),
        created: Time(row.int(7)?),
    })
}
