//! `THREAD` (RFC 5256 §3).

use super::fault::{Parsed, syntax};
use super::lex::Cursor;
use super::search::{self, Key};

/// `THREAD` or `UID THREAD`.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// Results are UIDs.
    pub uid: bool,
    /// How messages are put together.
    pub algorithm: Algorithm,
    /// What a message must meet.
    pub key: Key,
}

/// How messages are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// By base subject, then by sent date.
    OrderedSubject,
    /// By `Message-ID`, `In-Reply-To` and `References`.
    References,
}

/// Reads what follows `THREAD `.
pub(super) fn thread(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<Thread> {
    let algorithm = match cursor.word()?.to_ascii_uppercase().as_str() {
        "ORDEREDSUBJECT" => Algorithm::OrderedSubject,
        "REFERENCES" => Algorithm::References,
        _ => return syntax("unknown threading algorithm"),
    };
    cursor.space()?;
    Ok(Thread { uid, algorithm, key: search::program_of_sort(cursor)? })
}
