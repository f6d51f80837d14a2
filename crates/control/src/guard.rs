//! The guard in the live server: what happens goes to `sekisho_guard`, what it says is done.
//!
//! Everything is judged in a transaction: the profile is read, stepped and written together with what it judged and
//! with what follows (a held origin, an incident, a suspended account), so that a crash or a second node changes nothing.
//! [`Guard::submit`] judges a message within the transaction that accepts it; [`Control::tell_login`],
//! [`Control::tell_outcomes`] and [`Control::tell`] judge everything else. What must wait for the commit is an
//! [`Aftermath`].
//!
//! Origins and addresses are known by keyed hashes of 64 bits. The key is in the store; passwords that were wrong are
//! hashed with the account's name and the same key, and only as bits of a bitmap are they ever written.

pub mod closed;
mod judge;
mod listing;
mod logins;
mod outcomes;
pub(crate) mod persistence;
mod seeds;
mod settings;
pub mod split;
pub mod story;
mod submit;
#[cfg(test)]
mod tests;
mod ticks;

use sekisho_guard::event::Event;
use sekisho_guard::profile::Profile;
use sekisho_guard::score;
use sekisho_message::{Address, Time};
use sekisho_store::{AccountId, IncidentId, Tx, meta, profile};
use serde_json::{Value, json};

use crate::credential::Key;
use crate::{BusEvent, Control};

pub use judge::Judged;
pub(crate) use judge::account_of;
pub use logins::{Attempt, Known};
pub use outcomes::{Outcome, Said};
pub use seeds::Seed;
pub use settings::{Alert, Filter, Mode, Settings};
pub use submit::{Mail, Ruling};

/// The guard of one server.
pub struct Guard {
    settings: Settings,
    key: Key,
    logins: logins::Logins,
    seeds: seeds::Seeds,
    closed: closed::Picture,
}

/// What must be told once a transaction is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// An account that may no longer send.
    pub suspended: Option<AccountId>,
    /// Mail of the origin is held from now on.
    pub held: bool,
    /// An incident that was opened.
    pub incident: Option<IncidentId>,
}

const KEY: &str = "secret.guard";

/// The key, made of `fresh` when there is none yet.
pub(crate) fn key(tx: &mut dyn Tx, fresh: &str) -> sekisho_store::Result<String> {
    if let Some(key) = meta::get(tx, KEY)? {
        return Ok(key);
    }
    meta::set(tx, KEY, Some(fresh))?;
    Ok(fresh.to_owned())
}

impl Guard {
    pub(crate) fn new(settings: Settings, key: &str) -> Self {
        Self {
            settings,
            key: Key::from_bytes(key.as_bytes()),
            logins: logins::Logins::default(),
            seeds: seeds::Seeds::default(),
            closed: closed::Picture::default(),
        }
    }

    /// What the operator set.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// By what number the store knows the origin `key`.
    #[must_use]
    pub fn origin(&self, key: &str) -> i64 {
        self.hash(b"origin", key.as_bytes()).cast_signed()
    }

    /// By what number the store knows an address outside.
    #[must_use]
    pub fn peer(&self, address: &Address) -> i64 {
        self.hash(b"peer", address.key().as_bytes()).cast_signed()
    }

    /// By what number the guard knows a domain; never 0.
    #[must_use]
    pub fn domain(&self, name: &str) -> u64 {
        self.hash(b"domain", name.to_ascii_lowercase().as_bytes()) | 1
    }

    /// How an origin stands with the guard, for people; none when nothing is known of it.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn standing(&self, tx: &mut dyn Tx, origin: &str, now: Time) -> sekisho_store::Result<Option<Value>> {
        let policy = &self.settings.policy;
        let Some(bytes) = profile::get(tx, self.origin(origin))? else { return Ok(None) };
        let Ok(profile) = Profile::decode(&bytes) else { return Ok(None) };
        let places: Vec<Value> = profile
            .places
            .items()
            .iter()
            .map(|p| {
                json!({
                    "network": p.place, "own": profile.is_home(policy, p.place, now), "days": p.days,
                    "first": p.first.to_string(), "last": p.last.to_string(),
                })
            })
            .collect();
        Ok(Some(json!({
            "class": profile.class(),
            "class_set": profile.class_set,
            "class_learnt": profile.class_learnt,
            "rung": profile.rung,
            "score": score::share(&profile, policy, now),
            "learning": profile.is_learning(policy, now),
            "held_since": profile.held_since.map(|since| since.to_string()),
            "networks": places,
        })))
    }

    /// Whether the mail of `origin` is held and `place` is none of its own.
    pub(crate) fn is_stranger(
        &self,
        tx: &mut dyn Tx,
        origin: &str,
        place: sekisho_guard::place::Place,
        now: Time,
    ) -> sekisho_store::Result<bool> {
        let Some(bytes) = profile::get(tx, self.origin(origin))? else { return Ok(false) };
        // Who cannot be told apart may read.
        let Ok(profile) = Profile::decode(&bytes) else { return Ok(false) };
        Ok(profile.held_since.is_some() && !profile.is_surely_home(&self.settings.policy, place, now))
    }

    /// Whether the owner of an origin was at one of his own networks after `since`.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn owner_was_here(&self, tx: &mut dyn Tx, origin: &str, since: Time, now: Time) -> sekisho_store::Result<bool> {
        Ok(self.own_places(tx, origin, now)?.iter().any(|(_, last)| *last > since))
    }

    /// The networks that are an origin's own, and when each was last used.
    pub(crate) fn own_places(
        &self,
        tx: &mut dyn Tx,
        origin: &str,
        now: Time,
    ) -> sekisho_store::Result<Vec<(sekisho_guard::place::Place, Time)>> {
        let open = self.open(tx, origin, now)?;
        let places = open.profile.places.items().iter();
        let own = places.filter(|p| open.profile.is_surely_home(&self.settings.policy, p.place, now));
        Ok(own.map(|p| (p.place, p.last)).collect())
    }

    /// The autonomous system of a client's address, where there is a database of them.
    #[must_use]
    pub fn system(&self, client: &str) -> Option<u32> {
        self.settings.systems.as_ref()?.system(client.parse().ok()?)
    }

    /// The country of a client's address, where there is a database of them.
    #[must_use]
    pub fn country(&self, client: &str) -> Option<crate::countries::Country> {
        self.settings.countries.as_ref()?.of(client.parse().ok()?)
    }

    /// A keyed hash of anything else; `what` keeps kinds apart.
    #[must_use]
    pub fn hash(&self, what: &[u8], value: &[u8]) -> u64 {
        let tag = self.key.tag(&[what, value]);
        tag.first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head))
    }
}

/// The incident that `which` names: its number, or the account or origin that has one that is not closed.
///
/// # Errors
/// When there is none.
pub async fn find_incident(
    control: &Control,
    which: &str,
) -> Result<sekisho_store::incident::Incident, crate::Refusal> {
    crate::acts::incident_acts::find(control, which).await
}

impl Control {
    /// Judges one event of one origin, by itself in a transaction.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn tell(&self, origin: &str, event: Event, why: Option<&str>) -> sekisho_store::Result<Judged> {
        let (control, origin, now) = (self.clone(), origin.to_owned(), self.now());
        let why = why.map(str::to_owned);
        let judged =
            self.store().write(move |tx| control.guard().judge(tx, &origin, &event, "", why.as_deref(), now)).await?;
        self.after(judged.aftermath);
        Ok(judged)
    }

    /// Tells whoever must know, once what was judged is durable.
    pub fn after(&self, aftermath: Aftermath) {
        if let Some(account) = aftermath.suspended {
            self.publish(BusEvent::Suspended { account });
            self.publish(BusEvent::DirectoryChanged);
        }
        if aftermath.held {
            self.publish(BusEvent::QueueHeld);
        }
        if aftermath.incident.is_some() {
            self.publish(BusEvent::IncidentChanged);
        }
    }
}
