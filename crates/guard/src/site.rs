//! What concerns the whole site: the guessing regime, campaigns over several origins, how many recipients are usually dead.

use sekisho_message::{Time, fingerprint};

use crate::profile::wire::{self, DecodeError, Ring, wire};
use crate::profile::{DAY, HOUR};

/// The version that [`Site::encode`] writes.
const VERSION: u8 = 1;

/// The memory of a site. Small; shared by all origins; may be lost without harm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    /// Whether passwords are being guessed all over the site.
    pub guessing: Regime,
    campaigns: Ring<Campaign, 64>,
    pub(crate) reached: f32,
    pub(crate) dead: f32,
}

/// A CUSUM over the share of logins that fail, against what is usual: rises when strangers guess, however thinly they
/// spread it (after Javed and Paxson).
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Regime {
    /// Usual share of failures, learnt slowly.
    usual: f32,
    sum: f32,
    last: Time,
    /// When it last stood above the line.
    since: Option<Time>,
}

/// One text that several origins send.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Campaign {
    simhash: u64,
    last: Time,
    origins: [u64; 6],
    messages: u16,
}

/// How far a text has spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(crate) origins: usize,
    pub(crate) messages: u16,
}

impl Site {
    /// Notes a suspicious text of an origin, and tells by how many origins it was sent within a day, this one too.
    pub(crate) fn note_text(&mut self, origin: u64, simhash: u64, bits: u32, now: Time) -> Spread {
        let fresh = |c: &Campaign| now.0.saturating_sub(c.last.0) < DAY;
        let near = |c: &Campaign| fingerprint::distance(c.simhash, simhash) <= bits;
        let position = self.campaigns.items().iter().rposition(|c| fresh(c) && near(c));
        let mut campaign = match position {
            Some(index) => self.campaigns.0.remove(index),
            None => Campaign { simhash, ..Campaign::default() },
        };
        campaign.last = now;
        campaign.messages = campaign.messages.saturating_add(1);
        // Zero marks a free slot; the few origins whose hash is zero are not linked.
        if !campaign.origins.contains(&origin)
            && let Some(slot) = campaign.origins.iter_mut().find(|slot| **slot == 0)
        {
            *slot = origin;
        }
        let origins = campaign.origins.iter().filter(|&&o| o != 0).count();
        let spread = Spread { origins, messages: campaign.messages };
        self.campaigns.push(campaign);
        spread
    }

    /// Notes what became of a first contact.
    pub(crate) fn note_outcome(&mut self, dead: bool) {
        self.reached = self.reached * 0.999 + if dead { 0.0 } else { 1.0 };
        self.dead = self.dead * 0.999 + if dead { 1.0 } else { 0.0 };
    }

    /// Share of first contacts that are dead at this site; 2 % until more is known, at most 15 %.
    pub(crate) fn dead_rate(&self) -> f32 {
        ((4.0 + self.dead) / (200.0 + self.dead + self.reached)).clamp(0.01, 0.15)
    }

    /// The form that persists.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::seal(VERSION, self)
    }

    /// Reads what [`Site::encode`] wrote.
    ///
    /// # Errors
    /// Anything else is an error, never a panic.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::open(VERSION, bytes)
    }
}

impl Regime {
    /// Where the line is: so many failures beyond the usual.
    const LINE: f32 = 30.0;

    /// Notes a login. Failures of the owners' own places should not be passed in.
    pub fn note(&mut self, wrong: bool, now: Time) {
        let hours = now.0.saturating_sub(self.last.0).max(0) as f32 / HOUR as f32;
        self.last = self.last.max(now);
        self.sum *= 0.5_f32.powf((hours / 6.0).min(64.0));
        let x = if wrong { 1.0 } else { 0.0 };
        // A failure counts more the rarer failures are; what is usual is learnt only while all is calm.
        let drift = (self.usual * 1.5 + 0.15).min(0.9);
        self.sum = (self.sum + x - drift).clamp(0.0, 4.0 * Self::LINE);
        if self.sum < Self::LINE / 3.0 {
            self.usual += (x - self.usual) * 0.002;
        }
        if self.sum >= Self::LINE {
            self.since.get_or_insert(now);
        } else if self.sum < Self::LINE / 2.0 {
            self.since = None;
        }
    }

    /// Whether the site is being guessed at, and since when.
    #[must_use]
    pub fn since(&self, now: Time) -> Option<Time> {
        self.since.filter(|_| now.0.saturating_sub(self.last.0) < 12 * HOUR)
    }
}

wire!(Site { guessing, campaigns, reached, dead });
wire!(Regime { usual, sum, last, since });
wire!(Campaign { simhash, last, origins, messages });
