//! Search keys (RFC 3501 §6.4.4, RFC 5032, RFC 7162 §3.1.5, RFC 8514, RFC 8474 §5.3).

use std::cell::Cell;

use super::{CHARSETS, Key};
use crate::imap::date;
use crate::imap::fault::{Fault, Parsed, syntax};
use crate::imap::flag::{Flag, KEYWORD_MAX};
use crate::imap::lex::Cursor;
use crate::imap::set::sequence_set;

/// Deepest nesting of parentheses, `NOT` and `OR`.
const DEPTH_MAX: usize = 50;
/// Most texts in one search: every message is looked through for each.
const TEXTS_MAX: u32 = 100;

/// Reads keys to the end; all of them must be met. `charset` is the one that was named, if any.
pub(super) fn keys(cursor: &mut Cursor<'_>, charset: Option<&[u8]>) -> Parsed<Key> {
    let charset = match charset {
        Some(name) => Charset::named(&String::from_utf8_lossy(name))?,
        None => Charset::Utf8,
    };
    let keys = Keys { charset, texts: Cell::new(0) };
    let mut all = vec![keys.one(cursor, 0)?];
    while cursor.eat(b' ') {
        if cursor.is_empty() {
            break;
        }
        all.push(keys.one(cursor, 0)?);
    }
    Ok(joined(all))
}

/// How search texts are encoded.
enum Charset {
    Utf8,
    Other(String),
}

impl Charset {
    fn named(name: &str) -> Parsed<Self> {
        if ["UTF-8", "UTF8", "US-ASCII", "ASCII"].iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return Ok(Self::Utf8);
        }
        let known = CHARSETS.iter().any(|n| n.eq_ignore_ascii_case(name));
        if known { Ok(Self::Other(name.to_owned())) } else { Err(Fault::Charset) }
    }

    /// Search texts that are not valid in their charset are taken as far as they can be understood.
    fn decode(&self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Other(name) => sekisho_message::charset::decode(name, bytes),
        }
    }
}

struct Keys {
    charset: Charset,
    texts: Cell<u32>,
}

impl Keys {
    fn one(&self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Key> {
        if depth > DEPTH_MAX {
            return syntax("the search is nested too deeply");
        }
        match cursor.peek() {
            Some(b'(') => self.group(cursor, depth),
            Some(b'0'..=b'9' | b'*' | b'$') => Ok(Key::Sequence(sequence_set(cursor)?)),
            _ => self.named(cursor, depth),
        }
    }

    fn group(&self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Key> {
        cursor.eat(b'(');
        let mut all = Vec::new();
        loop {
            all.push(self.one(cursor, depth + 1)?);
            if cursor.eat(b')') {
                return Ok(joined(all));
            }
            cursor.space()?;
        }
    }

    fn named(&self, cursor: &mut Cursor<'_>, depth: usize) -> Parsed<Key> {
        let word = cursor.word()?.to_ascii_uppercase();
        if let Some(key) = plain(&word) {
            return Ok(key);
        }
        if !takes_argument(&word) {
            return syntax("unknown search key");
        }
        cursor.space()?;
        Ok(match word.as_str() {
            "NOT" => Key::Not(Box::new(self.one(cursor, depth + 1)?)),
            "OR" => {
                let first = self.one(cursor, depth + 1)?;
                cursor.space()?;
                Key::Or(Box::new(first), Box::new(self.one(cursor, depth + 1)?))
            }
            "HEADER" => {
                let name = String::from_utf8_lossy(&cursor.astring()?).to_ascii_lowercase();
                cursor.space()?;
                Key::Header(name, self.text(cursor)?)
            }
            "BCC" | "CC" | "FROM" | "TO" => Key::Address(word.to_ascii_lowercase(), self.text(cursor)?),
            "SUBJECT" => Key::Header("subject".into(), self.text(cursor)?),
            "BODY" => Key::Body(self.text(cursor)?),
            "TEXT" => Key::Text(self.text(cursor)?),
            "KEYWORD" => Key::Flag(keyword(cursor)?),
            "UNKEYWORD" => Key::Not(Box::new(Key::Flag(keyword(cursor)?))),
            "UID" => Key::Uid(sequence_set(cursor)?),
            "LARGER" => Key::Larger(cursor.number64()?),
            "SMALLER" => Key::Smaller(cursor.number64()?),
            "OLDER" => Key::Older(cursor.nz_number()?),
            "YOUNGER" => Key::Younger(cursor.nz_number()?),
            "MODSEQ" => mod_seq(cursor)?,
            "BEFORE" => Key::Before(date::date(cursor)?),
            "ON" => Key::On(date::date(cursor)?),
            "SINCE" => Key::Since(date::date(cursor)?),
            "SAVEDBEFORE" => Key::SavedBefore(date::date(cursor)?),
            "SAVEDON" => Key::SavedOn(date::date(cursor)?),
            "SAVEDSINCE" => Key::SavedSince(date::date(cursor)?),
            "EMAILID" => Key::EmailId(object_id(cursor)?),
            "THREADID" => Key::ThreadId(object_id(cursor)?),
            "SENTBEFORE" => Key::SentBefore(date::date(cursor)?),
            "SENTON" => Key::SentOn(date::date(cursor)?),
            _ => Key::SentSince(date::date(cursor)?),
        })
    }

    fn text(&self, cursor: &mut Cursor<'_>) -> Parsed<String> {
        self.texts.set(self.texts.get() + 1);
        if self.texts.get() > TEXTS_MAX {
            return syntax("too many texts in one search");
        }
        Ok(self.charset.decode(&cursor.astring()?))
    }
}

fn plain(word: &str) -> Option<Key> {
    let not = |key| Key::Not(Box::new(key));
    Some(match word {
        "ALL" => Key::All,
        "ANSWERED" => Key::Flag(Flag::Answered),
        "DELETED" => Key::Flag(Flag::Deleted),
        "DRAFT" => Key::Flag(Flag::Draft),
        "FLAGGED" => Key::Flag(Flag::Flagged),
        "SEEN" => Key::Flag(Flag::Seen),
        "UNANSWERED" => not(Key::Flag(Flag::Answered)),
        "UNDELETED" => not(Key::Flag(Flag::Deleted)),
        "UNDRAFT" => not(Key::Flag(Flag::Draft)),
        "UNFLAGGED" => not(Key::Flag(Flag::Flagged)),
        "UNSEEN" => not(Key::Flag(Flag::Seen)),
        "RECENT" => Key::Recent,
        "NEW" => Key::And(vec![Key::Recent, not(Key::Flag(Flag::Seen))]),
        "OLD" => not(Key::Recent),
        "SAVEDATESUPPORTED" => Key::SaveDateSupported,
        _ => return None,
    })
}

fn takes_argument(word: &str) -> bool {
    matches!(
        word,
        "NOT"
            | "OR"
            | "HEADER"
            | "BCC"
            | "CC"
            | "FROM"
            | "SUBJECT"
            | "TO"
            | "BODY"
            | "TEXT"
            | "KEYWORD"
            | "UNKEYWORD"
            | "UID"
            | "LARGER"
            | "SMALLER"
            | "OLDER"
            | "YOUNGER"
            | "MODSEQ"
            | "BEFORE"
            | "ON"
            | "SINCE"
            | "SENTBEFORE"
            | "SENTON"
            | "SENTSINCE"
            | "SAVEDBEFORE"
            | "SAVEDON"
            | "SAVEDSINCE"
            | "EMAILID"
            | "THREADID"
    )
}

fn keyword(cursor: &mut Cursor<'_>) -> Parsed<Flag> {
    let word = cursor.atom()?;
    if word.len() > KEYWORD_MAX { syntax("the keyword is too long") } else { Ok(Flag::Keyword(word.into())) }
}

/// `MODSEQ [entry-name entry-type] n`: Sekisho keeps one mod-sequence a message, so the entry is checked and not needed.
fn mod_seq(cursor: &mut Cursor<'_>) -> Parsed<Key> {
    if cursor.peek() == Some(b'"') {
        cursor.string()?;
        cursor.space()?;
        if !["priv", "shared", "all"].iter().any(|t| cursor.eat_word(t)) {
            return syntax("unknown entry type");
        }
        cursor.space()?;
    }
    Ok(Key::ModSeq(cursor.number64()?))
}

fn joined(mut keys: Vec<Key>) -> Key {
    match keys.pop() {
        Some(only) if keys.is_empty() => only,
        Some(last) => {
            keys.push(last);
            Key::And(keys)
        }
        None => Key::All,
    }
}

/// An objectid: letters, digits, `_` and `-` (RFC 8474 §7); another string names no message.
fn object_id(cursor: &mut Cursor<'_>) -> Parsed<String> {
    Ok(String::from_utf8_lossy(&cursor.astring()?).into_owned())
}
