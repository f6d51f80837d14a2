//! Parameters of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2183, RFC 2231).

use std::borrow::Cow;

use crate::header::lex::{Lexer, Token};
use crate::{charset, transfer};

/// Most parameters of one field that are read.
const MAX_PARAMETERS: usize = 200;

/// Parameters in order: names and values raw, without quoting, extended forms of RFC 2231 as they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(pub Vec<(Vec<u8>, Vec<u8>)>);

impl Parameters {
    /// Reads what follows the value proper: `; name=value; name="value"`. Tolerates unquoted spaces and lost semicolons at the end.
    pub(super) fn read(lexer: Lexer<'_>) -> Self {
        let mut list = Vec::new();
        let mut name: Option<Vec<u8>> = None;
        let mut value = Value::default();
        for token in lexer {
            match (&mut name, token) {
                (_, Token::Special(b';')) => {
                    end(&mut list, name.take(), &mut value);
                    if list.len() >= MAX_PARAMETERS {
                        break;
                    }
                }
                (None, Token::Special(b'=')) => name = Some(std::mem::take(&mut value).text),
                (_, token) => value.push(token),
            }
        }
        end(&mut list, name, &mut value);
        Self(list)
    }

    /// The raw value of a parameter.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value.as_slice())
    }

    /// A parameter as readable text: with continuations and charset of RFC 2231, and the encoded words that
    /// mailers put there against RFC 2047 §5.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        if let Some(value) = self.raw(name) {
            return Some(charset::decode_header(value));
        }
        let mut octets = Vec::new();
        let mut label = None;
        for (section, extended, value) in self.sections(name) {
            let mut value = value;
            if extended && section == 0 {
                let (charset, rest) = charset_of(value);
                label = charset;
                value = rest;
            }
            if extended {
                transfer::unescape(&mut octets, value, b'%');
            } else {
                octets.extend_from_slice(value);
            }
        }
        if octets.is_empty() && label.is_none() {
            return None;
        }
        Some(charset::decode(&label.unwrap_or_default(), &octets))
    }

    /// The sections of a continued parameter in order: `name*0*`, `name*1`, or the single `name*`.
    fn sections(&self, name: &str) -> Vec<(usize, bool, &[u8])> {
        let mut sections: Vec<_> = self
            .0
            .iter()
            .filter_map(|(n, value)| {
                let (head, rest) = n.split_at_checked(name.len())?;
                let rest = rest.strip_prefix(b"*").filter(|_| head.eq_ignore_ascii_case(name.as_bytes()))?;
                let (number, extended) = match rest.strip_suffix(b"*") {
                    Some(number) => (number, true),
                    None => (rest, rest.is_empty()),
                };
                let number = if number.is_empty() { 0 } else { std::str::from_utf8(number).ok()?.parse().ok()? };
                Some((number, extended, value.as_slice()))
            })
            .collect();
        sections.sort_by_key(|(number, ..)| *number);
        // Sections after a gap do not belong to the value.
        let whole = sections.iter().enumerate().take_while(|(index, (number, ..))| index == number).count();
        sections.truncate(whole);
        sections
    }
}

/// Divides `charset'language'text`.
fn charset_of(value: &[u8]) -> (Option<String>, &[u8]) {
    let mut pieces = value.splitn(3, |b| *b == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(charset), Some(_), Some(text)) => (Some(String::from_utf8_lossy(charset).into_owned()), text),
        _ => (None, value),
    }
}

/// A name or a value as it is gathered.
#[derive(Default)]
struct Value {
    text: Vec<u8>,
    quoted: bool,
    space: bool,
}

impl Value {
    fn push(&mut self, token: Token<'_>) {
        let text: Cow<'_, [u8]> = match token {
            Token::Space => {
                self.space = !self.text.is_empty();
                return;
            }
            Token::Comment(_) => return,
            // After a quoted string only a semicolon may come.
            _ if self.quoted => return,
            Token::Quoted(text) => {
                self.quoted = self.text.is_empty();
                text
            }
            Token::Atom(text) | Token::Literal(text) => Cow::Borrowed(text),
            Token::Special(b) => Cow::Owned(vec![b]),
        };
        if self.space {
            self.text.push(b' ');
        }
        self.space = false;
        self.text.extend_from_slice(&text);
    }
}

fn end(list: &mut Vec<(Vec<u8>, Vec<u8>)>, name: Option<Vec<u8>>, value: &mut Value) {
    let value = std::mem::take(value).text;
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        list.push((name, value));
    }
}
