//! The daily look: ten signs that something is wrong, each with its evidence, who is behind it, and what to do next.
//!
//! The journal is counted hour by hour as it grows ([`tally`]), so that a look costs a few dozen small rows, whatever the
//! server does. What is usual at an hour is what other days had at that hour.

pub mod tally;
pub mod words;

mod follow;
mod growth;
mod letters;
mod machine;
mod mail;
mod summary;
mod traffic;
mod vitals;

#[cfg(test)]
mod tests;

use sekisho_message::{Language, Text, Time};
use sekisho_store::incident::{self, Incident};
use sekisho_store::queue::{self, Status};
use sekisho_store::rounds::{self, Listing};
use sekisho_store::{Result, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Control;
use tally::{Of, Tally};

pub use summary::{letter as summary_letter, mark, recipients as summary_recipients, title};
pub use vitals::Vitals;

/// Name of the report in the store.
const REPORT: &str = "check";
/// The ids of the signs, in the order in which they are shown.
pub const IDS: [&str; 10] = [
    "slow-line",
    "late-mail",
    "strange-server",
    "complaints",
    "upstream-warning",
    "bounce-flood",
    "accept-in-growth",
    "out-fail-growth",
    "pop-imap-growth",
    "spool-backlog",
];
/// Days that an hour is compared with.
const DAYS: i64 = 28;
/// Hours that are kept: the days to compare with, and one more.
const KEPT: i64 = (DAYS + 1) * 24;
/// Incidents that are looked at, the newest first.
const INCIDENTS: u32 = 200;
/// Origins of the backlog that are named.
const HEAVIEST: u32 = 5;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As usual.
    #[default]
    Ok,
    /// Worth a look.
    Notice,
    /// Something must be done.
    Alarm,
}

/// Somebody or something behind a sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Culprit {
    /// `account`, `network`, `destination`, `list`, `alias` or `other`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// How much of it.
    pub count: u64,
}

/// One of the ten signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sign {
    /// One of [`IDS`].
    pub id: String,
    /// How bad it is.
    pub state: State,
    /// What was seen.
    pub evidence: Text,
    /// What to do next.
    pub advice: Text,
    /// Who or what is behind it, the most first.
    #[serde(default)]
    pub about: Vec<Culprit>,
}

/// A look at all signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// When.
    pub at: Time,
    /// All ten, in the order of [`IDS`].
    pub signs: Vec<Sign>,
}

/// What the signs are made of.
pub(crate) struct Facts {
    /// When it is.
    pub(crate) now: Time,
    /// The hour that is going on, and the one before it, each with the same hour of other days.
    pub(crate) hours: [Hour; 2],
    /// The last 24 hours.
    pub(crate) day: Tally,
    pub(crate) queue: Status,
    pub(crate) heaviest: Vec<(String, u64, bool)>,
    pub(crate) oldest: Option<Time>,
    /// Incidents that are not dealt with.
    pub(crate) incidents: Vec<Incident>,
    /// Where we stand on block lists.
    pub(crate) listings: Vec<Listing>,
    /// Incidents of the last 24 hours, whatever became of them.
    pub(crate) vitals: Option<Vitals>,
}

/// An hour, and what other days had at that hour.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hour {
    pub(crate) this: Tally,
    pub(crate) others: Vec<Tally>,
}

impl Check {
    /// The worst of all signs.
    #[must_use]
    pub fn worst(&self) -> State {
        self.signs.iter().map(|sign| sign.state).max().unwrap_or_default()
    }

    /// `{"signs":[{"id","state","evidence","advice","about":[…]}]}` in one language.
    #[must_use]
    pub fn shape(&self, language: Language) -> Value {
        let one = |sign: &Sign| {
            json!({
                "id": sign.id,
                "state": sign.state,
                "evidence": sign.evidence.get(language),
                "advice": sign.advice.get(language),
                "about": sign.about,
            })
        };
        json!({ "at": self.at.to_string(), "signs": self.signs.iter().map(one).collect::<Vec<_>>() })
    }
}

impl Control {
    /// Looks at all signs now, and keeps what was seen. `vitals` are those of the running server; none when it is stopped.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn check(&self, vitals: Option<Vitals>) -> Result<Check> {
        let now = self.now();
        for (place, n) in self.hush().sweep(now) {
            let network = place.to_string();
            self.journal().note(crate::entry::hushed(now, network.split('/').next().unwrap_or(&network), n));
        }
        self.journal().flush().await;
        self.count_journal().await?;
        let facts = self.store().read(move |tx| gather(tx, vitals, now)).await?;
        let check = judge(&facts);
        let body = serde_json::to_string(&check).unwrap_or_default();
        self.store()
            .write(move |tx| {
                rounds::set_report(tx, REPORT, now, &body)?;
                rounds::expire_hours(tx, hour_of(now) - KEPT)
            })
            .await?;
        Ok(check)
    }

    /// What the last look saw: it costs one row, and metrics and the console can ask for it at any time.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn last_check(&self) -> Result<Option<Check>> {
        let kept = self.store().read(|tx| rounds::report(tx, REPORT)).await?;
        Ok(kept.and_then(|report| serde_json::from_str(&report.body).ok()))
    }
}

/// All signs of what was gathered.
pub(crate) fn judge(facts: &Facts) -> Check {
    let signs = vec![
        traffic::slow_line(facts),
        mail::late(facts),
        machine::strange(facts),
        letters::complaints(facts),
        letters::upstream(facts),
        letters::bounces(facts),
        traffic::accept_in(facts),
        traffic::out_fail(facts),
        traffic::access(facts),
        mail::backlog(facts),
    ];
    Check { at: facts.now, signs }
}

fn gather(tx: &mut dyn Tx, vitals: Option<Vitals>, now: Time) -> Result<Facts> {
    let hour = hour_of(now);
    let first = rounds::first_hour(tx)?.unwrap_or(hour);
    let mut hours = [Hour::default(), Hour::default()];
    for (at, place) in [hour, hour - 1].into_iter().zip(&mut hours) {
        place.this = read_hour(tx, at)?;
        for day in 1..=DAYS {
            let then = at - 24 * day;
            if then < first {
                break;
            }
            place.others.push(read_hour(tx, then)?);
        }
    }
    let mut day = Tally::default();
    for at in hour - 23..=hour {
        day.merge(&read_hour(tx, at)?);
    }
    let incidents = incident::list(tx, None, INCIDENTS)?;
    Ok(Facts {
        now,
        hours,
        day,
        queue: queue::status(tx)?,
        heaviest: queue::heaviest(tx, HEAVIEST)?,
        oldest: queue::oldest_waiting(tx)?,
        incidents: incidents.into_iter().filter(|one| one.state < incident::State::Cleaned).collect(),
        listings: rounds::listings(tx, 100)?.into_iter().filter(|one| one.until.is_none()).collect(),
        vitals,
    })
}

fn read_hour(tx: &mut dyn Tx, hour: i64) -> Result<Tally> {
    let text = rounds::hour(tx, hour)?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// Hours since the epoch.
pub(crate) const fn hour_of(at: Time) -> i64 {
    at.seconds().div_euclid(3_600)
}

impl Facts {
    /// The hour that is going on and the one before it, together.
    pub(crate) fn recent(&self, of: Of) -> tally::Counter {
        let [now, before] = &self.hours;
        let mut counter = before.this.of(of);
        counter.merge(&now.this.of(of));
        counter
    }
}

impl Sign {
    pub(crate) fn new(id: &str, state: State, evidence: Text, advice: Text) -> Self {
        Self { id: id.to_owned(), state, evidence, advice, about: Vec::new() }
    }

    pub(crate) fn about(mut self, about: impl IntoIterator<Item = Culprit>) -> Self {
        for one in about {
            if !self.about.iter().any(|known| known.kind == one.kind && known.name == one.name) {
                self.about.push(one);
            }
        }
        self
    }
}

impl Culprit {
    /// From the name that a counter knows: an account, an origin's key, or a client's address.
    pub(crate) fn of(name: &str, count: u64) -> Self {
        let (kind, name) = match name.split_once(':') {
            Some(("account", rest)) => ("account", rest),
            Some(("network" | "listener", rest)) => ("network", rest),
            Some(("alias", rest)) => ("alias", rest),
            Some(("list", rest)) => ("list", rest),
            _ if name.contains('@') => ("account", name),
            _ if name.parse::<std::net::IpAddr>().is_ok() => ("network", name),
            _ => ("other", name),
        };
        Self { kind: kind.into(), name: name.to_owned(), count }
    }

    /// Where mail goes.
    pub(crate) fn destination(name: &str, count: u64) -> Self {
        Self { kind: "destination".into(), name: name.to_owned(), count }
    }
}
