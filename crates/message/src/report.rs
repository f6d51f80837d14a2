//! What machine-readable reports have in common (RFC 6522): fields in a part, and the message that they are about.

use std::borrow::Cow;

use crate::header::{Headers, address_list};
use crate::structure::{Part, PartKind, Structure};
use crate::{Address, header};

/// The parts of the message itself, not those of messages within it.
pub(crate) fn own_parts<'s, 'a>(structure: &'s Structure<'a>) -> Vec<&'s Part<'a>> {
    let mut own = Vec::new();
    let mut waiting = vec![0];
    while let Some(index) = waiting.pop() {
        let Some(part) = structure.parts().get(index) else { continue };
        if let PartKind::Multipart(children) = &part.kind {
            waiting.extend(children.iter().rev());
        }
        own.push(part);
    }
    own
}

/// The header of the returned message, from a message part or a part with headers only, after the part at `report`.
pub(crate) fn returned_header<'a>(structure: &Structure<'a>, own: &[&Part<'a>]) -> Cow<'a, [u8]> {
    for part in own {
        let media = &part.content.media;
        if let PartKind::Message(inner) = part.kind {
            return structure.parts().get(inner).map(|root| structure.header(root).raw()).unwrap_or_default().into();
        }
        let headers = [("text", "rfc822-headers"), ("message", "global-headers"), ("message", "global")];
        if headers.iter().any(|(kind, subtype)| media.is(kind, subtype)) {
            return match structure.decoded(part) {
                Cow::Borrowed(body) => Headers::of(body).raw().into(),
                Cow::Owned(body) => Headers::of(&body).raw().to_vec().into(),
            };
        }
    }
    Cow::Borrowed(b"")
}

/// A Message-ID with its angle brackets from a header.
pub(crate) fn message_id(header: &[u8]) -> Option<String> {
    let field = Headers::of(header).first("Message-ID")?;
    let value = String::from_utf8_lossy(&field.unfolded()).into_owned();
    let start = value.find('<')?;
    let end = value.get(start..)?.find('>')? + start;
    value.get(start..=end).map(str::to_owned)
}

/// The addresses of From in a header.
pub(crate) fn from(header: &[u8]) -> Vec<Address> {
    header::from_addresses(header)
}

/// A value without its type and white space: `rfc822; user@example.jp`, `dns; mx.example.jp`, `smtp; 550 no`.
pub(crate) fn without_type(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest))
            if kind.trim().bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) =>
        {
            rest.trim()
        }
        _ => value.trim(),
    }
}

/// An address in a report field without type, angle brackets and comments; as it is when it is no address.
pub(crate) fn address(value: &str) -> String {
    let bare = without_type(value);
    let mailbox = address_list(bare.as_bytes()).into_iter().find_map(|item| match item {
        header::AddressItem::Mailbox { local, domain, .. } if !domain.is_empty() => Some([local, domain]),
        _ => None,
    });
    match mailbox {
        Some([local, domain]) => format!("{}@{}", String::from_utf8_lossy(&local), String::from_utf8_lossy(&domain)),
        None => bare.trim_start_matches('<').trim_end_matches('>').trim().to_owned(),
    }
}

/// A text without anything, as nothing.
pub(crate) fn some(text: impl Into<String>) -> Option<String> {
    let text = text.into();
    (!text.is_empty()).then_some(text)
}
