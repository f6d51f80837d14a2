//! `SORT` (RFC 5256 §3, SORT=DISPLAY RFC 5957, ESORT RFC 5267 §3).

use super::fault::{Parsed, syntax};
use super::lex::Cursor;
use super::search::{self, Key, Returns};

/// Most criteria of one command; each may occur once in either direction, so more say nothing new.
const CRITERIA_MAX: usize = 20;

/// `SORT` or `UID SORT`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// Results are UIDs.
    pub uid: bool,
    /// `RETURN` options; `None` asks for the `* SORT` response.
    pub returns: Option<Returns>,
    /// What decides the order, the weightiest first; never empty. What is equal in all stands by message number.
    pub criteria: Vec<Criterion>,
    /// What a message must meet.
    pub key: Key,
}

/// One sort criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// What is compared.
    pub by: SortBy,
    /// `REVERSE`: from the greatest to the least.
    pub reverse: bool,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortBy {
    /// Internal date and time.
    Arrival,
    /// Local part of the first `Cc` address.
    Cc,
    /// Sent date and time.
    Date,
    /// Local part of the first `From` address.
    From,
    /// Octets.
    Size,
    /// Base subject.
    Subject,
    /// Local part of the first `To` address.
    To,
    /// Display name of the first `From` address.
    DisplayFrom,
    /// Display name of the first `To` address.
    DisplayTo,
}

/// Reads what follows `SORT `.
pub(super) fn sort(cursor: &mut Cursor<'_>, uid: bool) -> Parsed<Sort> {
    let returns = search::returns(cursor)?;
    let criteria = criteria(cursor)?;
    cursor.space()?;
    Ok(Sort { uid, returns, criteria, key: search::program_of_sort(cursor)? })
}

fn criteria(cursor: &mut Cursor<'_>) -> Parsed<Vec<Criterion>> {
    cursor.expect(b'(', "sort criteria must be in parentheses")?;
    let mut criteria = Vec::new();
    loop {
        let mut word = cursor.word()?.to_ascii_uppercase();
        let reverse = word == "REVERSE";
        if reverse {
            cursor.space()?;
            word = cursor.word()?.to_ascii_uppercase();
        }
        let Some(by) = by(&word) else { return syntax("unknown sort criterion") };
        criteria.push(Criterion { by, reverse });
        if criteria.len() > CRITERIA_MAX {
            return syntax("too many sort criteria");
        }
        if cursor.eat(b')') {
            return Ok(criteria);
        }
        cursor.space()?;
    }
}

fn by(word: &str) -> Option<SortBy> {
    Some(match word {
        "ARRIVAL" => SortBy::Arrival,
        "CC" => SortBy::Cc,
        "DATE" => SortBy::Date,
        "FROM" => SortBy::From,
        "SIZE" => SortBy::Size,
        "SUBJECT" => SortBy::Subject,
        "TO" => SortBy::To,
        "DISPLAYFROM" => SortBy::DisplayFrom,
        "DISPLAYTO" => SortBy::DisplayTo,
        _ => return None,
    })
}
