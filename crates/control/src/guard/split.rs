//! The mail that waits in an incident, in two piles: what its owner sent, and what a person must look at.

use sekisho_guard::place::Place;
use sekisho_message::Time;
use sekisho_store::incident::Incident;
use sekisho_store::queue::{self, Filter, Listed, Stage};
use sekisho_store::{MessageId, RecipientId, Result, Store};
use serde_json::{Value, json};

/// Recipients that are read together.
const PAGE: u32 = 1_000;

/// What waits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Sent from a network of the owner's, and before the first foreign login or while the trouble came from elsewhere.
    pub own: Pile,
    /// Everything else.
    pub rest: Pile,
}

/// Some of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pile {
    /// The messages, in order.
    pub messages: Vec<MessageId>,
    /// Their recipients that wait.
    pub recipients: u64,
    /// Their octets.
    pub bytes: u64,
}

impl Pile {
    fn add(&mut self, one: &Listed) {
        self.recipients += 1;
        if self.messages.last() != Some(&one.message) {
            self.messages.push(one.message);
            self.bytes += one.size;
        }
    }

    /// Counts, for people.
    #[must_use]
    pub fn counts(&self) -> Value {
        json!({ "messages": self.messages.len(), "recipients": self.recipients, "bytes": self.bytes })
    }
}

/// What tells the owner's mail from an intruder's, taken from what was known when the incident was opened.
#[derive(Clone, Debug, Default)]
pub struct Line {
    own: Vec<String>,
    until: Option<Time>,
    /// The evidence came from places that are not the owner's: what he sends from his own goes on being his.
    elsewhere: bool,
}

impl Line {
    /// The line of an incident.
    #[must_use]
    pub fn of(incident: &Incident) -> Self {
        let facts = &incident.facts;
        let networks = facts["networks"].as_array().map_or(&[][..], Vec::as_slice);
        let own = networks.iter().filter(|network| network["own"] == true);
        let time = |name: &str| facts[name].as_i64().map(Time);
        Self {
            own: own.filter_map(|network| network["network"].as_str()).map(str::to_owned).collect(),
            until: time("first_foreign").or_else(|| time("first_evidence")),
            elsewhere: incident.reason == "fast_away" || !facts["login"].is_null(),
        }
    }

    /// Whether mail that came from `network` at `received` is the owner's.
    #[must_use]
    pub fn is_own(&self, network: &str, received: Time) -> bool {
        let place = Place::parse(network).to_string();
        let known = self.own.contains(&place);
        let before = self.until.is_some_and(|until| received < until);
        known && (before || self.elsewhere)
    }

    /// Whether a network, as a prefix, is the owner's.
    #[must_use]
    pub fn knows(&self, network: &str) -> bool {
        self.own.iter().any(|own| own == network)
    }

    /// Since when mail may be an intruder's.
    #[must_use]
    pub const fn since(&self) -> Option<Time> {
        self.until
    }
}

/// Looks at everything that waits because of an incident.
///
/// # Errors
/// What the store reports.
pub async fn split(store: &Store, incident: &Incident) -> Result<Split> {
    let (line, mut split) = (Line::of(incident), Split::default());
    let filter = Filter { origin: Some(incident.origin.clone()), stage: Some(Stage::Holding), ..Filter::default() };
    let mut after: Option<RecipientId> = None;
    loop {
        let wanted = filter.clone();
        let (page, next) = store.read(move |tx| queue::list(tx, &wanted, after, PAGE)).await?;
        for one in &page {
            let pile = if line.is_own(&one.network, one.received) { &mut split.own } else { &mut split.rest };
            pile.add(one);
        }
        after = next;
        if after.is_none() {
            return Ok(split);
        }
    }
}
