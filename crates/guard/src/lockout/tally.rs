//! Counting different things by key within a window, in bounded space.

use std::collections::{BTreeMap, BTreeSet};

use sekisho_message::Time;

/// Most different things that one key remembers; no limit is higher in practice.
const MOST: usize = 512;

/// Sets by key.
#[derive(Clone, Debug)]
pub(super) struct Tally<K> {
    windows: BTreeMap<K, Window>,
}

#[derive(Clone, Debug)]
struct Window {
    began: Time,
    seen: BTreeSet<u64>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { windows: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Tally<K> {
    /// Adds `what` under `key`; tells how many different ones there are within `seconds`.
    pub(super) fn note(&mut self, key: K, what: u64, seconds: u32, most_keys: usize, now: Time) -> u32 {
        if !self.windows.contains_key(&key) && self.windows.len() >= most_keys.max(16) {
            self.make_room(most_keys.max(16));
        }
        let window = self.windows.entry(key).or_insert_with(|| Window { began: now, seen: BTreeSet::new() });
        if now.since(window.began).as_secs() >= u64::from(seconds.max(1)) {
            *window = Window { began: now, seen: BTreeSet::new() };
        }
        if window.seen.len() < MOST {
            window.seen.insert(what);
        }
        u32::try_from(window.seen.len()).unwrap_or(u32::MAX)
    }

    /// Whether `what` was noted under `key` lately.
    pub(super) fn knows(&self, key: K, what: u64) -> bool {
        self.windows.get(&key).is_some_and(|window| window.seen.contains(&what))
    }

    /// How many there are.
    pub(super) fn count(&self, key: K, seconds: u32, now: Time) -> u32 {
        let fresh = |w: &&Window| now.since(w.began).as_secs() < u64::from(seconds.max(1));
        let count = self.windows.get(&key).filter(fresh).map_or(0, |w| w.seen.len());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Forgets a key.
    pub(super) fn forget(&mut self, key: K) {
        self.windows.remove(&key);
    }

    /// Forgets keys that a test rejects.
    pub(super) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.windows.retain(|key, _| keep(key));
    }

    /// Drops the older half. Strangers decide how many keys there are; they shall not decide how much memory.
    fn make_room(&mut self, most: usize) {
        let mut times: Vec<Time> = self.windows.values().map(|w| w.began).collect();
        times.sort_unstable();
        let limit = times.get(times.len() / 2).copied().unwrap_or_default();
        self.windows.retain(|_, w| w.began > limit);
        if self.windows.len() >= most {
            self.windows.clear();
        }
    }

    /// How many keys are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.windows.len()
    }
}
