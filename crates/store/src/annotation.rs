//! Notes of clients on folders and on the server (RFC 5464).

use crate::{AccountId, Error, MailboxId, Result, Tx, TxExt};

/// Octets of one value.
pub const LONGEST_VALUE: usize = 64 * 1024;

/// Octets of an entry's name.
pub const LONGEST_NAME: usize = 256;

/// Entries that one account may have on one folder, and all together on it.
pub const MOST_ENTRIES: u64 = 200;

/// Whose note it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `/shared`: everybody's who may see the folder.
    Shared,
    /// `/private`: of one account.
    Private(AccountId),
}

impl Scope {
    const fn stored(self) -> AccountId {
        match self {
            Self::Shared => AccountId(0),
            Self::Private(account) => account,
        }
    }
}

/// The folder, or the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The server.
    Server,
    /// A folder.
    Mailbox(MailboxId),
}

impl Place {
    const fn stored(self) -> MailboxId {
        match self {
            Self::Server => MailboxId(0),
            Self::Mailbox(id) => id,
        }
    }
}

/// All notes of a scope at a place, by name. Names are in lower case, without `/private` or `/shared`.
///
/// # Errors
/// What the engine reports.
pub fn all(tx: &mut dyn Tx, place: Place, scope: Scope) -> Result<Vec<(String, Vec<u8>)>> {
    tx.all(
        "SELECT entry, value FROM annotation WHERE mailbox = ?1 AND account = ?2 ORDER BY entry",
        &[place.stored().into(), scope.stored().into()],
        |row| Ok((row.text(0)?.to_owned(), row.blob(1)?.to_vec())),
    )
}

/// One note.
///
/// # Errors
/// What the engine reports.
pub fn get(tx: &mut dyn Tx, place: Place, scope: Scope, entry: &str) -> Result<Option<Vec<u8>>> {
    tx.one(
        "SELECT value FROM annotation WHERE mailbox = ?1 AND account = ?2 AND entry = ?3",
        &[place.stored().into(), scope.stored().into(), entry.into()],
        |row| Ok(row.blob(0)?.to_vec()),
    )
}

/// Writes a note, or takes it away.
///
/// # Errors
/// `Conflict` when there are [`MOST_ENTRIES`] already.
pub fn set(tx: &mut dyn Tx, place: Place, scope: Scope, entry: &str, value: Option<&[u8]>) -> Result<()> {
    let (mailbox, account) = (place.stored(), scope.stored());
    let Some(value) = value else {
        tx.execute(
            "DELETE FROM annotation WHERE mailbox = ?1 AND account = ?2 AND entry = ?3",
            &[mailbox.into(), account.into(), entry.into()],
        )?;
        return Ok(());
    };
    let count = tx.one(
        "SELECT COUNT(*) FROM annotation WHERE mailbox = ?1 AND account = ?2 AND entry <> ?3",
        &[mailbox.into(), account.into(), entry.into()],
        |row| row.count(0),
    )?;
    if count.unwrap_or(0) >= MOST_ENTRIES {
        return Err(Error::Conflict(format!("{MOST_ENTRIES} annotations at most")));
    }
    tx.execute(
        "INSERT INTO annotation (mailbox, account, entry, value) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (mailbox, account, entry) DO UPDATE SET value = excluded.value",
        &[mailbox.into(), account.into(), entry.into(), value.into()],
    )?;
    Ok(())
}
