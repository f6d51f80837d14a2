//! Honest senders, from what was measured on real mail (`docs/guard.md`).

use std::collections::BTreeSet;
use std::time::Duration;

use sekisho_message::Time;

use super::prng::Prng;
use super::world::{Act, Mail, What, World};
use crate::class::Class;
use crate::event::{Login, LoginResult, Protocol};
use crate::place::Place;
use crate::profile::Profile;

/// Where every simulation begins: a Monday.
pub(super) const START: Time = Time::from_seconds(1_767_571_200);
const DAY: u64 = 86_400;

/// An honest sender's ways.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) origin: usize,
    pub(super) places: Vec<Place>,
    pub(super) clients: Vec<u64>,
    /// People whom he knows.
    pub(super) contacts: Vec<u64>,
    /// Messages on a working day.
    pub(super) rate: f64,
    /// Share of recipients who are new.
    pub(super) new: f64,
    /// The next new address.
    next: u64,
}

/// A place that nobody has been given yet.
pub(super) fn anywhere(prng: &mut Prng) -> Place {
    let [a, b, c, ..] = prng.bits().to_le_bytes();
    Place::V4([a | 1, b, c])
}

/// A person with a past of his own, who is known to the guard.
pub(super) fn settled(world: &mut World, prng: &mut Prng, rate: f64, new: f64) -> (Ways, Time) {
    let mut ways = newcomer(world, prng, rate, new, 60);
    // Until at least 25 messages and four weeks are behind him.
    let days = ((40.0 / rate) as u64 * 7 / 5).clamp(28, 120);
    ways.live(world, prng, START, days);
    world.run(true);
    world.start_counting();
    (ways, START + Duration::from_secs(days * DAY))
}

/// A person of whom nothing is known but, perhaps, some contacts.
pub(super) fn newcomer(world: &mut World, prng: &mut Prng, rate: f64, new: f64, contacts: u64) -> Ways {
    let base = 1_000_000 + prng.below(1 << 30) * 1_000;
    let contacts: Vec<u64> = (0..contacts).map(|i| base + i * 7).collect();
    let set: BTreeSet<u64> = contacts.iter().copied().collect();
    let origin = world.add(Profile::new(prng.bits() | 1, START), set);
    let places = (0..1 + prng.below(3)).map(|_| anywhere(prng)).collect();
    let clients = (0..1 + prng.below(2)).map(|_| prng.bits()).collect();
    Ways { origin, places, clients, contacts, rate, new, next: base + 1_000_000_000_000 }
}

/// How much a person writes: log-normal over people.
pub(super) fn person_rate(prng: &mut Prng) -> f64 {
    (0.2 + 0.85 * prng.normal()).exp().clamp(0.6, 9.0)
}

impl Ways {
    /// Plans `days` of ordinary work.
    pub(super) fn live(&mut self, world: &mut World, prng: &mut Prng, from: Time, days: u64) {
        for day in 0..days {
            let weekend = (from.seconds() / DAY as i64 + day as i64 - START.seconds() / DAY as i64).rem_euclid(7) >= 5;
            // Days differ much more than chance would have it.
            let busy = (0.9 * prng.normal() - 0.4).exp() * if weekend { 0.08 } else { 1.0 };
            let count = poisson(prng, self.rate * busy).min(60);
            let place = prng.pick(&self.places);
            for _ in 0..count {
                let second = 8.5 * 3600.0 + prng.unit() * 9.5 * 3600.0;
                let at = from + Duration::from_secs_f64(day as f64 * DAY as f64 + second);
                let place = if prng.chance(0.8) { place } else { prng.pick(&self.places) };
                let mail = self.mail(prng, place);
                world.plan(Act { at, origin: self.origin, hostile: false, what: What::Mail(mail) });
            }
        }
    }

    /// An ordinary message.
    pub(super) fn mail(&mut self, prng: &mut Prng, place: Place) -> Mail {
        let count = recipients(prng);
        // New people come together: a new project, not one in eighteen at random.
        let all_new = prng.chance(self.new * 0.7);
        let mut to: Vec<u64> = Vec::with_capacity(count);
        for _ in 0..count {
            let address = if all_new || prng.chance(self.new * 0.3) { self.meet() } else { prng.pick(&self.contacts) };
            if !to.contains(&address) {
                to.push(address);
            }
        }
        self.contacts.extend(to.iter().filter(|a| **a >= self.next.saturating_sub(to.len() as u64)));
        Mail {
            place,
            fingerprint: Some(prng.pick(&self.clients)),
            session: prng.bits(),
            recipients: to,
            simhash: Some(prng.bits()),
            dead: 0.02,
            authenticated: true,
            foreign_author: false,
            send_only: Some(false),
        }
    }

    /// Somebody new.
    pub(super) fn meet(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Recipients of a message: 81 % one, a tail to 29.
fn recipients(prng: &mut Prng) -> usize {
    let low_high = match prng.unit() {
        u if u < 0.81 => (1, 1),
        u if u < 0.95 => (2, 4),
        u if u < 0.99 => (5, 13),
        _ => (14, 29),
    };
    (low_high.0 + prng.below(low_high.1 - low_high.0 + 1)) as usize
}

fn poisson(prng: &mut Prng, mean: f64) -> u64 {
    let (mut count, mut time) = (0, prng.exponential(1.0));
    while time < mean && count < 1_000 {
        count += 1;
        time += prng.exponential(1.0);
    }
    count
}

/// A person's ordinary quarter.
pub(super) fn person(world: &mut World, prng: &mut Prng) {
    let rate = person_rate(prng);
    let (mut ways, now) = settled(world, prng, rate, 0.056);
    ways.live(world, prng, now, 90);
}

/// Sales or support: a third of the recipients are new. The class is learnt, not set.
pub(super) fn role(world: &mut World, prng: &mut Prng) {
    let (mut ways, now) = settled(world, prng, 12.0, 0.33);
    ways.live(world, prng, now, 30);
}

/// Invoices: on the first of the month 300 messages to 98 % known customers, one template, without AUTH.
pub(super) fn application(world: &mut World, prng: &mut Prng) {
    let mut ways = newcomer(world, prng, 0.0, 0.02, 600);
    let place = Place::V4([192, 168, 1]);
    let client = prng.bits();
    if let Some(actor) = world.origins.get_mut(ways.origin) {
        actor.profile.class_set = Some(Class::Application);
    }
    for month in 0..4_u64 {
        let template = prng.bits();
        for index in 0..300_u64 {
            let at = START + Duration::from_secs(month * 30 * DAY + 9 * 3600 + index * 2);
            let to = if prng.chance(0.02) { ways.meet() } else { prng.pick(&ways.contacts) };
            let mail = Mail {
                place,
                fingerprint: Some(client),
                session: month,
                recipients: vec![to],
                simhash: Some(template ^ (1 << prng.below(64))),
                dead: 0.02,
                authenticated: false,
                ..Mail::default()
            };
            world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Mail(mail) });
        }
    }
}

/// A newsletter to 2,000 subscribers every week, 3 % new each time, from one place; the list was imported.
pub(super) fn newsletter(world: &mut World, prng: &mut Prng) {
    let mut ways = newcomer(world, prng, 0.0, 0.03, 2_000);
    if let Some(actor) = world.origins.get_mut(ways.origin) {
        actor.profile.class_set = Some(Class::Newsletter);
    }
    let (place, client) = (prng.pick(&ways.places), prng.pick(&ways.clients));
    for week in 0..3_u64 {
        let text = prng.bits();
        for _ in 0..60 {
            let new = ways.meet();
            ways.contacts.push(new);
        }
        for (index, batch) in ways.contacts.chunks(20).enumerate() {
            let at = START + Duration::from_secs(week * 7 * DAY + 10 * 3600 + index as u64 * 5);
            let mail = Mail {
                place,
                fingerprint: Some(client),
                session: week,
                recipients: batch.to_vec(),
                simhash: Some(text),
                dead: 0.02,
                authenticated: true,
                ..Mail::default()
            };
            world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Mail(mail) });
        }
    }
}

/// A new employee's first weeks: everybody is new, office, home and telephone too; on the first day a round to 12 colleagues.
pub(super) fn employee(world: &mut World, prng: &mut Prng) {
    let mut ways = newcomer(world, prng, 9.0, 0.9, 2);
    ways.places = (0..3).map(|_| anywhere(prng)).collect();
    ways.live(world, prng, START, 5);
    let mut hello = ways.mail(prng, ways.places.first().copied().unwrap_or_default());
    hello.recipients = (0..12).map(|_| ways.meet()).collect();
    let at = START + Duration::from_secs(11 * 3600);
    world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Mail(hello) });
    ways.new = 0.5;
    ways.live(world, prng, START + Duration::from_secs(7 * DAY), 5);
    ways.new = 0.2;
    ways.live(world, prng, START + Duration::from_secs(14 * DAY), 12);
}

/// A settled person abroad for nine days: hotels and airports, own laptop, rather more mail to new people than at home.
pub(super) fn traveller(world: &mut World, prng: &mut Prng) {
    let rate = person_rate(prng);
    let (mut ways, now) = settled(world, prng, rate, 0.056);
    ways.places = (0..5).map(|_| anywhere(prng)).collect();
    ways.new = 0.12;
    ways.live(world, prng, now, 9);
}

/// A settled person with a new telephone, whose provider gives it another address every hour.
pub(super) fn new_phone(world: &mut World, prng: &mut Prng) {
    let rate = person_rate(prng);
    let (mut ways, now) = settled(world, prng, rate, 0.056);
    let pool: Vec<Place> = (0..20).map(|_| anywhere(prng)).collect();
    let phone = prng.bits();
    for day in 0..14_u64 {
        for hour in 7..23_u64 {
            let login = Login {
                place: prng.pick(&pool),
                protocol: Protocol::Imap4,
                fingerprint: Some(phone),
                ..Login::default()
            };
            let at = now + Duration::from_secs(day * DAY + hour * 3600);
            world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Login(login) });
        }
    }
    ways.places.extend(pool);
    ways.clients = vec![phone, prng.pick(&ways.clients)];
    ways.live(world, prng, now, 14);
}

/// The password was changed; an old client at home and one on the road try the old one for days.
pub(super) fn password_changed(world: &mut World, prng: &mut Prng) {
    let rate = person_rate(prng);
    let (mut ways, now) = settled(world, prng, rate, 0.056);
    let old = prng.bits();
    let road = anywhere(prng);
    for minute in (0..3 * 24 * 60_u64).step_by(15) {
        let place = if prng.chance(0.3) { road } else { prng.pick(&ways.places) };
        let result = LoginResult::Wrong { password: old };
        let login = Login { place, protocol: Protocol::Imap4, result, ..Login::default() };
        let at = now + Duration::from_secs(minute * 60);
        world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Login(login) });
    }
    let success = Login { place: road, protocol: Protocol::Imap4, ..Login::default() };
    let at = now + Duration::from_secs(30 * 3600);
    world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Login(success) });
    ways.places.push(road);
    ways.live(world, prng, now, 7);
}
