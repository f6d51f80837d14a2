//! What is normal for an origin: the guard's whole memory of it, at most 8 KiB.

pub mod guessing;
pub mod habits;
pub mod places;
#[cfg(test)]
mod tests;
pub mod wire;

use sekisho_message::Time;

use crate::class::Class;
use crate::event::Protocol;
use crate::ladder::Rung;
use crate::place::Place;
use crate::policy::Policy;
use crate::signal::Signal;
use guessing::Guesses;
use habits::{Gaps, TextUse};
use places::{ClientUse, PlaceUse};
use wire::{DecodeError, Ring, wire, wire_enum};

/// Largest encoded profile, in octets.
pub const MAX_ENCODED: usize = 8 * 1024;
/// The version that [`Profile::encode`] writes.
const VERSION: u8 = 1;

/// Microseconds in a day.
pub(crate) const DAY: i64 = 86_400_000_000;
/// Microseconds in an hour.
pub(crate) const HOUR: i64 = 3_600_000_000;

/// The memory of one origin. Plain data: what persists is [`Profile::encode`]'s bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Keyed hash of the origin's key, to tell origins apart in [`crate::site::Site`].
    pub origin: u64,
    /// When it was made.
    pub created: Time,
    /// Whether its contacts and habits were imported, so that nothing needs to be learnt first.
    pub seeded: bool,
    /// Whether an account answers for it (as the last submission said).
    pub authenticated: bool,
    /// The class that an administrator set.
    pub class_set: Option<Class>,
    /// The class that was learnt.
    pub class_learnt: Class,

    /// Fast score from usual places.
    pub home: f32,
    /// Fast score from other places.
    pub away: f32,
    /// Slow score.
    pub slow: f32,
    /// When the fast scores were last decayed.
    pub scored: Time,
    /// When the evidence that now stands began.
    pub first_evidence: Option<Time>,
    /// Places and hours that lately added evidence.
    pub(crate) episodes: Ring<Episode, 8>,

    /// The rung of the ladder.
    pub rung: Rung,
    /// Since when.
    pub rung_since: Time,
    /// Since when everything is held.
    pub held_since: Option<Time>,
    /// Whether it is suspended as well.
    pub suspended: bool,
    /// Until when thresholds are halved.
    pub tightened_until: Time,
    /// How the password was probably found.
    pub breach: Option<Breach>,

    /// When the valve for first contacts is full again, in its own reckoning.
    pub(crate) valve: Time,
    /// The same for the valve that strangers pass.
    pub(crate) stranger_valve: Time,

    /// Messages so far.
    pub messages: u32,
    /// Days with at least one.
    pub active_days: u16,
    /// Bulk days so far.
    pub bulk_days: u16,
    /// Today, as days since the epoch.
    pub(crate) day: i64,
    /// Recipients outside today.
    pub(crate) day_recipients: u32,
    /// First contacts today.
    pub(crate) day_first: u32,
    /// Highest score today, as a share of the threshold.
    pub(crate) day_max: f32,
    /// Highest scores of earlier days.
    pub days: Ring<DayScore, 64>,

    /// Messages to first contacts, decayed.
    pub(crate) first: f32,
    /// Messages, decayed the same way.
    pub(crate) sent: f32,
    /// Share of messages that are like earlier ones.
    pub(crate) alike: f32,
    /// Messages by number of recipients: bins 1, 2, 3-4, 5-8, …
    pub(crate) sizes: [u16; 12],
    /// Messages by hour of the week.
    pub(crate) hours: [u16; 168],
    /// Rhythm.
    pub(crate) gaps: Gaps,
    /// Domains written to, as a bitmap.
    pub(crate) domains: guessing::Bitmap,
    /// The last recipient's place in the alphabet, and for how many recipients it rose.
    pub(crate) order: u64,
    pub(crate) order_run: u16,
    /// Texts sent lately.
    pub(crate) texts: Ring<TextUse, 32>,
    /// To how many one text usually goes.
    pub(crate) usual_fan: f32,
    /// Authors that an origin without AUTH has used.
    pub(crate) authors: Ring<u64, 16>,

    /// Networks.
    pub places: Ring<PlaceUse, 32>,
    /// Clients.
    pub clients: Ring<ClientUse, 16>,
    /// New places and all places a day, decayed.
    pub(crate) novel: f32,
    pub(crate) visits: f32,
    /// How many places a day are usual.
    pub(crate) usual_places: f32,
    /// What ordinary mail from strange places has already added today.
    pub(crate) ordinary: f32,
    /// Wrong passwords.
    pub guesses: Guesses,

    /// First contacts that were reached, and that were dead, decayed.
    pub(crate) reached: f32,
    pub(crate) dead: f32,
    /// What the dead have added so far.
    pub(crate) dead_added: f32,
    /// Who refused for policy, lately.
    pub(crate) refusing: Ring<Refusing, 8>,
    /// Complaints within a week, traps within a week, and since when.
    pub(crate) complaints: u16,
    pub(crate) traps: u16,
    pub(crate) week: Time,

    /// The last signals: the explanation.
    pub ledger: Ring<LedgerEntry, 32>,
}

/// One line of the ledger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LedgerEntry {
    /// When.
    pub at: Time,
    /// About which message; 0: none.
    pub message: u64,
    /// What was seen.
    pub signal: Signal,
}

/// How an intruder probably came in.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Breach {
    /// Whether the password was guessed: wrong ones came before.
    pub guessed: bool,
    /// On which protocol the wrong ones came first.
    pub protocol: Protocol,
    /// From where the login came that succeeded.
    pub place: Place,
    /// The first wrong password, when it was guessed.
    pub first_failure: Option<Time>,
    /// When it succeeded.
    pub success: Time,
    /// How many distinct wrong passwords came before, about.
    pub distinct: u32,
}

/// The highest score of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DayScore {
    /// Days since the epoch.
    pub day: u32,
    /// Share of the class's own threshold.
    pub score: f32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Episode {
    pub(crate) place: Place,
    pub(crate) began: Time,
    pub(crate) gained: f32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Refusing {
    pub(crate) provider: u64,
    pub(crate) at: Time,
}

impl Profile {
    /// What speaks against the origin since `first`, with the last verdict's signals: each kind once, the strongest first.
    #[must_use]
    pub fn evidence(&self, first: Time, last: &[Signal]) -> Vec<Signal> {
        let mut signals: Vec<Signal> = Vec::new();
        let ledger = self.ledger.items().iter().filter(|entry| entry.at >= first).map(|entry| entry.signal);
        for signal in ledger.chain(last.iter().copied()).filter(|signal| signal.llr > 0.0) {
            match signals.iter_mut().find(|known| known.kind == signal.kind) {
                Some(known) if known.llr > signal.llr => {}
                Some(known) => *known = signal,
                None => signals.push(signal),
            }
        }
        signals.sort_by(|a, b| b.llr.total_cmp(&a.llr).then(a.kind.cmp(&b.kind)));
        signals
    }

    /// The profile of an origin of which nothing is known. `origin` is a keyed hash of its key.
    #[must_use]
    pub fn new(origin: u64, now: Time) -> Self {
        Self {
            origin,
            created: now,
            seeded: false,
            authenticated: true,
            class_set: None,
            class_learnt: Class::Person,
            home: 0.0,
            away: 0.0,
            slow: 0.0,
            scored: now,
            first_evidence: None,
            episodes: Ring::default(),
            rung: Rung::Observe,
            rung_since: now,
            held_since: None,
            suspended: false,
            tightened_until: Time(i64::MIN),
            breach: None,
            valve: Time(i64::MIN),
            stranger_valve: Time(i64::MIN),
            messages: 0,
            active_days: 0,
            bulk_days: 0,
            day: now.0.div_euclid(DAY),
            day_recipients: 0,
            day_first: 0,
            day_max: 0.0,
            days: Ring::default(),
            first: 0.0,
            sent: 0.0,
            alike: 0.0,
            sizes: [0; 12],
            hours: [0; 168],
            gaps: Gaps::default(),
            domains: guessing::Bitmap::default(),
            order: 0,
            order_run: 0,
            texts: Ring::default(),
            usual_fan: 0.0,
            authors: Ring::default(),
            places: Ring::default(),
            clients: Ring::default(),
            novel: 0.0,
            visits: 0.0,
            usual_places: 0.0,
            ordinary: 0.0,
            guesses: Guesses::new(now),
            reached: 0.0,
            dead: 0.0,
            dead_added: 0.0,
            refusing: Ring::default(),
            complaints: 0,
            traps: 0,
            week: now,
            ledger: Ring::default(),
        }
    }

    /// The class in force: what was set, else what was learnt.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class_set.unwrap_or(self.class_learnt)
    }

    /// Whether too little is known yet to judge fully.
    #[must_use]
    pub fn is_learning(&self, policy: &Policy, now: Time) -> bool {
        !self.seeded && self.is_settling(policy, now)
    }

    /// Whether the places and clients that it uses are still being learnt; imported contacts do not tell them.
    pub(crate) fn is_settling(&self, policy: &Policy, now: Time) -> bool {
        let young = now.0.saturating_sub(self.created.0) < i64::from(policy.learning_days) * DAY;
        young || self.messages < policy.learning_messages
    }

    /// How much of this origin's mail goes mostly to people whom it never wrote to: 5.6 % is what staff do.
    #[must_use]
    pub fn first_contact_rate(&self) -> f32 {
        (1.1 + self.first) / (20.0 + self.sent)
    }

    /// The form that persists.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::seal(VERSION, self)
    }

    /// Reads what [`Profile::encode`] wrote.
    ///
    /// # Errors
    /// Anything else is an error, never a panic: start afresh with [`Profile::new`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_ENCODED {
            return Err(DecodeError::Length);
        }
        wire::open(VERSION, bytes)
    }
}

wire!(Profile {
    origin,
    created,
    seeded,
    authenticated,
    class_set,
    class_learnt,
    home,
    away,
    slow,
    scored,
    first_evidence,
    episodes,
    rung,
    rung_since,
    held_since,
    suspended,
    tightened_until,
    breach,
    valve,
    stranger_valve,
    messages,
    active_days,
    bulk_days,
    day,
    day_recipients,
    day_first,
    day_max,
    days,
    first,
    sent,
    alike,
    sizes,
    hours,
    gaps,
    domains,
    order,
    order_run,
    texts,
    usual_fan,
    authors,
    places,
    clients,
    novel,
    visits,
    usual_places,
    ordinary,
    guesses,
    reached,
    dead,
    dead_added,
    refusing,
    complaints,
    traps,
    week,
    ledger,
});
wire!(LedgerEntry { at, message, signal });
wire!(Breach { guessed, protocol, place, first_failure, success, distinct });
wire!(DayScore { day, score });
wire!(Episode { place, began, gained });
wire!(Refusing { provider, at });
wire_enum!(Protocol { Smtp = 0, Pop3 = 1, Imap4 = 2, Console = 3 });
