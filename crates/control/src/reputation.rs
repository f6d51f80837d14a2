//! Our own addresses and domains on block lists: since when, what it means, how to get off. And the same lists at the door.
//!
//! A list that does not answer, refuses our resolver or has died says nothing: that is `unknown`, never `clean`.

mod ask;
mod door;
#[cfg(test)]
mod tests;
pub mod zones;

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_message::{Language, Text, Time, say};
use sekisho_store::rounds::{self, Listing};
use sekisho_store::{Result, domain};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::outside::Outside;
use crate::{Control, entry};
use ask::{Health, Said};
pub use door::Door;
pub(crate) use door::Doorkeeper;
use zones::{Lists, Use, Zone};

/// Name of the report in the store.
const REPORT: &str = "reputation";
/// How long listings that are over are remembered.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(400 * 86_400);
/// Listings that are told.
const HISTORY: u32 = 200;
/// Subjects that are asked about.
const MOST_SUBJECTS: usize = 200;

/// What an operator can set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The lists.
    pub zones: Vec<Zone>,
    /// Addresses that our mail comes from. Empty: the public ones of this machine and of its host name.
    pub addresses: Vec<IpAddr>,
    /// From which sum of weights on reception refuses.
    pub reject_at: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { zones: zones::usual(), addresses: Vec::new(), reject_at: 3 }
    }
}

/// How an answer stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not listed.
    #[default]
    Clean,
    /// It cannot be known.
    Unknown,
    /// Listed.
    Listed,
}

/// One subject on one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The address or domain.
    pub subject: String,
    /// The list.
    pub zone: String,
    /// How it stands.
    pub state: State,
    /// What the list answered, as addresses.
    pub answers: Vec<String>,
    /// What that means, or why it is unknown.
    pub meaning: Option<Text>,
    /// The list's own words.
    pub words: String,
    /// How to get off.
    pub advice: Option<Text>,
}

/// How a list does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneState {
    /// The list.
    pub zone: String,
    /// `alive`, `unknown`, `dead` or `lying`.
    pub state: String,
    /// Why.
    pub why: Option<Text>,
}

/// All lists and all that is ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reputation {
    /// When.
    pub at: Time,
    /// What was asked about.
    pub subjects: Vec<String>,
    /// How each list does.
    pub zones: Vec<ZoneState>,
    /// What each list says; lists that are dead or lie say nothing.
    pub entries: Vec<Entry>,
}

impl Reputation {
    /// The worst of all.
    #[must_use]
    pub fn worst(&self) -> State {
        self.entries.iter().map(|entry| entry.state).max().unwrap_or_default()
    }

    /// Lists do not all end on one day: when none of several has its test entry, the one who was asked is at fault.
    fn doubt_resolver(&mut self) {
        if self.zones.len() < 2 || self.zones.iter().any(|zone| zone.state != "dead") {
            return;
        }
        let why = say!(
            ja: "DNS リゾルバの問題と思われます（どのリストも試験用の項目を返しません）",
            en: "the DNS resolver seems to be at fault: no list has its test entry"
        );
        for zone in &mut self.zones {
            (zone.state, zone.why) = ("unknown".into(), Some(why.clone()));
        }
        for entry in &mut self.entries {
            entry.meaning = Some(why.clone());
        }
    }

    /// As JSON in one language, with what is remembered.
    #[must_use]
    pub fn shape(&self, history: &[Listing], language: Language) -> Value {
        let say = |text: &Option<Text>| text.as_ref().map(|text| text.get(language).to_owned());
        let zone = |one: &ZoneState| json!({ "zone": one.zone, "state": one.state, "why": say(&one.why) });
        let entry = |one: &Entry| {
            json!({
                "subject": one.subject, "zone": one.zone, "state": one.state, "answers": one.answers,
                "meaning": say(&one.meaning), "words": one.words, "advice": say(&one.advice),
            })
        };
        let past = |one: &Listing| {
            json!({
                "zone": one.zone, "subject": one.subject, "since": one.since.to_string(),
                "until": one.until.map(|until| until.to_string()), "detail": one.detail,
            })
        };
        json!({
            "at": self.at.to_string(),
            "subjects": self.subjects,
            "zones": self.zones.iter().map(zone).collect::<Vec<_>>(),
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(),
            "history": history.iter().map(past).collect::<Vec<_>>(),
        })
    }
}

impl Control {
    /// Asks every list about everything that is ours, and keeps what came out.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn reputation(&self) -> Result<Reputation> {
        let now = self.now();
        let Some(outside) = self.outside().cloned() else { return Ok(Reputation { at: now, ..Reputation::default() }) };
        let subjects = self.subjects(outside.as_ref()).await?;
        let mut found = Reputation { at: now, subjects: subjects.clone(), ..Reputation::default() };
        if !subjects.is_empty() {
            let mut asking = tokio::task::JoinSet::new();
            for (n, zone) in self.options().reputation.zones.iter().cloned().enumerate() {
                let (outside, subjects) = (Arc::clone(&outside), subjects.clone());
                asking.spawn(async move { (n, ask_zone(outside.as_ref(), zone, &subjects).await) });
            }
            let mut all: Vec<_> = asking.join_all().await;
            all.sort_by_key(|(n, _)| *n);
            for (_, (state, entries)) in all {
                found.zones.push(state);
                found.entries.extend(entries);
            }
            found.doubt_resolver();
        }
        self.keep_reputation(&found).await?;
        Ok(found)
    }

    /// What the last round found.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn last_reputation(&self) -> Result<Option<Reputation>> {
        let kept = self.store().read(|tx| rounds::report(tx, REPORT)).await?;
        Ok(kept.and_then(|report| serde_json::from_str(&report.body).ok()))
    }

    /// Where we stood, and stand.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn listings(&self) -> Result<Vec<Listing>> {
        self.store().read(|tx| rounds::listings(tx, HISTORY)).await
    }

    /// Our own addresses and domains that the world can see.
    async fn subjects(&self, outside: &dyn Outside) -> Result<Vec<String>> {
        let settings = &self.options().reputation;
        let addresses = self.own_addresses(outside).await;
        let mut subjects: Vec<String> = addresses.iter().map(|ip| ip.to_canonical().to_string()).collect();
        if settings.zones.iter().any(|zone| zone.lists == Lists::Domain) {
            let domains = self.store().read(domain::list).await?;
            subjects.extend(domains.into_iter().map(|domain| domain.name).filter(|name| is_of_the_world(name)));
        }
        subjects.sort();
        subjects.dedup();
        subjects.truncate(MOST_SUBJECTS);
        Ok(subjects)
    }

    /// The addresses that our mail comes from, as the world sees them.
    pub(crate) async fn own_addresses(&self, outside: &dyn Outside) -> Vec<IpAddr> {
        let mut addresses = self.options().reputation.addresses.clone();
        if addresses.is_empty() {
            addresses.extend(self.options().lockout.own.iter().copied());
            if let Ok(named) = outside.addresses(&self.options().hostname).await {
                addresses.extend(named);
            }
            addresses.retain(|ip| crate::trace::is_public(ip.to_canonical()));
        }
        let mut addresses: Vec<IpAddr> = addresses.iter().map(IpAddr::to_canonical).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    async fn keep_reputation(&self, found: &Reputation) -> Result<()> {
        let before = self.last_reputation().await?.unwrap_or_default();
        let (kept, now) = (found.clone(), found.at);
        let news = self.store().write(move |tx| {
            let (mut news, mut newly) = (Vec::new(), false);
            for entry in &kept.entries {
                let detail = format!("{} {}", entry.answers.join(" "), entry.words);
                match entry.state {
                    State::Listed if rounds::listed(tx, &entry.zone, &entry.subject, detail.trim(), now)? => {
                        newly |= entry.subject.parse::<IpAddr>().is_ok();
                        news.push(format!("{} is listed at {}: {}", entry.subject, entry.zone, detail.trim()));
                    }
                    State::Clean if rounds::delisted(tx, &entry.zone, &entry.subject, now)? => {
                        news.push(format!("{} is no longer listed at {}", entry.subject, entry.zone));
                    }
                    _ => {}
                }
            }
            rounds::expire_listings(tx, now - REMEMBERED)?;
            rounds::set_report(tx, REPORT, now, &serde_json::to_string(&kept).unwrap_or_default())?;
            Ok((news, newly))
        });
        let (news, newly) = news.await?;
        for text in news {
            tracing::warn!("{text}");
            self.journal().note(entry::notice(self.now(), &text));
        }
        if newly {
            self.tell_listing(now).await?;
        }
        for zone in found.zones.iter().filter(|zone| matches!(zone.state.as_str(), "dead" | "lying")) {
            let known = before.zones.iter().any(|one| one.zone == zone.zone && one.state == zone.state);
            if !known {
                let text =
                    format!("block list {} is dropped: {}", zone.zone, zone.why.clone().unwrap_or_else(nothing).en);
                tracing::warn!("{text}");
                self.journal().note(entry::notice(self.now(), &text));
            }
        }
        Ok(())
    }
}

fn nothing() -> Text {
    say!(ja: "不明", en: "unknown")
}

async fn ask_zone(outside: &dyn Outside, zone: Zone, subjects: &[String]) -> (ZoneState, Vec<Entry>) {
    let (state, why, believed) = match ask::health(outside, &zone).await {
        Health::Alive => ("alive", None, true),
        Health::Unknown(why) => ("unknown", Some(why), false),
        Health::Dead(why) => ("dead", Some(why), false),
        Health::Lying(why) => ("lying", Some(why), false),
    };
    let state = ZoneState { zone: zone.zone.clone(), state: state.into(), why: why.clone() };
    let mut entries = Vec::new();
    for subject in subjects.iter().filter(|subject| ask::name(&zone, subject).is_some()) {
        let mut entry = Entry { subject: subject.clone(), zone: zone.zone.clone(), ..Entry::default() };
        // A list that cannot be believed is not asked: what it says is no evidence of anything.
        let said = if believed {
            ask::ask(outside, &zone, subject).await
        } else {
            Said::Unknown(why.clone().unwrap_or_else(nothing))
        };
        match said {
            Said::Clean => {}
            Said::Unknown(why) => (entry.state, entry.meaning) = (State::Unknown, Some(why)),
            Said::Listed { answers, meaning } => {
                entry.state = State::Listed;
                entry.answers = answers.iter().map(ToString::to_string).collect();
                entry.meaning = Some(meaning);
                entry.words = ask::words(outside, &zone, subject).await;
                entry.advice = Some(zones::advice(&zone.zone, subject));
            }
        }
        entries.push(entry);
    }
    (state, entries)
}

/// Whether a domain can be known outside at all (RFC 2606 §2).
pub(crate) fn is_of_the_world(name: &str) -> bool {
    name.contains('.')
        && !["test", "example", "invalid", "localhost"].contains(&name.rsplit('.').next().unwrap_or_default())
}

impl Zone {
    /// A list of addresses that reception uses in this way.
    #[must_use]
    pub fn at_the_door(zone: &str, reception: Use) -> Self {
        Self { zone: zone.into(), lists: Lists::Address, reception, weight: 1, test: None }
    }
}
