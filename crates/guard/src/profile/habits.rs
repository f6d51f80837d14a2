//! How an origin sends: how many recipients, when, how fast, which texts.

use sekisho_message::{Time, fingerprint};

use super::wire::wire;
use super::{DAY, Profile};
use crate::event::Submission;
use crate::policy::Policy;

/// How slowly what is usual changes: a message counts a 300th.
const KEEP: f32 = 1.0 - 1.0 / 300.0;

/// A text that was sent lately.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TextUse {
    pub(crate) simhash: u64,
    pub(crate) first: Time,
    pub(crate) last: Time,
    /// Messages with it.
    pub(crate) messages: u16,
    /// Recipients that it went to.
    pub(crate) recipients: u32,
}

/// The time between messages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Gaps {
    pub(crate) last: Option<Time>,
    /// Mean of the logarithm of the last few gaps in seconds.
    pub(crate) mean: f32,
    /// Messages in a row that came as regularly as no person works.
    pub(crate) regular: u8,
    /// Messages in a row that came faster than a person writes.
    pub(crate) fast: u8,
}

/// The bin of a number of recipients.
pub(crate) fn bin(recipients: usize) -> usize {
    (usize::BITS - recipients.max(1).saturating_sub(1).leading_zeros()).min(11) as usize
}

impl Profile {
    /// The number of recipients that at most one message in a hundred exceeds; 8 until enough is known.
    pub(crate) fn usual_recipients(&self) -> u32 {
        let total: u32 = self.sizes.iter().map(|&n| u32::from(n)).sum();
        if total < 20 {
            return 8;
        }
        let mut rest = total / 100;
        for (index, &count) in self.sizes.iter().enumerate().rev() {
            if u32::from(count) > rest {
                return 1 << index;
            }
            rest -= u32::from(count);
        }
        1
    }

    /// The text among those sent within a day that this one is like.
    pub(crate) fn like(&self, policy: &Policy, simhash: Option<u64>, now: Time) -> Option<TextUse> {
        let simhash = simhash.filter(|&hash| hash != 0)?;
        let fresh = |text: &&TextUse| now.0.saturating_sub(text.last.0) < DAY;
        let near = |text: &&TextUse| fingerprint::distance(text.simhash, simhash) <= policy.similar_bits;
        self.texts.items().iter().rev().filter(fresh).find(near).copied()
    }

    /// How unusual an hour of the week is: its share of the messages around it, 1 = as any other; `None`: too little known.
    pub(crate) fn hour_share(&self, hour: u8) -> Option<f32> {
        let hour = usize::from(hour) % 168;
        let total: u32 = self.hours.iter().map(|&n| u32::from(n)).sum();
        if total < 100 {
            return None;
        }
        // The same hour of all days, and its neighbours: people are more regular by the clock than by the day.
        let near = |h: usize| (0..7).map(|d| u32::from(self.hours[(d * 24 + h % 24) % 168])).sum::<u32>();
        let around = near(hour + 23) + 2 * near(hour) + near(hour + 1);
        Some((around as f32 / 4.0 + 0.2) / (total as f32 / 24.0))
    }

    /// Notes the gap before this message, and tells it in seconds.
    pub(crate) fn note_gap(&mut self, now: Time) -> Option<f32> {
        let gap = self.gaps.last.map(|last| now.since(last).as_secs_f32());
        self.gaps.last = Some(now);
        let seconds = gap?;
        let log = (seconds.max(0.05)).ln();
        let off = (log - self.gaps.mean).abs();
        self.gaps.regular = if off < 0.08 && seconds < 7200.0 { self.gaps.regular.saturating_add(1) } else { 0 };
        self.gaps.fast = if seconds < 3.0 { self.gaps.fast.saturating_add(1) } else { 0 };
        self.gaps.mean = 0.25 * self.gaps.mean + 0.75 * log;
        Some(seconds)
    }

    /// Notes the text of a message.
    pub(crate) fn note_text(&mut self, policy: &Policy, simhash: Option<u64>, recipients: u32, now: Time) {
        let Some(simhash) = simhash.filter(|&hash| hash != 0) else { return };
        let near = |text: &TextUse| fingerprint::distance(text.simhash, simhash) <= policy.similar_bits;
        let position = self.texts.items().iter().rposition(near);
        self.alike = self.alike * 0.98 + if position.is_some() { 0.02 } else { 0.0 };
        if let Some(index) = position {
            let mut text = self.texts.0.remove(index);
            if now.0.saturating_sub(text.last.0) >= DAY {
                (text.messages, text.recipients, text.first) = (0, 0, now);
            }
            text.last = now;
            text.messages = text.messages.saturating_add(1);
            text.recipients = text.recipients.saturating_add(recipients);
            self.texts.push(text);
        } else {
            self.texts.push(TextUse { simhash, first: now, last: now, messages: 1, recipients });
        }
    }

    /// Learns from a message that nothing stands against.
    pub(crate) fn learn_habits(&mut self, message: &Submission, first_contact: bool, outside: u32) {
        self.sent = self.sent * KEEP + 1.0;
        self.first = self.first * KEEP + if first_contact { 1.0 } else { 0.0 };
        let bin = bin(message.recipients.len());
        bump(&mut self.sizes, bin);
        if let Some(hour) = message.hour_of_week {
            bump(&mut self.hours, usize::from(hour) % 168);
        }
        if self.domains.fill() > 0.6 {
            self.domains = super::guessing::Bitmap::default();
        }
        for recipient in message.recipients.iter().filter(|r| r.domain != 0) {
            self.domains.set(recipient.domain);
        }
        if message.author.from != 0 && !self.authors.items().contains(&message.author.from) {
            self.authors.push(message.author.from);
        }
        if let Some(text) = self.texts.items().last().filter(|text| text.messages > 1) {
            let fan = text.recipients as f32;
            self.usual_fan = if fan > self.usual_fan { self.usual_fan.mul_add(0.9, fan * 0.1) } else { self.usual_fan };
        }
        self.day_recipients = self.day_recipients.saturating_add(outside);
    }
}

/// Adds one to a bin; halves all when one is full.
fn bump(bins: &mut [u16], index: usize) {
    if bins.get(index).is_some_and(|&n| n >= 1_000) {
        bins.iter_mut().for_each(|n| *n /= 2);
    }
    if let Some(slot) = bins.get_mut(index) {
        *slot += 1;
    }
}

wire!(TextUse { simhash, first, last, messages, recipients });
wire!(Gaps { last, mean, regular, fast });
