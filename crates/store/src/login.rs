//! What logging in needs of accounts beyond [`account`].

use crate::account::{self, Account, State};
use crate::{AccountId, Result, Tx, TxExt};

/// The account whose local part is `local`, when there is exactly one that is not removed. `local` is the local part
/// of an [`Address::key`](sekisho_message::Address::key).
///
/// # Errors
/// What the engine reports.
pub fn only_with_local(tx: &mut dyn Tx, local: &str) -> Result<Option<Account>> {
    let keys = tx.all(
        "SELECT a.key FROM domain d JOIN account a ON a.key = CAST(?1 AS TEXT) || '@' || d.name",
        &[local.into()],
        |row| row.text(0).map(str::to_owned),
    )?;
    let mut only = None;
    for key in keys {
        let Some(found) = account::get(tx, &key)? else { continue };
        if found.state == State::Removed {
            continue;
        }
        if only.is_some() {
            return Ok(None);
        }
        only = Some(found);
    }
    Ok(only)
}

/// Puts a new hash of the same password in the place of `old`; false when the password has changed meanwhile. The time
/// of the last change stays.
///
/// # Errors
/// What the engine reports.
pub fn replace_hash(tx: &mut dyn Tx, id: AccountId, old: &str, new: &str) -> Result<bool> {
    let sql = "UPDATE account SET password = ?3 WHERE id = ?1 AND password = ?2";
    Ok(tx.execute(sql, &[id.into(), old.into(), new.into()])? > 0)
}

/// Sets the SCRAM secret of the password whose hash is `hash`; false when the password has changed meanwhile.
///
/// # Errors
/// What the engine reports.
pub fn set_scram(tx: &mut dyn Tx, id: AccountId, hash: &str, scram: &str) -> Result<bool> {
    let sql = "UPDATE account SET scram = ?3 WHERE id = ?1 AND password = ?2";
    Ok(tx.execute(sql, &[id.into(), hash.into(), scram.into()])? > 0)
}
