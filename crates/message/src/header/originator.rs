//! Who a message says that it is from: the fields that an account must own (RFC 5322 §3.6.2).

use super::mailbox::MAX_ITEMS;
use super::{AddressItem, Headers, address_list};
use crate::Address;

/// The addresses of all fields of one name, and what could not be read as an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// How many fields of that name there are. RFC 5322 §3.6 allows one.
    pub fields: usize,
    /// The addresses, in order, groups included.
    pub addresses: Vec<Address>,
    /// Entries that are no address, as readable text. A message whose From has such entries claims something
    /// that cannot be checked.
    pub unreadable: Vec<String>,
}

/// The originator fields of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Originators {
    /// From.
    pub from: Parsed,
    /// Sender.
    pub sender: Parsed,
    /// Reply-To.
    pub reply_to: Parsed,
}

/// Reads From, Sender and Reply-To of a message (or of its header alone).
#[must_use]
pub fn originators(message: &[u8]) -> Originators {
    let headers = Headers::of(message);
    Originators {
        from: parsed(headers, "From"),
        sender: parsed(headers, "Sender"),
        reply_to: parsed(headers, "Reply-To"),
    }
}

/// The addresses of all From fields. To judge ownership use [`originators`], which also tells what could not be read.
#[must_use]
pub fn from_addresses(message: &[u8]) -> Vec<Address> {
    parsed(Headers::of(message), "From").addresses
}

/// The addresses of all fields of that name, for example `To`.
#[must_use]
pub fn field_addresses(message: &[u8], name: &str) -> Vec<Address> {
    parsed(Headers::of(message), name).addresses
}

fn parsed(headers: Headers<'_>, name: &str) -> Parsed {
    let mut parsed = Parsed::default();
    for field in headers.all(name) {
        parsed.fields += 1;
        let items = address_list(&field.unfolded());
        if items.len() >= MAX_ITEMS {
            parsed.unreadable.push("…".to_owned());
        }
        for item in items {
            let AddressItem::Mailbox { local, domain, .. } = &item else { continue };
            match address(local, domain) {
                Some(address) => parsed.addresses.push(address),
                None => parsed.unreadable.push(item.to_string()),
            }
        }
    }
    parsed
}

fn address(local: &[u8], domain: &[u8]) -> Option<Address> {
    let domain = crate::Domain::parse(std::str::from_utf8(domain).ok()?).ok()?;
    Address::from_parts(std::str::from_utf8(local).ok()?, domain).ok()
}
