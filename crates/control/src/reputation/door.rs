//! Block lists at the door: what reception asks about whoever comes.
//!
//! A list that has died, lies or does not answer must cost no mail: it is dropped by itself, with a notice, and asked again
//! later.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_message::Time;

use super::ask::{self, Health, Said};
use super::zones::{Lists, Use, Zone};
use crate::{Control, entry};

/// Silences in a row after which a list is dropped.
const MOST_SILENCES: u32 = 5;
/// For how long.
const DROPPED: Duration = Duration::from_secs(600);
/// How long a list's health is believed.
const BELIEVED: Duration = Duration::from_secs(3_600);
/// How long all lists together may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the lists say of a client and its sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Door {
    /// The list by which it is refused.
    pub refused_by: Option<String>,
    /// Lists that name it, for a header field: `zen.spamhaus.org (127.0.0.2)`.
    pub marks: Vec<String>,
    /// The sum of the weights of lists that score.
    pub score: u32,
}

/// How the lists behave.
#[derive(Default)]
pub(crate) struct Doorkeeper(Mutex<HashMap<String, Standing>>);

#[derive(Clone, Copy, Default)]
struct Standing {
    silences: u32,
    /// Until when it is not asked.
    dropped: Option<Time>,
    /// Until when its health is known to be good.
    well: Option<Time>,
}

impl Control {
    /// Whether reception asks any list at all.
    #[must_use]
    pub fn asks_lists(&self) -> bool {
        self.outside().is_some() && self.options().reputation.zones.iter().any(|zone| zone.reception != Use::Off)
    }

    /// Asks the lists that reception uses about a client and the domain of its reverse-path (none for a null one).
    pub async fn door(&self, client: IpAddr, sender: Option<&str>) -> Door {
        let mut door = Door::default();
        let Some(outside) = self.outside() else { return door };
        if self.is_own_address(client) {
            return door;
        }
        let (client, now) = (client.to_canonical().to_string(), self.now());
        let zones: Vec<&Zone> =
            self.options().reputation.zones.iter().filter(|zone| zone.reception != Use::Off).collect();
        let mut asking = tokio::task::JoinSet::new();
        for (n, zone) in zones.iter().enumerate() {
            let subject = match zone.lists {
                Lists::Address => Some(client.clone()),
                Lists::Domain => sender.map(str::to_owned),
            };
            let Some(subject) = subject else { continue };
            let Some(test) = self.doorkeeper().may_ask(&zone.zone, now) else { continue };
            let (zone, outside) = ((*zone).clone(), std::sync::Arc::clone(outside));
            asking.spawn(async move {
                let outside = outside.as_ref();
                let said = ask::ask(outside, &zone, &subject).await;
                // Health matters when it says "listed", and is asked once an hour.
                let health = match &said {
                    Said::Listed { .. } if test => Some(ask::health(outside, &zone).await),
                    _ => None,
                };
                (n, said, health)
            });
        }
        let end = tokio::time::sleep(PATIENCE);
        tokio::pin!(end);
        let mut open: Vec<bool> = vec![true; zones.len()];
        loop {
            let (n, said, health) = tokio::select! {
                one = asking.join_next() => match one {
                    Some(Ok(one)) => one,
                    Some(Err(_)) => continue,
                    None => break,
                },
                () = &mut end => break,
            };
            if let (Some(zone), Some(place)) = (zones.get(n), open.get_mut(n)) {
                *place = false;
                self.heard(zone, said, health, &mut door);
            }
        }
        if !asking.is_empty() {
            for (zone, _) in zones.iter().zip(&open).filter(|(zone, open)| **open && asked(zone, sender)) {
                self.silent(&zone.zone, "it does not answer in time");
            }
        }
        if door.score >= self.options().reputation.reject_at && door.refused_by.is_none() {
            door.refused_by = door.marks.first().map(|mark| mark.split(' ').next().unwrap_or(mark).to_owned());
        }
        door
    }

    fn heard(&self, zone: &Zone, said: Said, health: Option<Health>, door: &mut Door) {
        let name = &zone.zone;
        match health {
            Some(Health::Alive) => self.doorkeeper().is_well(name, self.now() + BELIEVED),
            Some(Health::Dead(why) | Health::Lying(why)) => {
                self.doorkeeper().drop_until(name, self.now() + BELIEVED);
                return self.notice(name, &why.en);
            }
            Some(Health::Unknown(why)) => return self.silent(name, &why.en),
            None => {}
        }
        match said {
            Said::Clean => self.doorkeeper().answered(name),
            Said::Unknown(why) => self.silent(name, &why.en),
            Said::Listed { answers, .. } => {
                self.doorkeeper().answered(name);
                let answers: Vec<String> = answers.iter().map(ToString::to_string).collect();
                door.marks.push(format!("{name} ({})", answers.join(" ")));
                match zone.reception {
                    Use::Reject => door.refused_by = door.refused_by.take().or(Some(name.clone())),
                    Use::Score => door.score = door.score.saturating_add(zone.weight),
                    Use::Mark | Use::Off => {}
                }
            }
        }
    }

    fn silent(&self, zone: &str, why: &str) {
        if self.doorkeeper().silent(zone, self.now()) {
            self.notice(zone, why);
        }
    }

    fn notice(&self, zone: &str, why: &str) {
        tracing::warn!(zone, why, "a block list is dropped for a while");
        self.journal().note(entry::notice(self.now(), &format!("block list {zone} is dropped for a while: {why}")));
    }
}

fn asked(zone: &Zone, sender: Option<&str>) -> bool {
    zone.lists == Lists::Address || sender.is_some()
}

impl Doorkeeper {
    /// Whether a list may be asked, and then whether its health is to be looked at.
    fn may_ask(&self, zone: &str, now: Time) -> Option<bool> {
        let standing = self.standings().get(zone).copied().unwrap_or_default();
        if standing.dropped.is_some_and(|until| now < until) {
            return None;
        }
        Some(standing.well.is_none_or(|until| until <= now))
    }

    fn answered(&self, zone: &str) {
        if let Some(standing) = self.standings().get_mut(zone) {
            standing.silences = 0;
        }
    }

    fn is_well(&self, zone: &str, until: Time) {
        let mut standings = self.standings();
        let standing = standings.entry(zone.to_owned()).or_default();
        (standing.well, standing.silences) = (Some(until), 0);
    }

    fn drop_until(&self, zone: &str, until: Time) {
        let mut standings = self.standings();
        let standing = standings.entry(zone.to_owned()).or_default();
        (standing.dropped, standing.well, standing.silences) = (Some(until), None, 0);
    }

    /// Counts a silence; whether the list is dropped now.
    fn silent(&self, zone: &str, now: Time) -> bool {
        let mut standings = self.standings();
        let standing = standings.entry(zone.to_owned()).or_default();
        standing.silences += 1;
        if standing.silences < MOST_SILENCES {
            return false;
        }
        (standing.dropped, standing.silences) = (Some(now + DROPPED), 0);
        true
    }

    /// A panic elsewhere leaves the map whole; it grows no further than the configuration.
    fn standings(&self) -> MutexGuard<'_, HashMap<String, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
