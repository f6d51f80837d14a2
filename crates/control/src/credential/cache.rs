//! Passwords that were verified a moment ago, as keyed hashes.
//!
//! Argon2id is meant to be slow; mail programs log in every few minutes with the same password. A tag covers the
//! account, its stored hash and the password, so a changed password is forgotten even on a node that heard nothing.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use sekisho_message::Time;
use sekisho_store::AccountId;

use super::keyed::Tag;

/// Most passwords remembered; the oldest goes first. About 10 MiB.
const MOST: usize = 65_536;

/// The longest that a password may be remembered.
pub(crate) const LONGEST: Duration = Duration::from_secs(3_600);

pub(crate) struct Cache {
    ttl: Duration,
    known: HashMap<Tag, (AccountId, Time)>,
    /// Tags in the order in which they expire; those that were forgotten or renewed meanwhile are skipped.
    order: VecDeque<(Time, Tag)>,
}

impl Cache {
    pub(crate) fn new(ttl: Duration) -> Self {
        Self { ttl: ttl.min(LONGEST), known: HashMap::new(), order: VecDeque::new() }
    }

    /// Whether what `tag` stands for was verified less than the life time ago.
    pub(crate) fn knows(&mut self, tag: &Tag, now: Time) -> bool {
        self.known.get(tag).is_some_and(|(_, until)| now < *until)
    }

    pub(crate) fn remember(&mut self, tag: Tag, account: AccountId, now: Time) {
        if self.ttl.is_zero() {
            return;
        }
        let until = now + self.ttl;
        self.known.insert(tag, (account, until));
        self.order.push_back((until, tag));
        while let Some((expires, oldest)) = self.order.front() {
            if *expires > now && self.order.len() <= MOST {
                break;
            }
            // A renewed tag has a later entry of its own.
            if self.known.get(oldest).is_some_and(|(_, until)| until == expires) {
                self.known.remove(oldest);
            }
            self.order.pop_front();
        }
    }

    pub(crate) fn forget(&mut self, account: AccountId) {
        self.known.retain(|_, (whose, _)| *whose != account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = AccountId(1);
    const B: AccountId = AccountId(2);

    fn tag(n: u32) -> Tag {
        let mut tag = Tag::default();
        tag[..4].copy_from_slice(&n.to_be_bytes());
        tag
    }

    #[test]
    fn forgets_after_its_time_and_when_told() {
        let mut cache = Cache::new(Duration::from_secs(300));
        let start = Time::from_seconds(1_000);
        cache.remember(tag(1), A, start);
        cache.remember(tag(2), B, start);
        assert!(cache.knows(&tag(1), start + Duration::from_secs(299)));
        assert!(!cache.knows(&tag(1), start + Duration::from_secs(300)));
        assert!(!cache.knows(&tag(3), start));
        cache.forget(A);
        assert!(!cache.knows(&tag(1), start));
        assert!(cache.knows(&tag(2), start));
    }

    #[test]
    fn is_bounded_and_keeps_what_was_renewed() {
        let mut cache = Cache::new(Duration::from_secs(300));
        let start = Time::from_seconds(1_000);
        for n in 0..MOST as u32 + 100 {
            cache.remember(tag(n), A, start);
        }
        assert!(cache.known.len() <= MOST && cache.order.len() <= MOST);
        assert!(!cache.knows(&tag(0), start));
        let mut cache = Cache::new(Duration::from_secs(300));
        cache.remember(tag(1), A, start);
        cache.remember(tag(1), A, start + Duration::from_secs(200));
        cache.remember(tag(2), A, start + Duration::from_secs(400));
        assert!(cache.knows(&tag(1), start + Duration::from_secs(400)));
    }

    #[test]
    fn a_life_of_zero_remembers_nothing() {
        let mut cache = Cache::new(Duration::ZERO);
        cache.remember(tag(1), A, Time::from_seconds(1));
        assert!(!cache.knows(&tag(1), Time::from_seconds(1)));
    }
}
