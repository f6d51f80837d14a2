//! What became of a message that came to us from outside: who sent it on, if anybody did.

use std::time::Duration;

use sekisho_message::Time;
use sekisho_message::header::{Headers, field_addresses};
use sekisho_store::journal::{Entry, JournalFilter, Kind};
use sekisho_store::{Result, account, list};

use super::past;
use crate::Control;

/// How long mail waits at most before it is given up: what was handed on was handed on within that.
const LONGEST: Duration = Duration::from_secs(10 * 86_400);

/// Who answers for sending it on, and to whom it went.
pub(super) struct Onward {
    /// `alias:…`, `account:…` or `list:…`.
    pub(super) origin: String,
    /// The account whose rule it was.
    pub(super) account: Option<String>,
    /// Recipients outside.
    pub(super) recipients: Vec<String>,
}

/// Whether message `id`, taken at `at`, was handed on to somebody outside: by an alias, a forward or a list.
pub(super) async fn look(control: &Control, header: &[u8], id: &str, at: Time) -> Result<Option<Onward>> {
    let by_alias = JournalFilter { message: Some(id.to_owned()), ..handed_on(at) };
    if let Some(entry) = past::first(control.store(), by_alias, is_outside).await? {
        return Ok(Some(of(&entry)));
    }
    if let Some(address) = forwarded_by(control, header).await? {
        let rule = JournalFilter { account: Some(address), ..handed_on(at) };
        // An address of ours that brings its bounces back (SRS), or the owner's own.
        let by_rule = |entry: &Entry| is_outside(entry) && entry.detail["from"] != "";
        if let Some(entry) = past::first(control.store(), rule, by_rule).await? {
            return Ok(Some(of(&entry)));
        }
    }
    if let Some(key) = listed_by(control, header).await? {
        let origin = format!("list:{key}");
        let wanted = origin.clone();
        let by_list = move |entry: &Entry| is_outside(entry) && entry.detail["origin"] == wanted.as_str();
        if let Some(entry) = past::first(control.store(), handed_on(at), by_list).await? {
            return Ok(Some(Onward { origin, ..of(&entry) }));
        }
    }
    Ok(None)
}

fn handed_on(at: Time) -> JournalFilter {
    JournalFilter { kinds: vec![Kind::Out], since: Some(at), until: Some(at + LONGEST), ..JournalFilter::default() }
}

fn is_outside(entry: &Entry) -> bool {
    entry.detail["host"] != "local" && entry.address.is_some()
}

fn of(entry: &Entry) -> Onward {
    Onward {
        origin: entry.detail["origin"].as_str().unwrap_or_default().to_owned(),
        account: entry.account.clone(),
        recipients: entry.address.iter().cloned().collect(),
    }
}

/// The account of ours that the message was delivered to before it went on: forwarding writes that down as its loop guard.
async fn forwarded_by(control: &Control, header: &[u8]) -> Result<Option<String>> {
    for address in field_addresses(header, "Delivered-To") {
        let key = address.key();
        if let Some(found) = control.store().read(move |tx| account::get(tx, &key)).await? {
            return Ok(Some(found.address));
        }
    }
    Ok(None)
}

/// The list of ours that sent it to its members.
async fn listed_by(control: &Control, header: &[u8]) -> Result<Option<String>> {
    let Some(post) = Headers::of(header).text("List-Post") else { return Ok(None) };
    let address = post.split("mailto:").nth(1).and_then(|rest| rest.split(['>', '?', ' ']).next()).unwrap_or_default();
    let key = address.to_ascii_lowercase();
    Ok(control.store().read(move |tx| list::get(tx, &key)).await?.map(|found| found.key))
}
