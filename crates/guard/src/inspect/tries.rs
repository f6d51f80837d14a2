//! Wrong passwords, as far as a log tells them apart.
//!
//! A log does not say which password was tried. A client that repeats an old one comes back every few minutes; whoever
//! guesses tries one after the other. So the tries of one place within a minute of each other are different passwords, and
//! every such series begins with the same one again.

use sekisho_message::Time;

use super::bounded::{RecentMap, hash, pair};
use crate::place::Place;

/// Series end after so much silence, in microseconds.
const PAUSE: i64 = 60_000_000;
/// Clients try several mechanisms at once.
const BREATH: i64 = 1_000_000;
/// Accounts and places whose tries are told apart at once.
const MOST: usize = 200_000;
/// Accounts that a place is known to have failed at.
const OTHERS: usize = 8;
const DAY: i64 = 86_400_000_000;

/// What is known of tries.
#[derive(Clone, Debug)]
pub(super) struct Tries {
    series: RecentMap<Series>,
    places: RecentMap<Vec<(u64, Time)>>,
}

#[derive(Clone, Debug, Default)]
struct Series {
    last: Time,
    index: u32,
    /// Tries that had a line of their own and were not summed up yet, and where they wait.
    single: Vec<u64>,
}

impl Tries {
    pub(super) fn new() -> Self {
        Self { series: RecentMap::new(MOST), places: RecentMap::new(MOST) }
    }

    /// Which password a wrong try stands for.
    pub(super) fn password(&mut self, account: u64, place: Place, now: Time) -> u64 {
        let key = key(account, place);
        let series = self.series.entry(key, Series::default);
        let gap = now.0.saturating_sub(series.last.0);
        if gap >= PAUSE {
            series.index = 0;
        } else if gap >= BREATH {
            series.index = series.index.saturating_add(1);
        }
        series.last = series.last.max(now);
        pair(key, u64::from(series.index))
    }

    /// The same for a try of several that one line sums up.
    pub(super) fn next_password(&mut self, account: u64, place: Place) -> u64 {
        let key = key(account, place);
        let series = self.series.entry(key, Series::default);
        series.index = series.index.saturating_add(1);
        pair(key, u64::from(series.index))
    }

    /// Notes that a try had a line of its own, waiting under `number`.
    pub(super) fn single(&mut self, account: u64, place: Place, number: u64) {
        let series = self.series.entry(key(account, place), Series::default);
        if series.single.len() < 64 {
            series.single.push(number);
        }
    }

    /// The tries that a summing line repeats.
    pub(super) fn summed(&mut self, account: u64, place: Place) -> Vec<u64> {
        self.series.get(key(account, place)).map(|series| std::mem::take(&mut series.single)).unwrap_or_default()
    }

    /// Notes a failure, to know which places try many accounts.
    pub(super) fn failed(&mut self, account: u64, place: Place, now: Time) {
        let accounts = self.places.entry(hash_of(place), Vec::new);
        accounts.retain(|(known, at)| *known != account && now.0.saturating_sub(at.0) < DAY);
        if accounts.len() >= OTHERS {
            accounts.remove(0);
        }
        accounts.push((account, now));
    }

    /// Over how many other accounts a place has failed within a day.
    pub(super) fn on_others(&mut self, account: u64, place: Place, now: Time) -> u32 {
        let Some(accounts) = self.places.get(hash_of(place)) else { return 0 };
        let others = accounts.iter().filter(|(known, at)| *known != account && now.0.saturating_sub(at.0) < DAY);
        u32::try_from(others.count()).unwrap_or(u32::MAX)
    }
}

fn key(account: u64, place: Place) -> u64 {
    pair(account, hash_of(place))
}

/// A number for a place.
pub(super) fn hash_of(place: Place) -> u64 {
    match place {
        Place::Unknown => 0,
        Place::V4([a, b, c]) => pair(4, u64::from(u32::from_be_bytes([0, a, b, c]))),
        Place::V6(_) => hash(&place.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const HERE: Place = Place::V4([192, 0, 2]);

    fn distinct(gaps: &[i64]) -> usize {
        let mut tries = Tries::new();
        let mut now = Time::from_seconds(1_800_000_000);
        let mut seen = BTreeSet::new();
        for gap in gaps {
            now = Time(now.0 + gap * 1_000_000);
            seen.insert(tries.password(7, HERE, now));
        }
        seen.len()
    }

    #[test]
    fn a_client_that_comes_back_is_not_a_guesser() {
        assert_eq!(distinct(&[900; 50]), 1, "every quarter of an hour");
        assert_eq!(distinct(&[300, 2, 2, 300, 2, 2, 300, 2, 2]), 3, "three connections each time");
        assert_eq!(distinct(&[300, 0, 0, 300, 0, 0]), 1, "three mechanisms at once");
        assert_eq!(distinct(&[20; 39]), 39, "a dictionary");
        assert_eq!(distinct(&[600, 1, 1, 1, 1, 600, 1, 1, 1, 1]), 5, "five, then a ban");
    }

    #[test]
    fn places_that_try_many_accounts_are_known_for_a_day() {
        let mut tries = Tries::new();
        let now = Time::from_seconds(1_800_000_000);
        (0..20).for_each(|account| tries.failed(account, HERE, now));
        assert_eq!(tries.on_others(19, HERE, now), 7);
        assert_eq!(tries.on_others(99, HERE, now), 8);
        assert_eq!(tries.on_others(99, HERE, Time(now.0 + DAY)), 0);
        assert_eq!(tries.on_others(99, Place::V4([1, 1, 1]), now), 0);
    }
}
