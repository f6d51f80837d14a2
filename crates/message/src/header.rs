//! The header of a message: fields over the raw bytes, nothing lost (RFC 5322 §2.2, RFC 6532).

mod build;
mod encode;
mod field;
pub(crate) mod lex;
mod mailbox;
mod originator;
#[cfg(test)]
mod tests;

pub(crate) use build::phrase;
pub use build::{HeaderBuilder, HeaderError, fold};
pub use encode::{encode_text, encode_words};
pub(crate) use field::unfold;
pub use field::{Fields, HeaderField};
pub use mailbox::{AddressItem, address_list};
pub use originator::{Originators, Parsed, field_addresses, from_addresses, originators};

/// Largest header that reception takes, in octets.
pub const MAX_HEADER_OCTETS: usize = 256 * 1024;
/// Most fields that reception takes in a header.
pub const MAX_FIELDS: usize = 2_000;

/// The header of a message over its raw bytes.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    raw: &'a [u8],
}

impl<'a> Headers<'a> {
    /// The header of `message`: everything up to and with the first empty line, or all of it.
    #[must_use]
    pub fn of(message: &'a [u8]) -> Self {
        let (raw, _) = split(message);
        Self { raw }
    }

    /// The raw bytes, with the empty line that ends the header.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// All fields in order. The raw bytes of all of them, and the empty line, make up [`Headers::raw`].
    #[must_use]
    pub fn iter(&self) -> Fields<'a> {
        Fields::new(self.raw)
    }

    /// The first field of that name, in any case.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<HeaderField<'a>> {
        self.iter().find(|field| field.is(name))
    }

    /// All fields of that name, in any case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = HeaderField<'a>> {
        self.iter().filter(move |field| field.is(name))
    }

    /// The first field's value as readable text: unfolded, encoded words decoded, without outer white space.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.first(name).map(|field| field.text())
    }

    /// Checks the bounds that reception keeps ([`MAX_HEADER_OCTETS`], [`MAX_FIELDS`]).
    ///
    /// # Errors
    /// [`HeaderError::TooLarge`] or [`HeaderError::TooManyFields`].
    pub fn check(&self) -> Result<(), HeaderError> {
        if self.raw.len() > MAX_HEADER_OCTETS {
            return Err(HeaderError::TooLarge);
        }
        if self.iter().take(MAX_FIELDS + 1).count() > MAX_FIELDS {
            return Err(HeaderError::TooManyFields);
        }
        Ok(())
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = HeaderField<'a>;
    type IntoIter = Fields<'a>;
    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

/// Splits a message into header (with the empty line) and body. Their concatenation is the message.
///
/// Lines end in CRLF; a bare LF, which old stores have, is understood too.
#[must_use]
pub fn split(message: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', message) {
        if matches!(message.get(start..end), Some(b"" | b"\r")) {
            return message.split_at(end + 1);
        }
        start = end + 1;
    }
    (message, b"")
}
