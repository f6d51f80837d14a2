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

/// Keeps the profile of an origin. `name` is the origin's key; `held` says whether its mail waits for a person; `rung` is the
/// number of the ladder's rung on which it stands, 0 for the first.
///
/// # Errors
/// What the engine reports.
pub fn put(tx: &mut dyn Tx, origin: i64, name: &str, held: bool, rung: u8, bytes: &[u8]) -> Result<()> {
    tx.execute(
        "INSERT INTO profile (origin, name, held, rung, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (origin) DO UPDATE SET name = excluded.name, held = excluded.held, rung = excluded.rung,
             bytes = excluded.bytes",
        &[origin.into(), name.into(), held.into(), i64::from(rung).into(), bytes.into()],
    )?;
    Ok(())
}

/// How many accounts, and how many other origins, stand on each rung above the first.
///
/// # Errors
/// What the engine reports.
pub fn rungs(tx: &mut dyn Tx) -> Result<Vec<(u8, u64, u64)>> {
    tx.all(
        "SELECT rung, CAST(SUM(CASE WHEN name LIKE 'account:%' THEN 1 ELSE 0 END) AS BIGINT),
             CAST(SUM(CASE WHEN name LIKE 'account:%' THEN 0 ELSE 1 END) AS BIGINT)
         FROM profile WHERE rung > 0 GROUP BY rung ORDER BY rung",
        &[],
        |row| Ok((u8::try_from(row.int(0)?).unwrap_or(u8::MAX), row.count(1)?, row.count(2)?)),
    )
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
