//! Pages of the journal.

use sekisho_control::Refusal;
use sekisho_store::journal::{self, EntryId, JournalFilter, Page};
use serde_json::{Value, json};

use super::Desk;

/// Entries in one answer.
const MOST: u32 = 1_000;

/// `{"entries":[{"id":n,"entry":{…}}],"next":n,"end":bool}`; notes that wait in memory are written first, so that
/// whoever asks sees what has happened until now.
pub(super) async fn page(desk: &Desk, filter: JournalFilter, after: EntryId, limit: u32) -> Result<Value, Refusal> {
    desk.control.journal().flush().await;
    let limit = limit.clamp(1, MOST);
    let page = desk.control.store().read(move |tx| journal::query(tx, &filter, after, limit)).await?;
    Ok(shown(&page))
}

fn shown(page: &Page) -> Value {
    let entries: Vec<Value> = page.entries.iter().map(|(id, entry)| json!({ "id": id, "entry": entry })).collect();
    json!({ "entries": entries, "next": page.next, "end": page.end })
}

/// The same, the newest first.
pub(super) async fn page_back(
    desk: &Desk,
    filter: JournalFilter,
    before: Option<EntryId>,
    limit: u32,
) -> Result<Value, Refusal> {
    desk.control.journal().flush().await;
    let limit = limit.clamp(1, MOST);
    let page = desk.control.store().read(move |tx| journal::query_back(tx, &filter, before, limit)).await?;
    Ok(shown(&page))
}

pub(super) async fn end(desk: &Desk) -> Result<Value, Refusal> {
    desk.control.journal().flush().await;
    Ok(json!(desk.control.store().read(journal::last_id).await?))
}
