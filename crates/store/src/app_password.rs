//! Passwords of single programs: each has a name, may be bound to doors and networks, and can be taken away alone.

use sekisho_message::Time;

use crate::{AccountId, AppPasswordId, Result, Row, Tx, TxExt};

/// Most app passwords of an account, the revoked ones included.
pub const MOST: usize = 50;

/// An app password as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppPassword {
    /// Its row.
    pub id: AppPasswordId,
    /// Whose it is.
    pub account: AccountId,
    /// What its owner calls it; one of this name for each account.
    pub name: String,
    /// The doors that it opens, separated by commas; empty for all.
    pub protocols: String,
    /// The networks that it works from, separated by commas; empty for all.
    pub networks: String,
    /// When it was made.
    pub created: Time,
    /// By whom.
    pub created_by: String,
    /// When it ends by itself.
    pub expires: Option<Time>,
    /// Since when it is good for nothing, because the account was suspended or an incident resolved.
    pub revoked: Option<Time>,
    /// The last login with it, as it was noted.
    pub used: Option<Use>,
}

/// A login with an app password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: Time,
    /// Address of the client.
    pub network: String,
    /// The door.
    pub protocol: String,
}

/// A new app password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAppPassword<'a> {
    /// Whose it is.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: &'a str,
    /// The keyed hash of the secret.
    pub verifier: &'a [u8],
    /// The doors; empty for all.
    pub protocols: &'a str,
    /// The networks; empty for all.
    pub networks: &'a str,
    /// By whom it is made.
    pub created_by: &'a str,
    /// When it ends.
    pub expires: Option<Time>,
}

const COLUMNS: &str =
    "id, account, name, protocols, networks, created, created_by, expires, revoked, used, used_network,
    used_protocol";

/// Keeps a new one.
///
/// # Errors
/// What the engine reports; a name that the account has already is a fault of the caller.
pub fn add(tx: &mut dyn Tx, new: &NewAppPassword<'_>, now: Time) -> Result<AppPasswordId> {
    let id = tx.insert(
        "INSERT INTO app_password (account, name, verifier, protocols, networks, created, created_by, expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id",
        &[
            new.account.into(),
            new.name.into(),
            new.verifier.into(),
            new.protocols.into(),
            new.networks.into(),
            now.into(),
            new.created_by.into(),
            new.expires.into(),
        ],
    )?;
    Ok(AppPasswordId(id))
}

/// All of an account, by name.
///
/// # Errors
/// What the engine reports.
pub fn list(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<AppPassword>> {
    tx.all(&format!("SELECT {COLUMNS} FROM app_password WHERE account = ?1 ORDER BY name"), &[account.into()], read)
}

/// The one of an account with this verifier, whether it is still good or not.
///
/// # Errors
/// What the engine reports.
pub fn find(tx: &mut dyn Tx, account: AccountId, verifier: &[u8]) -> Result<Option<AppPassword>> {
    let sql = format!("SELECT {COLUMNS} FROM app_password WHERE account = ?1 AND verifier = ?2");
    tx.one(&sql, &[account.into(), verifier.into()], read)
}

/// The one of an account with this name.
///
/// # Errors
/// What the engine reports.
pub fn named(tx: &mut dyn Tx, account: AccountId, name: &str) -> Result<Option<AppPassword>> {
    let sql = format!("SELECT {COLUMNS} FROM app_password WHERE account = ?1 AND name = ?2");
    tx.one(&sql, &[account.into(), name.into()], read)
}

/// Whether it is there and was not revoked.
///
/// # Errors
/// What the engine reports.
pub fn stands(tx: &mut dyn Tx, id: AppPasswordId) -> Result<bool> {
    let sql = "SELECT 1 FROM app_password WHERE id = ?1 AND revoked IS NULL";
    Ok(tx.one(sql, &[id.into()], |row| row.int(0))?.is_some())
}

/// Takes one away.
///
/// # Errors
/// What the engine reports.
pub fn remove(tx: &mut dyn Tx, id: AppPasswordId) -> Result<()> {
    tx.execute("DELETE FROM app_password WHERE id = ?1", &[id.into()])?;
    Ok(())
}

/// Takes all of an account away.
///
/// # Errors
/// What the engine reports.
pub fn remove_all(tx: &mut dyn Tx, account: AccountId) -> Result<u64> {
    tx.execute("DELETE FROM app_password WHERE account = ?1", &[account.into()])
}

/// Makes all of an account good for nothing; how many were good until now.
///
/// # Errors
/// What the engine reports.
pub fn revoke_all(tx: &mut dyn Tx, account: AccountId, now: Time) -> Result<u64> {
    let sql = "UPDATE app_password SET revoked = ?2 WHERE account = ?1 AND revoked IS NULL";
    tx.execute(sql, &[account.into(), now.into()])
}

/// Undoes the revocations of an account since then: a false alarm. How many are good again.
///
/// # Errors
/// What the engine reports.
pub fn restore(tx: &mut dyn Tx, account: AccountId, since: Time) -> Result<u64> {
    let sql = "UPDATE app_password SET revoked = NULL WHERE account = ?1 AND revoked >= ?2";
    tx.execute(sql, &[account.into(), since.into()])
}

/// Notes a login.
///
/// # Errors
/// What the engine reports.
pub fn note_use(tx: &mut dyn Tx, id: AppPasswordId, used: &Use) -> Result<()> {
    tx.execute(
        "UPDATE app_password SET used = ?2, used_network = ?3, used_protocol = ?4 WHERE id = ?1",
        &[id.into(), used.at.into(), (&used.network).into(), (&used.protocol).into()],
    )?;
    Ok(())
}

fn read(row: &dyn Row) -> Result<AppPassword> {
    let used = match row.opt_int(9)? {
        Some(at) => Some(Use {
            at: Time(at),
            network: row.opt_text(10)?.unwrap_or_default().to_owned(),
            protocol: row.opt_text(11)?.unwrap_or_default().to_owned(),
        }),
        None => None,
    };
    Ok(AppPassword {
        id: AppPasswordId(row.int(0)?),
        account: AccountId(row.int(1)?),
        name: row.text(2)?.to_owned(),
        protocols: row.text(3)?.to_owned(),
        networks: row.text(4)?.to_owned(),
        created: Time(row.int(5)?),
        created_by: row.text(6)?.to_owned(),
        expires: row.opt_int(7)?.map(Time),
        revoked: row.opt_int(8)?.map(Time),
        used,
    })
}
