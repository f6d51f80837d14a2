//! The signals: one measured oddity each, with a bounded log-likelihood ratio and a sentence.
//!
//! | family | signals | cap |
//! |---|---|---|
//! | recipients | first contacts, number of recipients, spread of domains and order, a stranger's volume | 3 |
//! | network | new place, new client, many places, two places at once | 3 |
//! | credential | guessed login, guessing regime, weak or old credential | 3 |
//! | content | foreign author, near-duplicates, content and links | 3 |
//! | habit | hour, rhythm, send-only client | 1 |
//! | receivers | dead recipients, refusals for policy | 3 |
//! | standing | trap, complaint, persistence, origin without AUTH out of its ways | 3 |
//! | campaign | the same text from several origins | 3 |

pub(crate) mod content;
pub(crate) mod habit;
pub(crate) mod network;
pub(crate) mod receivers;
pub(crate) mod recipients;
pub(crate) mod standing;
#[cfg(test)]
mod tests;
mod text;

use sekisho_message::Text;
use serde::ser::SerializeStruct;

use crate::place::Place;
use crate::profile::wire::{wire, wire_enum};

/// The bound of every log-likelihood ratio, either way.
pub const BOUND: f32 = 3.0;

/// A signal. Its sentence is made when somebody reads it: [`Signal::text`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Which.
    pub kind: Kind,
    /// Natural log-likelihood ratio, within ±[`BOUND`]; above 0 it speaks for abuse.
    pub llr: f32,
    /// The first number of the sentence; see [`Kind`].
    pub a: f32,
    /// The second.
    pub b: f32,
    /// The place that it is about, if any.
    pub place: Place,
}

/// The kinds of signal. In brackets: the numbers `a` and `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The message goes mostly to people whom the origin never wrote to (first contacts, recipients); negative: to known ones.
    FirstContact,
    /// More recipients than the origin's messages have (recipients, usual).
    ManyRecipients,
    /// Many domains that the origin never wrote to (new, all).
    DomainSpread,
    /// A client that is new at a place that is new writes to more people within the hour than visitors do (waiting).
    StrangerVolume,
    /// Recipients come in the order of a list (in a row).
    ListOrder,
    /// First contacts that do not exist (dead, all).
    DeadRecipients,
    /// Receivers refuse for policy or as spam (providers).
    Refusals,
    /// From a network that the origin does not use (share of its days with new networks).
    NewPlace,
    /// With a client program that the origin does not use.
    NewClient,
    /// From many strange networks within a day (networks, usual).
    ManyPlaces,
    /// From two places at once (others).
    TwoPlaces,
    /// The login succeeded after guessing (distinct wrong passwords).
    GuessedLogin,
    /// Passwords are being guessed all over the site.
    GuessingRegime,
    /// Weak, breached or old password, or an outdated mechanism.
    WeakCredential,
    /// The author in the header is not the origin (1 address, 2 imitated name, 3 answers elsewhere).
    ForeignAuthor,
    /// One text to many (recipients, usual).
    FanOut,
    /// The content looks bad (1 filter, 2 new link, 3 listed link; score).
    Content,
    /// An unlikely hour of the week (hour, share).
    UnusualHour,
    /// Faster or more regular than this client works (gap in seconds, in a row).
    Rhythm,
    /// The client only sends.
    SendOnly,
    /// A trap was written to (traps within a week).
    Trap,
    /// Somebody complained, a blocklist listed us, or our own spam came back (1, 2, 3; how often within a week).
    Complaint,
    /// The account was prepared for abuse (1 forward, 2 filter, 3 application password).
    Persistence,
    /// An origin without AUTH sends as an author whom it never was.
    NewAuthor,
    /// Several origins send the same text (origins, messages).
    Campaign,
    /// More new recipients today than anybody of this class (recipients, floor).
    Floor,
}

/// What is correlated and shares one cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Whom it goes to.
    Recipients,
    /// Where it comes from.
    Network,
    /// How the login was made.
    Credential,
    /// What it says.
    Content,
    /// When and how it is sent.
    Habit,
    /// What receivers say.
    Receivers,
    /// Hard evidence.
    Standing,
    /// What other origins do.
    Campaign,
}

/// Number of families.
pub(crate) const FAMILIES: usize = 8;

impl Kind {
    /// The family whose cap it shares.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::FirstContact | Self::ManyRecipients | Self::DomainSpread | Self::StrangerVolume | Self::ListOrder => {
                Family::Recipients
            }
            Self::NewPlace | Self::NewClient | Self::ManyPlaces | Self::TwoPlaces => Family::Network,
            Self::GuessedLogin | Self::GuessingRegime | Self::WeakCredential => Family::Credential,
            Self::ForeignAuthor | Self::FanOut | Self::Content => Family::Content,
            Self::UnusualHour | Self::Rhythm | Self::SendOnly => Family::Habit,
            Self::DeadRecipients | Self::Refusals => Family::Receivers,
            Self::Trap | Self::Complaint | Self::Persistence | Self::NewAuthor | Self::Floor => Family::Standing,
            Self::Campaign => Family::Campaign,
        }
    }

    /// The name in JSON and settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstContact => "first_contact",
            Self::ManyRecipients => "many_recipients",
            Self::DomainSpread => "domain_spread",
            Self::StrangerVolume => "stranger_volume",
            Self::ListOrder => "list_order",
            Self::DeadRecipients => "dead_recipients",
            Self::Refusals => "refusals",
            Self::NewPlace => "new_place",
            Self::NewClient => "new_client",
            Self::ManyPlaces => "many_places",
            Self::TwoPlaces => "two_places",
            Self::GuessedLogin => "guessed_login",
            Self::GuessingRegime => "guessing_regime",
            Self::WeakCredential => "weak_credential",
            Self::ForeignAuthor => "foreign_author",
            Self::FanOut => "fan_out",
            Self::Content => "content",
            Self::UnusualHour => "unusual_hour",
            Self::Rhythm => "rhythm",
            Self::SendOnly => "send_only",
            Self::Trap => "trap",
            Self::Complaint => "complaint",
            Self::Persistence => "persistence",
            Self::NewAuthor => "new_author",
            Self::Campaign => "campaign",
            Self::Floor => "floor",
        }
    }
}

impl Family {
    /// How much all of its signals together may say.
    #[must_use]
    pub const fn cap(self) -> f32 {
        match self {
            Self::Habit => 1.0,
            _ => BOUND,
        }
    }
}

impl Signal {
    /// A signal, clipped to its bound.
    pub(crate) fn new(kind: Kind, llr: f32, a: f32, b: f32) -> Self {
        let llr = if llr.is_finite() { llr.clamp(-BOUND, BOUND) } else { 0.0 };
        Self { kind, llr, a, b, place: Place::Unknown }
    }

    /// The same about a place.
    pub(crate) fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// The sentence, with the numbers in it.
    #[must_use]
    pub fn text(&self) -> Text {
        text::of(self)
    }
}

/// The sum of signals, every family capped.
pub(crate) fn by_family(signals: &[Signal]) -> [f32; FAMILIES] {
    let mut sums = [0.0; FAMILIES];
    for signal in signals {
        if let Some(sum) = sums.get_mut(signal.kind.family() as usize) {
            *sum += signal.llr;
        }
    }
    const ALL: [Family; FAMILIES] = [
        Family::Recipients,
        Family::Network,
        Family::Credential,
        Family::Content,
        Family::Habit,
        Family::Receivers,
        Family::Standing,
        Family::Campaign,
    ];
    for family in ALL {
        if let Some(sum) = sums.get_mut(family as usize) {
            *sum = sum.clamp(-family.cap(), family.cap());
        }
    }
    sums
}

impl serde::Serialize for Signal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Signal", 3)?;
        out.serialize_field("name", self.kind.name())?;
        out.serialize_field("llr", &self.llr)?;
        out.serialize_field("text", &self.text())?;
        out.end()
    }
}

wire!(Signal { kind, llr, a, b, place });
wire_enum!(Kind {
    FirstContact = 0,
    ManyRecipients = 1,
    DomainSpread = 2,
    ListOrder = 3,
    DeadRecipients = 4,
    Refusals = 5,
    NewPlace = 6,
    NewClient = 7,
    ManyPlaces = 8,
    TwoPlaces = 9,
    GuessedLogin = 10,
    GuessingRegime = 11,
    WeakCredential = 12,
    ForeignAuthor = 13,
    FanOut = 14,
    Content = 15,
    UnusualHour = 16,
    Rhythm = 17,
    SendOnly = 18,
    Trap = 19,
    Complaint = 20,
    Persistence = 21,
    NewAuthor = 22,
    Campaign = 23,
    Floor = 24,
    StrangerVolume = 25,
});
