//! Rights of others (RFC 4314 §3).

use super::command::Command;
use super::fault::{Parsed, syntax};
use super::lex::Cursor;
use super::parse::spaced_mailbox;

/// Octets of an identifier.
const IDENTIFIER_MAX: usize = 400;

/// `SETACL mailbox identifier [+|-]rights`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAcl {
    /// The mailbox.
    pub mailbox: String,
    /// An address, `anyone`, or one of them after `-` for rights that are taken away.
    pub identifier: String,
    /// What is done with the rights.
    pub change: Change,
    /// Letters of the rights.
    pub rights: String,
}

/// How rights change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// These instead of those before.
    Replace,
    /// These too.
    Add,
    /// Without these.
    Remove,
}

pub(super) fn set(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    let mailbox = spaced_mailbox(cursor)?;
    let identifier = identifier(cursor)?;
    cursor.space()?;
    let text = cursor.astring()?;
    let (change, letters) = match text.split_first() {
        Some((b'+', rest)) => (Change::Add, rest),
        Some((b'-', rest)) => (Change::Remove, rest),
        _ => (Change::Replace, &*text),
    };
    if !letters.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return syntax("rights are lower-case letters");
    }
    let rights = String::from_utf8_lossy(letters).into_owned();
    Ok(Command::SetAcl(SetAcl { mailbox, identifier, change, rights }))
}

pub(super) fn delete(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    Ok(Command::DeleteAcl { mailbox: spaced_mailbox(cursor)?, identifier: identifier(cursor)? })
}

pub(super) fn list_rights(cursor: &mut Cursor<'_>) -> Parsed<Command> {
    Ok(Command::ListRights { mailbox: spaced_mailbox(cursor)?, identifier: identifier(cursor)? })
}

fn identifier(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.space()?;
    match std::str::from_utf8(&cursor.astring()?) {
        Ok(text) if !text.is_empty() && text.len() <= IDENTIFIER_MAX && !text.chars().any(char::is_control) => {
            Ok(text.to_owned())
        }
        _ => syntax("an identifier is text"),
    }
}
