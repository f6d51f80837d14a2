//! The story of an incident, put together from the journal and from what the guard knew: what an administrator would
//! otherwise dig out of seven logs. Every line names the journal entries behind it.

mod gather;
mod next;
pub mod print;

use sekisho_message::Time;
use sekisho_store::incident::{Incident, State};
use sekisho_store::journal::{self, Entry, EntryId, JournalFilter, Kind};
use sekisho_store::{Result, Store};
use serde_json::{Value, json};

use super::account_of;
use super::split::{Line, split};
use crate::Control;
use gather::Gathered;

/// Entries in one question.
const PAGE: u32 = 1_000;
/// The longest that the story goes back before the incident was opened, in microseconds: 60 days.
const LONGEST: i64 = 60 * 86_400_000_000;
/// Room before the first evidence, in microseconds: an hour.
const ROOM: i64 = 3_600_000_000;

/// The story of an incident.
///
/// # Errors
/// What the store reports.
pub async fn tell(control: &Control, incident: &Incident) -> Result<Value> {
    control.journal().flush().await;
    let line = Line::of(incident);
    let mut gathered = Gathered::default();
    for filter in filters(incident) {
        walk(control.store(), &filter, |id, entry| gathered.take(id, entry, &line, &incident.origin)).await?;
    }
    let piles = split(control.store(), incident).await?;
    let Gathered { logins, mail, acts, .. } = &gathered;
    let held = json!({ "own": piles.own.counts(), "rest": piles.rest.counts() });
    Ok(json!({
        "incident": head(incident),
        "how": how(incident, &gathered),
        "first_foreign_login": logins.first_foreign,
        "first_bad_message": mail.first_bad,
        "networks": gathered.networks(&line, control.guard()),
        "mail": mail.counts(),
        "reached": mail.reached,
        "failed": mail.failed,
        "held": held,
        "signals": incident.facts["ledger"],
        "acts": acts,
        "next": next::steps(incident, &piles),
        "log": filters(incident),
    }))
}

/// What an incident is, in a line of a list.
#[must_use]
pub fn head(incident: &Incident) -> Value {
    json!({
        "id": incident.id,
        "origin": incident.origin,
        "account": incident.account,
        "state": incident.state,
        "reason": incident.reason,
        "text": incident.facts["text"],
        "class": incident.facts["class"],
        "opened": incident.opened.to_string(),
        "opened_by": incident.opened_by,
        "changed": incident.changed.to_string(),
        "changed_by": incident.changed_by,
        "closed": incident.state < State::Cleaned && super::closed::is_closed(&incident.facts),
    })
}

/// How the password was probably found.
fn how(incident: &Incident, gathered: &Gathered) -> Value {
    let login = &incident.facts["login"];
    let time = |value: &Value| value.as_i64().map(|micros| Time(micros).to_string());
    let wrong: Vec<Value> = incident.facts["failures"]
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|f| {
            json!({
                "network": f["network"], "protocol": f["protocol"], "count": f["count"],
                "first": time(&f["first"]), "last": time(&f["last"]),
            })
        })
        .collect();
    json!({
        "guessed": login["guessed"].as_bool().unwrap_or(false),
        "protocol": login["protocol"],
        "network": login["place"],
        "first_failure": time(&login["first_failure"]),
        "success": time(&login["success"]),
        "distinct": login["distinct"],
        "wrong": wrong,
        "entries": gathered.logins.entries,
    })
}

/// Since when the journal is read.
fn since(incident: &Incident) -> Time {
    let facts = &incident.facts;
    let failures = facts["failures"].as_array().map_or(&[][..], Vec::as_slice);
    let times = ["first_evidence", "first_foreign"].iter().map(|name| &facts[*name]);
    let times = times.chain(failures.iter().map(|failure| &failure["first"]));
    let times = times.chain([&facts["login"]["first_failure"], &facts["login"]["success"]]);
    let first = times.filter_map(Value::as_i64).min().unwrap_or(incident.opened.0).min(incident.opened.0);
    Time(first.saturating_sub(ROOM).max(incident.opened.0.saturating_sub(LONGEST)))
}

/// Which entries tell the story. An origin without an account is known by its network, and acts by its name.
fn filters(incident: &Incident) -> Vec<JournalFilter> {
    let since = Some(since(incident));
    if let Some(account) = account_of(&incident.origin) {
        return vec![JournalFilter { account: Some(account.to_owned()), since, ..JournalFilter::default() }];
    }
    let kinds = vec![Kind::Act, Kind::Verdict];
    let mut filters = vec![JournalFilter { kinds, since, ..JournalFilter::default() }];
    if let Some(network) = incident.origin.strip_prefix("network:") {
        let kinds = vec![Kind::In, Kind::Out, Kind::Fail, Kind::Defer];
        filters.push(JournalFilter { kinds, network: Some(network.to_owned()), since, ..JournalFilter::default() });
    }
    filters
}

/// Reads all entries that fit.
async fn walk(store: &Store, filter: &JournalFilter, mut each: impl FnMut(EntryId, &Entry)) -> Result<()> {
    let mut after = 0;
    loop {
        let wanted = filter.clone();
        let page = store.read(move |tx| journal::query(tx, &wanted, after, PAGE)).await?;
        for (id, entry) in &page.entries {
            each(*id, entry);
        }
        if page.end {
            return Ok(());
        }
        after = page.next;
    }
}
