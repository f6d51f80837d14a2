//! `APPEND` and `REPLACE`, whose messages are streamed and never held (RFC 3501 §6.3.11, MULTIAPPEND RFC 3502,
//! CATENATE RFC 4469, REPLACE RFC 8508, UTF8 RFC 6855 §4).
//!
//! Such a command comes in pieces: text up to a literal, the literal, more text. [`first`] and [`Line::rest`] read one
//! piece of text into [`Step`]s.

use super::command::{Append, Replaced};
use super::date;
use super::fault::{Fault, Parsed, syntax};
use super::flag;
use super::lex::Cursor;
use super::parse;

/// Parts of one piece of text that are URLs: more make no sense in a line.
const URLS_MAX: usize = 200;

/// What one piece of text asks for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message begins.
    Message(Append),
    /// A part of it is what the URL names.
    Url(String),
    /// A literal of this many octets follows the text: the message, or a part of it. Always the last step.
    Literal(u64),
}

/// Where a command stands between two pieces of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    mailbox: String,
    replaces: Option<Replaced>,
    /// A message is being put together from parts.
    catenate: bool,
    /// A closing parenthesis is due after the literal: `UTF8 (~{n}…)`.
    wrapped: bool,
}

/// Whether the command after its tag is one of them.
#[must_use]
pub fn is_append(mut after_tag: Cursor<'_>) -> bool {
    ["APPEND ", "REPLACE ", "UID REPLACE "].into_iter().any(|verb| after_tag.eat_word(verb))
}

/// Reads the command, after its tag, up to the end of what was collected.
///
/// # Errors
/// [`Fault::Incomplete`] when the literal that ends the text is a mailbox name or a URL, not a message.
pub fn first(cursor: &mut Cursor<'_>) -> Parsed<(Line, Vec<Step>)> {
    let replaces = if cursor.eat_word("APPEND") {
        None
    } else {
        let uid = cursor.eat_word("UID ");
        cursor.eat_word("REPLACE");
        cursor.space()?;
        let number = if cursor.eat(b'*') { 0 } else { cursor.nz_number()? };
        Some(Replaced { uid, number })
    };
    let mailbox = parse::spaced_mailbox(cursor)?;
    let mut line = Line { mailbox, replaces, catenate: false, wrapped: false };
    let mut steps = Vec::new();
    line.message(cursor, &mut steps)?;
    line.more(cursor, &mut steps)?;
    Ok((line, steps))
}

impl Line {
    /// Whether the command reads nothing but a line end after its literal.
    #[must_use]
    pub const fn may_end(&self) -> bool {
        !self.catenate && !self.wrapped
    }

    /// Whether the text after a literal ends this message by itself, so that nothing more need come.
    ///
    /// # Errors
    /// As [`first`].
    pub fn rest(&mut self, cursor: &mut Cursor<'_>) -> Parsed<Vec<Step>> {
        let mut steps = Vec::new();
        if self.wrapped {
            cursor.expect(b')', "UTF8 has no end")?;
            self.wrapped = false;
        }
        if self.catenate {
            if cursor.eat(b')') {
                self.catenate = false;
            } else {
                cursor.space()?;
                self.parts(cursor, &mut steps)?;
            }
        }
        self.more(cursor, &mut steps)?;
        Ok(steps)
    }

    /// More messages, until the text ends.
    fn more(&mut self, cursor: &mut Cursor<'_>, steps: &mut Vec<Step>) -> Parsed<()> {
        while !matches!(steps.last(), Some(Step::Literal(_))) && !cursor.is_empty() {
            if self.replaces.is_some() {
                return cursor.end();
            }
            self.message(cursor, steps)?;
        }
        Ok(())
    }

    /// ` [flags] [date] {size}`, or `UTF8 (~{size}`, or `CATENATE (part …`.
    fn message(&mut self, cursor: &mut Cursor<'_>, steps: &mut Vec<Step>) -> Parsed<()> {
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
        let mut append = Append { mailbox: self.mailbox.clone(), replaces: self.replaces, flags, date, size: None };
        if cursor.eat_word("CATENATE (") {
            steps.push(Step::Message(append));
            self.catenate = true;
            return self.parts(cursor, steps);
        }
        if cursor.eat_word("UTF8 (") {
            self.wrapped = true;
        }
        let size = literal_at_end(cursor)?;
        append.size = Some(size);
        steps.extend([Step::Message(append), Step::Literal(size)]);
        Ok(())
    }

    /// `URL "…"`, `TEXT {n}` and `UTF8 (~{n}…)`, up to a literal or the end of the message.
    fn parts(&mut self, cursor: &mut Cursor<'_>, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            if cursor.eat_word("URL ") {
                let url = cursor.astring()?;
                match std::str::from_utf8(&url) {
                    Ok(url) if url.len() <= 2_000 => steps.push(Step::Url(url.to_owned())),
                    _ => return syntax("a URL is text"),
                }
                if steps.len() > URLS_MAX {
                    return syntax("too many parts");
                }
            } else if cursor.eat_word("UTF8 (") {
                self.wrapped = true;
                steps.push(Step::Literal(literal_at_end(cursor)?));
                return Ok(());
            } else if cursor.eat_word("TEXT ") {
                steps.push(Step::Literal(literal_at_end(cursor)?));
                return Ok(());
            } else {
                return syntax("a part is URL, TEXT or UTF8");
            }
            if cursor.eat(b')') {
                self.catenate = false;
                return Ok(());
            }
            cursor.space()?;
        }
    }
}

/// The size of the literal that ends the text.
fn literal_at_end(cursor: &mut Cursor<'_>) -> Parsed<u64> {
    cursor.eat(b'~');
    if cursor.peek() != Some(b'{') {
        return syntax("a message must be a literal");
    }
    let size = cursor.literal_header()?;
    if cursor.is_empty() { Ok(size) } else { Err(Fault::Syntax("unexpected text after the literal's size")) }
}
