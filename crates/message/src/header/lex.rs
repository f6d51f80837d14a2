//! The lexical tokens of structured header fields (RFC 5322 §3.2 and §4.1, RFC 2045 §5.1), tolerant and in linear time.

use std::borrow::Cow;

/// A token of an unfolded structured value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// A run of white space (and stray control characters).
    Space,
    /// A run of anything that is not special; 8-bit octets included.
    Atom(&'a [u8]),
    /// A quoted string without quotes and backslashes. Unclosed, it reaches to the end.
    Quoted(Cow<'a, [u8]>),
    /// A comment without its outer parentheses and backslashes. Unclosed, it reaches to the end.
    Comment(Cow<'a, [u8]>),
    /// A domain literal with its brackets.
    Literal(&'a [u8]),
    /// One special character.
    Special(u8),
}

/// Splits a value into tokens.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    rest: &'a [u8],
    specials: &'static [u8],
}

impl<'a> Lexer<'a> {
    /// The specials of addresses (RFC 5322 §3.2.3).
    pub(crate) fn of_addresses(value: &'a [u8]) -> Self {
        Self { rest: value, specials: b"()<>[]:;@\\,.\"" }
    }

    /// The tspecials of MIME parameters, less those that careless mailers leave unquoted (RFC 2045 §5.1).
    pub(crate) fn of_parameters(value: &'a [u8]) -> Self {
        Self { rest: value, specials: b"();=\"" }
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn advance(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        head
    }

    fn is_plain(&self, b: u8) -> bool {
        !is_space(b) && !self.specials.contains(&b)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let first = *self.rest.first()?;
        if is_space(first) {
            let count = self.rest.iter().take_while(|b| is_space(**b)).count();
            self.advance(count);
            return Some(Token::Space);
        }
        if self.is_plain(first) {
            let count = self.rest.iter().take_while(|b| self.is_plain(**b)).count();
            return Some(Token::Atom(self.advance(count)));
        }
        match first {
            b'"' => {
                let (content, length) = quoted(self.rest);
                self.advance(length);
                Some(Token::Quoted(content))
            }
            b'(' => {
                let (content, length) = comment(self.rest);
                self.advance(length);
                Some(Token::Comment(content))
            }
            b'[' => match literal_length(self.rest) {
                Some(length) => Some(Token::Literal(self.advance(length))),
                None => {
                    self.advance(1);
                    Some(Token::Special(b'['))
                }
            },
            special => {
                self.advance(1);
                Some(Token::Special(special))
            }
        }
    }
}

fn is_space(b: u8) -> bool {
    b <= b' ' || b == 0x7f
}

/// Content and length with quotes of the quoted string that `bytes` begins with.
fn quoted(bytes: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let inner = bytes.get(1..).unwrap_or_default();
    let mut escaped = false;
    for (at, b) in inner.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (unescape(inner.get(..at).unwrap_or_default()), at + 2),
            _ => {}
        }
    }
    (unescape(inner), bytes.len())
}

/// Content and length with parentheses of the comment that `bytes` begins with. Comments nest; only a count is kept.
fn comment(bytes: &[u8]) -> (Cow<'_, [u8]>, usize) {
    let inner = bytes.get(1..).unwrap_or_default();
    let mut depth = 1usize;
    let mut escaped = false;
    for (at, b) in inner.iter().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (unescape(inner.get(..at).unwrap_or_default()), at + 2);
        }
    }
    (unescape(inner), bytes.len())
}

/// Length of a literal with its brackets, if it is closed before another opens.
fn literal_length(bytes: &[u8]) -> Option<usize> {
    let inner = bytes.get(1..)?;
    let end = memchr::memchr2(b'[', b']', inner)?;
    (inner.get(end) == Some(&b']')).then_some(end + 2)
}

fn unescape(content: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', content).is_none() {
        return Cow::Borrowed(content);
    }
    let mut out = Vec::with_capacity(content.len());
    let mut escaped = false;
    for &b in content {
        if b == b'\\' && !escaped {
            escaped = true;
        } else {
            out.push(b);
            escaped = false;
        }
    }
    Cow::Owned(out)
}
