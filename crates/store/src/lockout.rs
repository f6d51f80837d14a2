//! What lockouts remember: where accounts were used, which locks are in force, and from where passwords may be used.

use sekisho_message::Time;

use crate::account::Account;
use crate::{AccountId, DomainId, Result, Row, Tx, TxExt};

/// Most locks that are read.
const MOST_LOCKS: i64 = 100_000;
/// Rows in one step.
const STEP: i64 = 1_000;

/// When `account` was last used successfully at `place` (a network as text).
///
/// # Errors
/// What the engine reports.
pub fn last_use(tx: &mut dyn Tx, account: AccountId, place: &str) -> Result<Option<Time>> {
    let sql = "SELECT last FROM login_place WHERE account = ?1 AND place = ?2";
    tx.one(sql, &[account.into(), place.into()], |row| row.int(0).map(Time))
}

/// Whether any account was used successfully at `place` since then.
///
/// # Errors
/// What the engine reports.
pub fn is_used(tx: &mut dyn Tx, place: &str, since: Time) -> Result<bool> {
    let sql = "SELECT 1 FROM login_place WHERE place = ?1 AND last >= ?2 LIMIT 1";
    Ok(tx.one(sql, &[place.into(), since.into()], |row| row.int(0))?.is_some())
}

/// Where and when an account logged in last.
///
/// # Errors
/// What the engine reports.
pub fn last_place(tx: &mut dyn Tx, account: AccountId) -> Result<Option<(String, Time)>> {
    let sql = "SELECT place, last FROM login_place WHERE account = ?1 ORDER BY last DESC LIMIT 1";
    tx.one(sql, &[account.into()], |row| Ok((row.text(0)?.to_owned(), Time(row.int(1)?))))
}

/// In how many places `account` was used lately.
///
/// # Errors
/// What the engine reports.
pub fn uses_of(tx: &mut dyn Tx, account: AccountId) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM login_place WHERE account = ?1";
    Ok(tx.one(sql, &[account.into()], |row| row.count(0))?.unwrap_or(0))
}

/// Notes that `account` was used at `place`.
///
/// # Errors
/// What the engine reports.
pub fn note_use(tx: &mut dyn Tx, account: AccountId, place: &str, now: Time) -> Result<()> {
    tx.execute(
        "INSERT INTO login_place (account, place, last) VALUES (?1, ?2, ?3)
         ON CONFLICT (account, place) DO UPDATE SET last = excluded.last",
        &[account.into(), place.into(), now.into()],
    )?;
    Ok(())
}

/// Forgets where `account` was used, as after somebody else had its password: at `place`, or everywhere.
///
/// # Errors
/// What the engine reports.
pub fn forget_use(tx: &mut dyn Tx, account: AccountId, place: Option<&str>) -> Result<u64> {
    match place {
        Some(place) => {
            tx.execute("DELETE FROM login_place WHERE account = ?1 AND place = ?2", &[account.into(), place.into()])
        }
        None => tx.execute("DELETE FROM login_place WHERE account = ?1", &[account.into()]),
    }
}

/// Forgets some uses before `before`; whether there may be more.
///
/// # Errors
/// What the engine reports.
pub fn expire_use(tx: &mut dyn Tx, before: Time) -> Result<bool> {
    let gone = tx.execute(
        "DELETE FROM login_place WHERE (account, place) IN
         (SELECT account, place FROM login_place WHERE last < ?1 ORDER BY last LIMIT ?2)",
        &[before.into(), STEP.into()],
    )?;
    Ok(gone >= STEP.unsigned_abs())
}

/// A lock as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What is locked; there is one lock for each.
    pub subject: String,
    /// The login name, where one is concerned.
    pub name: Option<String>,
    /// Its end.
    pub until: Time,
    /// The rest.
    pub detail: String,
}

/// The locks that end after `now`.
///
/// # Errors
/// What the engine reports.
pub fn locks(tx: &mut dyn Tx, now: Time) -> Result<Vec<Kept>> {
    let sql = "SELECT subject, name, until, detail FROM lockout WHERE until > ?1 ORDER BY subject LIMIT ?2";
    tx.all(sql, &[now.into(), MOST_LOCKS.into()], kept)
}

/// Keeps a lock.
///
/// # Errors
/// What the engine reports.
pub fn put(tx: &mut dyn Tx, lock: &Kept) -> Result<()> {
    tx.execute(
        "INSERT INTO lockout (subject, name, until, detail) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (subject) DO UPDATE SET name = excluded.name, until = excluded.until, detail = excluded.detail",
        &[(&lock.subject).into(), lock.name.as_deref().into(), lock.until.into(), (&lock.detail).into()],
    )?;
    Ok(())
}

/// Takes a lock away; whether it was there.
///
/// # Errors
/// What the engine reports.
pub fn remove(tx: &mut dyn Tx, subject: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM lockout WHERE subject = ?1", &[subject.into()])? > 0)
}

/// Takes some locks away that are over, and tells them.
///
/// # Errors
/// What the engine reports.
pub fn end(tx: &mut dyn Tx, now: Time) -> Result<Vec<Kept>> {
    let sql = "SELECT subject, name, until, detail FROM lockout WHERE until <= ?1 ORDER BY subject LIMIT ?2";
    let over = tx.all(sql, &[now.into(), STEP.into()], kept)?;
    for lock in &over {
        remove(tx, &lock.subject)?;
    }
    Ok(over)
}

fn kept(row: &dyn Row) -> Result<Kept> {
    Ok(Kept {
        subject: row.text(0)?.to_owned(),
        name: row.opt_text(1)?.map(str::to_owned),
        until: Time(row.int(2)?),
        detail: row.text(3)?.to_owned(),
    })
}

/// Whose rule it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Every account of a domain that has none of its own.
    Domain(DomainId),
    /// One account.
    Account(AccountId),
}

/// From where passwords may be used, as text that the rule's reader understands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginRule {
    /// Networks, separated by commas.
    pub networks: String,
    /// Countries, separated by commas.
    pub countries: String,
}

/// The rule of an owner.
///
/// # Errors
/// What the engine reports.
pub fn rule(tx: &mut dyn Tx, owner: Owner) -> Result<Option<LoginRule>> {
    let (kind, id) = owner.key();
    let sql = "SELECT networks, countries FROM login_rule WHERE kind = ?1 AND owner = ?2";
    tx.one(sql, &[kind.into(), id.into()], |row| {
        Ok(LoginRule { networks: row.text(0)?.to_owned(), countries: row.text(1)?.to_owned() })
    })
}

/// The rule that holds for an account: its own, or else its domain's.
///
/// # Errors
/// What the engine reports.
pub fn rule_for(tx: &mut dyn Tx, account: &Account) -> Result<Option<LoginRule>> {
    match rule(tx, Owner::Account(account.id))? {
        Some(rule) => Ok(Some(rule)),
        None => rule(tx, Owner::Domain(account.domain)),
    }
}

/// Sets or, with none, removes the rule of an owner.
///
/// # Errors
/// What the engine reports.
pub fn set_rule(tx: &mut dyn Tx, owner: Owner, rule: Option<&LoginRule>) -> Result<()> {
    let (kind, id) = owner.key();
    match rule {
        Some(rule) => tx.execute(
            "INSERT INTO login_rule (kind, owner, networks, countries) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (kind, owner) DO UPDATE SET networks = excluded.networks, countries = excluded.countries",
            &[kind.into(), id.into(), (&rule.networks).into(), (&rule.countries).into()],
        )?,
        None => tx.execute("DELETE FROM login_rule WHERE kind = ?1 AND owner = ?2", &[kind.into(), id.into()])?,
    };
    Ok(())
}

impl Owner {
    const fn key(self) -> (i64, i64) {
        match self {
            Self::Domain(id) => (0, id.0),
            Self::Account(id) => (1, id.0),
        }
    }
}
