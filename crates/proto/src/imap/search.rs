//! `SEARCH` (RFC 3501 §6.4.4, ESEARCH RFC 4731, SEARCHRES RFC 5182, WITHIN RFC 5032, MODSEQ RFC 7162 §3.1.5).

use std::cell::Cell;

use super::date::{self, Day};
use super::fault::{Fault, Parsed, syntax};
use super::flag::{Flag, KEYWORD_MAX};
use super::lex::Cursor;
use super::set::{SequenceSet, sequence_set};

/// Charsets that searches may use besides UTF-8, in the order in which `NO [BADCHARSET]` names them.
pub const CHARSETS: [&str; 10] = [
    "ISO-2022-JP",
    "Shift_JIS",
    "EUC-JP",
    "ISO-8859-1",
    "ISO-8859-15",
    "windows-1252",
    "EUC-KR",
    "GB18030",
    "Big5",
    "KOI8-R",
];

/// Deepest nesting of parentheses, `NOT` and `OR`.
const DEPTH_MAX: usize = 50;
/// Most texts in one search: every message is looked through for each.
const TEXTS_MAX: u32 = 100;

/// `SEARCH` or `UID SEARCH`.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Results are UIDs.
    pub uid: bool,
    /// `RETURN` options; `None` asks for the old `* SEARCH` response.
    pub returns: Option<Returns>,
    /// What a message must meet.
    pub key: Key,
}

/// `RETURN (…)` of ESEARCH. `RETURN ()` means `ALL` (RFC 4731 §3.1).
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
}

/// A search key. Texts are Unicode; compare them without regard to case.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// Every message.
    All,
    /// Has the flag.
    Flag(Flag),
    /// `RECENT`; `NEW` is `And([Recent, Not(Seen)])`, `OLD` is `Not(Recent)`.
    Recent,
    /// Message numbers.
    Sequence(SequenceSet),
    /// UIDs.
    Uid(SequenceSet),
    /// All of them.
    And(Vec<Key>),
    /// One or the other.
    Or(Box<Key>, Box<Key>),
    /// The opposite.
    Not(Box<Key>),
    /// A header field contains the text; an empty text asks for the field alone. The name is in lower case.
    Header(String, String),
    /// The body contains the text.
    Body(String),
    /// Header or body contains the text.
    Text(String),
    /// Internal date earlier than the day.
    Before(Day),
    /// Internal date on the day.
    On(Day),
    /// Internal date on the day or later.
    Since(Day),
    /// `Date:` earlier than the day.
    SentBefore(Day),
    /// `Date:` on the day.
    SentOn(Day),
    /// `Date:` on the day or later.
    SentSince(Day),
    /// More octets than.
    Larger(u64),
    /// Fewer octets than.
    Smaller(u64),
    /// Mod-sequence equal or greater.
    ModSeq(u64),
    /// Internal date at least so many seconds ago.
    Older(u32),
    /// Internal date within so many seconds.
    Younger(u32),
}

impl Key {
    /// A `MODSEQ` key occurs somewhere, so results carry mod-sequences and the session is CONDSTORE aware.
    #[must_use]
    pub fn has_mod_seq(&self) -> bool {
        match self {
            Self::ModSeq(_) => true,
            Self::And(keys) => keys.iter().any(Self::has_mod_seq),
            Self::Or(a, b) => a.has_mod_seq() || b.has_mod_seq(),
            Self::Not(key) => key.has_mod_seq(),
            _ => false,
        }
    }
}

/// Reads what follows `SEARCH `.
pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<Search> {
    let mut returns = None;
    if cursor.eat_word("RETURN ") {
        returns = Some(return_options(cursor)?);
        cursor.space()?;
    }
    let mut charset = Charset::Utf8;
    if cursor.eat_word("CHARSET ") {
        charset = Charset::named(&String::from_utf8_lossy(&cursor.astring()?))?;
        cursor.space()?;
    }
    let keys = Keys { charset, texts: Cell::new(0) };
    let mut all = vec![keys.one(cursor, 0)?];
    while cursor.eat(b' ') {
        if cursor.is_empty() {
            break;
        }
        all.push(keys.one(cursor, 0)?);
    }
    Ok(Search { uid, returns, key: joined(all) })
}

fn return_options(cursor: &mut Cursor<'_>) -> Parsed<Returns> {
    let mut returns = Returns::default();
    cursor.expect(b'(', "RETURN takes a list")?;
    while !cursor.eat(b')') {
        match cursor.word()?.to_ascii_uppercase().as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            "SAVE" => returns.save = true,
            _ => return syntax("unknown SEARCH return option"),
        }
        if cursor.peek() != Some(b')') {
            cursor.space()?;
        }
    }
    if returns == Returns::default() {
        returns.all = true;
    }
    Ok(returns)
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
            "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => Key::Header(word.to_ascii_lowercase(), self.text(cursor)?),
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
