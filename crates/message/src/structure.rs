//! The MIME structure of a message over byte ranges: IMAP's ENVELOPE, BODY, BODYSTRUCTURE and body sections
//! (RFC 2045, RFC 2046, RFC 3501 §6.4.5 and §7.4.2, RFC 9051).
//!
//! The walk is linear in the size of the message and bounded by [`MAX_DEPTH`], [`MAX_PARTS`] and
//! [`MAX_STRUCTURE_HEADER_OCTETS`]. Beyond a bound nothing is lost: what is not taken apart is one part.

mod content;
mod envelope;
mod parameter;
mod print;
mod section;
#[cfg(test)]
mod tests;
mod walk;
mod wire;

use std::borrow::Cow;
use std::ops::Range;

use crate::header::Headers;
use crate::{charset, transfer};

pub use content::{Content, Disposition, MediaType};
pub use envelope::envelope;
pub use parameter::Parameters;
pub use section::{SectionItem, SectionPath, section};

/// Most levels of multiparts and messages within each other; deeper ones are not taken apart.
pub const MAX_DEPTH: usize = 50;
/// Most parts of a message; what comes after belongs to the last one.
pub const MAX_PARTS: usize = 10_000;
/// Most octets of all part headers together that are read; parts after that count as plain text.
pub const MAX_STRUCTURE_HEADER_OCTETS: usize = 1024 * 1024;

/// The IMAP strings of a message, made once when it arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// ENVELOPE with its parentheses (RFC 3501 §9 `envelope`).
    pub envelope: Vec<u8>,
    /// BODY: the structure without extension data (RFC 3501 §9 `body`).
    pub body: Vec<u8>,
    /// BODYSTRUCTURE: the structure with extension data.
    pub bodystructure: Vec<u8>,
    /// Octets of the header with the empty line.
    pub header_len: u32,
}

/// Makes the IMAP strings of a message. Never fails; anything is a message of some structure.
///
/// Strings that cannot be quoted are literals (`{5}` CRLF …), so the result is to be sent as it is.
#[must_use]
pub fn summarize(message: &[u8]) -> Summary {
    let structure = Structure::of(message);
    let header = structure.root().map(|root| root.header.clone()).unwrap_or_default();
    Summary {
        envelope: envelope(message.get(header.clone()).unwrap_or_default()),
        body: print::body(&structure, false),
        bodystructure: print::body(&structure, true),
        header_len: u32::try_from(header.len()).unwrap_or(u32::MAX),
    }
}

/// A message taken apart. Borrows the message; parts are ranges of it.
#[derive(Clone, Debug)]
pub struct Structure<'a> {
    message: &'a [u8],
    parts: Vec<Part<'a>>,
}

/// One part of a message: a leaf, a multipart, or a message within it.
#[derive(Clone, Debug)]
pub struct Part<'a> {
    /// Where its header stands, with the empty line. For the first part that is the message's header.
    pub header: Range<usize>,
    /// Where its body stands. The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
    pub body: Range<usize>,
    /// What its Content-* fields say.
    pub content: Content<'a>,
    /// Whether it was taken apart, and into what.
    pub kind: PartKind,
    /// Line ends in the body.
    pub lines: usize,
}

/// What a part consists of; numbers are indexes into [`Structure::parts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// Content.
    Leaf,
    /// The parts of a multipart; at least one.
    Multipart(Vec<usize>),
    /// A `message/rfc822` part: the outermost part of the message in it.
    Message(usize),
}

impl<'a> Structure<'a> {
    /// Takes a message apart.
    #[must_use]
    pub fn of(message: &'a [u8]) -> Self {
        Self { message, parts: walk::walk(message) }
    }

    /// All parts, each before those within it. There is at least one.
    #[must_use]
    pub fn parts(&self) -> &[Part<'a>] {
        &self.parts
    }

    /// The outermost part: the message itself.
    #[must_use]
    pub fn root(&self) -> Option<&Part<'a>> {
        self.parts.first()
    }

    /// A part's header.
    #[must_use]
    pub fn header(&self, part: &Part<'_>) -> Headers<'a> {
        Headers::of(self.message.get(part.header.clone()).unwrap_or_default())
    }

    /// A part's body as it stands.
    #[must_use]
    pub fn body(&self, part: &Part<'_>) -> &'a [u8] {
        self.message.get(part.body.clone()).unwrap_or_default()
    }

    /// A part's body without its content transfer encoding.
    #[must_use]
    pub fn decoded(&self, part: &Part<'_>) -> Cow<'a, [u8]> {
        transfer::decode(&part.content.encoding, self.body(part))
    }

    /// The text of a text part in Unicode.
    #[must_use]
    pub fn text(&self, part: &Part<'_>) -> String {
        let label = part.content.media.parameters.get("charset").unwrap_or_default();
        charset::decode(&label, &self.decoded(part))
    }

    /// The first part of that media type.
    #[must_use]
    pub fn find(&self, kind: &str, subtype: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.content.media.is(kind, subtype))
    }

    /// The octets of a section; `None` when there is no such part.
    #[must_use]
    pub fn section(&self, path: SectionPath<'_>) -> Option<Cow<'a, [u8]>> {
        section::of(self, path)
    }
}
