//! A limited stock that is shared out between owners.
//!
//! Whoever wants a share gets it while it holds fewer than are free. So one owner alone can take half of the
//! stock, two a third each, and there is always one left for a newcomer: nobody has to give anything back
//! first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The stock. Clones share it.
#[derive(Debug)]
pub struct Shares<K: Copy + Eq + Hash>(Arc<Mutex<Stock<K>>>);

#[derive(Debug)]
struct Stock<K> {
    limit: usize,
    taken: usize,
    by_owner: HashMap<K, usize>,
}

/// One share; dropping it gives it back.
#[derive(Debug)]
pub struct Share<K: Copy + Eq + Hash> {
    owner: K,
    shares: Shares<K>,
}

impl<K: Copy + Eq + Hash> Clone for Shares<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Copy + Eq + Hash> Shares<K> {
    /// A stock of `limit` shares, at least two.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Stock { limit: limit.max(2), taken: 0, by_owner: HashMap::new() })))
    }

    /// One share for `owner`; none when it holds as many as are free.
    #[must_use]
    pub fn take(&self, owner: K) -> Option<Share<K>> {
        let mut stock = self.stock();
        let free = stock.limit - stock.taken;
        if free == 0 || stock.by_owner.get(&owner).copied().unwrap_or(0) >= free {
            return None;
        }
        stock.taken += 1;
        *stock.by_owner.entry(owner).or_default() += 1;
        drop(stock);
        Some(Share { owner, shares: self.clone() })
    }

    /// How many shares are free.
    #[must_use]
    pub fn free(&self) -> usize {
        let stock = self.stock();
        stock.limit - stock.taken
    }

    /// How many shares are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.stock().taken
    }

    fn stock(&self) -> MutexGuard<'_, Stock<K>> {
        // The counts are changed in steps that cannot panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash> Share<K> {
    /// How many shares its owner holds.
    #[must_use]
    pub fn held(&self) -> usize {
        self.shares.stock().by_owner.get(&self.owner).copied().unwrap_or(0)
    }
}

impl<K: Copy + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut stock = self.shares.stock();
        stock.taken -= 1;
        if let Some(count) = stock.by_owner.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                stock.by_owner.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn fill(shares: &Shares<char>, owner: char) -> Vec<Share<char>> {
        std::iter::from_fn(|| shares.take(owner)).collect()
    }

    #[test]
    fn one_owner_takes_half_and_newcomers_always_get_one() {
        let shares = Shares::new(512);
        let a = fill(&shares, 'a');
        assert_eq!(a.len(), 256);
        let b = fill(&shares, 'b');
        assert_eq!(b.len(), 128);
        let later: Vec<_> = ('c'..='h').map(|owner| fill(&shares, owner)).collect();
        assert!(later.iter().all(|held| !held.is_empty()));
        assert_eq!(shares.taken(), 256 + 128 + later.iter().map(Vec::len).sum::<usize>());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let shares = Shares::new(4);
        let held = fill(&shares, 'a');
        assert_eq!(held.len(), 2);
        drop(held);
        assert_eq!((shares.free(), shares.taken()), (4, 0));
        assert_eq!(fill(&shares, 'b').len(), 2);
        assert!(shares.0.lock().unwrap().by_owner.is_empty(), "no owner is remembered for nothing");
    }
}
