//! Services that an operator paused: `receive`, `delivery`, `pop3`, `imap4`.

use sekisho_message::Time;

use crate::{Result, Row, Tx, TxExt};

/// A paused service.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Pause {
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Time,
    /// Why, as the operator put it.
    pub reason: String,
}

/// Since when and why `name` is paused; none when it runs.
///
/// # Errors
/// What the engine reports.
pub fn paused(tx: &mut dyn Tx, name: &str) -> Result<Option<Pause>> {
    tx.one("SELECT name, since, reason FROM switch WHERE name = ?1", &[name.into()], read)
}

/// Pauses or resumes `name`; false when it was so already.
///
/// # Errors
/// What the engine reports.
pub fn set(tx: &mut dyn Tx, name: &str, paused: bool, reason: &str, now: Time) -> Result<bool> {
    let changed = if paused {
        tx.execute(
            "INSERT INTO switch (name, since, reason) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            &[name.into(), now.into(), reason.into()],
        )?
    } else {
        tx.execute("DELETE FROM switch WHERE name = ?1", &[name.into()])?
    };
    Ok(changed > 0)
}

/// All that is paused, by name.
///
/// # Errors
/// What the engine reports.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<Pause>> {
    tx.all("SELECT name, since, reason FROM switch ORDER BY name", &[], read)
}

fn read(row: &dyn Row) -> Result<Pause> {
    Ok(Pause { name: row.text(0)?.to_owned(), since: Time(row.int(1)?), reason: row.text(2)?.to_owned() })
}
