//! Who has most in the queue, from counters.

use sekisho_message::Time;

use crate::{Result, Tx, TxExt};

/// What an origin has in the queue.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Share {
    /// Key of the origin.
    pub origin: String,
    /// Messages.
    pub messages: u64,
    /// Recipients.
    pub recipients: u64,
    /// Octets.
    pub bytes: u64,
    /// Whether some of it is held as a whole.
    pub held: bool,
    /// Since when it is held.
    pub since: Option<Time>,
}

/// The origins that have most messages in the queue, at most `limit`. Reads one row for each epoch that has mail.
///
/// # Errors
/// What the engine reports.
pub fn busiest(tx: &mut dyn Tx, limit: u32) -> Result<Vec<Share>> {
    tx.all(
        "SELECT o.key, CAST(SUM(e.messages) AS BIGINT), CAST(SUM(e.r0 + e.r1 + e.r2 + e.r3) AS BIGINT),
                CAST(SUM(e.bytes) AS BIGINT), MAX(e.held), MIN(e.held_since)
         FROM epoch e JOIN origin o ON o.id = e.origin WHERE e.messages > 0
         GROUP BY o.key ORDER BY 2 DESC, o.key LIMIT ?1",
        &[limit.into()],
        |row| {
            Ok(Share {
                origin: row.text(0)?.to_owned(),
                messages: row.count(1)?,
                recipients: row.count(2)?,
                bytes: row.count(3)?,
                held: row.flag(4)?,
                since: row.opt_int(5)?.map(Time),
            })
        },
    )
}
