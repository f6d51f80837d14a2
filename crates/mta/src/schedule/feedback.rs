//! How many connections a destination gets, and when a dead one is tried again.
//!
//! The window opens slowly while transactions succeed and closes quickly when
//! the peer complains (the idea of additive increase that TCP made famous, and
//! of the concurrency feedback of Postfix's queue runner). A destination that
//! cannot be reached at all is *resting*: nobody connects until the rest is
//! over, then one connection is the probe for everybody.

use std::time::Duration;

use sekisho_message::Time;

/// Bounds of the feedback. All of them are settings with safe defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that a destination gets before anything is known about it. Default 4.
    pub start: u32,
    /// Connections that it never exceeds. Default 20, a number that large receivers tolerate.
    pub max: u32,
    /// First rest after a destination could not be reached. Default one minute.
    pub rest: Duration,
    /// Longest rest. Default 30 minutes.
    pub max_rest: Duration,
    /// Connections that must fail in a row before the destination rests. Default 2: one may be bad luck.
    pub patience: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { start: 4, max: 20, rest: Duration::from_secs(60), max_rest: Duration::from_secs(30 * 60), patience: 2 }
    }
}

/// What is known about one destination.
#[derive(Clone, Debug)]
pub struct Feedback {
    limits: Limits,
    /// Open window in hundredths of a connection.
    window: u32,
    failed_connects: u32,
    rests: u32,
    rest_until: Option<Time>,
}

const ONE: u32 = 100;

impl Feedback {
    /// A destination about which nothing is known.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let start = limits.start.clamp(1, limits.max.max(1));
        Self { limits, window: start * ONE, failed_connects: 0, rests: 0, rest_until: None }
    }

    /// How many connections may be open at `now`; none while the destination rests, one for the probe after it.
    #[must_use]
    pub fn window(&self, now: Time) -> u32 {
        match self.rest_until {
            Some(until) if now < until => 0,
            Some(_) => 1,
            None => self.window / ONE,
        }
    }

    /// The end of the rest, while there is one.
    #[must_use]
    pub fn resting(&self, now: Time) -> Option<Time> {
        self.rest_until.filter(|until| now < *until)
    }

    /// The peer greeted us: the destination lives.
    pub fn connected(&mut self) {
        self.failed_connects = 0;
        self.rests = 0;
        self.rest_until = None;
    }

    /// A transaction ended as it should (a 5xx to a recipient counts too: the peer works).
    pub fn succeeded(&mut self) {
        // One more connection for each full window of successes.
        let step = ONE * ONE / self.window.max(ONE);
        self.window = (self.window + step.max(1)).min(self.limits.max.max(1) * ONE);
    }

    /// The peer put a message off (4xx) or dropped the connection: open fewer of them.
    pub fn deferred(&mut self) {
        // A quarter at a time, at least half a connection: a burst of deferrals closes the window within a few answers.
        let step = (self.window / 4).max(ONE / 2);
        self.window = self.window.saturating_sub(step).max(ONE);
    }

    /// No host of the destination could be reached (no address, refused, timed out, or turned away at the greeting).
    /// Returns the end of the rest when one begins.
    pub fn unreachable(&mut self, now: Time) -> Option<Time> {
        self.deferred();
        let probing = self.rest_until.is_some();
        // A connection that was begun before the rest and fails during it says nothing new.
        if let Some(until) = self.resting(now) {
            return Some(until);
        }
        self.failed_connects += 1;
        if !probing && self.failed_connects < self.limits.patience {
            return None;
        }
        let rest = self.limits.rest.saturating_mul(1 << self.rests.min(16)).min(self.limits.max_rest);
        self.rests = self.rests.saturating_add(1);
        self.failed_connects = 0;
        self.window = self.limits.start.clamp(1, self.limits.max.max(1)) * ONE;
        let until = now + rest;
        self.rest_until = Some(until);
        Some(until)
    }

    /// Whether forgetting this destination would lose nothing worth keeping.
    #[must_use]
    pub fn is_plain(&self, now: Time) -> bool {
        self.failed_connects == 0 && self.rests == 0 && self.resting(now).is_none()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn success_opens_the_window_one_connection_a_round() {
        let mut feedback = Feedback::new(Limits::default());
        assert_eq!(feedback.window(at(0)), 4);
        for _ in 0..5 {
            feedback.succeeded();
        }
        assert_eq!(feedback.window(at(0)), 5);
        for _ in 0..1_000 {
            feedback.succeeded();
        }
        assert_eq!(feedback.window(at(0)), 20);
    }

    #[test]
    fn deferrals_close_it_but_never_below_one() {
        let mut feedback = Feedback::new(Limits::default());
        for _ in 0..1_000 {
            feedback.succeeded();
        }
        feedback.deferred();
        assert_eq!(feedback.window(at(0)), 15);
        for _ in 0..100 {
            feedback.deferred();
        }
        assert_eq!(feedback.window(at(0)), 1);
        feedback.succeeded();
        assert_eq!(feedback.window(at(0)), 2, "one success after a collapse doubles it again");
    }

    #[test]
    fn an_unreachable_destination_rests_longer_each_time() {
        let mut feedback = Feedback::new(Limits::default());
        assert_eq!(feedback.unreachable(at(0)), None, "one failure is bad luck");
        assert_eq!(feedback.unreachable(at(1)), Some(at(61)));
        assert_eq!(feedback.window(at(30)), 0);
        assert_eq!(feedback.resting(at(30)), Some(at(61)));
        assert_eq!(feedback.unreachable(at(31)), Some(at(61)), "a late failure does not lengthen the rest");
        assert_eq!(feedback.window(at(61)), 1, "one probe");
        assert_eq!(feedback.unreachable(at(61)), Some(at(61 + 120)), "the probe needs no second failure");
        let mut end = at(181);
        for _ in 0..10 {
            end = feedback.unreachable(end).unwrap();
        }
        let again = feedback.unreachable(end).unwrap();
        assert_eq!(again.since(end), Duration::from_secs(1_800));
        assert!(!feedback.is_plain(again));
    }

    #[test]
    fn a_greeting_ends_the_rest() {
        let mut feedback = Feedback::new(Limits { patience: 1, ..Limits::default() });
        let until = feedback.unreachable(at(0)).unwrap();
        feedback.connected();
        assert_eq!(feedback.resting(at(1)), None);
        assert!(feedback.window(until) >= 1);
        assert!(feedback.is_plain(at(1)));
        assert_eq!(feedback.unreachable(at(100)), Some(at(160)), "the next rest starts small again");
    }

    #[test]
    fn odd_limits_still_give_one_connection() {
        let feedback = Feedback::new(Limits { start: 0, max: 0, ..Limits::default() });
        assert_eq!(feedback.window(at(0)), 1);
    }
}
