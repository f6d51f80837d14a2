//! Numbers of rows, each kind a type of its own.

use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl From<$name> for crate::Param<'_> {
            fn from(id: $name) -> Self {
                crate::Param::Int(id.0)
            }
        }
    )*};
}

ids! {
    /// A domain that this server is final destination for.
    DomainId,
    /// An account: a person's login and mailboxes.
    AccountId,
    /// A mailing list.
    ListId,
    /// An IMAP folder.
    MailboxId,
    /// A stored body.
    ContentId,
    /// A message in the queue; printed as `B0000000123`, as E-POST does.
    MessageId,
    /// One recipient of a queued message.
    RecipientId,
    /// The queue entries of one epoch to one destination.
    LaneId,
    /// One epoch of an origin; a held epoch is skipped by the scheduler.
    EpochId,
    /// Who answers for a submission.
    OriginId,
    /// An origin that is or was abused, or seemed to be.
    IncidentId,
}

/// Bits of a [`RecipientId`] that number the recipients of one message.
const RECIPIENT_BITS: u32 = 20;

/// Most recipients that one queued message can have.
pub(crate) const MOST_RECIPIENTS: usize = 1 << RECIPIENT_BITS;

impl MessageId {
    /// The id of this message's `n`th recipient.
    #[must_use]
    pub const fn recipient(self, n: u32) -> RecipientId {
        RecipientId((self.0 << RECIPIENT_BITS) | (n as i64 & (MOST_RECIPIENTS as i64 - 1)))
    }

    /// The message that [`MessageId`]'s printed form names: `B` (or `b`) and digits, or digits alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['B', 'b']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok().filter(|n| *n < 1 << (63 - RECIPIENT_BITS)).map(Self)
    }
}

impl RecipientId {
    /// The message that this is a recipient of.
    #[must_use]
    pub const fn message(self) -> MessageId {
        MessageId(self.0 >> RECIPIENT_BITS)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "B{:010}", self.0)
    }
}

impl std::str::FromStr for MessageId {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        Self::parse(text).ok_or(crate::Error::NotFound("message"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn message_ids_print_and_parse_like_the_spool_of_e_post() {
        assert_eq!(MessageId(123).to_string(), "B0000000123");
        assert_eq!("B0000000123".parse::<MessageId>().unwrap(), MessageId(123));
        assert_eq!(MessageId::parse("123"), Some(MessageId(123)));
        for bad in ["", "B", "B-1", "C1", "B12 ", "B99999999999999999999"] {
            assert_eq!(MessageId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_recipient_knows_its_message() {
        let message = MessageId(9_999_999_999);
        for n in [0, 1, 1_048_575] {
            assert_eq!(message.recipient(n).message(), message);
        }
        assert!(message.recipient(1) > message.recipient(0));
    }
}
