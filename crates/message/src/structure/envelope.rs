//! ENVELOPE (RFC 3501 §7.4.2).

use super::MAX_STRUCTURE_HEADER_OCTETS;
use super::wire::{nstring, string};
use crate::header::{AddressItem, Fields, HeaderField, address_list};

/// The fields of an envelope in its order, less Sender's and Reply-To's defaults.
const NAMES: [&str; 10] =
    ["Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID"];

/// The ENVELOPE of a message with its parentheses, from its header. The first field of a name counts.
#[must_use]
pub fn envelope(header: &[u8]) -> Vec<u8> {
    let header = header.get(..MAX_STRUCTURE_HEADER_OCTETS).unwrap_or(header);
    let mut fields: [Option<HeaderField<'_>>; NAMES.len()] = [None; NAMES.len()];
    for field in Fields::new(header) {
        let place = NAMES.iter().position(|name| field.is(name)).and_then(|index| fields.get_mut(index));
        if let Some(place @ None) = place {
            *place = Some(field);
        }
    }
    let [date, subject, from, sender, reply_to, to, cc, bcc, in_reply_to, message_id] = fields;
    let mut out = Vec::with_capacity(512);
    out.push(b'(');
    text(&mut out, date);
    out.push(b' ');
    text(&mut out, subject);
    out.push(b' ');
    let from = addresses(from);
    out.extend_from_slice(&from);
    for field in [sender, reply_to] {
        out.push(b' ');
        let own = addresses(field);
        // Absent or empty, they are set to From by the server.
        out.extend_from_slice(if own == b"NIL" { &from } else { &own });
    }
    for field in [to, cc, bcc] {
        out.push(b' ');
        out.extend_from_slice(&addresses(field));
    }
    out.push(b' ');
    text(&mut out, in_reply_to);
    out.push(b' ');
    text(&mut out, message_id);
    out.push(b')');
    out
}

fn text(out: &mut Vec<u8>, field: Option<HeaderField<'_>>) {
    nstring(out, field.map(|field| field.unfolded()).as_deref());
}

/// `NIL`, or the addresses of a field in parentheses.
fn addresses(field: Option<HeaderField<'_>>) -> Vec<u8> {
    let items = field.map(|field| address_list(&field.unfolded())).unwrap_or_default();
    if items.is_empty() {
        return b"NIL".to_vec();
    }
    let mut out = Vec::with_capacity(64 * items.len());
    out.push(b'(');
    for item in &items {
        address(&mut out, item);
    }
    out.push(b')');
    out
}

/// `(name route local-part host)`; a group begins and ends with an entry without a host.
fn address(out: &mut Vec<u8>, item: &AddressItem) {
    out.push(b'(');
    match item {
        AddressItem::Mailbox { name, route, local, domain } => {
            nstring(out, (!name.is_empty()).then_some(name));
            out.push(b' ');
            nstring(out, (!route.is_empty()).then_some(route));
            out.push(b' ');
            string(out, local);
            out.push(b' ');
            string(out, domain);
        }
        AddressItem::GroupStart(name) => {
            out.extend_from_slice(b"NIL NIL ");
            string(out, name);
            out.extend_from_slice(b" NIL");
        }
        AddressItem::GroupEnd => out.extend_from_slice(b"NIL NIL NIL NIL"),
    }
    out.push(b')');
}
