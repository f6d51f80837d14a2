//! `LIST`, `LSUB` and `STATUS` items (RFC 3501 §6.3.8-10, RFC 5258, RFC 5819, RFC 6154).

use super::fault::{Fault, Parsed, syntax};
use super::lex::Cursor;
use super::metadata;
use super::utf7;

/// `LIST` or `LSUB`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// `LSUB`.
    pub lsub: bool,
    /// The extended syntax of RFC 5258 was used.
    pub extended: bool,
    /// The reference, to be put before each pattern.
    pub reference: String,
    /// Patterns with `*` and `%`.
    pub patterns: Vec<String>,
    /// Only subscribed names (`SUBSCRIBED`).
    pub subscribed: bool,
    /// Parents of selected names too (`RECURSIVEMATCH`).
    pub recursive: bool,
    /// Only names with a special use (`SPECIAL-USE`).
    pub special_use: bool,
    /// What to tell about each name.
    pub returns: ListReturn,
}

/// The `RETURN` options of `LIST`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReturn {
    /// `SUBSCRIBED`.
    pub subscribed: bool,
    /// `CHILDREN`.
    pub children: bool,
    /// `SPECIAL-USE`.
    pub special_use: bool,
    /// `STATUS (…)` (RFC 5819).
    pub status: Vec<StatusItem>,
    /// `MYRIGHTS` (RFC 8440).
    pub my_rights: bool,
    /// `METADATA (…)` (RFC 9590): names of entries, in lower case.
    pub metadata: Vec<String>,
}

/// An item of `STATUS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// Number of messages.
    Messages,
    /// Number of recent messages.
    Recent,
    /// The next UID.
    UidNext,
    /// The UIDVALIDITY.
    UidValidity,
    /// Number of messages without `\Seen`.
    Unseen,
    /// Number of messages with `\Deleted` (RFC 9051 §6.3.11).
    Deleted,
    /// Octets of all messages (RFC 8438).
    Size,
    /// The highest mod-sequence (RFC 7162 §3.1.7).
    HighestModSeq,
    /// Octets of the largest message that APPEND takes (RFC 7889 §4).
    AppendLimit,
    /// The mailbox's id that stays when it is renamed (RFC 8474 §4.3).
    MailboxId,
    /// Octets of messages with `\Deleted` (RFC 9208 §4.1.3).
    DeletedStorage,
}

impl StatusItem {
    /// The item as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::Size => "SIZE",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::AppendLimit => "APPENDLIMIT",
            Self::MailboxId => "MAILBOXID",
            Self::DeletedStorage => "DELETED-STORAGE",
        }
    }
}

/// Reads what follows `LIST`.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Parsed<List> {
    let mut list = List::default();
    cursor.space()?;
    if cursor.peek() == Some(b'(') {
        list.extended = true;
        selection(cursor, &mut list)?;
        cursor.space()?;
    }
    list.reference = name(cursor, false)?;
    cursor.space()?;
    if cursor.eat(b'(') {
        list.extended = true;
        loop {
            list.patterns.push(name(cursor, true)?);
            if cursor.eat(b')') {
                break;
            }
            cursor.space()?;
        }
    } else {
        list.patterns.push(name(cursor, true)?);
    }
    if cursor.eat(b' ') {
        if !cursor.eat_word("RETURN (") {
            return syntax("LIST takes RETURN options");
        }
        list.extended = true;
        returns(cursor, &mut list.returns)?;
    }
    Ok(list)
}

/// Reads what follows `LSUB`.
pub(super) fn lsub(cursor: &mut Cursor<'_>) -> Parsed<List> {
    cursor.space()?;
    let reference = name(cursor, false)?;
    cursor.space()?;
    let pattern = name(cursor, true)?;
    Ok(List { lsub: true, subscribed: true, reference, patterns: vec![pattern], ..List::default() })
}

/// Reads `(item item …)` of `STATUS`.
pub(super) fn status_items(cursor: &mut Cursor<'_>) -> Parsed<Vec<StatusItem>> {
    cursor.expect(b'(', "STATUS items must be in parentheses")?;
    let mut items = Vec::new();
    loop {
        let item = match cursor.word()?.to_ascii_uppercase().as_str() {
            "MESSAGES" => StatusItem::Messages,
            "RECENT" => StatusItem::Recent,
            "UIDNEXT" => StatusItem::UidNext,
            "UIDVALIDITY" => StatusItem::UidValidity,
            "UNSEEN" => StatusItem::Unseen,
            "DELETED" => StatusItem::Deleted,
            "SIZE" => StatusItem::Size,
            "HIGHESTMODSEQ" => StatusItem::HighestModSeq,
            "APPENDLIMIT" => StatusItem::AppendLimit,
            "MAILBOXID" => StatusItem::MailboxId,
            "DELETED-STORAGE" => StatusItem::DeletedStorage,
            _ => return syntax("unknown STATUS item"),
        };
        if !items.contains(&item) {
            items.push(item);
        }
        if cursor.eat(b')') {
            return Ok(items);
        }
        cursor.space()?;
    }
}

fn selection(cursor: &mut Cursor<'_>, list: &mut List) -> Parsed<()> {
    cursor.expect(b'(', "selection options must be in parentheses")?;
    while !cursor.eat(b')') {
        match cursor.word()?.to_ascii_uppercase().as_str() {
            "SUBSCRIBED" => list.subscribed = true,
            "RECURSIVEMATCH" => list.recursive = true,
            "SPECIAL-USE" => list.special_use = true,
            "REMOTE" => {}
            _ => return syntax("unknown LIST selection option"),
        }
        if cursor.peek() != Some(b')') {
            cursor.space()?;
        }
    }
    if list.recursive && !list.subscribed && !list.special_use {
        return syntax("RECURSIVEMATCH needs another selection option");
    }
    Ok(())
}

fn returns(cursor: &mut Cursor<'_>, returns: &mut ListReturn) -> Parsed<()> {
    while !cursor.eat(b')') {
        match cursor.word()?.to_ascii_uppercase().as_str() {
            "SUBSCRIBED" => returns.subscribed = true,
            "CHILDREN" => returns.children = true,
            "SPECIAL-USE" => returns.special_use = true,
            "MYRIGHTS" => returns.my_rights = true,
            "METADATA" => {
                cursor.space()?;
                returns.metadata = metadata::entries(cursor)?;
            }
            "STATUS" => {
                cursor.space()?;
                returns.status = status_items(cursor)?;
            }
            _ => return syntax("unknown LIST return option"),
        }
        if cursor.peek() != Some(b')') {
            cursor.space()?;
        }
    }
    Ok(())
}

/// Patterns that are not well-formed match nothing rather than fail, so they are kept as they came.
fn name(cursor: &mut Cursor<'_>, pattern: bool) -> Parsed<String> {
    let bytes = if pattern { cursor.list_mailbox()? } else { cursor.astring()? };
    match if cursor.is_utf8() { utf7::plain(&bytes) } else { utf7::decode(&bytes) } {
        Err(Fault::Name) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        other => other,
    }
}
