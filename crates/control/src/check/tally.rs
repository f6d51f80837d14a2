//! What happened in an hour, counted: one small record, whatever happened.

use std::collections::BTreeMap;

use sekisho_store::journal::{Entry, Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::words;
use crate::entry::cut;

/// Names that a counter keeps; the smallest gives way (space-saving counting), so those that matter stay.
const NAMES: usize = 40;
/// Longest name that is kept, in octets.
const LONGEST_NAME: usize = 200;
/// From how many seconds on a delivery is late.
pub(super) const LATE: u64 = 15 * 60;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Connections, by client.
    Connections,
    /// Accepted messages, by who answers for them, and their octets.
    Accepted,
    /// Refusals and dialogue of SMTP, by client.
    Dialogue,
    /// Relays and deliveries, by who answers for them, and their octets.
    Out,
    /// Final failures, by who answers for them.
    Fail,
    /// The same, by destination.
    FailTo,
    /// Mail that was put off, by destination.
    Defer,
    /// Deliveries that took long, by destination.
    Late,
    /// POP3 and IMAP logins and dialogue, by account or client.
    Access,
    /// Logins that failed, by the account that was tried.
    Wrong,
    /// Replies of receivers that say we are blocked or limited, by destination.
    Warned,
    /// Letters to abuse@ and postmaster@, by sender.
    Complaint,
    /// Complaints (ARF) about our own mail, by who answers for it.
    Feedback,
    /// Letters of providers that warn, by sender.
    Provider,
    /// Bounces of our own mail, by who answers for it.
    Bounce,
    /// Bounces of mail that was never ours, by who sent the bounce.
    Backscatter,
    /// Starts of the server.
    Start,
    /// Journal entries that were lost.
    Lost,
}

/// A number, a sum, and whose the most are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// How many.
    pub n: u64,
    /// Octets, where that means something.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes: u64,
    /// The most frequent names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub top: BTreeMap<String, u64>,
}

/// One hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(pub BTreeMap<Of, Counter>);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Counter {
    /// Counts one of `name` (none when empty).
    pub fn add(&mut self, name: &str, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.add_many(name, 1);
    }

    /// Counts `n` of `name`.
    pub fn add_many(&mut self, name: &str, n: u64) {
        self.n += n;
        self.credit(name, n);
    }

    fn credit(&mut self, name: &str, n: u64) {
        if name.is_empty() {
            return;
        }
        let name = cut(name, LONGEST_NAME);
        if let Some(known) = self.top.get_mut(name) {
            *known += n;
            return;
        }
        let mut inherited = 0;
        if self.top.len() >= NAMES {
            let least = self.top.iter().min_by_key(|(_, n)| **n).map(|(name, n)| (name.clone(), *n));
            if let Some((least, n)) = least {
                self.top.remove(&least);
                inherited = n;
            }
        }
        self.top.insert(name.to_owned(), inherited + n);
    }

    /// Adds another counter to this one.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.bytes = self.bytes.saturating_add(other.bytes);
        for (name, n) in &other.top {
            self.credit(name, *n);
        }
    }

    /// The most frequent name, and how often.
    #[must_use]
    pub fn first(&self) -> Option<(&str, u64)> {
        self.top.iter().max_by_key(|(_, n)| **n).map(|(name, n)| (name.as_str(), *n))
    }
}

impl Tally {
    /// The counter of something.
    #[must_use]
    pub fn of(&self, of: Of) -> Counter {
        self.0.get(&of).cloned().unwrap_or_default()
    }

    /// How many of something.
    #[must_use]
    pub fn n(&self, of: Of) -> u64 {
        self.0.get(&of).map_or(0, |counter| counter.n)
    }

    /// Adds another hour to this one.
    pub fn merge(&mut self, other: &Self) {
        for (of, counter) in &other.0 {
            self.0.entry(*of).or_default().merge(counter);
        }
    }

    /// Counts a journal entry.
    pub fn take(&mut self, entry: &Entry) {
        let client = entry.network.as_deref().unwrap_or_default();
        match entry.kind {
            Kind::AcceptOpen => self.add(Of::Connections, client, 0),
            Kind::In => self.accepted(entry, client),
            Kind::Receive => {
                self.add(Of::Dialogue, client, 0);
                self.login(entry);
            }
            Kind::Out => {
                self.add(Of::Out, who(entry, client), number(entry, "size"));
                if number(entry, "waited") >= LATE {
                    self.add(Of::Late, destination(entry), 0);
                }
            }
            Kind::Fail => {
                self.add(Of::Fail, who(entry, client), 0);
                self.add(Of::FailTo, destination(entry), 0);
                self.warned(entry);
            }
            Kind::Defer => {
                self.add(Of::Defer, destination(entry), 0);
                self.warned(entry);
            }
            Kind::Pop3 | Kind::Imap4 => {
                self.add(Of::Access, entry.account.as_deref().unwrap_or(client), 0);
                self.login(entry);
            }
            Kind::Notice => match text(entry, "event") {
                "start" => self.add(Of::Start, "", 0),
                _ if text(entry, "text").ends_with("journal entries were dropped") => self.add(Of::Lost, "", 0),
                _ => {}
            },
            Kind::AcceptEnd | Kind::Act | Kind::Verdict => {}
        }
    }

    fn add(&mut self, of: Of, name: &str, bytes: u64) {
        self.0.entry(of).or_default().add(name, bytes);
    }

    fn accepted(&mut self, entry: &Entry, client: &str) {
        self.add(Of::Accepted, who(entry, client), number(entry, "size"));
        let Some(letter) = entry.detail.get("letter") else { return };
        let say = |name: &str| letter.get(name).and_then(Value::as_str).unwrap_or_default();
        let from = match say("by") {
            "" => client,
            by => by,
        };
        let own = say("about");
        match (say("kind"), own.is_empty()) {
            ("feedback", false) => self.add(Of::Feedback, own, 0),
            ("feedback" | "complaint", _) => self.add(Of::Complaint, from, 0),
            ("dsn", false) => self.add(Of::Bounce, own, 0),
            ("dsn", true) => self.add(Of::Backscatter, from, 0),
            ("warning", _) => self.add(Of::Provider, from, 0),
            _ => {}
        }
    }

    fn login(&mut self, entry: &Entry) {
        if entry.detail.get("ok").and_then(Value::as_bool) == Some(false) {
            let tried = entry.account.as_deref().unwrap_or_else(|| text(entry, "login"));
            self.add(Of::Wrong, tried, 0);
        }
    }

    fn warned(&mut self, entry: &Entry) {
        if words::warns(text(entry, "reply")) {
            self.add(Of::Warned, destination(entry), 0);
        }
    }
}

/// Who answers for it: the account, else the origin where it is more than "somebody outside", else the client.
pub fn who<'a>(entry: &'a Entry, client: &'a str) -> &'a str {
    if let Some(account) = &entry.account {
        return account;
    }
    match text(entry, "origin") {
        "" | "inbound" => client,
        origin => origin,
    }
}

fn destination(entry: &Entry) -> &str {
    let address = entry.address.as_deref().unwrap_or_default();
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}

fn text<'a>(entry: &'a Entry, name: &str) -> &'a str {
    entry.detail.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(entry: &Entry, name: &str) -> u64 {
    entry.detail.get(name).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::entry;
    use sekisho_message::Time;

    #[test]
    fn a_counter_stays_small_and_keeps_who_matters() {
        let mut counter = Counter::default();
        for n in 0..5_000 {
            counter.add(&format!("host{n}"), 1);
            if n % 5 == 0 {
                counter.add("taro@example.jp", 0);
            }
        }
        assert_eq!((counter.n, counter.bytes, counter.top.len()), (6_000, 5_000, NAMES));
        assert_eq!(counter.first().unwrap().0, "taro@example.jp");
    }

    #[test]
    fn entries_are_counted_under_who_answers() {
        let mut tally = Tally::default();
        let now = Time::from_seconds(1_764_000_000);
        tally.take(&entry::accept_open(now, "smtp", "203.0.113.5", 1));
        let accepted = entry::Accepted {
            account: Some("taro@example.jp"),
            origin: "account:taro@example.jp",
            client: "203.0.113.5",
            to: &["a@b.example"],
            size: 10,
            ..entry::Accepted::default()
        };
        tally.take(&entry::accepted(now, &accepted));
        let outcome = entry::Outcome {
            account: Some("taro@example.jp"),
            to: "a@b.example",
            reply: "421 4.7.0 too many messages from your IP",
            size: 10,
            waited: 4_000,
            ..entry::Outcome::default()
        };
        tally.take(&entry::relayed(now, &outcome));
        tally.take(&entry::deferred(now, &outcome));
        assert_eq!(tally.of(Of::Accepted).first(), Some(("taro@example.jp", 1)));
        assert_eq!(tally.of(Of::Out).bytes, 10);
        assert_eq!(tally.of(Of::Late).first(), Some(("b.example", 1)));
        assert_eq!(tally.of(Of::Warned).first(), Some(("b.example", 1)));
        let text = serde_json::to_string(&tally).unwrap();
        assert_eq!(serde_json::from_str::<Tally>(&text).unwrap(), tally);
    }
}
