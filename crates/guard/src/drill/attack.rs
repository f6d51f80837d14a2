//! The attack classes A-M.

use std::time::Duration;

use sekisho_message::Time;

use super::honest::{self, START, Ways, anywhere, settled};
use super::prng::Prng;
use super::world::{Act, Mail, What, World};
use super::{Attack, From};
use crate::event::{Login, LoginResult, Protocol};
use crate::place::Place;

/// Most messages of one campaign.
const MOST: u64 = 300;

/// What an intruder has.
struct Campaign {
    text: u64,
    tool: u64,
    /// Addresses on his list.
    list: u64,
}

impl Campaign {
    fn new(prng: &mut Prng) -> Self {
        Self { text: prng.bits(), tool: prng.bits(), list: (1 << 60) + prng.below(1 << 40) * 4_096 }
    }

    /// A message of the campaign: 3 % of a list of strangers are known by chance.
    fn spam(&mut self, prng: &mut Prng, ways: &Ways, place: Place, recipients: u64) -> Mail {
        let next = |me: &mut Self, prng: &mut Prng| {
            me.list += 1 + prng.below(30);
            if prng.chance(0.03) { prng.pick(&ways.contacts) } else { me.list }
        };
        Mail {
            place,
            fingerprint: Some(self.tool),
            session: u64::from(place == Place::Unknown),
            recipients: (0..recipients).map(|_| next(self, prng)).collect(),
            // Bots vary a name here and a number there.
            simhash: Some(self.text ^ (1 << prng.below(64)) ^ (1 << prng.below(64))),
            dead: 0.15,
            authenticated: true,
            foreign_author: false,
            send_only: Some(true),
        }
    }
}

/// Plans a run of a class.
pub(super) fn plan(world: &mut World, prng: &mut Prng, attack: Attack, from: From) {
    let mut campaign = Campaign::new(prng);
    match attack {
        Attack::FreshAccount => {
            let ways = honest::newcomer(world, prng, 1.0, 0.5, 3);
            flood(world, prng, &mut campaign, &ways, START + hours(9), from, 1.0, 1, 1);
        }
        Attack::ManyAccounts => many_accounts(world, prng, &mut campaign),
        Attack::WebForm => web_form(world, prng, &mut campaign),
        Attack::OpenRelay => open_relay(world, prng, &mut campaign),
        Attack::RoleAccount => {
            let (ways, now) = settled(world, prng, 12.0, 0.33);
            begin(world, prng, &ways, now, from);
            flood(world, prng, &mut campaign, &ways, now + hours(30), from, 1.0, 1, 1);
        }
        _ => {
            let rate = honest::person_rate(prng);
            let (mut ways, now) = settled(world, prng, rate, 0.056);
            // The owner works on meanwhile.
            ways.live(world, prng, now, 4);
            begin(world, prng, &ways, now, from);
            let at = now + hours(24) + Duration::from_secs_f64(prng.between(0.0, 86_400.0));
            person(world, prng, attack, from, &mut campaign, &ways, at);
        }
    }
}

/// The classes against a settled person.
fn person(
    world: &mut World,
    prng: &mut Prng,
    attack: Attack,
    from: From,
    campaign: &mut Campaign,
    ways: &Ways,
    at: Time,
) {
    match attack {
        Attack::Blast => {
            let gap = prng.between(0.05, 1.0);
            flood(world, prng, campaign, ways, at, from, gap, 1, 1);
        }
        Attack::Botnet => flood(world, prng, campaign, ways, at, from, 1.0, 300, 1),
        Attack::LowAndSlow => flood_n(world, prng, campaign, ways, at, from, 1800.0, u64::MAX, 1, 144),
        Attack::FatRecipients => flood_n(world, prng, campaign, ways, at, from, 10.0, 1, 50, 60),
        Attack::ContactPhish => contact_phish(world, prng, campaign, ways, at, from),
        Attack::InfectedPc => contact_phish(world, prng, campaign, ways, at, From::Own),
        Attack::ProbeThenFlood => {
            flood_n(world, prng, campaign, ways, at, from, 1.0, 1, 1, 1);
            flood(world, prng, campaign, ways, at + hours(60), from, 1.0, 20, 1);
        }
        Attack::SlowRise => {
            let mut time = at;
            for day in 0..40_u64 {
                for _ in 0..=day / 2 {
                    let place = place(prng, ways, From::Own, &[]);
                    let mut mail = campaign.spam(prng, ways, place, 1);
                    mail.fingerprint = Some(prng.pick(&ways.clients));
                    mail.simhash = Some(prng.bits());
                    hostile(world, ways.origin, time, mail);
                    time = time + Duration::from_secs_f64(86_400.0 / (day / 2 + 1) as f64);
                }
            }
        }
        _ => {}
    }
}

/// How an intruder sends who has the password of an account that is a few days old.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Recipients of each message.
    pub recipients: u64,
    /// Seconds between messages.
    pub gap: f64,
    /// From how many networks in turn; `u64::MAX`: each message from another.
    pub networks: u64,
    /// Whether his program looks like the owner's.
    pub disguised: bool,
}

/// Plans a run against an account that is `days` old, works from the place where it began, and goes on working.
pub(super) fn plan_young(world: &mut World, prng: &mut Prng, days: u64, from: From, shape: Shape) {
    let mut campaign = Campaign::new(prng);
    let mut ways = honest::newcomer(world, prng, 4.0, 0.5, 10);
    if shape.disguised {
        campaign.tool = prng.pick(&ways.clients);
    }
    let login = Login { protocol: Protocol::Imap4, place: prng.pick(&ways.places), ..Login::default() };
    world.plan(Act { at: START + hours(8), origin: ways.origin, hostile: false, what: What::Login(login) });
    ways.live(world, prng, START, days + 2);
    begin(world, prng, &ways, START + hours(days * 24), from);
    let at = START + hours(days * 24 + 9) + Duration::from_secs_f64(prng.between(0.0, 36_000.0));
    let Shape { recipients, gap, networks, .. } = shape;
    flood_n(world, prng, &mut campaign, &ways, at, from, gap, networks, recipients, MOST / recipients.min(10));
}

/// How the password was found: half of the intruders guess first, over POP3, from one network.
fn begin(world: &mut World, prng: &mut Prng, ways: &Ways, now: Time, from: From) {
    if from != From::Guessed {
        return;
    }
    let place = anywhere(prng);
    for n in 0..40_u64 {
        let result = if n == 39 { LoginResult::Right } else { LoginResult::Wrong { password: prng.bits() } };
        let login = Login { protocol: Protocol::Pop3, place, result, ..Login::default() };
        let at = now + Duration::from_secs(3600 + n * 20);
        world.plan(Act { at, origin: ways.origin, hostile: true, what: What::Login(login) });
    }
}

fn place(prng: &mut Prng, ways: &Ways, from: From, pool: &[Place]) -> Place {
    match (from, pool.is_empty()) {
        (From::Own, _) => prng.pick(&ways.places),
        (_, true) => anywhere(prng),
        (_, false) => prng.pick(pool),
    }
}

#[allow(clippy::too_many_arguments)]
fn flood(
    world: &mut World,
    prng: &mut Prng,
    campaign: &mut Campaign,
    ways: &Ways,
    at: Time,
    from: From,
    gap: f64,
    places: u64,
    recipients: u64,
) {
    flood_n(world, prng, campaign, ways, at, from, gap, places, recipients, MOST);
}

/// `count` messages, `gap` seconds apart, from `places` networks (`u64::MAX`: each from another).
#[allow(clippy::too_many_arguments)]
fn flood_n(
    world: &mut World,
    prng: &mut Prng,
    campaign: &mut Campaign,
    ways: &Ways,
    at: Time,
    from: From,
    gap: f64,
    places: u64,
    recipients: u64,
    count: u64,
) {
    let pool: Vec<Place> = if places > 1_000 { Vec::new() } else { (0..places).map(|_| anywhere(prng)).collect() };
    let mut time = at;
    for _ in 0..count {
        let place = place(prng, ways, from, &pool);
        let mail = campaign.spam(prng, ways, place, recipients);
        hostile(world, ways.origin, time, mail);
        time = time + Duration::from_secs_f64(gap * prng.between(0.7, 1.3));
    }
}

/// The victim's own contacts, in small portions, one text or nearly.
fn contact_phish(world: &mut World, prng: &mut Prng, campaign: &Campaign, ways: &Ways, at: Time, from: From) {
    let pool: Vec<Place> = (0..1 + prng.below(4)).map(|_| anywhere(prng)).collect();
    let mut time = at;
    let mut contacts = ways.contacts.clone();
    while !contacts.is_empty() {
        let size = 1 + prng.below(3);
        let recipients: Vec<u64> = (0..size)
            .filter_map(|_| {
                let index = prng.below(contacts.len() as u64) as usize;
                (index < contacts.len()).then(|| contacts.swap_remove(index))
            })
            .collect();
        let own = from == From::Own;
        let mail = Mail {
            place: place(prng, ways, from, &pool),
            fingerprint: Some(if own { prng.pick(&ways.clients) } else { campaign.tool }),
            session: 1,
            recipients,
            // Quoted threads change the text beyond recognition in some.
            simhash: Some(if prng.chance(0.8) { campaign.text ^ (1 << prng.below(64)) } else { prng.bits() }),
            dead: 0.0,
            authenticated: true,
            foreign_author: false,
            send_only: Some(!own),
        };
        hostile(world, ways.origin, time, mail);
        time = time + Duration::from_secs_f64(prng.between(10.0, 90.0));
    }
}

/// Thirty accounts, three messages each, from ever new networks: one campaign.
fn many_accounts(world: &mut World, prng: &mut Prng, campaign: &mut Campaign) {
    let mut victims = Vec::new();
    let mut latest = START;
    for _ in 0..30 {
        let (ways, now) = settled(world, prng, 3.0, 0.056);
        victims.push(ways);
        latest = latest.max(now);
    }
    let mut time = latest + hours(24);
    for _ in 0..3 {
        for ways in &victims {
            let place = anywhere(prng);
            let mail = campaign.spam(prng, ways, place, 1);
            hostile(world, ways.origin, time, mail);
            time = time + Duration::from_secs(60);
        }
    }
}

/// A form that sends visitors a copy, and its owner the message; then a robot chooses the visitors.
fn web_form(world: &mut World, prng: &mut Prng, campaign: &mut Campaign) {
    let mut ways = honest::newcomer(world, prng, 0.0, 0.5, 2);
    ways.places = vec![Place::V4([127, 0, 0])];
    let form = |to: u64, text: u64| Mail {
        place: Place::V4([127, 0, 0]),
        recipients: vec![to],
        simhash: Some(text),
        dead: 0.05,
        authenticated: false,
        ..Mail::default()
    };
    let template = prng.bits();
    for n in 0..120_u64 {
        let at = START + Duration::from_secs(n * 6 * 3600);
        let visitor = ways.meet();
        let owner = prng.pick(&ways.contacts);
        for to in [owner, visitor] {
            // What visitors write differs more than the template is long.
            let mail = form(to, template ^ (prng.bits() & prng.bits()));
            world.plan(Act { at, origin: ways.origin, hostile: false, what: What::Mail(mail) });
        }
    }
    world.run(true);
    world.start_counting();
    let mut time = START + hours(31 * 24);
    for _ in 0..MOST {
        campaign.list += 1 + prng.below(30);
        hostile(world, ways.origin, time, form(campaign.list, template ^ (1 << prng.below(64))));
        time = time + Duration::from_secs_f64(prng.between(1.0, 5.0));
    }
}

/// A trusted network that was written too wide; nobody has a history there.
fn open_relay(world: &mut World, prng: &mut Prng, campaign: &mut Campaign) {
    let ways = honest::newcomer(world, prng, 0.0, 0.0, 1);
    let mut time = START + hours(3);
    let pool: Vec<Place> = (0..10).map(|_| anywhere(prng)).collect();
    for _ in 0..MOST {
        let mut mail = campaign.spam(prng, &ways, prng.clone().pick(&pool), 1);
        mail.authenticated = false;
        mail.fingerprint = None;
        hostile(world, ways.origin, time, mail);
        time = time + Duration::from_secs_f64(prng.between(0.2, 2.0));
    }
}

fn hostile(world: &mut World, origin: usize, at: Time, mail: Mail) {
    world.plan(Act { at, origin, hostile: true, what: What::Mail(mail) });
}

const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}
