//! UIDs that are in use no more, as ranges: what lies between them is there.

use crate::mailbox::number;
use crate::{MailboxId, Result, Tx, TxExt};

/// Notes that no UID from `first` to `last` is in use any more.
pub(super) fn close(tx: &mut dyn Tx, mailbox: MailboxId, first: u32, last: u32) -> Result<()> {
    let before = tx.one(
        "SELECT first, last FROM gap WHERE mailbox = ?1 AND first < ?2 ORDER BY first DESC LIMIT 1",
        &[mailbox.into(), first.into()],
        |row| Ok((number(row, 0)?, number(row, 1)?)),
    )?;
    let from = before.filter(|(_, end)| end.saturating_add(1) >= first).map_or(first, |(start, _)| start);
    let after = tx.one(
        "SELECT last FROM gap WHERE mailbox = ?1 AND first = ?2",
        &[mailbox.into(), last.saturating_add(1).into()],
        |row| number(row, 0),
    )?;
    let to = after.unwrap_or(last);
    tx.execute(
        "DELETE FROM gap WHERE mailbox = ?1 AND first >= ?2 AND first <= ?3",
        &[mailbox.into(), from.into(), to.into()],
    )?;
    tx.execute(
        "INSERT INTO gap (mailbox, first, last) VALUES (?1, ?2, ?3)",
        &[mailbox.into(), from.into(), to.into()],
    )?;
    Ok(())
}
