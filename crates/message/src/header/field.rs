//! One field, and the walk over all of them.

use std::borrow::Cow;

use crate::charset;

/// One header field with its continuation lines.
///
/// A line that is no field at all (no colon, or white space or controls in the name) is kept as a field with an empty name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderField<'a> {
    raw: &'a [u8],
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> HeaderField<'a> {
    /// The bytes as they stand, with name, folding and the final line end.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The name as written; visible ASCII, or empty when the line is no field.
    #[must_use]
    pub fn name(&self) -> &'a str {
        std::str::from_utf8(self.name).unwrap_or_default()
    }

    /// Whether the field has that name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        !self.name.is_empty() && self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// What follows the colon as it stands: with folding and white space, without the final line end.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.value
    }

    /// The value with line ends taken out (RFC 5322 §2.2.3) and outer white space trimmed.
    #[must_use]
    pub fn unfolded(&self) -> Cow<'a, [u8]> {
        unfold(self.value)
    }

    /// The value as readable text: unfolded, with encoded words (RFC 2047) and raw 8-bit text decoded.
    #[must_use]
    pub fn text(&self) -> String {
        charset::decode_header(&self.unfolded())
    }
}

/// The fields of a header in order. The empty line at the end is no field.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Walks over raw header bytes.
    #[must_use]
    pub fn new(raw: &'a [u8]) -> Self {
        Self { rest: raw }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = HeaderField<'a>;

    fn next(&mut self) -> Option<HeaderField<'a>> {
        let end = field_end(self.rest);
        let (raw, rest) = self.rest.split_at_checked(end)?;
        if matches!(raw, b"" | b"\r\n" | b"\n") {
            self.rest = b"";
            return None;
        }
        self.rest = rest;
        Some(read(raw))
    }
}

/// Where the first field ends: after the first line end that no white space follows.
fn field_end(bytes: &[u8]) -> usize {
    for end in memchr::memchr_iter(b'\n', bytes) {
        let continued = matches!(bytes.get(end + 1), Some(b' ' | b'\t'));
        let blank = matches!(bytes.get(..=end), Some(b"\r\n" | b"\n"));
        if !continued || blank {
            return end + 1;
        }
    }
    bytes.len()
}

fn read(raw: &[u8]) -> HeaderField<'_> {
    let content = without_line_end(raw);
    let Some(colon) = memchr::memchr(b':', content) else {
        return HeaderField { raw, name: b"", value: content };
    };
    let (name, rest) = content.split_at(colon);
    // White space before the colon is obsolete but legal (RFC 5322 §4.5).
    let name = name.trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return HeaderField { raw, name: b"", value: content };
    }
    HeaderField { raw, name, value: rest.get(1..).unwrap_or_default() }
}

fn without_line_end(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    raw.strip_suffix(b"\r").unwrap_or(raw)
}

/// Takes CR and LF out, and trims white space at both ends.
pub(crate) fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect())
}
