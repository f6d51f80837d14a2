//! How an origin went on sending, seen from the end of the log: what a guard cannot know while it happens.
//!
//! A log begins in the middle of somebody's life. A shop that confirms orders, a newsletter, or a gateway for other servers
//! writes to strangers from the log's first line on, and a guard that knows nothing before it has to take that for abuse.
//! Who then goes on at the same pace, from the same few networks, to addresses that exist, is not abused: it is told as a
//! notice. Whatever began later in the log is judged as it stands.

use sekisho_message::{Text, Time, say};
use serde::Serialize;

use super::bounded::RecentMap;
use super::report::Found;
use crate::event::OutcomeResult;
use crate::ladder::Reason;
use crate::place::Place;

const DAY: i64 = 86_400_000_000;
const HOUR: i64 = 3_600_000_000;
/// Who sends within so many days of the log's beginning sent before it.
const BEGINNING: i64 = 3 * DAY;
/// The first evidence comes within so many days, or the guard knew the origin well enough to be right.
const UNKNOWN: i64 = 21 * DAY;
/// Days on which it sends, and days from the first to the last, until it has a pace.
const PACE: (usize, i64) = (5, 7);
/// The busiest day has at most so many times the recipients of the middle one.
const STEADY: u32 = 4;
/// Networks that it sends from, at most.
const PLACES: usize = 3;
/// Dead recipients and refusals for policy of a hundred, at most.
const DEAD: u64 = 5;
const REFUSED: u64 = 2;
/// Of a hundred recipients of a day, so many at most in its busiest hour: orders, alerts and people come over the day, and
/// who writes to strangers by the hundred at once has a list of them.
const BUSIEST_HOUR: u32 = 60;
/// Days with fewer recipients say nothing about hours.
const FULL_DAY: u32 = 40;
/// Recipients of a message on average, at most: nobody confirms an order to many.
const TOGETHER: u64 = 4;
/// Days and domains that are remembered of an origin.
const DAYS: usize = 1_000;
const DOMAINS: usize = 16;
/// Clients and days that make a domain one for which the server is a gateway.
const GATEWAY: (usize, u16) = (8, 3);
/// Domains that strangers relay to that are remembered.
const RELAYED: usize = 20_000;

/// Why something that looks like abuse is a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Excuse {
    /// It sends like this from the log's first day to its last.
    Steady,
    /// It writes to the same people again and again.
    Repeats,
    /// It passes mail on to domains for which many servers hand it in.
    Gateway,
}

impl Excuse {
    /// As a sentence.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Steady => say!(
                ja: "ログの初めから終わりまで、同じ調子で、実在する宛先に送り続けています。種別 application か role の送信元と見られます。",
                en: "It sends like this from the first day of the log to the last, to addresses that exist: probably of class application or role."
            ),
            Self::Repeats => say!(
                ja: "同じ相手に繰り返し送っています。種別 newsletter の送信元と見られます。",
                en: "It writes to the same people again and again: probably of class newsletter."
            ),
            Self::Gateway => say!(
                ja: "多くのサーバから受けて同じドメインへ渡しています。中継先（バックアップ MX など）と見られます。--domain で指定できます。",
                en: "It hands mail in for a domain for which many servers do: probably one that this server relays for. Name it with --domain."
            ),
        }
    }
}

/// What an origin did in the whole log.
#[derive(Clone, Debug)]
pub(super) struct Course {
    first: Time,
    days: Vec<Day>,
    places: Vec<Place>,
    domains: Vec<(u64, u32)>,
    others: u32,
    well: u64,
    dead: u64,
    refused: u64,
}

#[derive(Clone, Copy, Debug)]
struct Day {
    number: i64,
    recipients: u32,
    /// Of these, to whom it wrote before.
    known: u32,
    messages: u32,
    /// The hour of the last message, its recipients, and those of the busiest hour.
    hour: i64,
    in_hour: u32,
    busiest: u32,
}

impl Day {
    fn new(number: i64) -> Self {
        Self { number, recipients: 0, known: 0, messages: 0, hour: i64::MIN, in_hour: 0, busiest: 0 }
    }

    fn note(&mut self, at: Time, recipients: u32, known: u32) {
        let hour = at.0.div_euclid(HOUR);
        if hour != self.hour {
            (self.hour, self.in_hour) = (hour, 0);
        }
        self.in_hour = self.in_hour.saturating_add(recipients);
        self.busiest = self.busiest.max(self.in_hour);
        self.recipients = self.recipients.saturating_add(recipients);
        self.known = self.known.saturating_add(known);
        self.messages = self.messages.saturating_add(1);
    }

    /// Whether most of it was one mailing, on a day that says something about it.
    fn is_burst(&self) -> Option<bool> {
        (self.recipients >= FULL_DAY)
            .then(|| u64::from(self.busiest) * 100 > u64::from(self.recipients) * u64::from(BUSIEST_HOUR))
    }
}

impl Course {
    pub(super) fn new(first: Time) -> Self {
        let (days, places, domains) = (Vec::new(), Vec::new(), Vec::new());
        Self { first, days, places, domains, others: 0, well: 0, dead: 0, refused: 0 }
    }

    /// Notes a message with recipients outside, from where the origin always is.
    pub(super) fn sent(&mut self, at: Time, place: Place, recipients: u32, known: u32) {
        let (number, room) = (at.0.div_euclid(DAY), self.days.len() < DAYS);
        if room && self.days.last().is_none_or(|day| day.number < number) {
            self.days.push(Day::new(number));
        }
        if let Some(day) = self.days.last_mut().filter(|day| day.number >= number) {
            day.note(at, recipients, known);
        }
        if self.places.len() <= PLACES && !self.places.contains(&place) {
            self.places.push(place);
        }
    }

    /// Notes where one of them lives.
    pub(super) fn to(&mut self, domain: u64) {
        let room = self.domains.len() < DOMAINS;
        match self.domains.iter_mut().find(|(known, _)| *known == domain) {
            Some((_, count)) => *count = count.saturating_add(1),
            None if room => self.domains.push((domain, 1)),
            None => self.others = self.others.saturating_add(1),
        }
    }

    /// Notes what became of one.
    pub(super) fn ended(&mut self, result: OutcomeResult) {
        match result {
            OutcomeResult::Dead => self.dead += 1,
            OutcomeResult::Refused => self.refused += 1,
            _ => self.well += 1,
        }
    }

    /// Whether it always sent from there. A network that the guard mistrusts since a hold is still the sender's own.
    pub(super) fn is_usual(&self, place: Place) -> bool {
        self.places.contains(&place)
    }

    /// Whether this message begins a day.
    pub(super) fn turns(&self, at: Time) -> bool {
        self.days.last().is_some_and(|day| day.number < at.0.div_euclid(DAY))
    }

    /// Whether what was found is no abuse, in the light of all that came after. `began`: when the log did; `again`: whether
    /// the same was excused before.
    pub(super) fn excuse(&self, found: &Found, began: Time, again: bool) -> Option<Excuse> {
        let guessed = found.breach.is_some_and(|breach| breach.guessed);
        let strange = found.reason == Reason::FastAway && found.networks.iter().any(|n| !self.is_usual(n.place));
        let before = self.first.0.saturating_sub(began.0) <= BEGINNING
            && (again || found.first_evidence.0.saturating_sub(self.first.0) <= UNKNOWN);
        let total = self.well + self.dead + self.refused;
        let clean = self.dead * 100 <= total * DEAD && self.refused * 100 <= total * REFUSED;
        if guessed || strange || !before || !clean || total == 0 || self.places.len() > PLACES {
            return None;
        }
        if self.repeats(found.first_evidence) {
            return Some(Excuse::Repeats);
        }
        self.is_steady().then_some(Excuse::Steady)
    }

    fn is_steady(&self) -> bool {
        let mut counts: Vec<u32> = self.days.iter().map(|day| day.recipients).collect();
        counts.sort_unstable();
        if self.mails_lists() {
            return false;
        }
        let (Some(first), Some(last)) = (self.days.first(), self.days.last()) else { return false };
        let (Some(middle), Some(most)) = (counts.get(counts.len() / 2), counts.last()) else { return false };
        counts.len() >= PACE.0 && last.number - first.number >= PACE.1 && *most <= middle.saturating_mul(STEADY).max(20)
    }

    /// Whether it works through lists: most of a day's recipients at once, or many in a message, on most days.
    fn mails_lists(&self) -> bool {
        let days: Vec<bool> = self.days.iter().filter_map(Day::is_burst).collect();
        let bursts = days.iter().filter(|burst| **burst).count();
        let sum = |of: fn(&Day) -> u32| self.days.iter().map(|day| u64::from(of(day))).sum::<u64>();
        bursts * 2 > days.len() || sum(|day| day.recipients) > TOGETHER * sum(|day| day.messages)
    }

    /// Whether those who come after the first day of evidence were mostly written to before, on two days at least.
    fn repeats(&self, evidence: Time) -> bool {
        let begin = evidence.0.div_euclid(DAY);
        let later = || self.days.iter().filter(|day| day.number > begin + 1 && day.recipients > 0);
        let sum = |of: fn(&Day) -> u32| later().map(|day| u64::from(of(day))).sum::<u64>();
        let (recipients, known) = (sum(|day| day.recipients), sum(|day| day.known));
        let begun: u64 = self.days.iter().filter(|d| d.number <= begin + 1).map(|d| u64::from(d.recipients)).sum();
        later().count() >= 2 && known * 5 >= recipients * 4 && recipients * 2 >= begun
    }
}

/// Domains that strangers hand mail in for.
#[derive(Clone, Debug)]
pub(super) struct Gateways {
    domains: RecentMap<Gate>,
}

#[derive(Clone, Debug)]
struct Gate {
    first: Time,
    day: i64,
    days: u16,
    places: Vec<Place>,
}

impl Gateways {
    pub(super) fn new() -> Self {
        Self { domains: RecentMap::new(RELAYED) }
    }

    /// Notes that a client of a public network handed in mail for a domain.
    pub(super) fn note(&mut self, domain: u64, place: Place, at: Time) {
        let day = at.0.div_euclid(DAY);
        let gate = self.domains.entry(domain, || Gate { first: at, day, days: 1, places: Vec::new() });
        if day > gate.day {
            (gate.day, gate.days) = (day, gate.days.saturating_add(1));
        }
        if gate.places.len() < GATEWAY.0 && !gate.places.contains(&place) {
            gate.places.push(place);
        }
    }

    /// Whether an origin passes on mail for such domains, four messages of five at least.
    pub(super) fn excuse(&mut self, course: &Course, began: Time) -> Option<Excuse> {
        let (mut for_them, mut all) = (0_u64, u64::from(course.others));
        for (domain, count) in &course.domains {
            let gateway = self.domains.get(*domain).is_some_and(|gate| {
                gate.places.len() >= GATEWAY.0
                    && gate.days >= GATEWAY.1
                    && gate.first.0.saturating_sub(began.0) <= BEGINNING
            });
            all += u64::from(*count);
            for_them += if gateway { u64::from(*count) } else { 0 };
        }
        (all > 0 && for_them * 5 >= all * 4).then_some(Excuse::Gateway)
    }
}
