//! What is in the folders.
//!
//! A message has a UID and a MODSEQ in its folder; every change of a folder raises the folder's MODSEQ (RFC 7162).
//! Flags are a bit mask, keywords have their bits from the folder's table. The body is shared: a message that was
//! delivered to a thousand people is stored once.

mod copy;
mod expunge;
mod flags;
mod gap;
mod history;
mod place;
mod read;

pub use copy::{Copied, copy, move_};
pub use expunge::{Vanished, expunge, vanished_since};
pub use flags::{FlagChange, FlagsSet, set_flags, set_flags_unheard};
pub use place::{Delivery, Placed, append, deliver, replace};
pub use read::{SummaryRef, changed_since, entries, first_unseen, flagged, note_first_unseen, signed, summaries};

pub(crate) use expunge::drop_some;
pub(crate) use place::count_usage;

use sekisho_message::Time;

pub use crate::content::{Body, summary};
use crate::{ContentId, MailboxId, Result, Tx, TxExt};

/// Most messages that one transaction should change one by one: give more in pieces.
pub const MOST_AT_ONCE: usize = 1_000;

/// The same for what goes by ranges, at a microsecond or two a message: flags, copies, moves, expunges. Others who
/// write wait meanwhile.
pub const MOST_TOGETHER: usize = 20_000;

/// Flags of a message as a bit mask: system flags below, keywords from bit 8 on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub i64);

impl Flags {
    /// `\Seen`
    pub const SEEN: Self = Self(1);
    /// `\Answered`
    pub const ANSWERED: Self = Self(2);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(4);
    /// `\Deleted`
    pub const DELETED: Self = Self(8);
    /// `\Draft`
    pub const DRAFT: Self = Self(16);
    /// All system flags.
    pub const SYSTEM: Self = Self(31);

    /// The flag of keyword bit `bit`.
    #[must_use]
    pub const fn keyword(bit: u8) -> Self {
        Self(1 << (bit & 63))
    }

    /// Whether all of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// One message of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mail {
    /// UID.
    pub uid: u32,
    /// Body.
    pub content: ContentId,
    /// Flags.
    pub flags: Flags,
    /// MODSEQ.
    pub modseq: u64,
    /// INTERNALDATE.
    pub date: Time,
    /// Octets.
    pub size: u64,
    /// When it came into this folder (SAVEDATE, RFC 8514).
    pub saved: Time,
}

/// Counters of a folder that a set of messages contributes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    messages: i64,
    unseen: i64,
    deleted: i64,
    size: i64,
}

impl Tally {
    fn add(&mut self, flags: Flags, size: u64) {
        self.messages += 1;
        self.unseen += i64::from(!flags.has(Flags::SEEN));
        self.deleted += i64::from(flags.has(Flags::DELETED));
        self.size += i64::try_from(size).unwrap_or(i64::MAX);
    }
}

/// Locks a folder until the transaction ends; whether it is there.
fn lock(tx: &mut dyn Tx, mailbox: MailboxId) -> Result<bool> {
    Ok(tx.one("SELECT id FROM mailbox WHERE id = ?1 /*lock*/", &[mailbox.into()], |_| Ok(()))?.is_some())
}

#[cfg(test)]
mod tests {
    use super::Flags;

    #[test]
    fn flags_are_sets() {
        let both = Flags::SEEN.with(Flags::keyword(8));
        assert!(both.has(Flags::SEEN) && both.has(Flags::keyword(8)));
        assert!(!both.has(Flags::SEEN.with(Flags::DELETED)));
        assert_eq!(both.without(Flags::SYSTEM), Flags(256));
    }
}
