//! `FETCH` items and sections (RFC 3501 §6.4.5, RFC 7162 §3.1.4, RFC 3516).

use super::fault::{Parsed, syntax};
use super::lex::Cursor;
use super::print;
use super::search::{self, Partial};
use super::set::{SequenceSet, sequence_set};

/// `FETCH` or `UID FETCH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The set holds UIDs.
    pub uid: bool,
    /// The messages.
    pub set: SequenceSet,
    /// What is asked of each, in the order of the client, without repetitions.
    pub items: Vec<Item>,
    /// `(CHANGEDSINCE n)`.
    pub changed_since: Option<u64>,
    /// `(… VANISHED)` (RFC 7162 §3.2.6).
    pub vanished: bool,
    /// `(PARTIAL range)`: of the messages that are left (RFC 9394 §3.3).
    pub partial: Option<Partial>,
}

impl Fetch {
    /// These items of these messages, by number.
    #[must_use]
    pub const fn of(set: SequenceSet, items: Vec<Item>) -> Self {
        Self { uid: false, set, items, changed_since: None, vanished: false, partial: None }
    }
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `UID`.
    Uid,
    /// `FLAGS`.
    Flags,
    /// `INTERNALDATE`.
    InternalDate,
    /// `RFC822.SIZE`.
    Size,
    /// `ENVELOPE`.
    Envelope,
    /// `BODY` without a section.
    Body,
    /// `BODYSTRUCTURE`.
    BodyStructure,
    /// `MODSEQ`.
    ModSeq,
    /// `EMAILID` (RFC 8474 §5.1).
    EmailId,
    /// `THREADID` (RFC 8474 §5.2).
    ThreadId,
    /// `SAVEDATE` (RFC 8514).
    SaveDate,
    /// `PREVIEW` (RFC 8970); only when it is at hand with `lazy`.
    Preview {
        /// `(LAZY)`.
        lazy: bool,
    },
    /// Bytes of the message.
    Part(Part),
}

/// `BODY[…]`, `BINARY[…]`, `BINARY.SIZE[…]`, `RFC822`, `RFC822.HEADER` or `RFC822.TEXT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How the answer names it: `BODY[HEADER]<0>`.
    pub label: Box<str>,
    /// Fetching it sets `\Seen`.
    pub sets_seen: bool,
    /// Part numbers; empty for the message itself.
    pub path: Vec<u32>,
    /// What of that part.
    pub what: What,
    /// First octet and count.
    pub partial: Option<(u64, u64)>,
}

impl Part {
    /// It is about the header of the message and nothing else.
    #[must_use]
    pub fn is_header(&self) -> bool {
        self.path.is_empty() && matches!(self.what, What::Header | What::HeaderFields(_) | What::HeaderFieldsNot(_))
    }
}

/// What of a part is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// All of it: the message with its header, or the body of a part.
    All,
    /// `HEADER`.
    Header,
    /// `HEADER.FIELDS (…)`.
    HeaderFields(Vec<String>),
    /// `HEADER.FIELDS.NOT (…)`.
    HeaderFieldsNot(Vec<String>),
    /// `TEXT`.
    Text,
    /// `MIME`.
    Mime,
    /// `BINARY[…]`: the content without its transfer encoding (RFC 3516).
    Binary,
    /// `BINARY.SIZE[…]`.
    BinarySize,
}

/// Reads what follows `FETCH `.
pub(super) fn fetch(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<Fetch> {
    let set = sequence_set(cursor)?;
    cursor.space()?;
    let mut fetch = Fetch { uid, ..Fetch::of(set, items(cursor)?) };
    if cursor.eat(b' ') {
        cursor.expect(b'(', "modifiers must be in parentheses")?;
        loop {
            match cursor.word()?.to_ascii_uppercase().as_str() {
                "CHANGEDSINCE" => {
                    cursor.space()?;
                    fetch.changed_since = Some(cursor.number64()?);
                }
                "VANISHED" => fetch.vanished = true,
                "PARTIAL" if uid && fetch.partial.is_none() => {
                    cursor.space()?;
                    fetch.partial = Some(search::partial(cursor)?);
                }
                _ => return syntax("unknown FETCH modifier"),
            }
            if !cursor.eat(b' ') {
                break;
            }
        }
        cursor.expect(b')', "modifiers have no end")?;
    }
    if fetch.vanished && (!uid || fetch.changed_since.is_none()) {
        return syntax("VANISHED needs UID FETCH with CHANGEDSINCE");
    }
    if fetch.changed_since.is_some() {
        add(&mut fetch.items, Item::ModSeq);
    }
    Ok(fetch)
}

/// One item, or several in parentheses.
///
/// # Errors
/// A syntax fault.
pub fn items(cursor: &mut Cursor<'_>) -> Parsed<Vec<Item>> {
    let mut items = Vec::new();
    if macro_items(cursor, &mut items) {
        return Ok(items);
    }
    if cursor.eat(b'(') {
        loop {
            item(cursor, &mut items)?;
            if cursor.eat(b')') {
                return Ok(items);
            }
            cursor.space()?;
        }
    }
    item(cursor, &mut items)?;
    Ok(items)
}

/// `ALL`, `FAST` or `FULL`, which stand by themselves (RFC 9051 §6.4.5).
fn macro_items(cursor: &mut Cursor<'_>, items: &mut Vec<Item>) -> bool {
    let mut ahead = *cursor;
    let more: &[Item] = match ahead.word().unwrap_or_default().to_ascii_uppercase().as_str() {
        "ALL" => &[Item::Envelope],
        "FAST" => &[],
        "FULL" => &[Item::Envelope, Item::Body],
        _ => return false,
    };
    items.extend([Item::Flags, Item::InternalDate, Item::Size]);
    items.extend_from_slice(more);
    *cursor = ahead;
    true
}

fn item(cursor: &mut Cursor<'_>, items: &mut Vec<Item>) -> Parsed<()> {
    let word = cursor.word()?.to_ascii_uppercase();
    match word.as_str() {
        "UID" => add(items, Item::Uid),
        "FLAGS" => add(items, Item::Flags),
        "INTERNALDATE" => add(items, Item::InternalDate),
        "RFC822.SIZE" => add(items, Item::Size),
        "ENVELOPE" => add(items, Item::Envelope),
        "BODYSTRUCTURE" => add(items, Item::BodyStructure),
        "MODSEQ" => add(items, Item::ModSeq),
        "EMAILID" => add(items, Item::EmailId),
        "THREADID" => add(items, Item::ThreadId),
        "SAVEDATE" => add(items, Item::SaveDate),
        "PREVIEW" => add(items, Item::Preview { lazy: cursor.eat_word(" (LAZY)") }),
        "BODY" if cursor.peek() != Some(b'[') => add(items, Item::Body),
        "RFC822" => add(items, whole("RFC822", What::All, true)),
        "RFC822.HEADER" => add(items, whole("RFC822.HEADER", What::Header, false)),
        "RFC822.TEXT" => add(items, whole("RFC822.TEXT", What::Text, true)),
        "BODY" => add(items, section(cursor, "BODY", true)?),
        "BODY.PEEK" => add(items, section(cursor, "BODY", false)?),
        "BINARY" => add(items, section(cursor, "BINARY", true)?),
        "BINARY.PEEK" => add(items, section(cursor, "BINARY", false)?),
        "BINARY.SIZE" => add(items, section(cursor, "BINARY.SIZE", false)?),
        _ => return syntax("unknown FETCH item"),
    }
    Ok(())
}

fn add(items: &mut Vec<Item>, item: Item) {
    if !items.contains(&item) {
        items.push(item);
    }
}

fn whole(label: &str, what: What, sets_seen: bool) -> Item {
    Item::Part(Part { label: label.into(), sets_seen, path: Vec::new(), what, partial: None })
}

fn section(cursor: &mut Cursor<'_>, name: &str, sets_seen: bool) -> Parsed<Item> {
    cursor.expect(b'[', "a section must be in brackets")?;
    let mut path = Vec::new();
    let mut what = match name {
        "BINARY" => What::Binary,
        "BINARY.SIZE" => What::BinarySize,
        _ => What::All,
    };
    while matches!(cursor.peek(), Some(b'0'..=b'9')) {
        path.push(cursor.nz_number()?);
        if !cursor.eat(b'.') {
            break;
        }
        if !matches!(cursor.peek(), Some(b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')) {
            return syntax("a section ends with a dot");
        }
    }
    if cursor.peek() != Some(b']') {
        if name != "BODY" {
            return syntax("BINARY takes part numbers only");
        }
        what = text(cursor, !path.is_empty())?;
    }
    cursor.expect(b']', "a section has no end")?;
    let partial = if name != "BINARY.SIZE" && cursor.eat(b'<') {
        let first = cursor.number64()?;
        cursor.expect(b'.', "a partial is <first.count>")?;
        let count = u64::from(cursor.nz_number()?);
        cursor.expect(b'>', "a partial has no end")?;
        Some((first, count))
    } else {
        None
    };
    let label = label(name, &path, &what, partial);
    Ok(Item::Part(Part { label, sets_seen, path, what, partial }))
}

fn text(cursor: &mut Cursor<'_>, in_part: bool) -> Parsed<What> {
    Ok(match cursor.word()?.to_ascii_uppercase().as_str() {
        "HEADER" => What::Header,
        "TEXT" => What::Text,
        "MIME" if in_part => What::Mime,
        "HEADER.FIELDS" => What::HeaderFields(fields(cursor)?),
        "HEADER.FIELDS.NOT" => What::HeaderFieldsNot(fields(cursor)?),
        _ => return syntax("unknown section"),
    })
}

fn fields(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.space()?;
    cursor.expect(b'(', "header names must be in parentheses")?;
    let mut names = Vec::new();
    loop {
        let name = cursor.astring()?;
        match std::str::from_utf8(&name) {
            Ok(name) if !name.is_empty() && !name.contains(['\r', '\n', '\0']) => names.push(name.to_owned()),
            _ => return syntax("a header name is text"),
        }
        if cursor.eat(b')') {
            return Ok(names);
        }
        cursor.space()?;
    }
}

fn label(name: &str, path: &[u32], what: &What, partial: Option<(u64, u64)>) -> Box<str> {
    let mut out = name.as_bytes().to_vec();
    out.push(b'[');
    for (i, n) in path.iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        print::number(&mut out, u64::from(*n));
    }
    let (word, names) = match what {
        What::All | What::Binary | What::BinarySize => ("", None),
        What::Header => ("HEADER", None),
        What::Text => ("TEXT", None),
        What::Mime => ("MIME", None),
        What::HeaderFields(names) => ("HEADER.FIELDS", Some(names)),
        What::HeaderFieldsNot(names) => ("HEADER.FIELDS.NOT", Some(names)),
    };
    if !word.is_empty() && !path.is_empty() {
        out.push(b'.');
    }
    out.extend_from_slice(word.as_bytes());
    if let Some(names) = names {
        for (i, name) in names.iter().enumerate() {
            out.extend_from_slice(if i == 0 { b" (" } else { b" " });
            print::astring(&mut out, name.as_bytes());
        }
        out.push(b')');
    }
    out.push(b']');
    if let Some((first, _)) = partial {
        out.push(b'<');
        print::number(&mut out, first);
        out.push(b'>');
    }
    String::from_utf8_lossy(&out).into()
}
