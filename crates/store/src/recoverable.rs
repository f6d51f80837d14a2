//! Accounts whose password may be kept in a form that can be read: APOP and CRAM-MD5 cannot do without.
//!
//! What is kept is encrypted under a key that is not in the store, and is bound to the password hash beside which it was
//! made: a changed password leaves nothing behind that works.

use sekisho_message::Time;

use crate::{AccountId, Result, Tx, TxExt};

/// An account that has the permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recoverable {
    /// Whose.
    pub account: AccountId,
    /// Since when.
    pub since: Time,
    /// The password hash that `sealed` belongs to.
    pub hash: String,
    /// The encrypted password; none until its owner has logged in with it.
    pub sealed: Option<Vec<u8>>,
}

/// Gives the permission, or with none takes it away with what is kept.
///
/// # Errors
/// What the engine reports.
pub fn set(tx: &mut dyn Tx, account: AccountId, since: Option<Time>) -> Result<()> {
    match since {
        Some(since) => tx.execute(
            "INSERT INTO recoverable (account, since, hash) VALUES (?1, ?2, '') ON CONFLICT (account) DO NOTHING",
            &[account.into(), since.into()],
        )?,
        None => tx.execute("DELETE FROM recoverable WHERE account = ?1", &[account.into()])?,
    };
    Ok(())
}

/// The permission of an account.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, account: AccountId) -> Result<Option<Recoverable>> {
    tx.one("SELECT since, hash, sealed FROM recoverable WHERE account = ?1", &[account.into()], |row| {
        Ok(Recoverable {
            account,
            since: Time(row.int(0)?),
            hash: row.text(1)?.to_owned(),
            sealed: row.opt_blob(2)?.map(<[u8]>::to_vec),
        })
    })
}

/// Keeps the encrypted password of an account that has the permission and whose hash still is `hash`; whether it did.
///
/// # Errors
/// What the engine reports.
pub fn seal(tx: &mut dyn Tx, account: AccountId, hash: &str, sealed: &[u8]) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE recoverable SET hash = ?2, sealed = ?3
         WHERE account = ?1 AND EXISTS (SELECT 1 FROM account a WHERE a.id = ?1 AND a.password = ?2)",
        &[account.into(), hash.into(), sealed.into()],
    )?;
    Ok(changed > 0)
}

/// Whether any account has the permission.
///
/// # Errors
/// What the engine reports.
pub fn any(tx: &mut dyn Tx) -> Result<bool> {
    Ok(tx.one("SELECT 1 FROM recoverable LIMIT 1", &[], |row| row.int(0))?.is_some())
}

/// Addresses of the accounts that have the permission, and whether a password is kept: at most `limit`, by address.
///
/// # Errors
/// What the engine reports.
pub fn accounts(tx: &mut dyn Tx, limit: u32) -> Result<Vec<(String, Time, bool)>> {
    tx.all(
        "SELECT a.address, r.since, CASE WHEN r.sealed IS NULL OR r.hash <> a.password THEN 0 ELSE 1 END
         FROM recoverable r JOIN account a ON a.id = r.account ORDER BY a.key LIMIT ?1",
        &[limit.into()],
        |row| Ok((row.text(0)?.to_owned(), Time(row.int(1)?), row.flag(2)?)),
    )
}
