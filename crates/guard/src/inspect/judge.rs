//! Reads facts in the order of time, puts messages together, and has the guard judge them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use jiff::tz::TimeZone;
use sekisho_message::Time;

use super::bounded::{Recent, RecentMap, folded, hash, pair};
use super::fact::{Accepted, Attempt, Delivery, End, Fact, Reach};
use super::houses::Houses;
use super::mails::{MOST_RECIPIENTS, Mail, MailId, Mails, Rcpt, Who};
use super::origins::Origin;
use super::read::{Line, Source};
use super::report::{BadLine, Found, Report};
use super::tries::Tries;
use crate::event::{OutcomeResult, Protocol};
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
const PATIENCE: i64 = 300_000_000;
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
}

/// The judge. Its memory is bounded; feed it lines in the order of time.
#[derive(Clone, Debug)]
pub struct Inspector {
    pub(super) policy: Policy,
    pub(super) zone: TimeZone,
    pub(super) site: Site,
    pub(super) origins: RecentMap<Origin>,
    pub(super) parked: RecentMap<Vec<super::logins::Parked>>,
    pub(super) contacts: Recent,
    pub(super) mails: Mails,
    pub(super) tries: Tries,
    pub(super) failing: RecentMap<Time>,
    pub(super) seen: RecentMap<Time>,
    houses: Houses,
    /// Networks on the public net that lately began to relay, and when they last did.
    pub(super) young: Vec<(Place, Time)>,
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
            origins: RecentMap::new(ORIGINS),
            parked: RecentMap::new(ORIGINS),
            contacts: Recent::new(CONTACTS),
            mails: Mails::default(),
            tries: Tries::new(),
            failing: RecentMap::new(2 * ORIGINS),
            seen: RecentMap::new(4 * ORIGINS),
            houses: Houses::new(&settings.local_domains),
            young: Vec::new(),
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

    /// Counts a line that could not be read at all (too long, not text).
    pub fn bad(&mut self, line: &str, file: &str, number: u64) {
        self.report.bad_lines += 1;
        if self.report.bad.len() < SHOWN {
            let text = line.chars().take(SHOWN_LENGTH).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            self.report.bad.push(BadLine { file: file.to_owned(), line: number, text });
        }
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
        for found in std::mem::take(&mut self.found) {
            self.report.incidents.push(found.tell());
        }
        self.report.incidents.sort_by_key(|incident| (incident.held_at, incident.first_evidence));
        self.report
    }

    fn advance(&mut self, time: Time) {
        self.now = self.now.max(time);
        let seconds = time.seconds();
        let period = self.report.period.get_or_insert((seconds, seconds));
        *period = (period.0.min(seconds), period.1.max(seconds));
    }

    fn take(&mut self, at: Time, fact: Fact<'_>) {
        match fact {
            Fact::Client { queue, ip, user, original } => self.begin(at, queue, ip, user, original),
            Fact::Pickup { queue, user } => {
                self.add(hash(queue), Mail::new(Who::Local(user.into()), Place::Unknown, at));
            }
            Fact::MessageId { queue, id } => self.named(hash(queue), hash(id)),
            Fact::Envelope { queue, from, size, recipients } => self.envelope(hash(queue), from, size, recipients),
            Fact::Delivery(delivery) => self.delivered(at, &delivery),
            Fact::Done { queue } => self.mails.close(hash(queue)),
            Fact::Accepted(accepted) => self.accepted(at, &accepted),
            Fact::Login(attempt) => self.attempt(at, &attempt),
            Fact::Refused => self.report.refused += 1,
        }
    }

    fn begin(&mut self, at: Time, queue: &str, ip: &str, user: &str, original: &str) {
        if !original.is_empty()
            && let Some(id) = self.mails.of(hash(original))
        {
            return self.mails.alias(hash(queue), id);
        }
        let who = if user.is_empty() { Who::Network } else { Who::Account(user.to_lowercase().into()) };
        if let Who::Account(name) = &who {
            self.houses.bare |= !name.contains('@');
        }
        self.add(hash(queue), Mail::new(who, Place::parse(ip), at));
    }

    fn add(&mut self, queue: u64, mail: Mail) -> MailId {
        let at = mail.at;
        let id = self.mails.add(queue, mail);
        self.wait(at, What::Mail(id));
        id
    }

    fn wait(&mut self, at: Time, what: What) {
        self.waiting.push_back(Waiting { at, what });
    }

    /// A content filter gives a message back through the loopback: it is the message that went in.
    fn named(&mut self, queue: u64, message_id: u64) {
        let Some(id) = self.mails.of(queue) else { return };
        let loopback = |place| matches!(place, Place::V4([127, ..]) | Place::V6([0, 0, 0, 0, 0, 0]));
        let back = self.mails.get(id).is_some_and(|mail| mail.who == Who::Network && loopback(mail.place));
        match self.mails.named(message_id) {
            Some(known) if back && known != id => self.mails.alias(queue, known),
            _ => self.mails.name(id, message_id),
        }
    }

    fn envelope(&mut self, queue: u64, from: &str, size: u32, recipients: u32) {
        let Some(mail) = self.mails.of(queue).and_then(|id| self.mails.get(id)) else { return };
        mail.from = if from.is_empty() { 0 } else { folded(from) };
        mail.size = mail.size.max(size);
        mail.expected = mail.expected.max(recipients);
    }

    fn delivered(&mut self, at: Time, delivery: &Delivery<'_>) {
        let id = self.mails.of(hash(&delivery.queue));
        if let Reach::Filter(child) = delivery.reach {
            if let Some(id) = id {
                self.adopt(id, hash(child));
            }
            return;
        }
        let rcpt = recipient(&delivery.to);
        let inside = match delivery.reach {
            Reach::Inside => true,
            Reach::Outside => self.houses.is_given(rcpt.domain),
            _ => self.houses.has(rcpt.domain),
        };
        if delivery.reach == Reach::Inside && delivery.end == End::Sent {
            self.houses.note(&delivery.to);
        }
        let Some(id) = id else { return };
        let Some(mail) = self.mails.get(id) else { return };
        // An alias or forward of the house is no relaying by the stranger who wrote to it.
        let forwarded = mail.who == Who::Network && {
            let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| folded(domain));
            !delivery.original.is_empty() && domain(delivery.original) != domain(&delivery.to)
        };
        let inside = inside || forwarded;
        let index = match mail.recipients.iter().position(|known| known.address == rcpt.address) {
            Some(index) => index,
            None if mail.recipients.len() >= MOST_RECIPIENTS => return,
            None => {
                mail.recipients.push(Rcpt { inside, ..rcpt });
                mail.recipients.len() - 1
            }
        };
        let from = mail.from;
        let Some(known) = mail.recipients.get_mut(index) else { return };
        let result = result(delivery);
        let news = known.result.is_none() && result.is_some();
        known.result = known.result.or(result);
        if inside && delivery.end == End::Sent && from != 0 {
            self.heard(&rcpt, from);
        } else if news && !inside {
            self.wait(at, What::Outcome(id, u32::try_from(index).unwrap_or(u32::MAX)));
        }
    }

    /// Whoever receives mail has its sender as a contact.
    fn heard(&mut self, receiver: &Rcpt, from: u64) {
        self.contacts.insert(pair(receiver.address, from));
        if self.houses.bare {
            self.contacts.insert(pair(receiver.local_part, from));
        }
    }

    /// The filter has said under which id it gives a message back.
    fn adopt(&mut self, id: MailId, child: u64) {
        let Some(other) = self.mails.of(child).filter(|&other| other != id) else { return };
        let Some(taken) = self.mails.get(other).filter(|mail| !mail.judged) else { return };
        let (recipients, expected) = (std::mem::take(&mut taken.recipients), taken.expected);
        self.mails.alias(child, id);
        if let Some(mail) = self.mails.get(id) {
            mail.expected = mail.expected.max(expected);
            for rcpt in recipients {
                if mail.recipients.iter().all(|known| known.address != rcpt.address) {
                    mail.recipients.push(rcpt);
                }
            }
        }
    }

    fn accepted(&mut self, at: Time, line: &Accepted<'_>) {
        if line.names_users {
            self.houses.note(&line.user);
        } else {
            self.houses.note_host(line.host);
        }
        let queue = hash(&line.queue);
        let known = self.mails.of(queue).filter(|&id| {
            self.mails.get(id).is_some_and(|mail| !mail.judged && at.0.saturating_sub(mail.at.0) < PATIENCE)
        });
        let id = match known {
            Some(id) => id,
            None => {
                let house = line.from.rsplit_once('@').is_some_and(|(_, domain)| self.houses.has(folded(domain)));
                let who = match (line.user.is_empty(), line.names_users || !house) {
                    (false, _) => Who::Account(line.user.to_lowercase().into()),
                    (true, true) => Who::Network,
                    (true, false) => Who::Account(line.from.to_lowercase().into()),
                };
                let mut mail = Mail::new(who, Place::parse(&line.ip), at);
                mail.from = if line.from.is_empty() { 0 } else { folded(&line.from) };
                (mail.at_once, mail.size) = (true, line.size);
                self.add(queue, mail)
            }
        };
        for to in &line.to {
            let rcpt = recipient(to);
            let inside = self.houses.has(rcpt.domain);
            let Some(mail) = self.mails.get(id) else { return };
            if mail.recipients.len() < MOST_RECIPIENTS && mail.recipients.iter().all(|k| k.address != rcpt.address) {
                mail.recipients.push(Rcpt { inside, ..rcpt });
            }
            let from = mail.from;
            if inside && from != 0 {
                self.heard(&rcpt, from);
            }
        }
        let Some(mail) = self.mails.get(id) else { return };
        // Those who are not listed are taken for the same people every time.
        for n in 0..line.more.min(MOST_RECIPIENTS as u32) {
            let address = pair(hash("unlisted"), u64::from(n));
            mail.recipients.push(Rcpt { address, ..Rcpt::default() });
        }
    }

    fn attempt(&mut self, at: Time, attempt: &Attempt<'_>) {
        if attempt.user.is_empty() {
            // Somebody tried something; only the whole site learns from it.
            self.report.failures += u64::from(attempt.count);
            return self.site.guessing.note(true, at);
        }
        if attempt.right {
            self.report.logins += 1;
        } else if !attempt.sum {
            self.report.failures += u64::from(attempt.count);
        }
        let tries = self.tries_of(at, attempt);
        for one in tries {
            self.wait(at, What::Login(Box::new(one)));
        }
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

/// A recipient as far as its address tells.
fn recipient(address: &str) -> Rcpt {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let mut order = [0; 8];
    order.iter_mut().zip(address.bytes()).for_each(|(to, from)| *to = from.to_ascii_lowercase());
    Rcpt {
        address: folded(address),
        domain: if domain.is_empty() { 0 } else { folded(domain) },
        order: u64::from_be_bytes(order),
        local_part: folded(local),
        ..Rcpt::default()
    }
}

fn result(delivery: &Delivery<'_>) -> Option<OutcomeResult> {
    match delivery.end {
        End::Sent => Some(OutcomeResult::Relayed),
        End::Failed if is_dead(&delivery.reply) => Some(OutcomeResult::Dead),
        End::Failed if is_refusal(&delivery.reply) => Some(OutcomeResult::Refused),
        End::Failed => Some(OutcomeResult::Failed),
        End::Deferred => None,
    }
}

/// Whether a reply says that there is no such recipient (RFC 3463 §3.2, or in words).
fn is_dead(reply: &str) -> bool {
    const WORDS: [&str; 8] = [
        "5.1.1",
        "5.1.10",
        "ser unknown",
        "nknown user",
        "o such user",
        "does not exist",
        "o mailbox here",
        "ecipient not found",
    ];
    WORDS.iter().any(|word| reply.contains(word))
}

/// Whether a reply refuses for policy, reputation or as spam (RFC 3463 §3.8, or in words).
fn is_refusal(reply: &str) -> bool {
    const WORDS: [&str; 7] = ["5.7.", "spam", "Spam", "SPAM", "block", "blacklist", "reputation"];
    WORDS.iter().any(|word| reply.contains(word))
}
