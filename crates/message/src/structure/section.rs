//! Body sections: `BODY[1.2.HEADER.FIELDS (From)]` (RFC 3501 §6.4.5).

use std::borrow::Cow;

use super::{Part, PartKind, Structure};
use crate::header::{Fields, split};

/// What of a part is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SectionItem<'n> {
    /// The whole message, or the body of the part.
    #[default]
    Whole,
    /// `HEADER`: the header of the message, or of the message in the part, with its empty line.
    Header,
    /// `HEADER.FIELDS (…)`, always with an empty line at the end.
    Fields(&'n [String]),
    /// `HEADER.FIELDS.NOT (…)`, always with an empty line at the end.
    FieldsNot(&'n [String]),
    /// `TEXT`: the body of the message, or of the message in the part.
    Text,
    /// `MIME`: the header of the part.
    Mime,
}

/// A section specification. The empty path with [`SectionItem::Whole`] is `BODY[]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SectionPath<'n> {
    /// Part numbers from the outside in; each counts from 1.
    pub part: &'n [u32],
    /// What of it.
    pub item: SectionItem<'n>,
}

/// The octets of a section; `None` when the message has no such part. Only a selection of header fields is a copy.
///
/// A message that is no multipart has one part, number 1: its body. `1.MIME` is then the message's header.
#[must_use]
pub fn section<'a>(message: &'a [u8], path: SectionPath<'_>) -> Option<Cow<'a, [u8]>> {
    if !path.part.is_empty() {
        return Structure::of(message).section(path);
    }
    // Nothing but the end of the header must be known.
    let (header, body) = split(message);
    pick(path.item, Some(Message { whole: message, header, body }), None)
}

/// The octets of a section of a message that has been taken apart.
pub(super) fn of<'a>(structure: &Structure<'a>, path: SectionPath<'_>) -> Option<Cow<'a, [u8]>> {
    let parts = &structure.parts;
    if path.part.is_empty() {
        return pick(path.item, message_of(structure, parts.first()?), None);
    }
    let mut container = 0usize;
    let mut found: Option<usize> = None;
    for &number in path.part {
        if let Some(index) = found {
            container = match parts.get(index)?.kind {
                PartKind::Message(inner) => inner,
                PartKind::Multipart(_) => index,
                PartKind::Leaf => return None,
            };
        }
        found = Some(match &parts.get(container)?.kind {
            PartKind::Multipart(children) => *children.get(usize::try_from(number).ok()?.checked_sub(1)?)?,
            // The one part of a message that is no multipart is the message itself without its header.
            _ if number == 1 => container,
            _ => return None,
        });
    }
    let part = parts.get(found?)?;
    let inner = match part.kind {
        PartKind::Message(inner) => parts.get(inner).and_then(|root| message_of(structure, root)),
        _ => None,
    };
    let bytes = |range: &std::ops::Range<usize>| structure.message.get(range.clone());
    pick(path.item, inner, Some((bytes(&part.header)?, bytes(&part.body)?)))
}

/// A message, or a message within a part.
struct Message<'a> {
    whole: &'a [u8],
    header: &'a [u8],
    body: &'a [u8],
}

fn message_of<'a>(structure: &Structure<'a>, root: &Part<'_>) -> Option<Message<'a>> {
    let bytes = structure.message;
    Some(Message {
        whole: bytes.get(root.header.start..root.body.end)?,
        header: bytes.get(root.header.clone())?,
        body: bytes.get(root.body.clone())?,
    })
}

/// Picks the item from the message (of the section's top, or within the part) or from the part's own header and body.
fn pick<'a>(
    item: SectionItem<'_>,
    message: Option<Message<'a>>,
    part: Option<(&'a [u8], &'a [u8])>,
) -> Option<Cow<'a, [u8]>> {
    match item {
        SectionItem::Whole => part.map(|(_, body)| body).or(message.map(|m| m.whole)).map(Cow::Borrowed),
        SectionItem::Mime => part.map(|(header, _)| Cow::Borrowed(header)),
        SectionItem::Header => message.map(|m| Cow::Borrowed(m.header)),
        SectionItem::Text => message.map(|m| Cow::Borrowed(m.body)),
        SectionItem::Fields(names) => message.map(|m| Cow::Owned(select(m.header, names, true))),
        SectionItem::FieldsNot(names) => message.map(|m| Cow::Owned(select(m.header, names, false))),
    }
}

/// The fields whose name is (or is not) among `names`, as they stand, and an empty line.
fn select(header: &[u8], names: &[String], among: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.len().min(512));
    for field in Fields::new(header) {
        if names.iter().any(|name| field.is(name)) == among {
            out.extend_from_slice(field.raw());
            if !field.raw().ends_with(b"\n") {
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    out.extend_from_slice(b"\r\n");
    out
}
