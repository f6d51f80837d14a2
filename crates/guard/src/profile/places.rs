//! Where an origin comes from, and with what.

use sekisho_message::Time;

use super::wire::wire;
use super::{DAY, HOUR, Profile};
use crate::place::Place;
use crate::policy::Policy;

/// Clients that become the origin's own without proof while it is learnt.
const LEARNT_CLIENTS: usize = 8;

/// Days of use, and days since the first, after which a place counts whatever was thought of it, if no hold came of it.
const LONG_USE: (u16, i64) = (5, 10);

/// One network.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlaceUse {
    /// Which.
    pub place: Place,
    /// First successful use.
    pub first: Time,
    /// Last successful use.
    pub last: Time,
    /// On how many days.
    pub days: u16,
    /// Whether it was taken as the origin's own at once, while learning.
    pub(crate) taken: bool,
    /// Whether something suspicious came from it: time alone does not prove it then.
    pub(crate) tainted: bool,
    /// Its autonomous system; 0: unknown.
    pub(crate) autonomous_system: u32,
}

/// One client program.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClientUse {
    /// Its fingerprint.
    pub fingerprint: u64,
    /// First use.
    pub first: Time,
    /// Last use.
    pub last: Time,
    /// On how many days.
    pub days: u16,
    /// Whether it was taken while learning.
    pub(crate) taken: bool,
}

/// How a client stands to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The place is the origin's own, or nothing is known about it.
    pub(crate) home: bool,
    /// The place is new, but its provider is one that the origin uses.
    pub(crate) kin: bool,
    /// `Some(true)`: the client program is the origin's.
    pub(crate) client: Option<bool>,
    /// Places and clients are still being learnt: new ones are no wonder.
    pub(crate) settling: bool,
}

impl Standing {
    /// New place, and not a client that is known.
    pub(crate) fn is_stranger(self) -> bool {
        !self.home && self.client != Some(true)
    }
}

impl PlaceUse {
    /// Whether the origin has proved this place to be its own by using it.
    pub(crate) fn is_proven(&self, policy: &Policy, now: Time) -> bool {
        // A place of long standing is remembered longer: people come back from leave.
        let days = i64::from(policy.place_days) + 12 * i64::from(self.days.min(28));
        (self.taken || self.is_settled(policy, now)) && now.0.saturating_sub(self.last.0) <= days * DAY
    }

    /// Whether it was used on two days, long enough apart, and nothing bad came from it; or for so long that what looked
    /// bad has come to nothing.
    fn is_settled(&self, policy: &Policy, now: Time) -> bool {
        let age = now.0.saturating_sub(self.first.0);
        let clean = self.days >= 2 && !self.tainted && age >= i64::from(policy.place_proof_hours) * HOUR;
        clean || (self.days >= LONG_USE.0 && age >= LONG_USE.1 * DAY)
    }
}

impl Profile {
    /// Whether the place is the origin's own.
    #[must_use]
    pub fn is_home(&self, policy: &Policy, place: Place, now: Time) -> bool {
        place == Place::Unknown || self.places.items().iter().any(|p| p.place == place && p.is_proven(policy, now))
    }

    /// Whether the place is the origin's own beyond what a new origin is believed: it is settled, or it was the first of
    /// all. What is released as the owner's came from such a place, since an intruder may be among the first places of
    /// a new account.
    #[must_use]
    pub fn is_surely_home(&self, policy: &Policy, place: Place, now: Time) -> bool {
        let places = self.places.items();
        let first = places.iter().map(|p| p.first).min();
        let sure = |p: &&PlaceUse| p.is_settled(policy, now) || Some(p.first) == first;
        place == Place::Unknown || places.iter().filter(sure).any(|p| p.place == place && p.is_proven(policy, now))
    }

    /// Whether the origin used the place successfully within the policy's days (30).
    #[must_use]
    pub fn used_recently(&self, policy: &Policy, place: Place, now: Time) -> bool {
        let limit = i64::from(policy.place_days) * DAY;
        self.places.items().iter().any(|p| p.place == place && now.0.saturating_sub(p.last.0) <= limit)
    }

    /// How this client stands to the origin, before this use is remembered.
    pub(crate) fn standing(
        &self,
        policy: &Policy,
        place: Place,
        client: Option<u64>,
        system: Option<u32>,
        now: Time,
    ) -> Standing {
        let settling = self.is_settling(policy, now);
        let learning = settling && self.breach.is_none();
        let home = self.is_home(policy, place, now) || (learning && self.is_homeless(policy, now));
        let kin = !home
            && system.is_some_and(|system| {
                system != 0
                    && self.places.items().iter().any(|p| p.autonomous_system == system && p.is_proven(policy, now))
            });
        let client = client.map(|hash| {
            (learning && home && self.clients.items().len() < LEARNT_CLIENTS)
                || self.clients.items().iter().any(|c| {
                    c.fingerprint == hash && (c.taken || (c.days >= 2 && now.0.saturating_sub(c.first.0) >= DAY))
                })
        });
        Standing { home, kin, client, settling }
    }

    /// Whether no place is the origin's own: the first one is believed, or a new account could not begin. Whoever has a
    /// home proves every other place, however new he is.
    fn is_homeless(&self, policy: &Policy, now: Time) -> bool {
        !self.places.items().iter().any(|p| p.is_proven(policy, now))
    }

    /// Remembers a successful use. `clean`: nothing suspicious stands against the origin.
    pub(crate) fn use_place(&mut self, policy: &Policy, place: Place, system: Option<u32>, clean: bool, now: Time) {
        if place == Place::Unknown {
            return;
        }
        let learning = self.is_settling(policy, now) && self.breach.is_none() && clean;
        let today = now.0.div_euclid(DAY);
        if let Some(known) = self.places.0.iter_mut().find(|p| p.place == place) {
            if known.last.0.div_euclid(DAY) != today {
                known.days = known.days.saturating_add(1);
                self.visits = self.visits * 0.98 + 1.0;
                self.novel *= 0.98;
            }
            known.last = known.last.max(now);
            // What an intruder does elsewhere does not make the owner a stranger at home.
            known.tainted |= !clean && !known.is_proven(policy, now);
            return;
        }
        if clean {
            self.visits = self.visits * 0.98 + 1.0;
            self.novel = self.novel * 0.98 + 1.0;
        }
        let taken = learning && self.is_homeless(policy, now);
        if self.places.0.len() >= 32 {
            // A botnet must not flush the places that the owner lives at.
            let victim = self.places.0.iter().enumerate().min_by_key(|(_, p)| (p.is_proven(policy, now), p.last));
            if let Some((index, _)) = victim {
                self.places.0.remove(index);
            }
        }
        let autonomous_system = system.unwrap_or(0);
        self.places.push(PlaceUse { place, first: now, last: now, days: 1, taken, tainted: !clean, autonomous_system });
    }

    /// Remembers a client. `home`: at a place of the origin's own.
    pub(crate) fn use_client(&mut self, policy: &Policy, fingerprint: Option<u64>, home: bool, clean: bool, now: Time) {
        let Some(fingerprint) = fingerprint else { return };
        if let Some(known) = self.clients.0.iter_mut().find(|c| c.fingerprint == fingerprint) {
            if clean && known.last.0.div_euclid(DAY) != now.0.div_euclid(DAY) {
                known.days = known.days.saturating_add(1);
            }
            known.last = known.last.max(now);
            return;
        }
        let learning = self.is_settling(policy, now) && self.breach.is_none();
        let taken = learning && home && clean && self.clients.0.len() < LEARNT_CLIENTS;
        if self.clients.0.len() >= 16 {
            let victim = self.clients.0.iter().enumerate().min_by_key(|(_, c)| (c.taken || c.days >= 2, c.last));
            if let Some((index, _)) = victim {
                self.clients.0.remove(index);
            }
        }
        self.clients.push(ClientUse { fingerprint, first: now, last: now, days: 1, taken });
    }

    /// Places that are not the origin's own and were used within `hours`.
    pub(crate) fn strange_places(&self, policy: &Policy, hours: i64, now: Time) -> usize {
        let fresh = |time: Time| now.0.saturating_sub(time.0) <= hours * HOUR;
        self.places.items().iter().filter(|p| fresh(p.last) && !p.is_proven(policy, now)).count()
    }

    /// How often the origin turns up at a place that it never was at.
    pub(crate) fn novelty_rate(&self) -> f32 {
        (0.3 + self.novel) / (10.0 + self.visits)
    }
}

wire!(PlaceUse { place, first, last, days, taken, tainted, autonomous_system });
wire!(ClientUse { fingerprint, first, last, days, taken });
