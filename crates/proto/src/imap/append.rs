//! `APPEND` up to its literal, which is streamed and never held (RFC 3501 §6.3.11, MULTIAPPEND RFC 3502).

use super::command::Append;
use super::date;
use super::fault::Parsed;
use super::flag;
use super::lex::Cursor;
use super::parse;

/// Whether the command after its tag is an `APPEND`.
#[must_use]
pub fn is_append(mut after_tag: Cursor<'_>) -> bool {
    after_tag.eat_word("APPEND ")
}

/// Reads `APPEND mailbox [flags] [date] {size}` up to the end of what was collected.
///
/// # Errors
/// [`super::fault::Fault::Incomplete`] when the literal that ends the line is the mailbox name, not the message.
pub fn first(cursor: &mut Cursor<'_>) -> Parsed<Append> {
    cursor.eat_word("APPEND");
    cursor.space()?;
    let mailbox = parse::mailbox(cursor)?;
    message(cursor, mailbox)
}

/// Reads ` [flags] [date] {size}` of one more message for `mailbox`.
///
/// # Errors
/// A syntax fault when anything else comes.
pub fn message(cursor: &mut Cursor<'_>, mailbox: String) -> Parsed<Append> {
    cursor.space()?;
    let mut flags = Vec::new();
    if cursor.peek() == Some(b'(') {
        flags = flag::flag_list(cursor)?;
        cursor.space()?;
    }
    let mut date = None;
    if cursor.peek() == Some(b'"') {
        date = Some(date::date_time(cursor)?);
        cursor.space()?;
    }
    cursor.eat(b'~');
    let size = cursor.literal_header()?;
    cursor.end()?;
    Ok(Append { mailbox, flags, date, size })
}
