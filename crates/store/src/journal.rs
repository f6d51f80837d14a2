//! What happened: append-only, compressed when old, bounded.
//!
//! The number of an entry follows the order of writing, and time follows it but for the
//! moment that dialogue waits in a buffer. Only the number is indexed: a stretch of time
//! is found by halving, and the rest is read. Old entries lie in compressed chunks.

mod back;
mod chunk;
mod query;

use sekisho_message::Time;

use crate::{Error, Result, Row, Tx};

pub use back::query_back;
pub use chunk::{compress_step, expire_step};
pub use query::{Page, last_id, query};

/// What kind of thing happened; each of the seven logs is a view of some kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A connection was accepted (acceptlog).
    AcceptOpen,
    /// A connection ended, with its verdict (acceptlog).
    AcceptEnd,
    /// A message was accepted (inlog).
    In,
    /// A line of SMTP dialogue, a refusal, who authenticated (receivelog).
    Receive,
    /// Relayed or delivered (outlog).
    Out,
    /// Failed for good (faillog).
    Fail,
    /// Put off, with the peer's words.
    Defer,
    /// POP3 login or dialogue (pop3log).
    Pop3,
    /// IMAP login or dialogue (imap4log).
    Imap4,
    /// A state-changing act of a person or of the server.
    Act,
    /// A verdict of the guard.
    Verdict,
    /// Something else that an operator may want to know.
    Notice,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// When: within a minute of its being written, or what is found by time misses it.
    pub at: Time,
    /// What kind.
    pub kind: Kind,
    /// Whose account.
    pub account: Option<String>,
    /// Address concerned, such as the recipient.
    pub address: Option<String>,
    /// Client address.
    pub network: Option<String>,
    /// Message id as printed, `B0000000123`.
    pub message: Option<String>,
    /// The rest.
    pub detail: serde_json::Value,
}

/// Number of an entry; later entries have greater ones (on several nodes: nearly).
pub type EntryId = i64;

/// Which entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct JournalFilter {
    /// Any of these kinds; empty means all.
    pub kinds: Vec<Kind>,
    /// This account (without regard to case).
    pub account: Option<String>,
    /// This address (without regard to case), as account, address or in the detail's `from`.
    pub address: Option<String>,
    /// This client address, or one within this network in CIDR form.
    pub network: Option<String>,
    /// This message id.
    pub message: Option<String>,
    /// Not before.
    pub since: Option<Time>,
    /// Before.
    pub until: Option<Time>,
}

/// Appends entries.
///
/// # Errors
/// What the engine reports.
pub fn append(tx: &mut dyn Tx, entries: &[Entry]) -> Result<()> {
    for entry in entries {
        let detail = entry.detail.to_string();
        tx.execute(
            "INSERT INTO journal (at, kind, account, address, network, message, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                entry.at.into(),
                (entry.kind as i64).into(),
                entry.account.as_deref().into(),
                entry.address.as_deref().into(),
                entry.network.as_deref().into(),
                entry.message.as_deref().into(),
                (&detail).into(),
            ],
        )?;
    }
    Ok(())
}

impl Kind {
    /// All kinds; the place of each is its number in the table, so new ones are added at the end.
    const ALL: [Self; 12] = [
        Self::AcceptOpen,
        Self::AcceptEnd,
        Self::In,
        Self::Receive,
        Self::Out,
        Self::Fail,
        Self::Defer,
        Self::Pop3,
        Self::Imap4,
        Self::Act,
        Self::Verdict,
        Self::Notice,
    ];

    fn stored(n: i64) -> Result<Self> {
        let kind = usize::try_from(n).ok().and_then(|n| Self::ALL.get(n));
        kind.copied().ok_or_else(|| Error::Corrupt(format!("kind {n} of a journal entry")))
    }
}

const COLUMNS: &str = "id, at, kind, account, address, network, message, detail";

fn read(row: &dyn Row) -> Result<(EntryId, Entry)> {
    let own = |text: Option<&str>| text.map(ToOwned::to_owned);
    let entry = Entry {
        at: Time(row.int(1)?),
        kind: Kind::stored(row.int(2)?)?,
        account: own(row.opt_text(3)?),
        address: own(row.opt_text(4)?),
        network: own(row.opt_text(5)?),
        message: own(row.opt_text(6)?),
        detail: serde_json::from_str(row.text(7)?).map_err(|error| Error::Corrupt(error.to_string()))?,
    };
    Ok((row.int(0)?, entry))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::Kind;

    #[test]
    fn kinds_keep_their_numbers() {
        for (n, kind) in (0..).zip(Kind::ALL) {
            assert_eq!(kind as i64, n);
            assert_eq!(Kind::stored(n).unwrap(), kind);
        }
        assert!(Kind::stored(12).is_err());
        assert!(Kind::stored(-1).is_err());
    }
}
