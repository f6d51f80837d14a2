//! Fair turns: a queue that serves its owners one after the other.
//!
//! An owner with a million entries and an owner with one get the same share of
//! turns, so the one entry waits for at most one entry of everybody else.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A queue of `T` with a turn for each owner `K`. Push and pop are O(1).
#[derive(Debug)]
pub struct Turns<K, T> {
    order: VecDeque<K>,
    waiting: HashMap<K, VecDeque<T>>,
    len: usize,
}

impl<K, T> Default for Turns<K, T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), waiting: HashMap::new(), len: 0 }
    }
}

impl<K: Copy + Eq + Hash, T> Turns<K, T> {
    /// Puts an entry behind the others of its owner.
    pub fn push(&mut self, owner: K, entry: T) {
        self.len += 1;
        let queue = self.waiting.entry(owner).or_default();
        if queue.is_empty() {
            self.order.push_back(owner);
        }
        queue.push_back(entry);
    }

    /// Puts an entry back to the front: it was taken and could not be used.
    pub fn push_front(&mut self, owner: K, entry: T) {
        self.len += 1;
        let queue = self.waiting.entry(owner).or_default();
        if queue.is_empty() {
            self.order.push_front(owner);
        }
        queue.push_front(entry);
    }

    /// The next entry of the owner whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let owner = self.order.pop_front()?;
        let queue = self.waiting.get_mut(&owner)?;
        let entry = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&owner);
        } else {
            self.order.push_back(owner);
        }
        self.len -= usize::from(entry.is_some());
        entry
    }

    /// Number of waiting entries of one owner.
    #[must_use]
    pub fn len_of(&self, owner: K) -> usize {
        self.waiting.get(&owner).map_or(0, VecDeque::len)
    }

    /// Whose turn it is.
    #[must_use]
    pub fn next_owner(&self) -> Option<K> {
        self.order.front().copied()
    }

    /// Takes everything, in turns.
    pub fn drain(&mut self) -> Vec<T> {
        let mut all = Vec::with_capacity(self.len);
        while let Some(entry) = self.pop() {
            all.push(entry);
        }
        all
    }

    /// Number of waiting entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_newcomer_waits_for_one_entry_of_each_other() {
        let mut turns = Turns::default();
        for n in 0..1_000 {
            turns.push('a', n);
        }
        assert_eq!(turns.pop(), Some(0));
        turns.push('b', 7_000);
        assert_eq!(turns.pop(), Some(1));
        assert_eq!(turns.pop(), Some(7_000));
        assert_eq!(turns.pop(), Some(2));
        assert_eq!(turns.len(), 997);
    }

    #[test]
    fn what_is_put_back_comes_first() {
        let mut turns = Turns::default();
        turns.push('a', 1);
        turns.push('b', 2);
        let one = turns.pop().unwrap();
        turns.push_front('a', one);
        assert_eq!(turns.drain(), [1, 2]);
        assert!(turns.is_empty());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_owner_keeps_its_order(pushes in prop::collection::vec((0u8..5, any::<u16>()), 0..200)) {
            let mut turns = Turns::default();
            for (owner, value) in &pushes {
                turns.push(*owner, (*owner, *value));
            }
            let out = turns.drain();
            prop_assert_eq!(out.len(), pushes.len());
            for owner in 0..5 {
                let given: Vec<_> = pushes.iter().filter(|(o, _)| *o == owner).copied().collect();
                let taken: Vec<_> = out.iter().filter(|(o, _)| *o == owner).copied().collect();
                prop_assert_eq!(given, taken);
            }
        }
    }
}
