//! What logging in needs of accounts beyond [`account`].

use sekisho_message::Time;

use crate::account::{self, Account, State};
use crate::{AccountId, Result, Tx, TxExt};

/// Rows in one step.
const STEP: i64 = 1_000;

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

/// What keeps others from listening to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// Nothing.
    Clear = 0,
    /// TLS.
    Tls = 1,
    /// It came from the machine itself, without TLS.
    Local = 2,
}

impl Wire {
    /// As it is stored; what nobody knows protects nothing.
    const fn of(code: i64) -> Self {
        match code {
            1 => Self::Tls,
            2 => Self::Local,
            _ => Self::Clear,
        }
    }
}

/// A way in which an account logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// `smtp`, `pop3`, `imap4` or `console`.
    pub door: String,
    /// What was shown: `password`, `app password`, `SCRAM-SHA-256` and so on.
    pub proof: String,
    /// What protected the connection.
    pub wire: Wire,
    /// When it was last written down.
    pub last: Time,
}

/// The ways in which an account logged in lately, by door, proof and wire.
///
/// # Errors
/// What the engine reports.
pub fn ways(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<Way>> {
    let sql = "SELECT door, proof, wire, last FROM login_way WHERE account = ?1 ORDER BY door, proof, wire";
    tx.all(sql, &[account.into()], |row| {
        Ok(Way {
            door: row.text(0)?.to_owned(),
            proof: row.text(1)?.to_owned(),
            wire: Wire::of(row.int(2)?),
            last: Time(row.int(3)?),
        })
    })
}

/// Notes that an account logged in in this way.
///
/// # Errors
/// What the engine reports.
pub fn note_way(tx: &mut dyn Tx, account: AccountId, way: &Way) -> Result<()> {
    tx.execute(
        "INSERT INTO login_way (account, door, proof, wire, last) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (account, door, proof, wire) DO UPDATE SET last = excluded.last",
        &[account.into(), (&way.door).into(), (&way.proof).into(), (way.wire as i64).into(), way.last.into()],
    )?;
    Ok(())
}

/// Forgets how `account` logged in.
///
/// # Errors
/// What the engine reports.
pub fn forget_ways(tx: &mut dyn Tx, account: AccountId) -> Result<u64> {
    tx.execute("DELETE FROM login_way WHERE account = ?1", &[account.into()])
}

/// Forgets some ways that nobody used since `before`; whether there may be more.
///
/// # Errors
/// What the engine reports.
pub fn expire_ways(tx: &mut dyn Tx, before: Time) -> Result<bool> {
    let gone = tx.execute(
        "DELETE FROM login_way WHERE (account, door, proof, wire) IN
         (SELECT account, door, proof, wire FROM login_way WHERE last < ?1 ORDER BY last LIMIT ?2)",
        &[before.into(), STEP.into()],
    )?;
    Ok(gone >= STEP.unsigned_abs())
}
