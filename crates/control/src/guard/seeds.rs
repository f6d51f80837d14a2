//! Who writes to an account becomes its contact: noted cheaply, because most mail comes from who wrote before.

use std::sync::atomic::{AtomicU64, Ordering};

use sekisho_guard::event::Event;
use sekisho_message::{Address, Time};
use sekisho_store::{Result, Tx, contact};

use super::Guard;

/// Pairs that are remembered as noted.
const SLOTS: usize = 1 << 16;

/// Somebody outside who wrote to somebody here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Key of the account's origin.
    key: String,
    origin: i64,
    peer: i64,
}

/// Pairs that are in the store for sure. A slot holds the last pair that fell on it; what is forgotten is noted again.
pub(super) struct Seeds(Box<[AtomicU64]>);

impl Default for Seeds {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Seed {
    /// Never 0, which is an empty slot.
    fn mark(&self) -> u64 {
        (self.origin.cast_unsigned().rotate_left(32) ^ self.peer.cast_unsigned()) | 1
    }
}

impl Seeds {
    fn slot(&self, seed: &Seed) -> Option<&AtomicU64> {
        let at = usize::try_from(seed.mark() >> 1).unwrap_or(0) % SLOTS;
        self.0.get(at)
    }
}

impl Guard {
    /// That `author` wrote to the account `address`; none when that is known.
    #[must_use]
    pub fn seed(&self, address: &str, author: &Address) -> Option<Seed> {
        let account = Address::parse(address).ok()?;
        let key = format!("account:{}", account.key());
        let seed = Seed { origin: self.origin(&key), peer: self.peer(author), key };
        let known = self.seeds.slot(&seed).is_some_and(|slot| slot.load(Ordering::Relaxed) == seed.mark());
        (!known).then_some(seed)
    }

    /// Notes it in the store. A first answer to somebody who wrote first speaks for him: he is in a conversation.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn plant(&self, tx: &mut dyn Tx, seed: &Seed, now: Time) -> Result<()> {
        if contact::received(tx, seed.origin, seed.peer, now)? {
            self.judge(tx, &seed.key, &Event::Answered, "", Some("an answer"), now)?;
        }
        Ok(())
    }

    /// Remembers that it is noted, once that is durable.
    pub fn planted(&self, seed: &Seed) {
        if let Some(slot) = self.seeds.slot(seed) {
            slot.store(seed.mark(), Ordering::Relaxed);
        }
    }
}

impl Guard {
    /// Notes that the account `address` wrote to `recipients`, as its imported sent mail shows.
    ///
    /// # Errors
    /// What the engine reports.
    pub fn remember_sent(&self, tx: &mut dyn Tx, address: &str, recipients: &[Address], now: Time) -> Result<()> {
        if recipients.is_empty() {
            return Ok(());
        }
        let origin = self.origin(&format!("account:{address}"));
        let mut peers: Vec<i64> = recipients.iter().map(|recipient| self.peer(recipient)).collect();
        peers.sort_unstable();
        peers.dedup();
        let known = contact::known(tx, origin, &peers)?;
        contact::wrote(tx, origin, &peers, &known, now)
    }
}
