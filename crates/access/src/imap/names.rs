//! Names of mailboxes as clients see them: their own, and below `Other Users/ADDRESS/` those that others share with them
//! (RFC 2342, RFC 4314).

use std::borrow::Cow;

use sekisho_message::Address;
use sekisho_proto::imap::{Done, print};
use sekisho_store::account::{self, State};
use sekisho_store::acl::{self, Rights};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{AccountId, Result, Tx};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::agent::{Enabled, ImapAgent};
use super::refusal::no_permission;

/// The level above the owners of shared mailboxes.
pub(super) const OTHERS: &str = "Other Users";

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// A mailbox of the account itself.
    Own(&'a str),
    /// A mailbox of somebody else.
    Others {
        /// The address as it is written.
        owner: &'a str,
        /// The name that the owner knows it by.
        name: &'a str,
    },
    /// A level above those, which is never a mailbox.
    Level,
}

/// Takes a name apart.
pub(super) fn named(name: &str) -> Named<'_> {
    match name.strip_prefix(OTHERS).map(|rest| rest.split_at_checked(1).unwrap_or((rest, ""))) {
        Some(("", _)) => Named::Level,
        Some(("/", rest)) => match rest.split_once('/') {
            Some((owner, name)) if !name.is_empty() => Named::Others { owner, name },
            _ => Named::Level,
        },
        _ => Named::Own(name),
    }
}

/// The name of a shared mailbox as others than its owner see it.
pub(super) fn shared_name(owner: &str, name: &str) -> String {
    format!("{OTHERS}/{owner}/{name}")
}

/// The one form of a name that looks the same however it was typed (RFC 9051 §5.1 asks for Net-Unicode).
pub(super) fn normal(name: &str) -> Cow<'_, str> {
    if name.is_ascii() || is_nfc_quick(name.chars()) == IsNormalized::Yes {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.nfc().collect())
    }
}

/// A mailbox, and what the client may do with it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) mailbox: Mailbox,
    pub(super) rights: Rights,
}

impl Found {
    /// Refuses unless all of `rights` are there.
    pub(super) fn need(&self, rights: Rights) -> std::result::Result<(), Done> {
        if self.rights.has(rights) { Ok(()) } else { Err(no_permission()) }
    }
}

/// The mailbox of a name. None too when the client has no rights at all: it must not learn that there is one.
pub(super) fn find(tx: &mut dyn Tx, account: AccountId, name: &str) -> Result<Option<Found>> {
    let name = normal(name);
    let mailbox = match named(&name) {
        Named::Own(name) => mailbox::get(tx, account, name)?,
        Named::Others { owner, name } => match owner_of(tx, owner)? {
            Some(owner) => mailbox::get(tx, owner, name)?,
            None => None,
        },
        Named::Level => None,
    };
    let Some(mailbox) = mailbox else { return Ok(None) };
    let rights = acl::rights(tx, account, &mailbox)?;
    Ok((rights != Rights::NONE).then_some(Found { mailbox, rights }))
}

/// The account of an address that owns mailboxes.
pub(super) fn owner_of(tx: &mut dyn Tx, address: &str) -> Result<Option<AccountId>> {
    let Ok(address) = Address::parse(address) else { return Ok(None) };
    Ok(account::get(tx, &address.key())?.filter(|owner| owner.state != State::Removed).map(|owner| owner.id))
}

/// Whose mailbox a name is, and the name that the owner knows it by; none for a name that cannot be one.
pub(super) fn place(tx: &mut dyn Tx, account: AccountId, name: &str) -> Result<Option<(AccountId, String)>> {
    Ok(match named(name) {
        Named::Own(name) => Some((account, name.to_owned())),
        Named::Others { owner, name } => owner_of(tx, owner)?.map(|owner| (owner, name.to_owned())),
        Named::Level => None,
    })
}

/// What the client may do with the closest level above `name` that there is; everything at the top of its own tree.
pub(super) fn rights_above(tx: &mut dyn Tx, account: AccountId, owner: AccountId, name: &str) -> Result<Rights> {
    if owner == account {
        return Ok(Rights::ALL);
    }
    Ok(match above(tx, owner, name)? {
        Some(mailbox) => acl::rights(tx, account, &mailbox)?,
        None => Rights::NONE,
    })
}

/// The closest level above `name` that is a mailbox.
pub(super) fn above(tx: &mut dyn Tx, owner: AccountId, name: &str) -> Result<Option<Mailbox>> {
    for (end, _) in name.rmatch_indices('/') {
        if let Some(mailbox) = mailbox::get(tx, owner, name.get(..end).unwrap_or_default())? {
            return Ok(Some(mailbox));
        }
    }
    Ok(None)
}

impl Enabled {
    /// Appends a mailbox name as the client reads it.
    pub(super) fn name(self, out: &mut Vec<u8>, name: &str) {
        if self.utf8 { print::mailbox_utf8(out, name) } else { print::mailbox(out, name) }
    }
}

impl ImapAgent {
    /// The mailbox of a name with at least `rights`; `absent` is the answer when there is none.
    pub(super) async fn found(
        &self,
        name: &str,
        rights: Rights,
        absent: fn() -> Done,
    ) -> std::result::Result<Found, Done> {
        let (account, name) = (self.account_id()?, name.to_owned());
        let found = self.store().look(move |tx| find(tx, account, &name)).await;
        let found = found.map_err(|error| self.refused(&error))?.ok_or_else(absent)?;
        found.need(rights)?;
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_have_their_place() {
        assert_eq!(named("Work/Other Users/x/y"), Named::Own("Work/Other Users/x/y"));
        assert_eq!(named("Other Usersx"), Named::Own("Other Usersx"));
        for level in ["Other Users", "Other Users/", "Other Users/taro@example.jp", "Other Users/taro@example.jp/"] {
            assert_eq!(named(level), Named::Level, "{level}");
        }
        assert_eq!(named("Other Users/a@b/c/d"), Named::Others { owner: "a@b", name: "c/d" });
        assert_eq!(normal("か\u{3099}"), "が");
    }
}
