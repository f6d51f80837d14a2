//! Origins of a log, and how their trouble unfolds.

use sekisho_message::Time;

use super::course::Course;
use super::report::{Found, Network};
use crate::event::{Event, Operator, Protocol};
use crate::ladder::{Incident, Reason, Verdict};
use crate::place::Place;
use crate::policy::Policy;
use crate::profile::Profile;
use crate::signal::{self, Kind};
use crate::site::Site;
use crate::step::step;

const DAY: i64 = 86_400_000_000;
/// What comes from strange networks belongs together until so long a silence.
const TRIP: i64 = 3 * DAY;
/// Networks that are told apart in one incident.
const NETWORKS: usize = 1_000;

/// An origin.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) name: String,
    pub(super) profile: Box<Profile>,
    pub(super) evidence: Evidence,
    /// The incident that is open.
    pub(super) open: Option<usize>,
    pub(super) holds: u32,
    pub(super) course: Course,
    /// Whether something of it was excused.
    pub(super) excused: bool,
    /// Whether it has sent anything.
    pub(super) sends: bool,
}

/// What was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) at: Time,
    pub(super) place: Place,
    pub(super) outside: u32,
    pub(super) authenticated: bool,
}

/// Evidence that stands against an origin, and the mail that is part of it: apart for what comes from its own networks and
/// from others, as the guard keeps its scores.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    home: Part,
    away: Part,
    /// The evidence of the guard that the home part belongs to.
    anchor: Option<Time>,
    /// The first strange login or message.
    strange: Option<(Time, Place, Protocol)>,
}

#[derive(Clone, Debug, Default)]
struct Part {
    /// Tells episodes apart; never 0 once something is in it.
    serial: u64,
    first: Option<Time>,
    last: Time,
    messages: u32,
    recipients: u32,
    escaped: u32,
    networks: Vec<Network>,
}

/// The part and episode that a message is evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    away: bool,
    serial: u64,
}

impl Origin {
    pub(super) fn new(key: u64, name: String, at: Time) -> Self {
        let profile = Box::new(Profile::new(key, at));
        let (evidence, course) = (Evidence::default(), Course::new(at));
        Self { name, profile, evidence, open: None, holds: 0, course, excused: false, sends: false }
    }

    /// The guard holds it: what is known so far.
    pub(super) fn hold(&mut self, incident: &Incident, verdict: &Verdict, number: usize, at: Time) -> Found {
        self.open = Some(number);
        self.holds += 1;
        let parts = self.evidence.parts(incident.reason, at);
        let away = parts.iter().any(|part| std::ptr::eq(*part, &self.evidence.away));
        let breach = incident.login.map(|breach| breach.success);
        let first = parts.iter().filter_map(|part| part.first).chain(breach).min().unwrap_or(incident.first_evidence);
        let sum = |of: fn(&Part) -> u32| parts.iter().map(|part| of(part)).fold(0, u32::saturating_add);
        let signals = self.profile.evidence(first, &verdict.signals);
        Found {
            key: self.profile.origin,
            excuse: None,
            origin: self.name.clone(),
            class: self.profile.class(),
            authenticated: self.profile.authenticated,
            first_evidence: first,
            held_at: at,
            rung: verdict.rung,
            learning: verdict.learning,
            reason: incident.reason,
            messages: sum(|part| part.messages),
            recipients: sum(|part| part.recipients),
            escaped: sum(|part| part.escaped),
            messages_after: 0,
            recipients_after: 0,
            last: at,
            signals,
            breach: incident.login,
            strange: self.evidence.strange.filter(|_| away),
            networks: parts.iter().flat_map(|part| part.networks.iter().copied()).collect(),
            closed: false,
        }
    }

    /// Whether somebody must have looked after it meanwhile: a day after the hold, its mail is ordinary again.
    pub(super) fn is_over(&self, policy: &Policy, at: Time) -> bool {
        let class = policy.class(self.profile.class());
        let calm = self.profile.home < class.home * policy.dwell_at && self.profile.away < class.away * policy.dwell_at;
        // The scores stand as they were with the last event.
        let silent = at.0.saturating_sub(self.profile.scored.0) > DAY;
        self.profile.held_since.is_some_and(|since| (calm || silent) && at.0.saturating_sub(since.0) > DAY)
    }

    /// Judges it afresh.
    pub(super) fn resolve(&mut self, policy: &Policy, site: &mut Site, at: Time) -> Option<usize> {
        step(policy, &mut self.profile, site, &Event::Operator(Operator::Resolve), at);
        // Nobody tells whether it was cleaned up at all, so nothing is tightened.
        self.profile.tightened_until = at;
        let Evidence { mut home, mut away, .. } = std::mem::take(&mut self.evidence);
        home.renew();
        away.renew();
        self.evidence = Evidence { home, away, ..Evidence::default() };
        self.open.take()
    }
}

impl Evidence {
    /// Notes a message; of what it is evidence, if it is.
    pub(super) fn note(&mut self, profile: &Profile, verdict: &Verdict, sent: Sent) -> Option<Mark> {
        let away = is_away(verdict);
        let sum: f32 = signal::by_family(&verdict.signals).iter().sum();
        self.follow(profile.first_evidence, sent.at);
        if sent.outside == 0 || (!away && sum <= 0.0 && verdict.incident.is_none()) {
            return None;
        }
        if away {
            if sent.at.0.saturating_sub(self.away.last.0) > TRIP {
                self.away.renew();
                self.strange = self.strange.filter(|(at, ..)| sent.at.0.saturating_sub(at.0) <= TRIP);
            }
            self.strange.get_or_insert((sent.at, sent.place, Protocol::Smtp));
        } else if self.anchor.is_none() && self.home.messages > 0 {
            // Too little to be evidence yet: only the last may be the first of what comes.
            self.home.renew();
        }
        let part = if away { &mut self.away } else { &mut self.home };
        part.first.get_or_insert(sent.at);
        part.last = sent.at;
        part.messages = part.messages.saturating_add(1);
        part.recipients = part.recipients.saturating_add(sent.outside);
        part.serial = part.serial.max(1);
        if sent.place != Place::Unknown {
            Network::count(&mut part.networks, sent.place, away, NETWORKS);
        }
        Some(Mark { away, serial: part.serial })
    }

    /// Notes recipients who would have been reached.
    pub(super) fn escaped(&mut self, mark: Mark, count: u32) {
        let part = if mark.away { &mut self.away } else { &mut self.home };
        if part.serial == mark.serial {
            part.escaped = part.escaped.saturating_add(count);
        }
    }

    /// Notes a login that worked.
    pub(super) fn note_login(&mut self, verdict: &Verdict, place: Place, protocol: Protocol, at: Time) {
        if verdict.signals.iter().any(|s| s.kind == Kind::GuessedLogin) {
            self.strange.get_or_insert((at, place, protocol));
        }
    }

    /// The parts that a hold is about. A journey that is over has nothing to do with what happens at home now, unless it
    /// is what adds up slowly.
    fn parts(&self, reason: Reason, at: Time) -> Vec<&Part> {
        let fresh = reason == Reason::Slow || at.0.saturating_sub(self.away.last.0) <= TRIP;
        match reason {
            Reason::FastAtHome => vec![&self.home],
            Reason::FastAway => vec![&self.away],
            _ if fresh => vec![&self.away, &self.home],
            _ => vec![&self.home],
        }
    }

    /// Keeps to the evidence that stands.
    fn follow(&mut self, evidence: Option<Time>, at: Time) {
        if self.anchor == evidence {
            return;
        }
        let recent = self.anchor.is_none() && at.0.saturating_sub(self.home.last.0) < DAY;
        if !recent && self.home.messages > 0 {
            self.home.renew();
        }
        self.anchor = evidence;
    }
}

impl Part {
    fn renew(&mut self) {
        *self = Self { serial: self.serial + 1, ..Self::default() };
    }
}

/// Whether a message came from elsewhere than its sender always is.
pub(super) fn is_away(verdict: &Verdict) -> bool {
    verdict.signals.iter().any(|s| matches!(s.kind, Kind::NewPlace | Kind::GuessedLogin))
}
