//! What the guard remembers of origins, as bytes that it alone can read.

use crate::{Result, Tx, TxExt};

/// Reads the profile of an origin for a change; nobody else changes it until the transaction ends.
///
/// # Errors
/// What the engine reports.
pub fn take(tx: &mut dyn Tx, origin: i64) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT bytes FROM profile WHERE origin = ?1 /*lock*/";
    tx.one(sql, &[origin.into()], |row| row.blob(0).map(<[u8]>::to_vec))
}

/// Reads the profile of an origin.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, origin: i64) -> Result<Option<Vec<u8>>> {
    tx.one("SELECT bytes FROM profile WHERE origin = ?1", &[origin.into()], |row| row.blob(0).map(<[u8]>::to_vec))
}

/// Keeps the profile of an origin. `name` is the origin's key; `held` says whether its mail waits for a person.
///
/// # Errors
/// What the engine reports.
pub fn put(tx: &mut dyn Tx, origin: i64, name: &str, held: bool, bytes: &[u8]) -> Result<()> {
    tx.execute(
        "INSERT INTO profile (origin, name, held, bytes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (origin) DO UPDATE SET name = excluded.name, held = excluded.held, bytes = excluded.bytes",
        &[origin.into(), name.into(), held.into(), bytes.into()],
    )?;
    Ok(())
}

/// Forgets the profile of an origin.
///
/// # Errors
/// What the engine reports.
pub fn forget(tx: &mut dyn Tx, origin: i64) -> Result<()> {
    tx.execute("DELETE FROM profile WHERE origin = ?1", &[origin.into()])?;
    Ok(())
}

/// Names of origins whose mail waits for a person, after the origin `after`, at most `limit`.
///
/// # Errors
/// What the engine reports.
pub fn held(tx: &mut dyn Tx, after: i64, limit: u32) -> Result<Vec<(i64, String)>> {
    tx.all(
        "SELECT origin, name FROM profile WHERE held = 1 AND origin > ?1 ORDER BY origin LIMIT ?2",
        &[after.into(), limit.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned())),
    )
}

/// What the guard remembers of the whole site.
///
/// # Errors
/// What the engine reports.
pub fn site(tx: &mut dyn Tx) -> Result<Option<Vec<u8>>> {
    tx.one("SELECT bytes FROM site WHERE id = 1", &[], |row| row.blob(0).map(<[u8]>::to_vec))
}

/// Keeps what the guard remembers of the whole site. The last writer wins: little is lost.
///
/// # Errors
/// What the engine reports.
pub fn put_site(tx: &mut dyn Tx, bytes: &[u8]) -> Result<()> {
    tx.execute(
        "INSERT INTO site (id, bytes) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
        &[bytes.into()],
    )?;
    Ok(())
}
