//! What others than its owner may do with a folder (RFC 4314).

use std::fmt;
use std::ops::{BitAnd, BitOr, Not};

use crate::mailbox::{self, Mailbox};
use crate::{AccountId, Error, MailboxId, Result, Tx, TxExt};

/// Most entries of one folder.
pub const MOST_ENTRIES: u64 = 1_000;

/// Most folders of others that one account is shown.
pub const MOST_SHARED: usize = 10_000;

/// A set of rights (RFC 4314 §2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights(u16);

/// Letters of the rights in the order of their bits.
const LETTERS: &[u8; 11] = b"lrswipkxtea";

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// `l`: the folder is visible.
    pub const LOOKUP: Self = Self(1);
    /// `r`: SELECT, STATUS, FETCH, SEARCH, COPY from it.
    pub const READ: Self = Self(1 << 1);
    /// `s`: `\Seen` is kept.
    pub const SEEN: Self = Self(1 << 2);
    /// `w`: other flags than `\Seen` and `\Deleted`.
    pub const WRITE: Self = Self(1 << 3);
    /// `i`: APPEND, COPY into it.
    pub const INSERT: Self = Self(1 << 4);
    /// `p`: send mail to its submission address; kept and not used.
    pub const POST: Self = Self(1 << 5);
    /// `k`: CREATE folders below it.
    pub const CREATE: Self = Self(1 << 6);
    /// `x`: DELETE or RENAME it.
    pub const DELETE: Self = Self(1 << 7);
    /// `t`: `\Deleted`.
    pub const DELETED: Self = Self(1 << 8);
    /// `e`: EXPUNGE.
    pub const EXPUNGE: Self = Self(1 << 9);
    /// `a`: change who may do what.
    pub const ADMIN: Self = Self(1 << 10);
    /// What changes messages that are there: `s`, `w`, `i`, `t`, `e`.
    pub const CHANGES: Self = Self(0b11_0001_1100);
    /// All of them: the owner's.
    pub const ALL: Self = Self((1 << 11) - 1);

    /// The rights that letters name. `c` and `d` stand for what they meant before RFC 4314 (§2.1.1): `k`, and `x`, `t` and
    /// `e`. None when a letter is unknown.
    #[must_use]
    pub fn parse(letters: &str) -> Option<Self> {
        let mut rights = Self::NONE;
        for letter in letters.bytes() {
            rights = rights
                | match letter {
                    b'c' => Self::CREATE,
                    b'd' => Self::DELETE | Self::DELETED | Self::EXPUNGE,
                    letter => Self(1 << LETTERS.iter().position(|known| *known == letter)?),
                };
        }
        Some(rights)
    }

    /// Whether all of `other` are among them.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is among them.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Each right alone, in order.
    pub fn each(self) -> impl Iterator<Item = Self> {
        (0..LETTERS.len()).map(|bit| Self(1 << bit)).filter(move |one| self.any(*one))
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Rights {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Rights {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0 & Self::ALL.0)
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in LETTERS.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                write!(f, "{}", char::from(*letter))?;
            }
        }
        Ok(())
    }
}

/// Who an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Every account of the owner's domain. Never strangers, and not the other domains of a shared server.
    Anyone,
    /// One account.
    Account(AccountId),
}

impl Who {
    const fn stored(self) -> AccountId {
        match self {
            Self::Anyone => AccountId(0),
            Self::Account(id) => id,
        }
    }
}

/// One entry of a folder's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Address of the account; none for [`Who::Anyone`].
    pub address: Option<String>,
    /// The rights are taken away instead of given.
    pub negative: bool,
    /// Which.
    pub rights: Rights,
}

/// The entries of a folder besides the owner's.
///
/// # Errors
/// What the engine reports.
pub fn entries(tx: &mut dyn Tx, mailbox: MailboxId) -> Result<Vec<Entry>> {
    tx.all(
        "SELECT account.address, acl.account, negative, rights FROM acl LEFT JOIN account ON account.id = acl.account
         WHERE mailbox = ?1 AND (acl.account = 0 OR account.id IS NOT NULL) ORDER BY acl.account, negative",
        &[mailbox.into()],
        |row| {
            Ok(Entry {
                address: row.opt_text(0)?.map(ToOwned::to_owned),
                negative: row.flag(2)?,
                rights: stored(row, 3)?,
            })
        },
    )
}

/// The rights that one entry gives or takes; none when there is no such entry.
///
/// # Errors
/// What the engine reports.
pub fn entry(tx: &mut dyn Tx, mailbox: MailboxId, who: Who, negative: bool) -> Result<Rights> {
    let found = tx.one(
        "SELECT rights FROM acl WHERE mailbox = ?1 AND account = ?2 AND negative = ?3",
        &[mailbox.into(), who.stored().into(), negative.into()],
        |row| stored(row, 0),
    )?;
    Ok(found.unwrap_or_default())
}

/// Sets one entry; without rights it goes.
///
/// # Errors
/// `Conflict` when the folder has [`MOST_ENTRIES`] already.
pub fn set(tx: &mut dyn Tx, mailbox: MailboxId, who: Who, negative: bool, rights: Rights) -> Result<()> {
    if rights == Rights::NONE {
        tx.execute(
            "DELETE FROM acl WHERE mailbox = ?1 AND account = ?2 AND negative = ?3",
            &[mailbox.into(), who.stored().into(), negative.into()],
        )?;
        return Ok(());
    }
    let count = tx.one("SELECT COUNT(*) FROM acl WHERE mailbox = ?1", &[mailbox.into()], |row| row.count(0))?;
    if count.unwrap_or(0) >= MOST_ENTRIES {
        return Err(Error::Conflict(format!("a folder has {MOST_ENTRIES} entries at most")));
    }
    tx.execute(
        "INSERT INTO acl (mailbox, account, negative, rights) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (mailbox, account, negative) DO UPDATE SET rights = excluded.rights",
        &[mailbox.into(), who.stored().into(), negative.into(), i64::from(rights.0).into()],
    )?;
    Ok(())
}

/// What `account` may do with a folder.
///
/// # Errors
/// What the engine reports.
pub fn rights(tx: &mut dyn Tx, account: AccountId, mailbox: &Mailbox) -> Result<Rights> {
    if mailbox.account == account {
        return Ok(Rights::ALL);
    }
    let (mut given, mut taken) = (Rights::NONE, Rights::NONE);
    tx.query(
        "SELECT acl.rights, acl.negative FROM acl WHERE acl.mailbox = ?1 AND (acl.account = ?2 OR (acl.account = 0
             AND (SELECT domain FROM account WHERE id = ?2) = (SELECT domain FROM account WHERE id = ?3)))",
        &[mailbox.id.into(), account.into(), mailbox.account.into()],
        &mut |row| {
            let rights = stored(row, 0)?;
            if row.flag(1)? {
                taken = taken | rights;
            } else {
                given = given | rights;
            }
            Ok(())
        },
    )?;
    Ok(given & !taken)
}

/// Folders of others that `account` has any rights to, each with the address of its owner, by owner and name.
///
/// # Errors
/// What the engine reports.
pub fn shared_with(tx: &mut dyn Tx, account: AccountId) -> Result<Vec<(Mailbox, String, Rights)>> {
    let found = tx.all(
        &format!(
            "SELECT {}, account.address FROM mailbox JOIN account ON account.id = mailbox.account
             WHERE mailbox.account <> ?1 AND account.state < 2 AND mailbox.id IN
                 (SELECT mailbox FROM acl WHERE account = ?1 AND negative = 0
                  UNION SELECT acl.mailbox FROM acl JOIN mailbox m ON m.id = acl.mailbox
                      JOIN account o ON o.id = m.account WHERE acl.account = 0 AND acl.negative = 0
                          AND o.domain = (SELECT domain FROM account WHERE id = ?1))
             ORDER BY account.address, mailbox.name LIMIT ?2",
            mailbox::COLUMNS
        ),
        &[account.into(), MOST_SHARED.into()],
        |row| Ok((mailbox::read(row)?, row.text(mailbox::COLUMN_COUNT)?.to_owned())),
    )?;
    let mut shared = Vec::with_capacity(found.len());
    for (mailbox, owner) in found {
        let rights = rights(tx, account, &mailbox)?;
        if rights != Rights::NONE {
            shared.push((mailbox, owner, rights));
        }
    }
    Ok(shared)
}

fn stored(row: &dyn crate::Row, column: usize) -> Result<Rights> {
    Ok(Rights(u16::try_from(row.int(column)?).unwrap_or(0)) & Rights::ALL)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn letters_and_sets() {
        assert_eq!(Rights::ALL.to_string(), "lrswipkxtea");
        assert_eq!(Rights::parse("rl"), Some(Rights::LOOKUP | Rights::READ));
        assert_eq!(Rights::parse("d").unwrap().to_string(), "xte");
        assert_eq!(Rights::parse("c").unwrap().to_string(), "k");
        assert_eq!(Rights::parse("lz"), None);
        assert_eq!((!Rights::parse("lrs").unwrap()).to_string(), "wipkxtea");
        assert!(Rights::ALL.has(Rights::ADMIN) && !Rights::NONE.any(Rights::ALL));
        assert_eq!(Rights::CHANGES.to_string(), "swite");
        assert_eq!(Rights::parse("la").unwrap().each().count(), 2);
    }
}
