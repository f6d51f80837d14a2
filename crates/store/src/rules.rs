//! Rule texts as they were before each change, so that a change can be undone.

use sekisho_message::Time;

use crate::{Result, Row, Tx, TxExt};

/// Versions of one text that are kept.
const MOST: i64 = 50;

/// A text as it was.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Version {
    /// Its number.
    pub id: i64,
    /// The text.
    pub text: String,
    /// Who replaced it.
    pub who: String,
    /// When it was replaced.
    pub at: Time,
}

/// Keeps `text`, which is about to be replaced by somebody. `account` is empty for the server's own file.
///
/// # Errors
/// What the engine reports.
pub fn keep(tx: &mut dyn Tx, file: &str, account: &str, text: &str, who: &str, now: Time) -> Result<()> {
    tx.insert(
        "INSERT INTO rules_history (file, account, text, who, at) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
        &[file.into(), account.into(), text.into(), who.into(), now.into()],
    )?;
    tx.execute(
        "DELETE FROM rules_history WHERE id IN
         (SELECT id FROM rules_history WHERE file = ?1 AND account = ?2 ORDER BY id DESC LIMIT 1000 OFFSET ?3)",
        &[file.into(), account.into(), MOST.into()],
    )?;
    Ok(())
}

/// The versions of a text, the newest first.
///
/// # Errors
/// What the engine reports.
pub fn versions(tx: &mut dyn Tx, file: &str, account: &str) -> Result<Vec<Version>> {
    let sql = "SELECT id, text, who, at FROM rules_history WHERE file = ?1 AND account = ?2 ORDER BY id DESC LIMIT ?3";
    tx.all(sql, &[file.into(), account.into(), MOST.into()], |row: &dyn Row| {
        Ok(Version {
            id: row.int(0)?,
            text: row.text(1)?.to_owned(),
            who: row.text(2)?.to_owned(),
            at: Time(row.int(3)?),
        })
    })
}
