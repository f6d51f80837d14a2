//! A virtual clock, origins with contacts, mail that waits: what the server does round [`crate::step::step`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sekisho_message::Time;
use serde::Serialize;

use super::prng::Prng;
use crate::class::Class;
use crate::event::{Event, Login, Operator, Outcome, OutcomeResult, Recipient, Submission};
use crate::ladder::{Action, Incident, Rung};
use crate::place::Place;
use crate::policy::Policy;
use crate::profile::Profile;
use crate::signal::Signal;
use crate::site::Site;
use crate::step::step;

/// Origins and what they remember.
#[derive(Clone, Debug)]
pub struct World {
    policy: Policy,
    site: Site,
    /// Whether the guard sees only what a log tells: who, when, from where, to whom.
    pub blind: bool,
    /// The origins; an origin's own address is its index.
    pub origins: Vec<Actor>,
    queue: BTreeMap<(Time, u64), Item>,
    counter: u64,
    prng: Prng,
    tally: Tally,
    /// An origin that has nothing to do with it.
    pub neighbour: Option<usize>,
    /// What happened, in order, if somebody wants to know.
    pub record: Option<Vec<Recorded>>,
}

/// Something that happened, whatever the guard said to it.
#[derive(Clone, Debug)]
pub enum Recorded {
    /// An origin came to be, with these contacts.
    Born(Vec<u64>),
    /// An act, and which of its recipients were contacts then.
    Act(Act, Vec<bool>),
    /// What became of a first contact: accepted when, on whose behalf, to whom, and whether there is nobody of that name.
    Outcome {
        /// When the outcome was known.
        at: Time,
        /// When the message was accepted.
        since: Time,
        /// The sender.
        origin: usize,
        /// The recipient.
        recipient: u64,
        /// Whether there is no such recipient.
        dead: bool,
    },
    /// What comes from here on is measured.
    Counting,
}

/// An origin.
#[derive(Clone, Debug)]
pub struct Actor {
    /// What the guard remembers.
    pub profile: Profile,
    /// Whom it wrote to or heard from.
    pub contacts: BTreeSet<u64>,
}

/// Something that an origin does.
#[derive(Clone, Debug)]
pub struct Act {
    /// When.
    pub at: Time,
    /// Which origin.
    pub origin: usize,
    /// Whether it is an intruder who does it.
    pub hostile: bool,
    /// What.
    pub what: What,
}

/// The kinds of act.
#[derive(Clone, Debug)]
pub enum What {
    /// A message.
    Mail(Mail),
    /// A login.
    Login(Login),
}

/// A message, as far as the guard can tell messages apart.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    /// From where.
    pub place: Place,
    /// With what.
    pub fingerprint: Option<u64>,
    /// The connection.
    pub session: u64,
    /// To whom.
    pub recipients: Vec<u64>,
    /// Fingerprint of the text.
    pub simhash: Option<u64>,
    /// Share of its first contacts that do not exist.
    pub dead: f64,
    /// Whether an account answers for it.
    pub authenticated: bool,
    /// Whether header From is somebody else's.
    pub foreign_author: bool,
    /// Whether the client does nothing but send, as far as that is known.
    pub send_only: Option<bool>,
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// The intruder's.
    pub hostile: Side,
    /// The owner's.
    pub honest: Side,
    /// Another account's of the same server.
    pub neighbour: Side,
    /// From the first act to the last.
    pub period: Option<(Time, Time)>,
    /// Holds that were opened, by origin and time.
    pub holds: Vec<Held>,
}

impl Tally {
    /// Years from the first act to the last.
    #[must_use]
    pub fn years(&self) -> f64 {
        self.period.map_or(0.0, |(from, to)| to.since(from).as_secs_f64() / 31_557_600.0)
    }
}

/// One side's count.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Side {
    /// Messages submitted.
    pub messages: u32,
    /// Recipients outside, of these.
    pub recipients: u32,
    /// Recipients reached.
    pub reached: u32,
    /// Recipients that were made to wait (and then went, or were caught).
    pub delayed: u32,
    /// Seconds waited by those who then went, in the order of leaving.
    pub waits: Vec<f32>,
    /// Messages until the first had to wait.
    pub messages_to_dwell: Option<u32>,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Which origin.
    pub origin: usize,
    /// When.
    pub at: Time,
    /// Whether an intruder was at work on that origin at all before it.
    pub hostile: bool,
    /// Messages of the intruder until then, this one too.
    pub messages: u32,
    /// Their recipients.
    pub recipients: u32,
    /// Recipients that the intruder had reached until then.
    pub reached: u32,
    /// What kind of sender it was.
    pub class: Class,
    /// The rung.
    pub rung: Rung,
    /// Whether an account answers for the origin.
    pub authenticated: bool,
    /// What was seen, the strongest first.
    pub signals: Vec<Signal>,
    /// Why.
    pub incident: Option<Incident>,
}

#[derive(Clone, Debug)]
enum Item {
    Act(Act),
    /// A recipient's mail leaves.
    Leave {
        origin: usize,
        recipient: u64,
        first: bool,
        hostile: bool,
        dead: f64,
        since: Time,
    },
}

impl World {
    /// A world without anybody.
    #[must_use]
    pub fn new(policy: Policy, seed: u64) -> Self {
        Self {
            policy,
            site: Site::default(),
            blind: false,
            origins: Vec::new(),
            queue: BTreeMap::new(),
            counter: 0,
            prng: Prng::new(seed ^ 0xD1CE),
            tally: Tally::default(),
            neighbour: None,
            record: None,
        }
    }

    /// Adds an origin; tells its index, which is its address too.
    pub fn add(&mut self, profile: Profile, contacts: BTreeSet<u64>) -> usize {
        self.note(|| Recorded::Born(contacts.iter().copied().collect()));
        self.origins.push(Actor { profile, contacts });
        self.origins.len() - 1
    }

    /// Plans an act.
    pub fn plan(&mut self, act: Act) {
        self.put(act.at, Item::Act(act));
    }

    /// Forgets what was counted so far: what comes now is what is measured.
    pub fn start_counting(&mut self) {
        self.tally = Tally::default();
        self.note(|| Recorded::Counting);
    }

    /// Runs everything that is planned. `release`: somebody looks at a hold of honest mail at once and lets it go.
    pub fn run(&mut self, release: bool) -> &Tally {
        while let Some(((now, _), item)) = self.queue.pop_first() {
            match item {
                Item::Act(act) => self.act(act, release, now),
                Item::Leave { origin, recipient, first, hostile, dead, since } => {
                    self.leave(origin, recipient, first, hostile, dead, since, release, now);
                }
            }
        }
        &self.tally
    }

    /// What was counted.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// When an intruder first acts, of what is planned.
    #[must_use]
    pub fn first_hostile(&self) -> Option<Time> {
        self.queue.iter().find_map(|((at, _), item)| matches!(item, Item::Act(act) if act.hostile).then_some(*at))
    }

    fn side(&mut self, origin: usize, hostile: bool) -> &mut Side {
        match hostile {
            true => &mut self.tally.hostile,
            false if self.neighbour == Some(origin) => &mut self.tally.neighbour,
            false => &mut self.tally.honest,
        }
    }

    fn put(&mut self, at: Time, item: Item) {
        self.counter += 1;
        self.queue.insert((at, self.counter), item);
    }

    fn note(&mut self, what: impl FnOnce() -> Recorded) {
        if let Some(record) = &mut self.record {
            record.push(what());
        }
    }

    fn act(&mut self, act: Act, release: bool, now: Time) {
        let period = self.tally.period.get_or_insert((now, now));
        period.1 = now;
        if self.record.is_some() {
            let known = self.origins.get(act.origin).map(|actor| &actor.contacts);
            let contacts = match &act.what {
                What::Mail(mail) => mail.recipients.iter().map(|r| known.is_some_and(|k| k.contains(r))).collect(),
                What::Login(_) => Vec::new(),
            };
            let act = act.clone();
            self.note(|| Recorded::Act(act, contacts));
        }
        match act.what {
            What::Login(login) => {
                self.judge(act.origin, &Event::Login(login), act.hostile, release, now);
            }
            What::Mail(mail) => self.mail(act.origin, &mail, act.hostile, release, now),
        }
    }

    fn mail(&mut self, origin: usize, mail: &Mail, hostile: bool, release: bool, now: Time) {
        let Some(actor) = self.origins.get(origin) else { return };
        let contacts: Vec<bool> = mail.recipients.iter().map(|r| actor.contacts.contains(r)).collect();
        let recipients = mail.recipients.iter().zip(&contacts).map(|(&address, &contact)| recipient(address, contact));
        self.counter += 1;
        let mut submission = Submission {
            message: self.counter,
            authenticated: mail.authenticated,
            place: mail.place,
            fingerprint: mail.fingerprint,
            session: mail.session,
            size: 4096,
            recipients: recipients.collect(),
            simhash: mail.simhash,
            hour_of_week: Some((now.seconds().div_euclid(3600).rem_euclid(168)) as u8),
            send_only: mail.send_only,
            ..Submission::default()
        };
        submission.author.foreign = mail.foreign_author;
        if self.blind {
            (submission.fingerprint, submission.simhash, submission.send_only) = (None, None, None);
        }
        let side = self.side(origin, hostile);
        side.messages += 1;
        side.recipients += u32::try_from(mail.recipients.len()).unwrap_or(u32::MAX);
        let action = self.judge(origin, &Event::Submission(submission), hostile, release, now);
        let until = match action {
            Action::Pass => Vec::new(),
            Action::Dwell { until } => until,
            Action::Hold => return,
        };
        let mut waits = 0;
        for (index, (&recipient, &contact)) in mail.recipients.iter().zip(&contacts).enumerate() {
            let at = until.get(index).copied().flatten().unwrap_or(now);
            waits += u32::from(at > now);
            let leave = Item::Leave { origin, recipient, first: !contact, hostile, dead: mail.dead, since: now };
            self.put(at.max(now), leave);
        }
        if let Some(actor) = self.origins.get_mut(origin) {
            actor.contacts.extend(mail.recipients.iter().copied());
        }
        let side = self.side(origin, hostile);
        side.delayed += waits;
        if waits > 0 {
            side.messages_to_dwell.get_or_insert(side.messages);
        }
    }

    /// Mail leaves, unless its origin is held, and what becomes of it is told to the guard.
    #[allow(clippy::too_many_arguments)]
    fn leave(
        &mut self,
        origin: usize,
        recipient: u64,
        first: bool,
        hostile: bool,
        dead: f64,
        since: Time,
        release: bool,
        now: Time,
    ) {
        if self.origins.get(origin).is_none_or(|actor| actor.profile.held_since.is_some()) {
            return;
        }
        let side = self.side(origin, hostile);
        side.reached += 1;
        if now > since {
            side.waits.push(now.since(since).as_secs_f32());
        }
        // Whoever receives mail has the sender as a contact.
        if let Some(receiver) = usize::try_from(recipient).ok().and_then(|index| self.origins.get_mut(index)) {
            receiver.contacts.insert(origin as u64);
        }
        if first {
            let dead = self.prng.chance(dead);
            let at = now + Duration::from_secs(2);
            self.note(|| Recorded::Outcome { at, since, origin, recipient, dead });
            let result = if dead { OutcomeResult::Dead } else { OutcomeResult::Relayed };
            let outcome = Outcome { first_contact: true, result, provider: recipient >> 8 };
            self.judge(origin, &Event::Outcome(outcome), hostile, release, at);
        }
    }

    fn judge(&mut self, origin: usize, event: &Event, hostile: bool, release: bool, now: Time) -> Action {
        let Some(actor) = self.origins.get_mut(origin) else { return Action::Pass };
        let verdict = step(&self.policy, &mut actor.profile, &mut self.site, event, now);
        if let Some(incident) = verdict.incident {
            let signals = actor.profile.evidence(incident.first_evidence, &verdict.signals);
            self.tally.holds.push(Held {
                origin,
                at: now,
                hostile,
                messages: self.tally.hostile.messages,
                recipients: self.tally.hostile.recipients,
                reached: self.tally.hostile.reached,
                class: actor.profile.class(),
                rung: verdict.rung,
                authenticated: actor.profile.authenticated,
                signals,
                incident: Some(incident),
            });
        }
        if release && verdict.action == Action::Hold {
            step(&self.policy, &mut actor.profile, &mut self.site, &Event::Operator(Operator::Release), now);
            return Action::Pass;
        }
        verdict.action
    }
}

/// An address as the guard sees it. Some ten addresses share a domain.
pub(super) fn recipient(address: u64, contact: bool) -> Recipient {
    Recipient { contact, local: false, domain: 1 + address / 10, order: 0, trap: false }
}
