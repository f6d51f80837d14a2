//! When a deferred recipient is tried again, and when it is given up.
//!
//! RFC 5321 §4.5.4.1 asks for at least 30 minutes between the later attempts and
//! four to five days before giving up. Most temporary refusals (greylisting,
//! a restart, a full table) are over in minutes, so the first attempts come
//! fast, then the gaps grow to hours. All of it is pure: the same attempts, age
//! and random number always give the same answer.

use std::time::Duration;

/// The retry schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Gap after the first, second, … failed attempt; the last one repeats. Never empty in effect: an
    /// empty list counts as one hour.
    pub gaps: Vec<Duration>,
    /// Age of a message at which its next failed attempt is the last one. Default five days.
    pub give_up: Duration,
    /// Age at which the sender is told once that the message is late. Default four hours.
    pub warn_after: Duration,
    /// Largest shift of a gap in either direction, as a percentage of it (0 to 50). Default 15.
    pub jitter_percent: u8,
}

impl Default for Schedule {
    fn default() -> Self {
        const MINUTES: [u64; 9] = [1, 3, 8, 15, 30, 60, 120, 180, 240];
        Self {
            gaps: MINUTES.iter().map(|m| Duration::from_secs(m * 60)).collect(),
            give_up: Duration::from_secs(5 * 24 * 3600),
            warn_after: Duration::from_secs(4 * 3600),
            jitter_percent: 15,
        }
    }
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Try again after this gap.
    After(Duration),
    /// The message has been tried long enough.
    GiveUp,
}

impl Schedule {
    /// What to do after a temporary failure.
    ///
    /// `attempts` counts the failed attempts including this one, `age` is the time since acceptance,
    /// `random` any uniformly random number. The gap is cut so that the last attempt falls on the
    /// moment of giving up and not hours after it.
    #[must_use]
    pub fn after(&self, attempts: u32, age: Duration, random: u64) -> Retry {
        let gap = self.shift(self.gap(attempts), random);
        let Some(left) = self.give_up.checked_sub(age).filter(|left| !left.is_zero()) else {
            // What was kept back until now has not been tried: each gap is granted once.
            let tried = usize::try_from(attempts).is_ok_and(|attempts| attempts > self.gaps.len());
            return if tried { Retry::GiveUp } else { Retry::After(gap) };
        };
        // A remnant shorter than the smallest gap would be a wasted attempt right after this one.
        let gap = if gap > left { left.max(Duration::from_secs(1)) } else { gap };
        Retry::After(gap)
    }

    /// Whether a message of this age is late enough to tell its sender.
    #[must_use]
    pub fn is_late(&self, age: Duration) -> bool {
        age >= self.warn_after
    }

    fn gap(&self, attempts: u32) -> Duration {
        let last = self.gaps.len().saturating_sub(1);
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(last).min(last);
        self.gaps.get(index).copied().unwrap_or(Duration::from_secs(3600))
    }

    /// Spreads `gap` evenly over plus and minus the jitter, so that messages that failed together
    /// do not come back together.
    fn shift(&self, gap: Duration, random: u64) -> Duration {
        let percent = u64::from(self.jitter_percent.min(50));
        let micros = u64::try_from(gap.as_micros()).unwrap_or(u64::MAX / 200);
        let span = micros.saturating_mul(percent) / 100;
        if span == 0 {
            return gap;
        }
        Duration::from_micros(micros - span + random % (2 * span + 1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn plain() -> Schedule {
        Schedule { jitter_percent: 0, ..Schedule::default() }
    }

    #[test]
    fn gaps_grow_from_a_minute_to_hours() {
        let schedule = plain();
        let minutes: Vec<u64> = (1..=11)
            .map(|attempts| match schedule.after(attempts, Duration::ZERO, 7) {
                Retry::After(gap) => gap.as_secs() / 60,
                Retry::GiveUp => panic!("gave up a fresh message"),
            })
            .collect();
        assert_eq!(minutes, [1, 3, 8, 15, 30, 60, 120, 180, 240, 240, 240]);
    }

    #[test]
    fn gives_up_at_five_days_with_a_last_attempt_then() {
        let schedule = plain();
        let five_days = 120 * HOUR;
        assert_eq!(schedule.after(40, five_days - HOUR, 0), Retry::After(HOUR));
        assert_eq!(schedule.after(41, five_days, 0), Retry::GiveUp);
        assert_eq!(schedule.after(10, five_days + HOUR, 0), Retry::GiveUp);
    }

    /// Containment bounces nothing: a greylist, or a host that is down for an hour, is no reason to give up what a hold kept
    /// back for a week.
    #[test]
    fn what_was_kept_back_for_long_is_still_tried_for_hours() {
        let (schedule, mut age, mut attempts) = (plain(), 170 * HOUR, 1);
        while let Retry::After(gap) = schedule.after(attempts, age, 0) {
            (age, attempts) = (age + gap, attempts + 1);
        }
        assert_eq!(attempts, 10);
        assert!(age - 170 * HOUR > 10 * HOUR, "{age:?}");
    }

    #[test]
    fn an_empty_list_of_gaps_means_an_hour() {
        let schedule = Schedule { gaps: Vec::new(), ..plain() };
        assert_eq!(schedule.after(3, Duration::ZERO, 0), Retry::After(HOUR));
    }

    #[test]
    fn a_whole_life_has_a_bounded_number_of_attempts() {
        let schedule = Schedule::default();
        let (mut age, mut attempts) = (Duration::ZERO, 0);
        loop {
            attempts += 1;
            match schedule.after(attempts, age, u64::from(attempts) * 7_919) {
                Retry::After(gap) => age += gap,
                Retry::GiveUp => break,
            }
        }
        assert!((30..=60).contains(&attempts), "{attempts} attempts");
        assert!(age >= 120 * HOUR && age < 121 * HOUR);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_its_share(attempts in 1u32..50, random: u64) {
            let base = match plain().after(attempts, Duration::ZERO, 0) { Retry::After(gap) => gap, Retry::GiveUp => unreachable!() };
            let Retry::After(gap) = Schedule::default().after(attempts, Duration::ZERO, random) else { panic!("gave up") };
            prop_assert!(gap >= base * 85 / 100 && gap <= base * 115 / 100);
        }
    }
}
