//! What an intruder leaves behind to come back: told to the guard when it is made, undone when the incident is resolved.

use sekisho_guard::event::{Change, Configuration, Event};
use sekisho_guard::place::Place;
use sekisho_message::Address;
use sekisho_store::incident::Incident;
use sekisho_store::journal::{self, JournalFilter, Kind};
use sekisho_store::{Result, Tx, alias};
use serde_json::{Value, json};

use super::split::Line;
use crate::{Actor, Control};

/// Acts in one question.
const PAGE: u32 = 1_000;
/// Acts that are named.
const MOST: usize = 200;

/// What an account itself changed since somebody else had it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Aliases, with where they lead: they can be undone.
    pub(crate) aliases: Vec<(String, String)>,
    /// Acts that a person must look at.
    pub(crate) others: Vec<Value>,
}

impl Control {
    /// Tells the guard of a change that an intruder likes, when somebody made it for himself at the console.
    pub(crate) async fn tell_change(&self, actor: &Actor, change: Change) {
        let Actor::Console { account, network } = actor else { return };
        let Ok(account) = Address::parse(account) else { return };
        let event = Event::Configuration(Configuration { change, place: Place::parse(network) });
        let told = self.tell(&format!("account:{}", account.key()), event, Some("a change of configuration")).await;
        if let Err(error) = told {
            tracing::warn!(%error, "a change of configuration could not be judged");
        }
    }

    /// What the account of an incident changed since the first foreign login.
    pub(crate) async fn made_since(&self, incident: &Incident) -> Result<Made> {
        let Some(account) = incident.account.clone() else { return Ok(Made::default()) };
        let since = Line::of(incident).since().unwrap_or(incident.opened);
        let filter = JournalFilter { kinds: vec![Kind::Act], since: Some(since), ..JournalFilter::default() };
        let who = Actor::Console { account, network: String::new() }.to_string();
        let (mut made, mut after) = (Made::default(), 0);
        loop {
            let wanted = filter.clone();
            let page = self.store().read(move |tx| journal::query(tx, &wanted, after, PAGE)).await?;
            for (id, entry) in page.entries.iter().filter(|(_, entry)| entry.detail["who"] == *who) {
                let detail = &entry.detail;
                let words = (detail["about"].as_str(), detail["detail"]["target"].as_str());
                if let ("alias.add", (Some(pattern), Some(target))) =
                    (detail["act"].as_str().unwrap_or_default(), words)
                {
                    made.aliases.push((pattern.to_owned(), target.to_owned()));
                } else if made.others.len() < MOST {
                    made.others.push(json!({
                        "at": entry.at.to_string(), "what": detail["act"], "about": detail["about"],
                        "detail": detail["detail"], "entry": id,
                    }));
                }
            }
            if page.end {
                return Ok(made);
            }
            after = page.next;
        }
    }
}

/// Takes away the aliases that still lead where they were made to; which.
pub(crate) fn undo(tx: &mut dyn Tx, made: &Made) -> Result<Vec<String>> {
    let mut undone = Vec::new();
    for (pattern, target) in &made.aliases {
        let domain = pattern.rsplit('@').next();
        let there = alias::list(tx, domain)?.into_iter().any(|one| one.pattern == *pattern && one.target == *target);
        if there {
            alias::remove(tx, pattern)?;
            undone.push(pattern.clone());
        }
    }
    Ok(undone)
}
