//! The Content-* fields of a part (RFC 2045 §3, RFC 2183, RFC 3282, RFC 2557, RFC 1864).

use std::borrow::Cow;

use super::Parameters;
use crate::header::lex::{Lexer, Token};
use crate::header::{Fields, HeaderField};

/// What a part's header says about its content. Values are raw: unfolded, not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content<'a> {
    /// Content-Type, or the default where there is none or it cannot be read (RFC 2045 §5.2).
    pub media: MediaType,
    /// Content-Transfer-Encoding; `7bit` where there is none.
    pub encoding: Cow<'a, [u8]>,
    /// Content-ID.
    pub id: Option<Cow<'a, [u8]>>,
    /// Content-Description.
    pub description: Option<Cow<'a, [u8]>>,
    /// Content-MD5.
    pub md5: Option<Cow<'a, [u8]>>,
    /// Content-Disposition.
    pub disposition: Option<Disposition>,
    /// Content-Language, tag by tag.
    pub language: Vec<Vec<u8>>,
    /// Content-Location.
    pub location: Option<Cow<'a, [u8]>>,
}

/// A media type with its parameters, spelt as in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// For example `text`.
    pub kind: Vec<u8>,
    /// For example `plain`.
    pub subtype: Vec<u8>,
    /// Parameters.
    pub parameters: Parameters,
}

/// Content-Disposition (RFC 2183).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disposition {
    /// For example `attachment`.
    pub kind: Vec<u8>,
    /// Parameters.
    pub parameters: Parameters,
}

impl Default for MediaType {
    /// `text/plain; charset=us-ascii` (RFC 2045 §5.2).
    fn default() -> Self {
        let parameters = Parameters(vec![(b"charset".to_vec(), b"us-ascii".to_vec())]);
        Self { kind: b"text".to_vec(), subtype: b"plain".to_vec(), parameters }
    }
}

impl MediaType {
    /// Reads an unfolded Content-Type value; `None` when there is no type and subtype in it.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (head, parameters) = value_and_parameters(value);
        let slash = memchr::memchr(b'/', head)?;
        let (kind, subtype) = (head.get(..slash)?.trim_ascii(), head.get(slash + 1..)?.trim_ascii());
        let token =
            |t: &[u8]| !t.is_empty() && t.iter().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(b));
        (token(kind) && token(subtype)).then(|| Self { kind: kind.to_vec(), subtype: subtype.to_vec(), parameters })
    }

    /// Whether it is that type and subtype, in any case.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.is_kind(kind) && self.subtype.eq_ignore_ascii_case(subtype.as_bytes())
    }

    /// Whether it is of that type, in any case.
    #[must_use]
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }
}

impl<'a> Content<'a> {
    /// The content of a part without a header of its own.
    pub(super) fn none(in_digest: bool) -> Self {
        let mut content = Self { encoding: Cow::Borrowed(b"7bit"), ..Self::default() };
        if in_digest {
            // RFC 2046 §5.1.5.
            content.media =
                MediaType { kind: b"message".to_vec(), subtype: b"rfc822".to_vec(), parameters: Parameters::default() };
        }
        content
    }

    /// Reads a part's header. The first field of a name counts.
    pub(super) fn read(header: &'a [u8], in_digest: bool) -> Self {
        let mut content = Self::none(in_digest);
        let mut seen = [false; 8];
        for field in Fields::new(header) {
            let Some((head, name)) = field.name().split_at_checked(8) else { continue };
            if !head.eq_ignore_ascii_case("Content-") {
                continue;
            }
            let names =
                ["Type", "Transfer-Encoding", "ID", "Description", "MD5", "Disposition", "Language", "Location"];
            let Some(index) = names.iter().position(|n| n.eq_ignore_ascii_case(name)) else { continue };
            if let Some(seen) = seen.get_mut(index).filter(|seen| !**seen) {
                *seen = true;
                content.take(index, &field);
            }
        }
        content
    }

    fn take(&mut self, index: usize, field: &HeaderField<'a>) {
        let value = field.unfolded();
        if value.is_empty() {
            return;
        }
        match index {
            0 => self.media = MediaType::parse(&value).unwrap_or_default(),
            1 => self.encoding = first_token(value),
            2 => self.id = Some(value),
            3 => self.description = Some(value),
            4 => self.md5 = Some(value),
            5 => {
                let (head, parameters) = value_and_parameters(&value);
                let kind = head.trim_ascii().to_vec();
                self.disposition = (!kind.is_empty()).then_some(Disposition { kind, parameters });
            }
            6 => self.language = languages(&value),
            _ => self.location = Some(value),
        }
    }
}

/// The value before the first semicolon, without comments, and the parameters after it.
fn value_and_parameters(value: &[u8]) -> (&[u8], Parameters) {
    let mut lexer = Lexer::of_parameters(value);
    let mut end = 0;
    loop {
        let before = value.len() - lexer.rest().len();
        match lexer.next() {
            // Without a semicolon there are no parameters, and `=` makes no sense before it.
            None => return (value.get(..end.max(before)).unwrap_or(value), Parameters::default()),
            Some(Token::Special(b';')) => break,
            Some(Token::Comment(_)) => {
                // A comment ends the value proper.
                end = if end == 0 { before } else { end };
                let rest = lexer.rest();
                let skip = memchr::memchr(b';', rest).unwrap_or(rest.len());
                lexer = Lexer::of_parameters(rest.get(skip..).unwrap_or_default());
                if lexer.rest().is_empty() {
                    return (value.get(..end).unwrap_or_default(), Parameters::default());
                }
            }
            Some(_) => {}
        }
    }
    let semicolon = value.len() - lexer.rest().len() - 1;
    let head = value.get(..if end == 0 { semicolon } else { end }).unwrap_or_default();
    (head, Parameters::read(lexer))
}

/// The first word of a value that should be a single token: `8bit (comment)`, `base64;`.
fn first_token(value: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let token = |v: &[u8]| v.iter().position(|b| matches!(b, b' ' | b'\t' | b';' | b'(' | b','));
    match token(&value) {
        None => value,
        Some(0) => Cow::Borrowed(b"7bit"),
        Some(end) => Cow::Owned(value.get(..end).unwrap_or_default().trim_ascii().to_vec()),
    }
}

/// Language tags between commas, without comments (RFC 3282).
fn languages(value: &[u8]) -> Vec<Vec<u8>> {
    let mut tags = vec![Vec::new()];
    for token in Lexer::of_addresses(value) {
        match (token, tags.last_mut()) {
            (Token::Special(b','), _) => tags.push(Vec::new()),
            (Token::Atom(text), Some(tag)) => tag.extend_from_slice(text),
            (Token::Quoted(text), Some(tag)) => tag.extend_from_slice(&text),
            _ => {}
        }
    }
    tags.retain(|tag| !tag.is_empty());
    tags
}
