//! `SEARCH` (RFC 3501 §6.4.4, ESEARCH RFC 4731, SEARCHRES RFC 5182, WITHIN RFC 5032, MODSEQ RFC 7162 §3.1.5), and
//! what `SORT`, `THREAD` and the search in other mailboxes share with it.

mod keys;
mod returns;

use super::date::Day;
use super::fault::{Parsed, syntax};
use super::flag::Flag;
use super::lex::Cursor;
use super::set::SequenceSet;

pub use returns::{Partial, Returns};
pub(super) use returns::{partial, returns};

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
    /// An address field of the envelope contains the text, which may be written otherwise in the header: with comments,
    /// quoting, folding. The name is in lower case.
    Address(String, String),
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
    /// Saved into the mailbox earlier than the day (RFC 8514 §4.3).
    SavedBefore(Day),
    /// Saved on the day.
    SavedOn(Day),
    /// Saved on the day or later.
    SavedSince(Day),
    /// Every message of a mailbox that keeps save dates.
    SaveDateSupported,
    /// The EMAILID (RFC 8474 §5.3).
    EmailId(String),
    /// The THREADID.
    ThreadId(String),
    /// Internal date at least so many seconds ago.
    Older(u32),
    /// Internal date within so many seconds.
    Younger(u32),
}

impl Key {
    /// A `MODSEQ` key occurs somewhere, so results carry mod-sequences and the session is CONDSTORE aware.
    #[must_use]
    pub fn has_mod_seq(&self) -> bool {
        self.any(&|key| matches!(key, Self::ModSeq(_)))
    }

    /// A message number or `$` occurs somewhere: the key has a meaning in the selected mailbox only.
    #[must_use]
    pub fn has_numbers(&self) -> bool {
        self.any(&|key| matches!(key, Self::Sequence(_) | Self::Uid(SequenceSet::Saved)))
    }

    /// Whether no message number is greater than `exists`, which makes a command `BAD` (RFC 9051 §9 `seq-number`). Ranges
    /// with `*` always name something.
    #[must_use]
    pub fn numbers_within(&self, exists: u32) -> bool {
        !self.any(&|key| match key {
            Self::Sequence(SequenceSet::Ranges(ranges)) => ranges.iter().any(|range| range.is_beyond(exists)),
            _ => false,
        })
    }

    fn any(&self, wanted: &impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::And(keys) => keys.iter().any(|key| key.any(wanted)),
            Self::Or(a, b) => a.any(wanted) || b.any(wanted),
            Self::Not(key) => key.any(wanted),
            key => wanted(key),
        }
    }
}

/// Reads what follows `SEARCH `.
pub(super) fn search(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<Search> {
    let returns = returns(cursor)?;
    Ok(Search { uid, returns, key: program(cursor)? })
}

/// Reads `[CHARSET name] key …`.
pub(super) fn program(cursor: &mut Cursor<'_>) -> Parsed<Key> {
    let mut charset = None;
    if cursor.eat_word("CHARSET ") {
        if !cursor.has_charsets() {
            return syntax("everything is UTF-8 once UTF8=ACCEPT is enabled");
        }
        charset = Some(cursor.astring()?);
        cursor.space()?;
    }
    keys::keys(cursor, charset.as_deref())
}

/// Reads `charset key …` of SORT and THREAD, which must name the charset (RFC 5256 §3).
pub(super) fn program_of_sort(cursor: &mut Cursor<'_>) -> Parsed<Key> {
    let charset = cursor.astring()?;
    cursor.space()?;
    keys::keys(cursor, Some(&charset))
}
