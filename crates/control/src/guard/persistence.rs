//! What an intruder leaves behind to come back: told to the guard when it is made, undone when the incident is resolved.

use sekisho_guard::event::{Change, Configuration, Event};
use sekisho_message::{Address, Time};
use sekisho_store::account::Account;
use sekisho_store::incident::Incident;
use sekisho_store::journal::{self, Entry, JournalFilter, Kind};
use sekisho_store::personal::{self, AutoReply, Forward};
use sekisho_store::{Result, Tx, alias, rules};
use serde_json::{Value, json};

use super::split::Line;
use crate::command::RuleFile;
use crate::{Actor, Control};

#[cfg(test)]
mod tests;

/// Acts in one question.
const PAGE: u32 = 1_000;
/// Acts that are named.
const MOST: usize = 200;

/// What an account itself changed since somebody else had it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made {
    /// Aliases, with where they lead: they can be undone.
    pub(crate) aliases: Vec<(String, String)>,
    /// What its forward was before the first change.
    forward: Option<Option<Forward>>,
    /// What its automatic reply was.
    reply: Option<Option<AutoReply>>,
    /// Whether it changed its `mail.dat`: the text is in the history of rules.
    filter: bool,
    /// Who is meant, as the journal names him, and since when.
    who: String,
    since: Time,
    /// Acts that a person must look at.
    pub(crate) others: Vec<Value>,
}

impl Control {
    /// Tells the guard of a change that an intruder likes: what was changed for `account`, by whom and from where.
    pub(crate) async fn tell_change(&self, account: &str, change: Change, actor: &Actor) {
        let Ok(account) = Address::parse(account) else { return };
        let event = Event::Configuration(Configuration { change, place: actor.place() });
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
        let who = Actor::Console { account: account.clone(), network: String::new() }.to_string();
        let (mut made, mut after) = (Made { who: who.clone(), since, ..Made::default() }, 0);
        loop {
            let wanted = filter.clone();
            let page = self.store().read(move |tx| journal::query(tx, &wanted, after, PAGE)).await?;
            for (id, entry) in page.entries.iter().filter(|(_, entry)| entry.detail["who"] == *who) {
                made.take(&account, *id, entry);
            }
            if page.end {
                return Ok(made);
            }
            after = page.next;
        }
    }
}

impl Made {
    /// Takes an act of `account`. Of what can be put back, the first change tells what it was.
    fn take(&mut self, account: &str, id: i64, entry: &Entry) {
        let (act, about, detail) = (&entry.detail["act"], &entry.detail["about"], &entry.detail["detail"]);
        let own = about.as_str() == Some(account);
        match act.as_str().unwrap_or_default() {
            "alias.add" => {
                if let (Some(pattern), Some(target)) = (about.as_str(), detail["target"].as_str()) {
                    self.aliases.push((pattern.to_owned(), target.to_owned()));
                }
            }
            "account.forward" | "account.forward.end" if own => {
                self.forward.get_or_insert_with(|| serde_json::from_value(detail["before"].clone()).ok());
            }
            "account.reply" | "account.reply.end" if own => {
                self.reply.get_or_insert_with(|| serde_json::from_value(detail["before"].clone()).ok());
            }
            "rules.write" if own && detail["file"] == json!(RuleFile::Filter) => self.filter = true,
            _ if self.others.len() < MOST => self.others.push(json!({
                "at": entry.at.to_string(), "what": act, "about": about, "detail": detail, "entry": id,
            })),
            _ => {}
        }
    }
}

/// Puts back what the account changed, and takes away the aliases that still lead where they were made to; which.
pub(crate) fn undo(tx: &mut dyn Tx, account: Option<&Account>, made: &Made) -> Result<Vec<String>> {
    let mut undone = Vec::new();
    for (pattern, target) in &made.aliases {
        let domain = pattern.rsplit('@').next();
        let there = alias::list(tx, domain)?.into_iter().any(|one| one.pattern == *pattern && one.target == *target);
        if there {
            alias::remove(tx, pattern)?;
            undone.push(pattern.clone());
        }
    }
    let Some(account) = account else { return Ok(undone) };
    if let Some(before) = &made.forward {
        personal::set_forward(tx, account.id, before.as_ref())?;
        undone.push("forward".to_owned());
    }
    if let Some(before) = &made.reply {
        personal::set_reply(tx, account.id, before.as_ref())?;
        undone.push("reply".to_owned());
    }
    if made.filter {
        let versions = rules::versions(tx, RuleFile::Filter.name(), &account.key)?;
        // The newest come first: the last of the intruder's replaced what was the owner's.
        let replaced = versions.iter().rfind(|version| version.who == made.who && version.at >= made.since);
        if let Some(before) = replaced {
            let text = (!before.text.trim().is_empty()).then_some(before.text.as_str());
            personal::set_filter(tx, account.id, text)?;
            undone.push(RuleFile::Filter.name().to_owned());
        }
    }
    Ok(undone)
}
