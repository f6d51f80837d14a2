//! Message flags (RFC 3501 §2.3.2).

use super::fault::{Parsed, syntax};
use super::lex::Cursor;

/// Largest length of a keyword in octets; a longer one is refused by the grammar.
pub const KEYWORD_MAX: usize = 100;

/// A flag of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// `\Answered`.
    Answered,
    /// `\Flagged`.
    Flagged,
    /// `\Deleted`.
    Deleted,
    /// `\Seen`.
    Seen,
    /// `\Draft`.
    Draft,
    /// A keyword such as `$Forwarded` or `Junk`. Compare without regard to case.
    Keyword(Box<str>),
}

impl Flag {
    /// The flag as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Seen => "\\Seen",
            Self::Draft => "\\Draft",
            Self::Keyword(word) => word,
        }
    }
}

/// One flag. `\Recent` and unknown system flags are understood and give `None`: a client may not set them,
/// and refusing the whole command would break clients that send back what they were once shown.
pub fn flag(cursor: &mut Cursor<'_>) -> Parsed<Option<Flag>> {
    let system = cursor.eat(b'\\');
    let word = cursor.atom()?;
    if !system {
        return if word.len() > KEYWORD_MAX {
            syntax("the keyword is too long")
        } else {
            Ok(Some(Flag::Keyword(word.into())))
        };
    }
    Ok(match word.to_ascii_lowercase().as_str() {
        "answered" => Some(Flag::Answered),
        "flagged" => Some(Flag::Flagged),
        "deleted" => Some(Flag::Deleted),
        "seen" => Some(Flag::Seen),
        "draft" => Some(Flag::Draft),
        _ => None,
    })
}

/// `(flag flag …)`, possibly empty.
pub fn flag_list(cursor: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    cursor.expect(b'(', "flags must be in parentheses")?;
    let mut flags = Vec::new();
    while cursor.eat(b' ') {}
    while !cursor.eat(b')') {
        flags.extend(flag(cursor)?);
        if cursor.peek() != Some(b')') {
            cursor.space()?;
        }
    }
    Ok(flags)
}

/// Flags with or without parentheses, as STORE allows.
pub fn store_flags(cursor: &mut Cursor<'_>) -> Parsed<Vec<Flag>> {
    if cursor.peek() == Some(b'(') {
        return flag_list(cursor);
    }
    let mut flags: Vec<Flag> = flag(cursor)?.into_iter().collect();
    while cursor.eat(b' ') {
        flags.extend(flag(cursor)?);
    }
    Ok(flags)
}
