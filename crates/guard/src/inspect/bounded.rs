//! Memories that forget: a log may name more strangers than fit.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A number for a text, the same in every run.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The same without regard to the case of ASCII letters.
pub(super) fn folded(text: &str) -> u64 {
    if text.bytes().any(|b| b.is_ascii_uppercase()) { hash(&text.to_ascii_lowercase()) } else { hash(text) }
}

/// Two numbers in one.
pub(super) const fn pair(a: u64, b: u64) -> u64 {
    (a ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xFF51_AFD7_ED55_8CCD).rotate_left(31)
        ^ b.wrapping_mul(0xC4CE_B9FE_1A85_EC53)
}

/// A set of numbers that keeps the latest; what was used within the last `room` insertions is surely in.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    young: HashSet<u64>,
    old: HashSet<u64>,
    room: usize,
}

impl Recent {
    pub(super) fn new(room: usize) -> Self {
        Self { young: HashSet::new(), old: HashSet::new(), room: room.max(1) }
    }

    /// Whether it is in; if so it is young again.
    pub(super) fn has(&mut self, key: u64) -> bool {
        if self.young.contains(&key) {
            return true;
        }
        let known = self.old.contains(&key);
        if known {
            self.insert(key);
        }
        known
    }

    pub(super) fn insert(&mut self, key: u64) {
        if self.young.len() >= self.room {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key);
    }
}

/// A map that keeps what was touched lately.
#[derive(Clone, Debug)]
pub(super) struct RecentMap<V> {
    young: HashMap<u64, V>,
    old: HashMap<u64, V>,
    room: usize,
}

impl<V> RecentMap<V> {
    pub(super) fn new(room: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), room: room.max(1) }
    }

    /// What is there, if anything.
    pub(super) fn get(&mut self, key: u64) -> Option<&mut V> {
        if !self.young.contains_key(&key) {
            let value = self.old.remove(&key)?;
            self.put(key, value);
        }
        self.young.get_mut(&key)
    }

    /// What is there, made if it is not.
    pub(super) fn entry(&mut self, key: u64, make: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(&key) && self.young.len() >= self.room {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(key).or_insert_with(|| old.remove(&key).unwrap_or_else(make))
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<V> {
        self.young.remove(&key).or_else(|| self.old.remove(&key))
    }

    fn put(&mut self, key: u64, value: V) {
        if self.young.len() >= self.room {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut set = Recent::new(4);
        let mut map = RecentMap::new(4);
        set.insert(1);
        *map.entry(1, || 0) += 7;
        for n in 2..60 {
            set.insert(n);
            map.entry(n, || 0);
            if n % 3 == 0 {
                assert!(set.has(1), "{n}");
                assert_eq!(map.get(1), Some(&mut 7), "{n}");
            }
        }
        assert!(!set.has(2) && map.get(2).is_none());
        assert_eq!(folded("Taro@Example.JP"), hash("taro@example.jp"));
        assert_eq!((map.remove(1), map.remove(1)), (Some(7), None));
    }
}
