//! Whom a message goes to (signals 1-3).

use super::{Kind, Signal};
use crate::event::Submission;
use crate::profile::Profile;
use crate::profile::guessing::Bitmap;
use crate::profile::places::Standing;

/// Share of an intruder's messages that go mostly to first contacts.
const HOSTILE: f32 = 0.97;
/// The least share of a newcomer's messages that do: everybody is new to him, in his second place too.
const NEWCOMER: f32 = 0.4;
/// Natural units to the unit of the thresholds: a first contact of an ordinary person is 1.
const SCALE: f32 = 0.351;

/// Counts of a message's recipients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// On other servers.
    pub(crate) outside: usize,
    /// Of these, first contacts.
    pub(crate) first: usize,
    /// First contacts on this server.
    pub(crate) local_first: usize,
    /// All on this server.
    pub(crate) local: usize,
}

impl Counts {
    pub(crate) fn of(message: &Submission) -> Self {
        let mut counts = Self::default();
        for recipient in &message.recipients {
            match (recipient.local, recipient.contact) {
                (true, contact) => {
                    counts.local += 1;
                    counts.local_first += usize::from(!contact);
                }
                (false, contact) => {
                    counts.outside += 1;
                    counts.first += usize::from(!contact);
                }
            }
        }
        counts
    }

    /// The one bit: mostly to people whom the origin never wrote to.
    pub(crate) fn is_first_contact(self) -> bool {
        self.first > 0 && self.first * 2 >= self.outside
    }
}

/// All signals of this family.
pub(crate) fn read(profile: &Profile, message: &Submission, counts: Counts, standing: Standing, out: &mut Vec<Signal>) {
    out.extend(first_contact(profile, counts, standing));
    out.extend(many(profile, counts));
    out.extend(spread(profile, message, counts));
    out.extend(list_order(profile, message));
}

/// The best single bit, weighed against how often this origin does it.
pub(crate) fn first_contact(profile: &Profile, counts: Counts, standing: Standing) -> Option<Signal> {
    if counts.outside == 0 {
        // Colleagues only: says little, but an intruder who starts inside is not invisible.
        let mostly = counts.local_first * 2 > counts.local;
        let llr = if mostly { 0.25 } else { -0.5 };
        return (counts.local > 0)
            .then(|| Signal::new(Kind::FirstContact, llr, counts.local_first as f32, counts.local as f32));
    }
    // Whoever works at a strange place is not excused by what the owner is used to do.
    let rate = match (standing.home, standing.settling) {
        (true, _) => profile.first_contact_rate().clamp(0.03, 0.5),
        (false, true) => profile.first_contact_rate().clamp(NEWCOMER, 0.5),
        (false, false) => 0.056,
    };
    let llr = if counts.is_first_contact() {
        ((HOSTILE / rate).ln() * SCALE).min(1.0)
    } else if counts.first == 0 {
        (((1.0 - HOSTILE) / (1.0 - rate)).ln() * SCALE).max(-1.2)
    } else {
        -0.3
    };
    Some(Signal::new(Kind::FirstContact, llr, counts.first as f32, counts.outside as f32))
}

/// More recipients than usual, counting first contacts only: sixteen colleagues in Cc are no attack.
fn many(profile: &Profile, counts: Counts) -> Option<Signal> {
    let usual = profile.usual_recipients().max(4);
    let first = u32::try_from(counts.first).unwrap_or(u32::MAX);
    (first > usual && counts.is_first_contact()).then(|| {
        let llr = 0.5 * (first as f32 / usual as f32).log2().max(0.3);
        Signal::new(Kind::ManyRecipients, llr.min(1.5), counts.outside as f32, usual as f32)
    })
}

/// Many domains that the origin never wrote to.
fn spread(profile: &Profile, message: &Submission, counts: Counts) -> Option<Signal> {
    let mut seen = Bitmap::default();
    let (mut all, mut new) = (0_u32, 0_u32);
    for recipient in message.recipients.iter().filter(|r| !r.local && r.domain != 0) {
        if seen.set(recipient.domain) {
            all += 1;
            new += u32::from(!profile.domains.has(recipient.domain));
        }
    }
    (new >= 5 && new * 2 > all && counts.is_first_contact())
        .then(|| Signal::new(Kind::DomainSpread, (0.25 * (new as f32).log2()).min(1.0), new as f32, all as f32))
}

/// First contacts in the order of the alphabet, over messages: a person has no reason for that.
fn list_order(profile: &Profile, message: &Submission) -> Option<Signal> {
    let (_, run) = order_after(profile, message);
    (run >= 8).then(|| Signal::new(Kind::ListOrder, (0.2 * f32::from(run - 6)).min(1.2), f32::from(run), 0.0))
}

/// The last key and the length of the rising run after this message.
pub(crate) fn order_after(profile: &Profile, message: &Submission) -> (u64, u16) {
    let (mut last, mut run) = (profile.order, profile.order_run);
    for recipient in message.recipients.iter().filter(|r| !r.contact && r.order != 0) {
        run = if recipient.order > last { run.saturating_add(1) } else { 0 };
        last = recipient.order;
    }
    (last, run)
}
