//! Domains that this server is final destination for.

use sekisho_message::Time;

use crate::{DomainId, Error, Result, Row, Tx, TxExt, lockout};

/// A local domain.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Domain {
    /// Its row.
    pub id: DomainId,
    /// Name as lower-case A-labels.
    pub name: String,
    /// When it was added.
    pub created: Time,
    /// What becomes of mail from outside that claims to be from it.
    pub claims: Claims,
}

/// What becomes of mail that comes from outside, without AUTH, and names a sender in the domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claims {
    /// It is refused.
    #[default]
    Refuse,
    /// It is taken, with a field in its header that says so.
    Mark,
    /// It is taken as it is.
    Off,
}

impl Claims {
    fn stored(n: i64) -> Result<Self> {
        match n {
            0 => Ok(Self::Refuse),
            1 => Ok(Self::Mark),
            2 => Ok(Self::Off),
            other => Err(Error::Corrupt(format!("claims {other} of a domain"))),
        }
    }
}

/// Sets what becomes of mail from outside that claims to be from the domain `name`.
///
/// # Errors
/// `NotFound`.
pub fn set_claims(tx: &mut dyn Tx, name: &str, claims: Claims) -> Result<()> {
    let changed =
        tx.execute("UPDATE domain SET claims = ?2 WHERE name = ?1", &[name.into(), (claims as i64).into()])?;
    if changed == 0 { Err(Error::NotFound("domain")) } else { Ok(()) }
}

/// Adds the domain `name` (lower-case A-labels).
///
/// # Errors
/// `Conflict` when it is there already.
pub fn add(tx: &mut dyn Tx, name: &str, now: Time) -> Result<DomainId> {
    let added = tx.one(
        "INSERT INTO domain (name, created) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING id",
        &[name.into(), now.into()],
        |row| row.int(0),
    )?;
    added.map(DomainId).ok_or_else(|| Error::Conflict(format!("the domain {name} is there already")))
}

/// Removes the domain `name`.
///
/// # Errors
/// `NotFound`; `Conflict` while accounts, aliases or lists are in it.
pub fn remove(tx: &mut dyn Tx, name: &str) -> Result<()> {
    let domain = get(tx, name)?.ok_or(Error::NotFound("domain"))?;
    let used = tx.one(
        "SELECT (SELECT COUNT(*) FROM account WHERE domain = ?1),
                (SELECT COUNT(*) FROM alias WHERE domain = ?2),
                (SELECT COUNT(*) FROM list WHERE domain = ?2)",
        &[domain.id.into(), name.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    if let Some((accounts, aliases, lists)) = used.filter(|used| *used != (0, 0, 0)) {
        return Err(Error::Conflict(format!(
            "{name} still has {accounts} accounts, {aliases} aliases and {lists} lists"
        )));
    }
    lockout::set_rule(tx, lockout::Owner::Domain(domain.id), None)?;
    tx.execute("DELETE FROM domain WHERE id = ?1", &[domain.id.into()])?;
    Ok(())
}

/// All domains by name.
///
/// # Errors
/// What the engine reports.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<Domain>> {
    tx.all("SELECT id, name, created, claims FROM domain ORDER BY name", &[], read)
}

/// The domain `name` (lower-case A-labels), if it is local.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, name: &str) -> Result<Option<Domain>> {
    tx.one("SELECT id, name, created, claims FROM domain WHERE name = ?1", &[name.into()], read)
}

fn read(row: &dyn Row) -> Result<Domain> {
    Ok(Domain {
        id: DomainId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        created: Time(row.int(2)?),
        claims: Claims::stored(row.int(3)?)?,
    })
}
