//! Where mail for an address goes, and whose address it is.

use sekisho_message::Address;

use crate::account::{self, Account, State};
use crate::list::{self, List};
use crate::{AccountId, Error, Result, Tx, TxExt, alias, domain};

/// What an address is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// An account that takes mail.
    Account(Box<Account>),
    /// Another address, local or not; resolve again, with a limit.
    Alias {
        /// The other address.
        target: String,
    },
    /// A mailing list.
    List(Box<List>),
    /// The domain is local, the user is not known.
    UnknownUser,
    /// The domain is not local.
    NotLocal,
}

/// Resolves `address`: exact account, exact alias, list, bounce address of a list, longest prefix alias, alias for the whole domain.
///
/// # Errors
/// What the engine reports.
pub fn resolve(tx: &mut dyn Tx, address: &Address) -> Result<Resolution> {
    let key = address.key();
    if let Some(account) = account::get(tx, &key)? {
        // A removed account hides aliases of its address, so that its mail goes nowhere else by accident.
        return Ok(match account.state {
            State::Removed => Resolution::UnknownUser,
            State::Active | State::Suspended => Resolution::Account(Box::new(account)),
        });
    }
    if let Some(target) = alias::exact(tx, &key)? {
        return Ok(Resolution::Alias { target });
    }
    if let Some(list) = list::get(tx, &key)? {
        return Ok(Resolution::List(Box::new(list)));
    }
    if let Some(target) = list::owner_of_bounces(tx, &key)? {
        return Ok(Resolution::Alias { target });
    }
    if let Some(target) = alias::wildcard(tx, &key)? {
        return Ok(Resolution::Alias { target });
    }
    Ok(match domain::get(tx, address.domain().ascii())? {
        Some(_) => Resolution::UnknownUser,
        None => Resolution::NotLocal,
    })
}

/// Whether `address` is the account's own or an exact alias that leads to it at once (never a wildcard).
///
/// # Errors
/// What the engine reports.
pub fn owns(tx: &mut dyn Tx, account: AccountId, address: &Address) -> Result<bool> {
    let own = tx.one("SELECT key FROM account WHERE id = ?1", &[account.into()], |row| Ok(row.text(0)?.to_owned()))?;
    let Some(own) = own else { return Ok(false) };
    let key = address.key();
    Ok(key == own || alias::leads_to(tx, &key, &own)?)
}

/// Refuses an address that an account, an exact alias or a list has.
pub(crate) fn must_be_free(tx: &mut dyn Tx, key: &str) -> Result<()> {
    let taken = if account::get(tx, key)?.is_some() {
        "an account"
    } else if alias::exact(tx, key)?.is_some() {
        "an alias"
    } else if list::get(tx, key)?.is_some() {
        "a list"
    } else {
        return Ok(());
    };
    Err(Error::Conflict(format!("{key} is {taken} already")))
}

/// Local part and domain of a key.
pub(crate) fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('@').unwrap_or((key, ""))
}
