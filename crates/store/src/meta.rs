//! Small settings by name.

use crate::{Result, Tx, TxExt};

/// The value of `name`.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, name: &str) -> Result<Option<String>> {
    tx.one("SELECT value FROM meta WHERE name = ?1", &[name.into()], |row| Ok(row.text(0)?.to_owned()))
}

/// Sets or, with none, removes the value of `name`.
///
/// # Errors
/// What the engine reports.
pub fn set(tx: &mut dyn Tx, name: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => tx.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            &[name.into(), value.into()],
        )?,
        None => tx.execute("DELETE FROM meta WHERE name = ?1", &[name.into()])?,
    };
    Ok(())
}
