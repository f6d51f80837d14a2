//! Other names for addresses.

use sekisho_message::{Address, Domain, Time};

use crate::directory::{must_be_free, split};
use crate::{Error, Result, Row, Tx, TxExt, domain};

/// An alias.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Alias {
    /// `local@domain`, `prefix*@domain` or `*@domain`.
    pub pattern: String,
    /// Where mail for it goes.
    pub target: String,
    /// When it was added.
    pub created: Time,
}

const EXACT: i64 = 0;
const PREFIX: i64 = 1;
const ANY: i64 = 2;

/// Adds an alias for `pattern`: `local@domain`, `prefix*@domain` or `*@domain`, of a local domain.
///
/// # Errors
/// `Conflict` when the pattern is malformed, is there already, or is the address of an account or list;
/// `NotFound` when its domain is not local.
pub fn add(tx: &mut dyn Tx, pattern: &str, target: &Address, now: Time) -> Result<()> {
    let (kind, local, domain) = parse(pattern)?;
    domain::get(tx, &domain)?.ok_or(Error::NotFound("domain"))?;
    if kind == EXACT {
        must_be_free(tx, &format!("{local}@{domain}"))?;
    }
    let (written, key) = (target.to_string(), target.key());
    let added = tx.execute(
        "INSERT INTO alias (domain, kind, local, target, target_key, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
        &[(&domain).into(), kind.into(), (&local).into(), (&written).into(), (&key).into(), now.into()],
    )?;
    if added == 0 { Err(Error::Conflict(format!("{pattern} is an alias already"))) } else { Ok(()) }
}

/// Removes the alias for `pattern`.
///
/// # Errors
/// `NotFound`; `Conflict` when the pattern is malformed.
pub fn remove(tx: &mut dyn Tx, pattern: &str) -> Result<()> {
    let (kind, local, domain) = parse(pattern)?;
    let removed = tx.execute(
        "DELETE FROM alias WHERE domain = ?1 AND kind = ?2 AND local = ?3",
        &[(&domain).into(), kind.into(), (&local).into()],
    )?;
    if removed == 0 { Err(Error::NotFound("alias")) } else { Ok(()) }
}

/// All aliases, or those of one domain (lower-case A-labels): exact ones, prefixes, then the one for the whole domain.
///
/// # Errors
/// What the engine reports.
pub fn list(tx: &mut dyn Tx, domain: Option<&str>) -> Result<Vec<Alias>> {
    tx.all(
        "SELECT domain, kind, local, target, created FROM alias
         WHERE domain = COALESCE(?1, domain) ORDER BY domain, kind, local",
        &[domain.into()],
        read,
    )
}

/// The target of the exact alias `key`.
pub(crate) fn exact(tx: &mut dyn Tx, key: &str) -> Result<Option<String>> {
    let (local, domain) = split(key);
    tx.one(
        "SELECT target FROM alias WHERE domain = ?1 AND kind = ?2 AND local = ?3",
        &[domain.into(), EXACT.into(), local.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )
}

/// The target of the longest prefix, or else of the whole domain, that `key` matches.
pub(crate) fn wildcard(tx: &mut dyn Tx, key: &str) -> Result<Option<String>> {
    let (local, domain) = split(key);
    tx.one(
        "SELECT target FROM alias WHERE domain = ?1 AND kind > ?2 AND local = SUBSTR(?3, 1, LENGTH(local))
         ORDER BY LENGTH(local) DESC LIMIT 1",
        &[domain.into(), EXACT.into(), local.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )
}

/// Whether `key` is an exact alias whose target has the key `target`.
pub(crate) fn leads_to(tx: &mut dyn Tx, key: &str, target: &str) -> Result<bool> {
    let (local, domain) = split(key);
    let found = tx.one(
        "SELECT target FROM alias WHERE domain = ?1 AND kind = ?2 AND local = ?3 AND target_key = ?4",
        &[domain.into(), EXACT.into(), local.into(), target.into()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Kind, local part and domain of a pattern, in the form of a key.
fn parse(pattern: &str) -> Result<(i64, String, String)> {
    let malformed = || Error::Conflict(format!("{pattern:?} is neither local@domain, prefix*@domain nor *@domain"));
    if let Some((local, rest)) = pattern.rsplit_once("*@") {
        let domain = Domain::parse(rest).map_err(|_| malformed())?.ascii().to_owned();
        if local.is_empty() {
            return Ok((ANY, String::new(), domain));
        }
        // Read as a whole address, so that the prefix is folded as addresses are.
        let prefix = Address::parse(&format!("{local}x@{domain}")).map_err(|_| malformed())?.key();
        let prefix = split(&prefix).0.strip_suffix('x').ok_or_else(malformed)?.to_owned();
        return Ok((PREFIX, prefix, domain));
    }
    let key = Address::parse(pattern).map_err(|_| malformed())?.key();
    let (local, domain) = split(&key);
    Ok((EXACT, local.to_owned(), domain.to_owned()))
}

fn read(row: &dyn Row) -> Result<Alias> {
    let (domain, kind, local) = (row.text(0)?, row.int(1)?, row.text(2)?);
    let star = if kind == EXACT { "" } else { "*" };
    Ok(Alias {
        pattern: format!("{local}{star}@{domain}"),
        target: row.text(3)?.to_owned(),
        created: Time(row.int(4)?),
    })
}
