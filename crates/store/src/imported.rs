//! What was imported, so that an import that was interrupted goes on where it was and a second one does nothing twice.
//!
//! A mark is written in the transaction that stores the message, so it is there exactly when the message is.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use crate::{AccountId, Param, Result, Tx, TxExt};

/// Marks that one question asks about.
const CHUNK: usize = 64;

/// A mark: where a message came from, hashed.
pub type Item = [u8; 16];

/// The mark of a message that came from `place`.
#[must_use]
pub fn item(place: &[u8]) -> Item {
    let hash: [u8; 32] = Sha256::digest(place).into();
    let mut item = [0; 16];
    item.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    item
}

/// Sets a mark; false when it was set already.
///
/// # Errors
/// What the engine reports.
pub fn mark(tx: &mut dyn Tx, account: AccountId, item: &Item) -> Result<bool> {
    let sql = "INSERT INTO imported (account, item) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[account.into(), item.as_slice().into()])? > 0)
}

/// Those of `items` that are marked.
///
/// # Errors
/// What the engine reports.
pub fn known(tx: &mut dyn Tx, account: AccountId, items: &[Item]) -> Result<HashSet<Item>> {
    let mut found = HashSet::new();
    for chunk in items.chunks(CHUNK) {
        let places = (2..chunk.len() + 2).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let sql = format!("SELECT item FROM imported WHERE account = ?1 AND item IN ({places})");
        let mut params: Vec<Param<'_>> = vec![account.into()];
        params.extend(chunk.iter().map(|item| Param::from(item.as_slice())));
        tx.query(&sql, &params, &mut |row| {
            found.extend(row.blob(0)?.first_chunk::<16>().copied());
            Ok(())
        })?;
    }
    Ok(found)
}

/// Forgets at most `limit` marks of an account; how many that were.
///
/// # Errors
/// What the engine reports.
pub fn forget_step(tx: &mut dyn Tx, account: AccountId, limit: u32) -> Result<u64> {
    let items =
        tx.all("SELECT item FROM imported WHERE account = ?1 LIMIT ?2", &[account.into(), limit.into()], |row| {
            Ok(row.blob(0)?.to_vec())
        })?;
    for item in &items {
        tx.execute("DELETE FROM imported WHERE account = ?1 AND item = ?2", &[account.into(), item.as_slice().into()])?;
    }
    Ok(items.len() as u64)
}
