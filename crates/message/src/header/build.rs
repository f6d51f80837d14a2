//! Building header fields, so that no value can ever become a second field.

use super::encode::{encode_text, encode_words, plain};
use crate::Address;

/// Line length that folding aims at (RFC 5322 §2.1.1).
const LINE: usize = 78;

/// Why a header, or a field, is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Larger than [`super::MAX_HEADER_OCTETS`].
    #[error("header too large")]
    TooLarge,
    /// More fields than [`super::MAX_FIELDS`].
    #[error("too many header fields")]
    TooManyFields,
    /// The name of a field is not visible ASCII without a colon (RFC 5322 §3.6.8).
    #[error("bad header field name")]
    BadName,
}

/// Writes a header field by field. Values are made safe: a control character of any kind becomes a space, text that
/// is not ASCII becomes encoded words (RFC 2047), lines are folded at 78 octets (RFC 5322 §2.1.1).
#[derive(Clone, Debug, Default)]
pub struct HeaderBuilder {
    out: String,
}

impl HeaderBuilder {
    /// An empty header.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an unstructured field, such as Subject.
    ///
    /// # Errors
    /// [`HeaderError::BadName`].
    pub fn text(&mut self, name: &str, value: &str) -> Result<&mut Self, HeaderError> {
        self.push(name, &encode_text(value))
    }

    /// Adds a structured field whose value is already in its syntax, such as Date or List-Id. Text that is not ASCII
    /// stays as it is (RFC 6532).
    ///
    /// # Errors
    /// [`HeaderError::BadName`].
    pub fn structured(&mut self, name: &str, value: &str) -> Result<&mut Self, HeaderError> {
        self.push(name, plain(value).trim())
    }

    /// Adds a field with one mailbox: `"Display name" <address>`.
    ///
    /// # Errors
    /// [`HeaderError::BadName`].
    pub fn mailbox(&mut self, name: &str, display: &str, address: &Address) -> Result<&mut Self, HeaderError> {
        let display = phrase(display);
        let space = if display.is_empty() { "" } else { " " };
        self.push(name, &format!("{display}{space}<{address}>"))
    }

    /// The fields, each with its CRLF; without the empty line that ends a header.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    fn push(&mut self, name: &str, value: &str) -> Result<&mut Self, HeaderError> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
            return Err(HeaderError::BadName);
        }
        self.out.push_str(&fold(&format!("{name}: {value}")));
        self.out.push_str("\r\n");
        Ok(self)
    }
}

/// Folds a field at spaces so that lines stay within 78 octets where that can be. White space at the end is dropped,
/// so that no line is made of white space alone.
///
/// A field that has been folded already keeps its folds.
#[must_use]
pub fn fold(line: &str) -> String {
    let line = line.trim_end();
    let mut out = String::with_capacity(line.len() + line.len() / 32);
    let mut width = 0;
    // The name and the first word stay together: some readers stumble over an empty first line.
    for (index, piece) in pieces(line).enumerate() {
        if index >= 2 && width + piece.len() > LINE {
            out.push_str("\r\n");
            width = 0;
        }
        out.push_str(piece);
        width = piece.rfind('\n').map_or(width + piece.len(), |at| piece.len() - at - 1);
    }
    out
}

/// A display name as a phrase: atoms, a quoted string or encoded words (RFC 5322 §3.2.5, RFC 2047 §5).
#[must_use]
pub(crate) fn phrase(display: &str) -> String {
    let display = plain(display);
    let display = display.trim();
    if !display.is_ascii() || display.contains("=?") {
        return encode_words(display);
    }
    let atoms = |c: char| c == ' ' || (c.is_ascii() && crate::address::is_atext(c));
    if display.chars().all(atoms) {
        return display.to_owned();
    }
    let mut quoted = String::with_capacity(display.len() + 2);
    quoted.push('"');
    for c in display.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Splits before every run of spaces; each piece but the first begins with white space.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(|c| c != ' ').unwrap_or(rest.len());
        let end = rest.get(word..).and_then(|t| t.find(' ')).map_or(rest.len(), |at| word + at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}
