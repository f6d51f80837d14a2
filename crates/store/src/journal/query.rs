//! Looking into the journal, in bounded steps.

use sekisho_message::Time;

use super::chunk;
use super::{COLUMNS, Entry, EntryId, JournalFilter, read};
use crate::queue::network_contains;
use crate::{Result, Tx, TxExt};

/// Entries that one call looks at.
pub(super) const EXAMINED: usize = 20_000;

/// What passing over a chunk counts, against [`EXAMINED`].
pub(super) const PASSED_OVER: usize = 20;

/// Rows that are read together.
pub(super) const ROWS: i64 = 1_000;

/// Entries are appended a little after they happened, so they lie around their time, not exactly at it.
pub(super) const SLACK: i64 = 60_000_000;

/// A page of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Entries in order.
    pub entries: Vec<(EntryId, Entry)>,
    /// Where to go on: the greatest id examined. Ask again with it until `end`.
    pub next: EntryId,
    /// Whether there was nothing after `next`, or nothing before the filter's `until`.
    pub end: bool,
}

/// Up to `limit` matching entries after `after` (0: from the start, or from the filter's `since`). A page may be
/// short or empty and not the end.
///
/// # Errors
/// What the engine reports.
pub fn query(tx: &mut dyn Tx, filter: &JournalFilter, after: EntryId, limit: u32) -> Result<Page> {
    let limit = limit.max(1) as usize;
    let mut page = Page { next: after, ..Page::default() };
    if after == 0
        && let Some(since) = filter.since
    {
        page.next = before(tx, since)?;
    }
    let mut examined = 0;
    while examined < EXAMINED {
        match next_batch(tx, filter, page.next)? {
            Batch::End => {
                page.end = true;
                break;
            }
            Batch::PassedOver(last) => {
                page.next = last;
                examined += PASSED_OVER;
            }
            Batch::Entries(entries) => {
                examined += entries.len();
                if page.take(filter, entries, limit) {
                    break;
                }
            }
        }
    }
    Ok(page)
}

/// The greatest id, for following what comes; 0 when there is none.
///
/// # Errors
/// What the engine reports.
pub fn last_id(tx: &mut dyn Tx) -> Result<EntryId> {
    let last = tx.one("SELECT MAX(id) FROM journal", &[], |row| row.opt_int(0))?;
    Ok(last.flatten().unwrap_or(0))
}

impl Page {
    /// Takes what matches; whether the page is complete.
    fn take(&mut self, filter: &JournalFilter, entries: Vec<(EntryId, Entry)>, limit: usize) -> bool {
        for (id, entry) in entries {
            if filter.until.is_some_and(|until| entry.at.micros() >= until.micros().saturating_add(SLACK)) {
                self.end = true;
                return true;
            }
            self.next = id;
            if filter.matches(&entry) {
                self.entries.push((id, entry));
                if self.entries.len() == limit {
                    return true;
                }
            }
        }
        false
    }
}

enum Batch {
    Entries(Vec<(EntryId, Entry)>),
    /// Everything up to this id lies outside the filter's times.
    PassedOver(EntryId),
    End,
}

fn next_batch(tx: &mut dyn Tx, filter: &JournalFilter, after: EntryId) -> Result<Batch> {
    if let Some(chunk) = chunk::after(tx, after)? {
        let early = filter.since.is_some_and(|since| chunk.last_at < since);
        let late = filter.until.is_some_and(|until| chunk.first_at >= until);
        if early || late {
            return Ok(Batch::PassedOver(chunk.last_id));
        }
        let mut entries = chunk.entries(tx)?;
        entries.retain(|(id, _)| *id > after);
        return Ok(Batch::Entries(entries));
    }
    let rows = tx.all(
        &format!("SELECT {COLUMNS} FROM journal WHERE id > ?1 ORDER BY id LIMIT ?2"),
        &[after.into(), ROWS.into()],
        read,
    )?;
    Ok(if rows.is_empty() { Batch::End } else { Batch::Entries(rows) })
}

/// An id that all entries of `since` or later come after, by bisection.
pub(super) fn before(tx: &mut dyn Tx, since: Time) -> Result<EntryId> {
    let since = since.micros().saturating_sub(SLACK);
    let first = tx.one(
        "SELECT MIN(id) FROM (SELECT MIN(id) AS id FROM journal
             UNION ALL SELECT MIN(first_id) FROM journal_chunk) AS ids",
        &[],
        |row| row.opt_int(0),
    )?;
    let Some(mut low) = first.flatten() else { return Ok(0) };
    low -= 1;
    let mut high = last_id(tx)?;
    // Everything up to `low` is too early, something above `high` may not be.
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_early(tx, middle, since)? { low = middle } else { high = middle }
    }
    Ok(low)
}

/// Whether the entry `id` (or the first after it, or the end of its chunk) lies before `since`.
fn is_early(tx: &mut dyn Tx, id: EntryId, since: i64) -> Result<bool> {
    if let Some(chunk) = chunk::after(tx, id - 1)? {
        return Ok(chunk.last_at.micros() < since);
    }
    let at = tx.one("SELECT at FROM journal WHERE id >= ?1 ORDER BY id LIMIT 1", &[id.into()], |row| row.int(0))?;
    Ok(at.is_some_and(|at| at < since))
}

impl JournalFilter {
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found.is_some_and(|found| equal(wanted, found)))
        };
        (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && same(&self.account, entry.account.as_deref())
            && same(&self.message, entry.message.as_deref())
            && self
                .network
                .as_deref()
                .is_none_or(|wanted| entry.network.as_deref().is_some_and(|found| network_contains(wanted, found)))
            && self.address.as_deref().is_none_or(|wanted| concerns(entry, wanted))
    }
}

/// Whether an entry is about an address: as account or address, or in the detail's `from`, `to` or `recipients`.
fn concerns(entry: &Entry, wanted: &str) -> bool {
    let plain = [entry.account.as_deref(), entry.address.as_deref()];
    let detail = ["from", "to", "recipients"].into_iter().filter_map(|name| entry.detail.get(name));
    plain.into_iter().flatten().any(|found| equal(wanted, found))
        || detail.into_iter().any(|value| match value {
            serde_json::Value::String(found) => equal(wanted, found),
            serde_json::Value::Array(all) => all.iter().filter_map(|one| one.as_str()).any(|one| equal(wanted, one)),
            _ => false,
        })
}

fn equal(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}
