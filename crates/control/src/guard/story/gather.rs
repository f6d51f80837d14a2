//! What the journal says, entry by entry.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_guard::place::Place;
use sekisho_store::journal::{Entry, EntryId, Kind};
use serde_json::{Value, json};

use crate::guard::Guard;
use crate::guard::split::Line;

/// Recipients that are named; all are counted.
const MOST_NAMED: usize = 20_000;
/// Journal entries that are named for the logins.
const MOST_ENTRIES: usize = 200;
/// Acts and verdicts that are named.
const MOST_ACTS: usize = 1_000;

#[derive(Default)]
pub(super) struct Gathered {
    pub(super) logins: Logins,
    pub(super) mail: Mail,
    pub(super) acts: Vec<Value>,
    networks: BTreeMap<String, Network>,
}

#[derive(Default)]
pub(super) struct Logins {
    pub(super) first_foreign: Option<Value>,
    /// Entries of wrong passwords, and of the first right ones from elsewhere.
    pub(super) entries: Vec<EntryId>,
}

#[derive(Default)]
pub(super) struct Mail {
    pub(super) first_bad: Option<Value>,
    pub(super) reached: Vec<Value>,
    pub(super) failed: Vec<Value>,
    messages: u64,
    recipients: u64,
    relayed: u64,
    refused: u64,
    deferred: u64,
    /// Messages that may be an intruder's.
    bad: BTreeSet<String>,
}

#[derive(Default)]
struct Network {
    protocols: BTreeSet<&'static str>,
    right: u64,
    wrong: u64,
    messages: u64,
    recipients: u64,
    first: String,
    last: String,
}

impl Mail {
    pub(super) fn counts(&self) -> Value {
        json!({
            "messages": self.messages, "recipients": self.recipients, "suspicious": self.bad.len(),
            "relayed": self.relayed, "failed": self.refused, "deferred": self.deferred,
        })
    }
}

impl Gathered {
    pub(super) fn take(&mut self, id: EntryId, entry: &Entry, line: &Line, origin: &str) {
        match entry.kind {
            Kind::Pop3 | Kind::Imap4 | Kind::Receive | Kind::Notice if entry.detail["login"].is_string() => {
                self.login(id, entry, line);
            }
            Kind::In if entry.detail["origin"] == origin => self.accepted(id, entry, line),
            Kind::Out | Kind::Fail | Kind::Defer
                if entry.detail["origin"].as_str().is_some_and(|of| ours(of, origin)) =>
            {
                self.settled(id, entry);
            }
            Kind::Act if about(entry, origin) => self.act(json!({
                "at": entry.at.to_string(), "who": entry.detail["who"], "what": entry.detail["act"],
                "detail": entry.detail["detail"], "entry": id,
            })),
            Kind::Verdict if entry.detail["origin"] == origin => self.act(json!({
                "at": entry.at.to_string(), "who": "guard", "what": entry.detail["rung"], "message": entry.message,
                "score": entry.detail["score"], "text": entry.detail["text"], "waits": entry.detail["waits"],
                "entry": id,
            })),
            _ => {}
        }
    }

    pub(super) fn networks(&self, line: &Line, guard: &Guard) -> Vec<Value> {
        let show = |(name, network): (&String, &Network)| {
            let address = name.split('/').next().unwrap_or_default();
            let country = guard.country(address).map(|code| String::from_utf8_lossy(&code).into_owned());
            json!({
                "network": name, "own": line.knows(name), "country": country, "system": guard.system(address),
                "protocols": network.protocols,
                "logins": network.right, "wrong_passwords": network.wrong,
                "messages": network.messages, "recipients": network.recipients,
                "first": network.first, "last": network.last,
            })
        };
        self.networks.iter().map(show).collect()
    }

    fn network(&mut self, entry: &Entry) -> &mut Network {
        let name = Place::parse(entry.network.as_deref().unwrap_or_default()).to_string();
        let network = self.networks.entry(name).or_default();
        let at = entry.at.to_string();
        if network.first.is_empty() {
            network.first.clone_from(&at);
        }
        network.last = at;
        network
    }

    fn login(&mut self, id: EntryId, entry: &Entry, line: &Line) {
        let protocol = match entry.kind {
            Kind::Pop3 => "pop3",
            Kind::Imap4 => "imap4",
            Kind::Notice => "console",
            _ => "smtp",
        };
        let right = entry.detail["ok"] == true;
        let network = self.network(entry);
        network.protocols.insert(protocol);
        if right {
            network.right += 1
        } else {
            network.wrong += 1
        }
        let name = Place::parse(entry.network.as_deref().unwrap_or_default()).to_string();
        let first = right && self.logins.first_foreign.is_none() && !line.knows(&name);
        if first {
            self.logins.first_foreign = Some(json!({
                "at": entry.at.to_string(), "network": entry.network, "protocol": protocol, "entry": id,
            }));
        }
        if (first || !right) && self.logins.entries.len() < MOST_ENTRIES {
            self.logins.entries.push(id);
        }
    }

    fn accepted(&mut self, id: EntryId, entry: &Entry, line: &Line) {
        let recipients = entry.detail["recipients"].as_u64().unwrap_or(0);
        let network = self.network(entry);
        network.messages += 1;
        network.recipients += recipients;
        self.mail.messages += 1;
        self.mail.recipients += recipients;
        let late = line.since().is_some_and(|since| entry.at >= since);
        if !late || line.is_own(entry.network.as_deref().unwrap_or_default(), entry.at) {
            return;
        }
        if self.mail.first_bad.is_none() {
            self.mail.first_bad = Some(json!({
                "at": entry.at.to_string(), "message": entry.message, "network": entry.network,
                "from": entry.detail["from"], "to": entry.detail["to"], "recipients": recipients, "entry": id,
            }));
        }
        self.mail.bad.extend(entry.message.clone());
    }

    /// What became of a recipient. Only suspicious messages' recipients are named: to them somebody may have to write.
    fn settled(&mut self, id: EntryId, entry: &Entry) {
        let suspicious = entry.message.as_ref().is_some_and(|message| self.mail.bad.contains(message));
        let list = match entry.kind {
            Kind::Out => {
                self.mail.relayed += 1;
                &mut self.mail.reached
            }
            Kind::Fail => {
                self.mail.refused += 1;
                &mut self.mail.failed
            }
            _ => {
                self.mail.deferred += 1;
                return;
            }
        };
        if suspicious && list.len() < MOST_NAMED {
            list.push(json!({
                "address": entry.address, "message": entry.message, "at": entry.at.to_string(),
                "host": entry.detail["host"], "reply": entry.detail["reply"], "entry": id,
            }));
        }
    }

    fn act(&mut self, act: Value) {
        if self.acts.len() < MOST_ACTS {
            self.acts.push(act);
        }
    }
}

/// Whether an outcome is of the origin's mail; what was for people here while it was held has a queue of its own.
fn ours(of: &str, origin: &str) -> bool {
    of == origin || of.strip_prefix("local:") == Some(origin)
}

fn about(entry: &Entry, origin: &str) -> bool {
    let detail = &entry.detail;
    detail["detail"]["origin"] == origin
        || detail["about"]
            .as_str()
            .is_some_and(|about| about == origin || origin.strip_prefix("account:") == Some(about))
}
