//! Looking into the journal from its newest entry backwards, in bounded steps.

use super::query::{EXAMINED, PASSED_OVER, ROWS, SLACK, before};
use super::{COLUMNS, EntryId, JournalFilter, Page, chunk, read};
use crate::{Result, Tx, TxExt};
use sekisho_message::Time;

/// Up to `limit` matching entries before `at` (none: from the newest, or from the filter's `until`), the newest first. A page may be
/// short or empty and not the end; `next` is where to go on.
///
/// # Errors
/// What the engine reports.
pub fn query_back(tx: &mut dyn Tx, filter: &JournalFilter, at: Option<EntryId>, limit: u32) -> Result<Page> {
    let limit = limit.max(1) as usize;
    let mut page = Page { next: start(tx, filter, at)?, ..Page::default() };
    let mut examined = 0;
    while examined < EXAMINED {
        let rows = tx.all(
            &format!("SELECT {COLUMNS} FROM journal WHERE id < ?1 ORDER BY id DESC LIMIT ?2"),
            &[page.next.into(), ROWS.into()],
            read,
        )?;
        let entries = if rows.is_empty() {
            let Some(chunk) = chunk::before(tx, page.next)? else {
                page.end = true;
                break;
            };
            if filter.since.is_some_and(|since| chunk.last_at < since) {
                page.end = true;
                break;
            }
            if filter.until.is_some_and(|until| chunk.first_at >= until) {
                page.next = chunk.first_id;
                examined += PASSED_OVER;
                continue;
            }
            let mut entries = chunk.entries(tx)?;
            entries.retain(|(id, _)| *id < page.next);
            entries.reverse();
            // All of a chunk may be behind us already.
            if entries.is_empty() {
                page.next = chunk.first_id;
            }
            entries
        } else {
            rows
        };
        examined += entries.len();
        for (id, entry) in entries {
            if filter.since.is_some_and(|since| entry.at.micros() < since.micros().saturating_sub(SLACK)) {
                page.end = true;
                return Ok(page);
            }
            page.next = id;
            if filter.matches(&entry) {
                page.entries.push((id, entry));
                if page.entries.len() == limit {
                    return Ok(page);
                }
            }
        }
    }
    Ok(page)
}

/// An id that everything that is wanted lies before.
fn start(tx: &mut dyn Tx, filter: &JournalFilter, at: Option<EntryId>) -> Result<EntryId> {
    let Some(until) = filter.until else { return Ok(at.unwrap_or(EntryId::MAX)) };
    if let Some(at) = at {
        return Ok(at);
    }
    // Entries lie around their time, and the bisection allows for that in the other direction.
    let low = before(tx, Time(until.micros().saturating_add(2 * SLACK)))?;
    Ok(match chunk::after(tx, low)? {
        Some(chunk) => chunk.last_id + 1,
        None => low + 1,
    })
}
