//! `ESEARCH`: search in mailboxes that are not open (MULTISEARCH, RFC 7377).

use super::fault::{Parsed, syntax};
use super::lex::Cursor;
use super::parse;
use super::search::{self, Key, Returns};

/// Most mailbox names in one command.
const NAMES_MAX: usize = 1_000;

/// `ESEARCH`. Results are UIDs.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiSearch {
    /// Where to search; never empty. The selected mailbox when the command does not say.
    pub sources: Vec<Source>,
    /// `RETURN` options; `ALL` when the command does not say.
    pub returns: Returns,
    /// What a message must meet.
    pub key: Key,
}

/// Where to search (RFC 7377 §2.2, RFC 5465 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `selected`.
    Selected,
    /// `inboxes`: where mail may arrive by delivery.
    Inboxes,
    /// `personal`: all of the user's own.
    Personal,
    /// `subscribed`.
    Subscribed,
    /// `subtree`: these and all below them.
    Subtree(Vec<String>),
    /// `subtree-one`: these and those directly below them.
    SubtreeOne(Vec<String>),
    /// `mailboxes`: these.
    Mailboxes(Vec<String>),
}

/// Reads what follows `ESEARCH `.
pub(super) fn multi_search(cursor: &mut Cursor<'_>) -> Parsed<MultiSearch> {
    let mut sources = vec![Source::Selected];
    if cursor.eat_word("IN ") {
        sources = self::sources(cursor)?;
        cursor.space()?;
    }
    let returns = search::returns(cursor)?.unwrap_or(Returns { all: true, ..Returns::default() });
    let key = search::program(cursor)?;
    let elsewhere = sources.iter().any(|source| *source != Source::Selected);
    if elsewhere && returns.save {
        return syntax("SAVE keeps results of the selected mailbox only");
    }
    if elsewhere && key.has_numbers() {
        return syntax("message numbers mean the selected mailbox only");
    }
    Ok(MultiSearch { sources, returns, key })
}

fn sources(cursor: &mut Cursor<'_>) -> Parsed<Vec<Source>> {
    cursor.expect(b'(', "sources must be in parentheses")?;
    let mut sources = Vec::new();
    let mut left = NAMES_MAX;
    loop {
        sources.push(source(cursor, &mut left)?);
        if cursor.eat(b')') {
            return Ok(sources);
        }
        cursor.space()?;
        if cursor.peek() == Some(b'(') {
            // Scope options: there is a syntax for them, but none exists (RFC 7377 §2.2).
            return syntax("unknown scope option");
        }
    }
}

fn source(cursor: &mut Cursor<'_>, left: &mut usize) -> Parsed<Source> {
    let word = cursor.word()?.to_ascii_lowercase();
    *left = match left.checked_sub(1) {
        Some(left) => left,
        None => return syntax("too many sources"),
    };
    Ok(match word.as_str() {
        "selected" => Source::Selected,
        "inboxes" => Source::Inboxes,
        "personal" => Source::Personal,
        "subscribed" => Source::Subscribed,
        "subtree" => Source::Subtree(names(cursor, left)?),
        "subtree-one" => Source::SubtreeOne(names(cursor, left)?),
        "mailboxes" => Source::Mailboxes(names(cursor, left)?),
        _ => return syntax("unknown source"),
    })
}

/// One mailbox, or some in parentheses.
fn names(cursor: &mut Cursor<'_>, left: &mut usize) -> Parsed<Vec<String>> {
    cursor.space()?;
    if !cursor.eat(b'(') {
        return Ok(vec![parse::mailbox(cursor)?]);
    }
    let mut names = Vec::new();
    loop {
        names.push(parse::mailbox(cursor)?);
        if names.len() > *left {
            return syntax("too many mailboxes");
        }
        if cursor.eat(b')') {
            *left -= names.len();
            return Ok(names);
        }
        cursor.space()?;
    }
}
