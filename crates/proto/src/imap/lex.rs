//! The tokens of RFC 3501 §9 and RFC 9051 §9, read from one collected command.
//!
//! The session collects a whole command first, with its literals in place
//! (`{3}\r\nabc`), so a token is always a slice of one buffer.

use std::borrow::Cow;

use super::fault::{Fault, Parsed, syntax};

/// A reading position in one collected command.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    utf8: bool,
    charsets: bool,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `bytes`, which do not include the final CRLF.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, utf8: false, charsets: true }
    }

    /// Mailbox names are UTF-8 (IMAP4rev2, UTF8=ACCEPT) instead of modified UTF-7.
    #[must_use]
    pub const fn utf8(self, on: bool) -> Self {
        Self { utf8: on, ..self }
    }

    /// Searches may name a charset; no more once UTF8=ACCEPT is enabled (RFC 6855 §3).
    #[must_use]
    pub const fn charsets(self, on: bool) -> Self {
        Self { charsets: on, ..self }
    }

    /// Whether searches may name a charset.
    #[must_use]
    pub const fn has_charsets(&self) -> bool {
        self.charsets
    }

    /// Whether mailbox names are UTF-8.
    #[must_use]
    pub const fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// Goes on `n` bytes further.
    pub fn skip(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, unread.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads `byte` if it comes next.
    pub fn eat(&mut self, byte: u8) -> bool {
        match self.rest.split_first() {
            Some((&b, rest)) if b == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads `word` if it comes next, in any case.
    pub fn eat_word(&mut self, word: &str) -> bool {
        match self.rest.split_at_checked(word.len()) {
            Some((head, rest)) if head.eq_ignore_ascii_case(word.as_bytes()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads `byte` or fails.
    pub fn expect(&mut self, byte: u8, hint: &'static str) -> Parsed<()> {
        if self.eat(byte) { Ok(()) } else { syntax(hint) }
    }

    /// Reads one space.
    pub fn space(&mut self) -> Parsed<()> {
        self.expect(b' ', "a space is missing")
    }

    /// Fails unless everything has been read. Trailing spaces, which some clients send, do no harm.
    pub fn end(&mut self) -> Parsed<()> {
        while self.eat(b' ') {}
        if self.rest.is_empty() { Ok(()) } else { syntax("unexpected text at the end") }
    }

    /// The longest run of bytes that `wanted` accepts; may be empty.
    pub fn run(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let n = self.rest.iter().position(|&b| !wanted(b)).unwrap_or(self.rest.len());
        let (head, rest) = self.rest.split_at(n);
        self.rest = rest;
        head
    }

    /// An atom: at least one ATOM-CHAR.
    pub fn atom(&mut self) -> Parsed<&'a str> {
        self.text(is_atom_char, "an atom is missing")
    }

    /// A word of letters, digits, `-`, `_` and `.`: command names, fetch items, options.
    pub fn word(&mut self) -> Parsed<&'a str> {
        self.text(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'='), "a word is missing")
    }

    /// Digits that fit into 64 bits.
    pub fn number64(&mut self) -> Parsed<u64> {
        let digits = self.text(|b| b.is_ascii_digit(), "a number is missing")?;
        digits.parse().or_else(|_| syntax("the number is too large"))
    }

    /// Digits that fit into 32 bits.
    pub fn number(&mut self) -> Parsed<u32> {
        u32::try_from(self.number64()?).or_else(|_| syntax("the number is too large"))
    }

    /// A number that is not zero.
    pub fn nz_number(&mut self) -> Parsed<u32> {
        match self.number()? {
            0 => syntax("the number must not be zero"),
            n => Ok(n),
        }
    }

    /// An astring: atom (with `]` allowed), quoted string or literal.
    pub fn astring(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => Ok(Cow::Borrowed(self.text(is_astring_char, "a string is missing")?.as_bytes())),
        }
    }

    /// A list-mailbox: like an astring with the wildcards `%` and `*`.
    pub fn list_mailbox(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => Ok(Cow::Borrowed(
                self.text(|b| is_astring_char(b) || b == b'%' || b == b'*', "a mailbox pattern is missing")?.as_bytes(),
            )),
        }
    }

    /// A quoted string or a literal.
    pub fn string(&mut self) -> Parsed<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => Ok(Cow::Borrowed(self.literal()?)),
            _ => syntax("a string is missing"),
        }
    }

    /// `NIL` or a string.
    pub fn nstring(&mut self) -> Parsed<Option<Cow<'a, [u8]>>> {
        match self.peek() {
            Some(b'"' | b'{') => self.string().map(Some),
            _ if self.eat_word("NIL") => Ok(None),
            _ => syntax("a string or NIL is missing"),
        }
    }

    /// `{n}` or `{n+}` and its `n` bytes.
    pub fn literal(&mut self) -> Parsed<&'a [u8]> {
        let size = self.literal_header()?;
        match usize::try_from(size).ok().and_then(|n| self.rest.split_at_checked(n)) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(Fault::Incomplete),
        }
    }

    /// `NIL`, a string, or a literal8: what may hold any octets (RFC 4466 §2).
    pub fn nstring8(&mut self) -> Parsed<Option<Cow<'a, [u8]>>> {
        if self.peek() == Some(b'~') {
            self.skip(1);
            return Ok(Some(Cow::Borrowed(self.literal()?)));
        }
        self.nstring()
    }

    /// `{n}` or `{n+}` with the line end that follows it (absent while the command is still being collected).
    pub fn literal_header(&mut self) -> Parsed<u64> {
        self.expect(b'{', "a literal is missing")?;
        let size = self.number64()?;
        self.eat(b'+');
        self.expect(b'}', "a literal's size must end with a brace")?;
        if self.rest.is_empty() || self.eat_word("\r\n") {
            Ok(size)
        } else {
            syntax("a literal's size must end the line")
        }
    }

    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        let body = self.rest.get(1..).unwrap_or_default();
        let mut owned: Option<Vec<u8>> = None;
        let mut at = 0;
        loop {
            match body.get(at) {
                Some(b'"') => {
                    let plain = body.get(..at).unwrap_or_default();
                    self.rest = body.get(at + 1..).unwrap_or_default();
                    return Ok(owned.map_or(Cow::Borrowed(plain), Cow::Owned));
                }
                Some(b'\\') => {
                    let Some(&next @ (b'"' | b'\\')) = body.get(at + 1) else {
                        return syntax("a backslash in a quoted string must protect a quote or a backslash");
                    };
                    owned.get_or_insert_with(|| body.get(..at).unwrap_or_default().to_vec()).push(next);
                    at += 2;
                }
                Some(b'\r' | b'\n' | 0) => return syntax("a quoted string must not contain a line end"),
                Some(&b) => {
                    if let Some(o) = &mut owned {
                        o.push(b);
                    }
                    at += 1;
                }
                None => return syntax("a quoted string has no end"),
            }
        }
    }

    fn text(&mut self, wanted: impl Fn(u8) -> bool, hint: &'static str) -> Parsed<&'a str> {
        match std::str::from_utf8(self.run(wanted)) {
            Ok("") | Err(_) => syntax(hint),
            Ok(text) => Ok(text),
        }
    }
}

/// ATOM-CHAR: any 7-bit character except specials (RFC 3501 §9).
#[must_use]
pub const fn is_atom_char(b: u8) -> bool {
    b > b' ' && b < 0x7f && !matches!(b, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// ASTRING-CHAR: an ATOM-CHAR or `]`.
#[must_use]
pub const fn is_astring_char(b: u8) -> bool {
    is_atom_char(b) || b == b']'
}

/// A character of a tag: an ASTRING-CHAR except `+`.
#[must_use]
pub const fn is_tag_char(b: u8) -> bool {
    is_astring_char(b) && b != b'+'
}
