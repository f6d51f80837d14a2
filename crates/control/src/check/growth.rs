//! What is more than usual at this hour.

use super::tally::{Counter, Of};
use super::{Culprit, Facts, State};

/// Days that must be known before "usual" means anything.
const ENOUGH_DAYS: usize = 3;

/// Something that is counted by the hour, compared with other days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) state: State,
    /// In the hour that is judged.
    pub(super) now: u64,
    /// The median of that hour on other days; none while too few are known.
    pub(super) usual: Option<u64>,
    /// Who grew most.
    pub(super) who: Option<(String, u64)>,
}

/// Judges `of` in the hour that is going on and in the one before it; the worse of both. Up to `floor` an hour nothing is
/// remarkable.
pub(super) fn growth(facts: &Facts, of: Of, floor: u64, measure: impl Fn(&Counter) -> u64) -> Growth {
    let judged = facts.hours.iter().map(|hour| {
        let this = hour.this.of(of);
        let others: Vec<Counter> = hour.others.iter().map(|other| other.of(of)).collect();
        let now = measure(&this);
        let mut base: Vec<u64> = others.iter().map(&measure).collect();
        base.sort_unstable();
        let who = grown(&this, &others);
        let share = who.as_ref().map_or(0, |(_, n)| *n) * 100 / this.n.max(1);
        let state = judge(now, &base, floor, share);
        let usual = (base.len() >= ENOUGH_DAYS).then(|| median(&base));
        Growth { state, now, usual, who }
    });
    judged.max_by_key(|growth| (growth.state, growth.now)).unwrap_or_default()
}

/// `share`: percent of the hour that the one who grew most makes up.
fn judge(now: u64, base: &[u64], floor: u64, share: u64) -> State {
    if base.len() < ENOUGH_DAYS {
        // Still learning what is usual: only what one alone does is remarkable.
        return match now {
            n if n > floor.saturating_mul(3) && share >= 50 => State::Alarm,
            n if n > floor.saturating_mul(2) => State::Notice,
            _ => State::Ok,
        };
    }
    let (middle, most) = (median(base), base.last().copied().unwrap_or(0));
    let above = |times: u64, of_most: u64, floors: u64| {
        now > middle.saturating_mul(times).max(most.saturating_mul(of_most)).saturating_add(floor * floors)
    };
    if above(8, 3, 4) {
        State::Alarm
    } else if above(3, 1, 1) {
        State::Notice
    } else {
        State::Ok
    }
}

/// Whose count exceeds what he had on other days by most.
fn grown(this: &Counter, others: &[Counter]) -> Option<(String, u64)> {
    let usual = |name: &str| {
        let all: u64 = others.iter().filter_map(|other| other.top.get(name)).sum();
        all / (others.len().max(1) as u64)
    };
    this.top.iter().map(|(name, n)| (name.clone(), n.saturating_sub(usual(name)))).max_by_key(|(_, n)| *n)
}

fn median(sorted: &[u64]) -> u64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

impl Growth {
    /// The one behind it, where something is wrong.
    pub(super) fn culprit(&self) -> Option<Culprit> {
        if self.state == State::Ok {
            return None;
        }
        self.who.as_ref().map(|(name, n)| Culprit::of(name, *n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_hours_are_quiet_and_growth_is_not() {
        let weekday = [80, 90, 100, 110, 120];
        assert_eq!(judge(150, &weekday, 50, 90), State::Ok);
        assert_eq!(judge(400, &weekday, 50, 90), State::Notice);
        assert_eq!(judge(2_000, &weekday, 50, 90), State::Alarm);
        // A night without mail: the floor keeps one letter from being "infinitely more".
        assert_eq!(judge(40, &[0, 0, 0, 0], 50, 100), State::Ok);
        // A day that was as busy before is no news.
        assert_eq!(judge(900, &[10, 10, 10, 900], 50, 100), State::Ok);
    }

    #[test]
    fn while_learning_only_one_alone_is_an_alarm() {
        assert_eq!(judge(90, &[], 50, 100), State::Ok);
        assert_eq!(judge(1_000, &[], 50, 10), State::Notice);
        assert_eq!(judge(1_000, &[1, 1], 50, 80), State::Alarm);
    }
}
