//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, ESEARCH RFC 4731, SEARCHRES RFC 5182, PARTIAL RFC 9394).
//!
//! Flags, dates and sizes decide first, from the rows alone; then signatures, which say of most messages that they do
//! not hold a text; then headers. Only messages that all of these leave open are read.

mod answer;
mod find;
mod scan;
mod test;
mod text;

use sekisho_message::Time;
use sekisho_proto::imap::Done;
use sekisho_proto::imap::search::Search;
use sekisho_store::mail::Mail;

pub(super) use self::answer::{Elsewhere, Found, hits_line, save};
use self::find::find_in;
pub(super) use self::scan::{Finding, Seeker};
use super::agent::{ImapAgent, Outcome};
use super::view::Numbered;

/// Messages in one look at the store when rows are enough.
const ROWS: usize = 20_000;
/// The same when headers may be read.
const HEADERS: usize = 2_000;
/// The same when bodies may be read.
const BODIES: usize = 250;

/// A message that was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit {
    pub(super) message: Numbered,
    pub(super) mail: Mail,
}

impl Hit {
    /// What the client calls it.
    pub(super) fn name(&self, uid: bool) -> u32 {
        if uid { self.message.uid } else { self.message.number }
    }
}

impl ImapAgent {
    pub(super) fn search_answer(&mut self, tag: &str, search: &Search, hits: &[Hit]) -> Outcome {
        let found = Found { hits, uid: search.uid, with_mod_seq: search.key.has_mod_seq() };
        let mut data = Vec::new();
        match search.returns {
            None => hits_line(&mut data, "SEARCH", &found),
            Some(returns) => {
                if returns.save {
                    save(self.open_view()?, hits, returns);
                }
                found.answer(&mut data, tag, returns, None);
            }
        }
        Ok(Done::ok("SEARCH completed").data(data))
    }
}

/// The oldest time that is at least `seconds` before `now`.
fn ago(now: Time, seconds: u32) -> Time {
    Time::from_seconds(now.seconds() - i64::from(seconds))
}
