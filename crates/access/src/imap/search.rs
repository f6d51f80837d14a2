//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, ESEARCH RFC 4731, SEARCHRES RFC 5182, PARTIAL RFC 9394).
//!
//! Flags, dates and sizes decide first, from the rows alone; then signatures, which say of most messages that they do
//! not hold a text; then headers. Only messages that all of these leave open are read.

mod answer;
mod find;
mod test;
mod text;

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_proto::imap::Done;
use sekisho_proto::imap::search::{Key, Search};
use sekisho_store::mail::Mail;

pub(super) use self::answer::{Elsewhere, Found, hits_line, save};
use self::find::find_in;
use self::test::Compiler;
use super::agent::{ImapAgent, Outcome};
use super::view::{Numbered, View};

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
    pub(super) async fn search(&mut self, tag: &str, search: Search) -> Outcome {
        let saves = search.returns.is_some_and(|returns| returns.save);
        let hits = self.find_or_forget(&search.key, saves).await?;
        let found = Found { hits: &hits, uid: search.uid, with_mod_seq: search.key.has_mod_seq() };
        let mut data = Vec::new();
        match search.returns {
            None => hits_line(&mut data, "SEARCH", &found),
            Some(returns) => {
                if returns.save {
                    save(self.open_view()?, &hits, returns);
                }
                found.answer(&mut data, tag, returns, None);
            }
        }
        Ok(Done::ok("SEARCH completed").data(data))
    }

    /// What the open mailbox holds of `key`. When that fails, what was saved before is forgotten if it would have been
    /// replaced (RFC 5182 §2.1).
    pub(super) async fn find_or_forget(&mut self, key: &Key, saves: bool) -> Result<Vec<Hit>, Done> {
        self.enabled.condstore |= key.has_mod_seq();
        let hits = self.find(key, self.view.as_ref()).await;
        if saves
            && hits.is_err()
            && let Some(view) = &mut self.view
        {
            view.saved = Vec::new();
        }
        hits
    }

    /// The messages of a view that meet `key`, by number.
    pub(super) async fn find(&self, key: &Key, view: Option<&View>) -> Result<Vec<Hit>, Done> {
        let now = self.service.control().now();
        let view = view.ok_or_else(|| Done::bad("Select a mailbox first"))?;
        let (id, recent) = (view.id, Arc::new(view.recent.clone()));
        let test = Arc::new(Compiler { view, now }.compile(key));
        let messages = view.all();
        let step = match (test.reads_body(), test.reads_header()) {
            (true, _) => BODIES,
            (false, true) => HEADERS,
            _ => ROWS,
        };
        let mut hits = Vec::new();
        for batch in messages.chunks(step) {
            let (batch, recent, test) = (batch.to_vec(), Arc::clone(&recent), Arc::clone(&test));
            let bodies = self.store().bodies();
            let read = self.store().read(move |tx| find_in(tx, id, &batch, &recent, &test, &bodies));
            hits.extend(read.await.map_err(|error| self.refused(&error))?);
        }
        Ok(hits)
    }
}

/// The oldest time that is at least `seconds` before `now`.
fn ago(now: Time, seconds: u32) -> Time {
    Time::from_seconds(now.seconds() - i64::from(seconds))
}
