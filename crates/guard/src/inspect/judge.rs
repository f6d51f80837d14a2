//! Reads facts in the order of time, puts messages together, and has the guard judge them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};

use jiff::tz::TimeZone;
use sekisho_message::Time;

use super::bounded::{Recent, RecentMap};
use super::course::Gateways;
use super::houses::Houses;
use super::mails::{MailId, Mails};
use super::origins::Origin;
use super::read::{Line, Source};
use super::report::{BadLine, Found, Report};
use super::tries::Tries;
use crate::class::Class;
use crate::event::Protocol;
use crate::place::Place;
use crate::policy::Policy;
use crate::site::Site;

/// Longest line that is read, in octets.
pub const MOST_LINE: usize = 64 * 1024;
/// Broken lines that the report shows.
const SHOWN: usize = 5;
/// How much of each is shown, in characters.
const SHOWN_LENGTH: usize = 160;
/// Pairs of who writes to whom that are surely remembered.
const CONTACTS: usize = 2_000_000;
/// Origins that are surely remembered.
const ORIGINS: usize = 60_000;
/// Events that wait for what belongs to them.
const WAITING: usize = 300_000;
/// Microseconds until a message is judged by those recipients that the log has named.
pub(super) const PATIENCE: i64 = 300_000_000;
/// The same where the log names all at once.
const PATIENCE_AT_ONCE: i64 = 2_000_000;
/// Microseconds until a wrong password counts whose door no other line has told.
const PATIENCE_DOOR: i64 = 180_000_000;

/// What the judge goes by.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The guard's settings.
    pub policy: Policy,
    /// Domains that are ours whatever the log says.
    pub local_domains: Vec<String>,
    /// The zone in which the owners live.
    pub zone: Option<TimeZone>,
    /// Classes that somebody has set, by the origin's name.
    pub classes: HashMap<String, Class>,
}

/// The judge. Its memory is bounded; feed it lines in the order of time.
#[derive(Clone, Debug)]
pub struct Inspector {
    pub(super) policy: Policy,
    pub(super) zone: TimeZone,
    pub(super) site: Site,
    pub(super) classes: HashMap<String, Class>,
    pub(super) origins: RecentMap<Origin>,
    pub(super) parked: RecentMap<Vec<super::logins::Parked>>,
    /// Wrong passwords for names that the log does not tell, by network.
    pub(super) nameless: RecentMap<Vec<super::logins::Parked>>,
    pub(super) contacts: Recent,
    pub(super) mails: Mails,
    pub(super) tries: Tries,
    pub(super) failing: RecentMap<Time>,
    pub(super) seen: RecentMap<Time>,
    pub(super) houses: Houses,
    /// Networks on the public net that lately began to relay, and when they last did.
    pub(super) young: Vec<(Place, Time)>,
    pub(super) gateways: Gateways,
    pub(super) waiting: VecDeque<Waiting>,
    /// Number of the first that waits.
    pub(super) first: u64,
    pub(super) leaves: BinaryHeap<Reverse<Leave>>,
    pub(super) now: Time,
    pub(super) found: Vec<Found>,
    pub(super) report: Report,
    pub(super) hour: (i64, i64),
}

/// Something that happened and is judged when all about it is known.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) at: Time,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Mail(MailId),
    Outcome(MailId, u32),
    Login(Box<super::logins::Try>),
}

/// A recipient's mail that the guard would have kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leave {
    pub(super) at: Time,
    pub(super) number: u64,
    pub(super) origin: u64,
    pub(super) mail: MailId,
    pub(super) index: u32,
    /// Of what it is evidence.
    pub(super) mark: Option<super::origins::Mark>,
    /// How often the origin had been held.
    pub(super) holds: u32,
}

impl Inspector {
    /// A judge who knows nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            policy: settings.policy,
            zone: settings.zone.unwrap_or(TimeZone::UTC),
            site: Site::default(),
            classes: settings.classes,
            origins: RecentMap::new(ORIGINS),
            parked: RecentMap::new(ORIGINS),
            nameless: RecentMap::new(ORIGINS),
            contacts: Recent::new(CONTACTS),
            mails: Mails::default(),
            tries: Tries::new(),
            failing: RecentMap::new(2 * ORIGINS),
            seen: RecentMap::new(4 * ORIGINS),
            houses: Houses::new(&settings.local_domains),
            young: Vec::new(),
            gateways: Gateways::new(),
            waiting: VecDeque::new(),
            first: 0,
            leaves: BinaryHeap::new(),
            now: Time(i64::MIN),
            found: Vec::new(),
            report: Report::default(),
            hour: (i64::MIN, 0),
        }
    }

    /// Reads a line of a source; `file` and `number` say where it stands.
    pub fn line(&mut self, source: &mut Source, line: &str, file: &str, number: u64) {
        self.report.lines += 1;
        if line.trim().is_empty() {
            return;
        }
        if line.len() > MOST_LINE {
            return self.bad(line, file, number);
        }
        let (time, read) = source.read(line);
        let Some(time) = time else { return self.bad(line, file, number) };
        self.advance(time);
        match read {
            Line::Fact(fact) => self.take(time, fact),
            Line::Two(first, second) => {
                self.take(time, first);
                self.take(time, second);
            }
            Line::Other => {}
            Line::Bad => self.bad(line, file, number),
        }
        self.drain(false);
    }

    /// Counts a line that could not be taken in at all, by its beginning.
    pub fn too_long(&mut self, start: &str, file: &str, number: u64) {
        self.report.lines += 1;
        self.bad(start, file, number);
    }

    fn bad(&mut self, line: &str, file: &str, number: u64) {
        self.report.bad_lines += 1;
        if self.report.bad.len() < SHOWN {
            let text = line.chars().take(SHOWN_LENGTH).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            self.report.bad.push(BadLine { file: file.to_owned(), line: number, text });
        }
    }

    /// Somebody has set the class of an origin that is not known yet.
    pub fn set_class(&mut self, origin: &str, class: Class) {
        self.classes.insert(origin.to_owned(), class);
    }

    /// What was found so far, without what still waits.
    #[must_use]
    pub fn incidents(&self) -> usize {
        self.found.len()
    }

    /// Judges what waits, and reports.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.drain(true);
        self.leave(Time(i64::MAX));
        self.report.local_domains = self.houses.names();
        for mut found in std::mem::take(&mut self.found) {
            self.excuse(&mut found);
            let told = if found.excuse.is_some() { &mut self.report.notices } else { &mut self.report.incidents };
            told.push(found.tell());
        }
        self.report.incidents.sort_by_key(|incident| (incident.held_at, incident.first_evidence));
        // One notice for each origin says it all.
        self.report.notices.sort_by(|a, b| (&a.origin, a.held_at).cmp(&(&b.origin, b.held_at)));
        self.report.notices.dedup_by(|later, first| {
            let same = later.origin == first.origin;
            if same {
                first.recipients_after = first.recipients_after.saturating_add(later.recipients_before_hold);
                first.recipients_after = first.recipients_after.saturating_add(later.recipients_after);
            }
            same
        });
        self.report
    }

    fn advance(&mut self, time: Time) {
        self.now = self.now.max(time);
        let seconds = time.seconds();
        let period = self.report.period.get_or_insert((seconds, seconds));
        *period = (period.0.min(seconds), period.1.max(seconds));
    }

    /// Judges what is ready, or everything.
    fn drain(&mut self, all: bool) {
        while let Some(next) = self.waiting.front() {
            let age = self.now.0.saturating_sub(next.at.0);
            let ready = match &next.what {
                What::Mail(id) => {
                    let id = *id;
                    self.mails.get(id).is_none_or(|mail| {
                        mail.is_complete() || age > if mail.at_once { PATIENCE_AT_ONCE } else { PATIENCE }
                    })
                }
                What::Login(one) => one.protocol.is_some() || age > PATIENCE_DOOR,
                What::Outcome(..) => true,
            };
            if !ready && !all && self.waiting.len() < WAITING {
                return;
            }
            let Some(next) = self.waiting.pop_front() else { return };
            self.first += 1;
            self.leave(next.at);
            match next.what {
                What::Mail(id) => self.judge(id, next.at),
                What::Outcome(id, index) => self.outcome(id, index as usize, next.at),
                What::Login(one) => self.login(&one, next.at),
            }
        }
    }

    /// The hour of the week at the owners' place.
    pub(super) fn hour_of_week(&mut self, at: Time) -> u8 {
        let hour = at.seconds().div_euclid(3600);
        if self.hour.0 != hour {
            let stamp = jiff::Timestamp::from_second(hour.saturating_mul(3600)).unwrap_or_default();
            self.hour = (hour, i64::from(self.zone.to_offset(stamp).seconds()));
        }
        let local = (at.seconds() + self.hour.1).div_euclid(3600).rem_euclid(168);
        u8::try_from(local).unwrap_or(0)
    }

    /// The door that a summing line tells of tries that wait.
    pub(super) fn tell_door(&mut self, number: u64, protocol: Protocol) {
        let index = number.checked_sub(self.first).and_then(|n| usize::try_from(n).ok());
        if let Some(Waiting { what: What::Login(one), .. }) = index.and_then(|n| self.waiting.get_mut(n)) {
            one.protocol = Some(protocol);
        }
    }
}
