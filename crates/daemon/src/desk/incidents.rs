//! Incidents, and how an origin stands with the guard.

use sekisho_control::Refusal;
use sekisho_control::guard::{self, story};
use sekisho_store::{IncidentId, incident};
use serde_json::{Value, json};

use super::Desk;

/// Incidents in a page.
const PAGE: u32 = 200;

pub(super) async fn list(desk: &Desk, before: Option<IncidentId>) -> Result<Value, Refusal> {
    let page = desk.control.store().read(move |tx| incident::list(tx, before, PAGE)).await?;
    let next = (page.len() == PAGE as usize).then(|| page.last().map(|one| one.id)).flatten();
    Ok(json!({ "incidents": page.iter().map(story::head).collect::<Vec<_>>(), "next": next }))
}

pub(super) async fn show(desk: &Desk, which: &str) -> Result<Value, Refusal> {
    let found = guard::find_incident(&desk.control, which).await?;
    Ok(story::tell(&desk.control, &found).await?)
}
