//! What is remembered of wrong passwords: how many different ones, from where, since when.

use sekisho_message::Time;

use super::wire::{DecodeError, Ring, Wire, wire};
use super::{DAY, Profile};
use crate::event::Protocol;
use crate::place::Place;
use crate::policy::Policy;

/// Half of the time that is remembered.
const GENERATION: i64 = DAY * 7 / 2;

/// Wrong passwords of the last week, by keyed hash only. Those tried at the owner's own places do not count: they are
/// his typing errors, or an old client of his.
#[derive(Clone, Debug, PartialEq)]
pub struct Guesses {
    current: Bitmap,
    previous: Bitmap,
    turned: Time,
    /// Where they came from.
    pub failures: Ring<Failures, 16>,
}

/// The failures of one place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Failures {
    /// The place.
    pub place: Place,
    /// The door that was tried first.
    pub protocol: Protocol,
    /// The first of them.
    pub first: Time,
    /// The last of them.
    pub last: Time,
    /// How many, equal ones too.
    pub count: u16,
}

impl Guesses {
    /// None yet.
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self { current: Bitmap::default(), previous: Bitmap::default(), turned: now, failures: Ring::default() }
    }

    /// Notes a wrong password.
    pub(crate) fn note(&mut self, place: Place, protocol: Protocol, password: u64, counts: bool, now: Time) {
        self.turn(now);
        if counts {
            self.current.set(password);
        }
        if let Some(known) = self.failures.0.iter_mut().find(|f| f.place == place) {
            known.last = now;
            known.count = known.count.saturating_add(1);
        } else {
            self.failures.push(Failures { place, protocol, first: now, last: now, count: 1 });
        }
    }

    /// How many different wrong passwords came within about a week.
    pub(crate) fn distinct(&mut self, now: Time) -> u32 {
        self.turn(now);
        self.current.union_count(&self.previous)
    }

    /// The first failure that is remembered from places that `own` denies, and its door.
    pub(crate) fn first_failure(&self, own: impl Fn(Place) -> bool) -> Option<Failures> {
        self.failures.items().iter().filter(|f| !own(f.place)).min_by_key(|f| f.first).copied()
    }

    /// Whether this place has failed before.
    pub(crate) fn failed_at(&self, place: Place) -> bool {
        self.failures.items().iter().any(|f| f.place == place && f.count >= 2)
    }

    fn turn(&mut self, now: Time) {
        let age = now.0.saturating_sub(self.turned.0);
        if age >= GENERATION {
            self.previous = if age >= 2 * GENERATION { Bitmap::default() } else { self.current };
            self.current = Bitmap::default();
            self.turned = now;
            self.failures.0.retain(|f| now.0.saturating_sub(f.last.0) < 2 * GENERATION);
        }
    }
}

impl Profile {
    /// Whether so many different wrong passwords came from strangers lately that a success looks guessed.
    pub(crate) fn is_guessed_at(&mut self, policy: &Policy, regime: bool, now: Time) -> Option<u32> {
        let needed = if regime { policy.guesses.div_ceil(2) } else { policy.guesses };
        // In the first week the owner's own errors come from places that nobody knows yet.
        let needed = if self.is_settling(policy, now) { needed.saturating_mul(3).div_ceil(2) } else { needed };
        let distinct = self.guesses.distinct(now);
        (distinct >= needed.max(1)).then_some(distinct)
    }
}

/// A set of hashes, counted by linear counting: nearly exact up to a few hundred, good to some thousands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bitmap([u8; 128]);

impl Default for Bitmap {
    fn default() -> Self {
        Self([0; 128])
    }
}

impl Bitmap {
    fn at(hash: u64) -> (usize, u8) {
        let bit = (hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54) as usize;
        (bit / 8, 1 << (bit % 8))
    }

    /// Adds one; whether it was new (a few new ones look old).
    pub(crate) fn set(&mut self, hash: u64) -> bool {
        let (octet, bit) = Self::at(hash);
        let new = self.0[octet] & bit == 0;
        self.0[octet] |= bit;
        new
    }

    /// Whether it is in, probably.
    pub(crate) fn has(&self, hash: u64) -> bool {
        let (octet, bit) = Self::at(hash);
        self.0[octet] & bit != 0
    }

    /// Share of the bits that are set.
    pub(crate) fn fill(&self) -> f32 {
        self.0.iter().map(|octet| octet.count_ones()).sum::<u32>() as f32 / 1024.0
    }

    fn union_count(&self, other: &Self) -> u32 {
        let empty: u32 = self.0.iter().zip(&other.0).map(|(a, b)| (a | b).count_zeros()).sum();
        (-1024.0 * (f64::from(empty.max(1)) / 1024.0).ln()).round() as u32
    }
}

impl Wire for Bitmap {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
    fn take(input: &mut &[u8]) -> Result<Self, DecodeError> {
        let (head, rest) = input.split_first_chunk::<128>().ok_or(DecodeError::Length)?;
        *input = rest;
        Ok(Self(*head))
    }
}

wire!(Guesses { current, previous, turned, failures });
wire!(Failures { place, protocol, first, last, count });
