//! Looking at the queue.

use sekisho_message::Time;

use super::filter::{Filter, walk};
use super::hold::holds;
use super::{Listed, Shown, StageCount, Status};
use crate::{ContentId, MessageId, RecipientId, Result, Row, Tx, TxExt};

/// Counts by stage, from counters: nothing is scanned but the epochs that have mail.
///
/// # Errors
/// What the engine reports.
pub fn status(tx: &mut dyn Tx) -> Result<Status> {
    let mut status = Status::default();
    // Apart and not grouped: those that are held have an index, and the rest need no sorting.
    let sums = format!("{COUNTS} WHERE held = 1 AND messages > 0");
    tx.query(&sums, &[], &mut |row| {
        let stages = [counts(row, 0)?, counts(row, 1)?, counts(row, 2)?, counts(row, 3)?];
        let recipients = stages.iter().map(|count| count.recipients).sum();
        add(&mut status.holding, StageCount { messages: row.count(12)?, recipients, bytes: row.count(13)? });
        Ok(())
    })?;
    let sums = format!("{COUNTS} WHERE messages > 0 AND held = 0");
    tx.query(&sums, &[], &mut |row| {
        add(&mut status.incoming, counts(row, 0)?);
        add(&mut status.lists, counts(row, 1)?);
        add(&mut status.domains, counts(row, 2)?);
        add(&mut status.holding, counts(row, 3)?);
        Ok(())
    })?;
    status.oldest = tx.one("SELECT received FROM message ORDER BY id LIMIT 1", &[], |row| Ok(Time(row.int(0)?)))?;
    status.held = holds(tx)?;
    Ok(status)
}

/// The origins with the most recipients queued, and whether they are held; at most `limit`.
///
/// # Errors
/// What the engine reports.
pub fn heaviest(tx: &mut dyn Tx, limit: u32) -> Result<Vec<(String, u64, bool)>> {
    tx.all(
        "SELECT o.key, CAST(SUM(e.r0 + e.r1 + e.r2 + e.r3) AS BIGINT) AS n, MAX(e.held)
         FROM epoch e JOIN origin o ON o.id = e.origin WHERE e.messages > 0 GROUP BY o.key ORDER BY n DESC, o.key LIMIT ?1",
        &[limit.into()],
        |row| Ok((row.text(0)?.to_owned(), row.count(1)?, row.flag(2)?)),
    )
}

/// When the oldest message was received that nobody keeps back, among the oldest 20,000.
///
/// # Errors
/// What the engine reports.
pub fn oldest_waiting(tx: &mut dyn Tx) -> Result<Option<Time>> {
    tx.one(
        "SELECT m.received FROM (SELECT epoch, received, p0 + p1 + p2 AS moving FROM message ORDER BY id LIMIT 20000) AS m
         JOIN epoch e ON e.id = m.epoch WHERE e.held = 0 AND m.moving > 0 ORDER BY m.received LIMIT 1",
        &[],
        |row| Ok(Time(row.int(0)?)),
    )
}

/// Up to `limit` recipients after `after` that `filter` matches, by id, and where to go on: a page may be
/// short, even empty, and not the last.
///
/// # Errors
/// What the engine reports.
pub fn list(
    tx: &mut dyn Tx,
    filter: &Filter,
    after: Option<RecipientId>,
    limit: u32,
) -> Result<(Vec<Listed>, Option<RecipientId>)> {
    let (found, next) = walk(tx, filter, after, limit)?;
    Ok((found.into_iter().map(|entry| entry.listed).collect(), next))
}

/// One message with all its recipients.
///
/// # Errors
/// What the engine reports.
pub fn show(tx: &mut dyn Tx, id: MessageId) -> Result<Option<Shown>> {
    let shown = tx.one(
        "SELECT m.content, m.size, m.relay_offset, m.helo, m.header_from, m.message_id_header, e.held, e.held_reason
         FROM message m JOIN epoch e ON e.id = m.epoch WHERE m.id = ?1",
        &[id.into()],
        |row| {
            Ok(Shown {
                id,
                content: ContentId(row.int(0)?),
                size: row.count(1)?,
                relay_offset: u32::try_from(row.int(2)?).unwrap_or(0),
                helo: row.text(3)?.to_owned(),
                header_from: row.text(4)?.to_owned(),
                message_id_header: row.text(5)?.to_owned(),
                held: row.opt_text(7)?.filter(|_| row.flag(6).unwrap_or(false)).map(ToOwned::to_owned),
                recipients: Vec::new(),
            })
        },
    )?;
    let Some(mut shown) = shown else { return Ok(None) };
    let only = Filter { message: Some(id), ..Filter::default() };
    let mut after = None;
    loop {
        let (page, next) = list(tx, &only, after, 1_000)?;
        shown.recipients.extend(page);
        after = next;
        if after.is_none() {
            return Ok(Some(shown));
        }
    }
}

/// The body of a queued message.
///
/// # Errors
/// What the engine reports.
pub fn export(tx: &mut dyn Tx, id: MessageId) -> Result<Option<ContentId>> {
    tx.one("SELECT content FROM message WHERE id = ?1", &[id.into()], |row| Ok(ContentId(row.int(0)?)))
}

const COUNTS: &str = "SELECT
    CAST(COALESCE(SUM(r0), 0) AS BIGINT), CAST(COALESCE(SUM(r1), 0) AS BIGINT), CAST(COALESCE(SUM(r2), 0) AS BIGINT), CAST(COALESCE(SUM(r3), 0) AS BIGINT),
    CAST(COALESCE(SUM(m0), 0) AS BIGINT), CAST(COALESCE(SUM(m1), 0) AS BIGINT), CAST(COALESCE(SUM(m2), 0) AS BIGINT), CAST(COALESCE(SUM(m3), 0) AS BIGINT),
    CAST(COALESCE(SUM(b0), 0) AS BIGINT), CAST(COALESCE(SUM(b1), 0) AS BIGINT), CAST(COALESCE(SUM(b2), 0) AS BIGINT), CAST(COALESCE(SUM(b3), 0) AS BIGINT),
    CAST(COALESCE(SUM(messages), 0) AS BIGINT), CAST(COALESCE(SUM(bytes), 0) AS BIGINT)
    FROM epoch";

/// The counts of a stage, whose recipients are in `column`.
fn counts(row: &dyn Row, column: usize) -> Result<StageCount> {
    Ok(StageCount { recipients: row.count(column)?, messages: row.count(column + 4)?, bytes: row.count(column + 8)? })
}

fn add(sum: &mut StageCount, more: StageCount) {
    sum.messages += more.messages;
    sum.recipients += more.recipients;
    sum.bytes += more.bytes;
}
