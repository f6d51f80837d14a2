//! Annotations of mailboxes and of the server (RFC 5464).

use super::command::Command;
use super::fault::{Parsed, syntax};
use super::lex::Cursor;
use super::parse::spaced_mailbox;

/// Entries of one command.
const ENTRIES_MAX: usize = 100;
/// Octets of an entry's name.
const NAME_MAX: usize = 256;

/// `GETMETADATA [options] mailbox entries`; the options may come after the mailbox too, as in the examples of the RFC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetMetadata {
    /// The mailbox; empty for the server.
    pub mailbox: String,
    /// Names in lower case.
    pub entries: Vec<String>,
    /// Longer values are left out.
    pub max_size: Option<u64>,
    /// How far below the names to look.
    pub depth: Depth,
}

/// `DEPTH`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// The entries themselves.
    #[default]
    Zero,
    /// And those one level below.
    One,
    /// And all below.
    Infinity,
}

pub(super) fn get(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mut get = GetMetadata { mailbox: String::new(), entries: Vec::new(), max_size: None, depth: Depth::default() };
    let early = cursor.rest().starts_with(b" (");
    if early {
        cursor.space()?;
        options(cursor, &mut get)?;
    }
    get.mailbox = spaced_mailbox(cursor)?;
    if !early && is_options(*cursor) {
        cursor.space()?;
        options(cursor, &mut get)?;
    }
    cursor.space()?;
    get.entries = if cursor.peek() == Some(b'(') { entries(cursor)? } else { vec![entry(cursor)?] };
    Ok(Command::GetMetadata(get))
}

pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = spaced_mailbox(cursor)?;
    cursor.space()?;
    cursor.expect(b'(', "entries must be in parentheses")?;
    let mut entries = Vec::new();
    loop {
        let name = entry(cursor)?;
        cursor.space()?;
        entries.push((name, cursor.nstring8()?.map(std::borrow::Cow::into_owned)));
        if cursor.eat(b')') {
            return Ok(Command::SetMetadata { mailbox, entries });
        }
        if entries.len() >= ENTRIES_MAX {
            return syntax("too many entries");
        }
        cursor.space()?;
    }
}

/// `(entry entry …)`.
pub(super) fn entries(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.expect(b'(', "entries must be in parentheses")?;
    let mut entries = Vec::new();
    loop {
        let name = entry(cursor)?;
        if !entries.contains(&name) {
            entries.push(name);
        }
        if cursor.eat(b')') {
            return Ok(entries);
        }
        if entries.len() >= ENTRIES_MAX {
            return syntax("too many entries");
        }
        cursor.space()?;
    }
}

fn is_options(cursor: Cursor<'_>) -> bool {
    let mut ahead = cursor;
    ahead.eat_word(" (") && (ahead.eat_word("MAXSIZE") || ahead.eat_word("DEPTH"))
}

fn options(cursor: &mut Cursor<'_>, get: &mut GetMetadata) -> Parsed<()> {
    cursor.expect(b'(', "options must be in parentheses")?;
    loop {
        match cursor.word()?.to_ascii_uppercase().as_str() {
            "MAXSIZE" => {
                cursor.space()?;
                get.max_size = Some(cursor.number64()?);
            }
            "DEPTH" => {
                cursor.space()?;
                get.depth = match cursor.word()?.to_ascii_lowercase().as_str() {
                    "0" => Depth::Zero,
                    "1" => Depth::One,
                    "infinity" => Depth::Infinity,
                    _ => return syntax("DEPTH is 0, 1 or infinity"),
                };
            }
            _ => return syntax("unknown GETMETADATA option"),
        }
        if cursor.eat(b')') {
            return Ok(());
        }
        cursor.space()?;
    }
}

/// A name begins with `/`, has no empty level, no wildcard and nothing but ASCII (RFC 5464 §3.1).
fn entry(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let name = cursor.astring()?;
    let plain = name.iter().all(|b| (b' '..0x7f).contains(b) && !matches!(b, b'*' | b'%'));
    let levels = name.first() == Some(&b'/') && name.last() != Some(&b'/') && !name.windows(2).any(|w| w == b"//");
    if !plain || !levels || name.len() > NAME_MAX {
        return syntax("the entry's name is not well-formed");
    }
    Ok(String::from_utf8_lossy(&name).to_ascii_lowercase())
}
