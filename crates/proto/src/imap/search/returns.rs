//! `RETURN (…)`: which results, and in what form (RFC 4731 §3.1, RFC 5182 §2, RFC 9394 §3.1).

use crate::imap::fault::{Parsed, syntax};
use crate::imap::lex::Cursor;

/// `RETURN (…)`. `RETURN ()` means `ALL` (RFC 4731 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returns {
    /// `MIN`.
    pub min: bool,
    /// `MAX`.
    pub max: bool,
    /// `ALL`.
    pub all: bool,
    /// `COUNT`.
    pub count: bool,
    /// `SAVE`.
    pub save: bool,
    /// `PARTIAL`; never with `ALL`.
    pub partial: Option<Partial>,
}

/// A range of results, counted from 1; from the last one backwards when it was written with minus signs (RFC 9394 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The nearer end; at least 1.
    pub first: u32,
    /// The farther end; not less than `first`.
    pub last: u32,
    /// Counted from the end: `-1` is the last result.
    pub from_end: bool,
}

impl Partial {
    /// Which of `count` results it names: from, and up to but without.
    #[must_use]
    pub fn of(self, count: usize) -> (usize, usize) {
        let (near, far) = (self.first as usize - 1, (self.last as usize).min(count));
        match self.from_end {
            _ if near >= count => (0, 0),
            false => (near, far),
            true => (count - far, count - near),
        }
    }
}

/// As it is written back: the nearer end first.
impl std::fmt::Display for Partial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.from_end { "-" } else { "" };
        write!(f, "{sign}{}:{sign}{}", self.first, self.last)
    }
}

/// Reads `RETURN (…) ` if it is there.
pub(in crate::imap) fn returns(cursor: &mut Cursor<'_>) -> Parsed<Option<Returns>> {
    if !cursor.eat_word("RETURN ") {
        return Ok(None);
    }
    let returns = options(cursor)?;
    cursor.space()?;
    Ok(Some(returns))
}

/// Reads `1:500` or `-1:-100`.
pub(in crate::imap) fn partial(cursor: &mut Cursor<'_>) -> Parsed<Partial> {
    let from_end = cursor.eat(b'-');
    let first = cursor.nz_number()?;
    cursor.expect(b':', "a PARTIAL range has two ends")?;
    if cursor.eat(b'-') != from_end {
        return syntax("the ends of a PARTIAL range are counted the same way");
    }
    let last = cursor.nz_number()?;
    Ok(Partial { first: first.min(last), last: first.max(last), from_end })
}

fn options(cursor: &mut Cursor<'_>) -> Parsed<Returns> {
    let mut returns = Returns::default();
    cursor.expect(b'(', "RETURN takes a list")?;
    while !cursor.eat(b')') {
        match cursor.word()?.to_ascii_uppercase().as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            "SAVE" => returns.save = true,
            "PARTIAL" if returns.partial.is_none() => {
                cursor.space()?;
                returns.partial = Some(partial(cursor)?);
            }
            _ => return syntax("unknown or repeated return option"),
        }
        if cursor.peek() != Some(b')') {
            cursor.space()?;
        }
    }
    if returns.all && returns.partial.is_some() {
        return syntax("PARTIAL and ALL exclude each other");
    }
    if returns == Returns::default() {
        returns.all = true;
    }
    Ok(returns)
}
