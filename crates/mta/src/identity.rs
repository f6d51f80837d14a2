//! Whether an account may speak under a name.
//!
//! An account that authenticated may use its own address and exact aliases that lead to it, in the
//! reverse-path and in every mailbox of the header's From and Sender. A wildcard alias gives nobody a name.
//!
//! The null reverse-path is allowed to an account: programs submit disposition notifications (RFC 8098 §3)
//! that way, and RFC 6409 §6.1 leaves it to policy. The header is then all the identity there is, and it is
//! checked like every other.

use sekisho_message::Address;
use sekisho_message::header::Originators;
use sekisho_store::account::{self, Account};
use sekisho_store::{AccountId, Result, Store, Tx, alias, directory};

/// What the header of a submitted message claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// These addresses, which the account must own.
    Addresses(Vec<Address>),
    /// Nothing: there is no From, so the server writes one.
    Nobody,
    /// Something that cannot be checked: two From fields, an entry that is no address, an empty group.
    Unclear(&'static str),
}

/// Reads the claim from the originator fields.
#[must_use]
pub fn claim(originators: &Originators) -> Claim {
    let Originators { from, sender, .. } = originators;
    if from.fields > 1 || sender.fields > 1 {
        return Claim::Unclear("more than one From or Sender field");
    }
    if !from.unreadable.is_empty() || !sender.unreadable.is_empty() {
        return Claim::Unclear("a From or Sender that is not an address");
    }
    if (from.fields == 1 && from.addresses.is_empty()) || (sender.fields == 1 && sender.addresses.is_empty()) {
        return Claim::Unclear("a From or Sender without an address");
    }
    if from.fields == 0 && sender.fields == 0 {
        return Claim::Nobody;
    }
    let mut addresses = from.addresses.clone();
    addresses.extend(sender.addresses.iter().filter(|a| !from.addresses.contains(a)).cloned());
    Claim::Addresses(addresses)
}

/// The first of `addresses` that is not the account's, if there is one. Asks the store only about
/// addresses that are not the account's own.
///
/// # Errors
/// The store's.
pub async fn foreign(store: &Store, account: &Account, addresses: &[Address]) -> Result<Option<Address>> {
    let others: Vec<Address> = addresses.iter().filter(|a| a.key() != account.key).cloned().collect();
    if others.is_empty() {
        return Ok(None);
    }
    let id = account.id;
    store.read(move |tx| first_foreign(tx, id, others)).await
}

fn first_foreign(tx: &mut dyn Tx, account: AccountId, addresses: Vec<Address>) -> Result<Option<Address>> {
    for address in addresses {
        if !directory::owns(tx, account, &address)? {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

/// Whether an account or an exact alias has this address. Neither a list nor a wildcard makes a sender exist.
///
/// # Errors
/// The store's.
pub fn exists(tx: &mut dyn Tx, address: &Address) -> Result<bool> {
    let key = address.key();
    if account::get(tx, &key)?.is_some_and(|account| account.state != account::State::Removed) {
        return Ok(true);
    }
    Ok(alias::list(tx, Some(address.domain().ascii()))?.iter().any(|alias| alias.pattern == key))
}

/// Whether the name that people read in a From field (its value, as it came) is an address other than the author's: what
/// they take it to come from is not who wrote it.
#[must_use]
pub fn names_another(from: &[u8], author: &Address) -> bool {
    let decoded = sekisho_message::charset::decode_header(from);
    let Some((name, _)) = decoded.split_once('<') else { return false };
    let words = name.split(|c: char| c.is_whitespace() || "\"'(),;:[]".contains(c)).filter(|word| word.contains('@'));
    words.filter_map(|word| Address::parse(word).ok()).any(|named| named.key() != author.key())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use sekisho_message::header::originators;

    use super::*;

    #[test]
    fn an_address_in_the_name_that_is_not_the_authors_is_an_imitation() {
        let author = Address::parse("taro@example.jp").unwrap();
        let names = |from: &str| names_another(from.as_bytes(), &author);
        assert!(names("\"boss@bank.example\" <taro@example.jp>"));
        assert!(names("=?UTF-8?B?c3VwcG9ydEBiYW5rLmV4YW1wbGU=?= <taro@example.jp>"));
        for own in [
            "taro@example.jp",
            "Taro <taro@example.jp>",
            "\"Taro@Example.jp\" <taro@example.jp>",
            "a @ b <taro@example.jp>",
        ] {
            assert!(!names(own), "{own}");
        }
    }

    fn addresses(header: &str) -> Option<Vec<String>> {
        match claim(&originators(header.as_bytes())) {
            Claim::Addresses(addresses) => Some(addresses.iter().map(ToString::to_string).collect()),
            _ => None,
        }
    }

    #[test]
    fn every_mailbox_of_from_and_sender_is_claimed() {
        let one = "From: Taro <taro@example.jp>\r\nSender: taro@example.jp\r\n\r\n";
        assert_eq!(addresses(one).unwrap(), ["taro@example.jp"]);
        let two = "From: a@example.jp,\r\n \"B\" <b@example.jp>\r\nsender: c@example.jp\r\nReply-To: x@y.test\r\n\r\n";
        assert_eq!(addresses(two).unwrap(), ["a@example.jp", "b@example.jp", "c@example.jp"]);
    }

    #[test]
    fn what_cannot_be_checked_is_unclear() {
        let unclear = [
            "From: a@example.jp\r\nFrom: b@example.jp\r\n\r\n",
            "From: a@example.jp\r\nSender: a@example.jp\r\nSender: b@example.jp\r\n\r\n",
            "From: boss@localhost@\r\n\r\n",
            "From:\r\n\r\n",
            "From: nobody:;\r\n\r\n",
        ];
        for header in unclear {
            assert!(matches!(claim(&originators(header.as_bytes())), Claim::Unclear(_)), "{header}");
        }
        assert_eq!(claim(&originators(b"Subject: x\r\n\r\n")), Claim::Nobody);
    }
}
