//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, ESEARCH RFC 4731, SEARCHRES RFC 5182).
//!
//! Flags, dates and sizes decide first, from the rows alone; only messages that they leave open are read.

mod test;
mod text;

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_proto::imap::search::{Returns, Search};
use sekisho_proto::imap::{Done, print, set};
use sekisho_store::content::Bodies;
use sekisho_store::mail::{self, Mail};
use sekisho_store::{Error, MailboxId, Result, Tx};

use self::test::{Compiler, Row, Test};
use self::text::Body;
use super::agent::{ImapAgent, Outcome};
use super::view::{Numbered, Recent, View, uid_ranges};

/// Messages in one look at the store when rows are enough.
const ROWS: usize = 20_000;
/// The same when bodies may be read.
const BODIES: usize = 250;

/// A message that was found.
#[derive(Clone, Copy, Debug)]
struct Hit {
    message: Numbered,
    mod_seq: u64,
}

impl ImapAgent {
    pub(super) async fn search(&mut self, tag: &str, search: Search) -> Outcome {
        let with_mod_seq = search.key.has_mod_seq();
        self.enabled.condstore |= with_mod_seq;
        let saves = search.returns.is_some_and(|returns| returns.save);
        let hits = match self.find(&search).await {
            Ok(hits) => hits,
            Err(done) => {
                if saves && let Some(view) = &mut self.view {
                    view.saved = Vec::new();
                }
                return Err(done);
            }
        };
        let mut data = Vec::new();
        match search.returns {
            None => old_response(&mut data, &hits, search.uid, with_mod_seq),
            Some(returns) => {
                if returns.save {
                    save(self.open_view()?, &hits, returns);
                }
                if (Returns { save: false, ..returns }) != Returns::default() {
                    new_response(&mut data, tag, &hits, search.uid, returns, with_mod_seq);
                }
            }
        }
        Ok(Done::ok("SEARCH completed").data(data))
    }

    async fn find(&mut self, search: &Search) -> std::result::Result<Vec<Hit>, Done> {
        let now = self.service.control().now();
        let view = self.open_view()?;
        let (id, recent) = (view.id, Arc::new(view.recent.clone()));
        let test = Arc::new(Compiler { view, now }.compile(&search.key));
        let messages = view.all();
        let step = if test.needs_body() { BODIES } else { ROWS };
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

fn find_in(
    tx: &mut dyn Tx,
    id: MailboxId,
    batch: &[Numbered],
    recent: &Recent,
    test: &Test,
    bodies: &Bodies,
) -> Result<Vec<Hit>> {
    let mut hits = Vec::new();
    // Messages that the rows alone do not decide, and where in `hits` they would stand.
    let mut open: Vec<(Row, Option<String>)> = Vec::new();
    let mut left = batch.iter().copied().peekable();
    let needs_date = test.needs_sent();
    for (low, high) in uid_ranges(batch) {
        let mut row = |mail: Mail, date: Option<String>| {
            while left.next_if(|m| m.uid < mail.uid).is_some() {}
            if let Some(message) = left.next_if(|m| m.uid == mail.uid) {
                let row = Row { message, mail, recent: recent.has(mail.uid) };
                match test.judge(&row, date.as_deref(), None) {
                    Some(true) => hits.push(Hit { message, mod_seq: mail.modseq }),
                    Some(false) => {}
                    None => open.push((row, date)),
                }
            }
            Ok(())
        };
        if needs_date {
            mail::summaries(tx, id, low, high, &mut |mail, summary| {
                row(mail, summary.map(|s| test::sent_date(s.envelope)))
            })?;
        } else {
            mail::entries(tx, id, low, high, &mut |mail| row(mail, None))?;
        }
    }
    for (row, date) in open {
        let read = bodies.with(tx, row.mail.content, &mut |bytes| {
            if test.judge(&row, date.as_deref(), Some(&Body::new(bytes))) == Some(true) {
                hits.push(Hit { message: row.message, mod_seq: row.mail.modseq });
            }
            Ok(())
        });
        match read {
            // Expunged since the rows were read.
            Ok(()) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    hits.sort_unstable_by_key(|hit| hit.message.number);
    Ok(hits)
}

fn number(hit: &Hit, uid: bool) -> u32 {
    if uid { hit.message.uid } else { hit.message.number }
}

/// `* SEARCH 2 84 882 (MODSEQ n)`.
fn old_response(out: &mut Vec<u8>, hits: &[Hit], uid: bool, with_mod_seq: bool) {
    out.extend_from_slice(b"* SEARCH");
    for hit in hits {
        out.push(b' ');
        print::number(out, u64::from(number(hit, uid)));
    }
    if let Some(highest) = hits.iter().map(|hit| hit.mod_seq).max().filter(|_| with_mod_seq) {
        out.extend_from_slice(format!(" (MODSEQ {highest})").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// `* ESEARCH (TAG "x") UID MIN 2 …`.
fn new_response(out: &mut Vec<u8>, tag: &str, hits: &[Hit], uid: bool, returns: Returns, with_mod_seq: bool) {
    out.extend_from_slice(b"* ESEARCH (TAG ");
    print::string(out, tag.as_bytes());
    out.extend_from_slice(if uid { b") UID" } else { b")" });
    let mut item = |name: &str, value: u64| out.extend_from_slice(format!(" {name} {value}").as_bytes());
    let (first, last) = (hits.first(), hits.last());
    if let Some(hit) = first.filter(|_| returns.min) {
        item("MIN", number(hit, uid).into());
    }
    if let Some(hit) = last.filter(|_| returns.max) {
        item("MAX", number(hit, uid).into());
    }
    if returns.count {
        item("COUNT", hits.len() as u64);
    }
    if returns.all && !hits.is_empty() {
        out.extend_from_slice(b" ALL ");
        set::print_ranges(out, &set::ranges_of(hits.iter().map(|hit| number(hit, uid))));
    }
    if let Some(highest) = told_mod_seq(hits, returns).filter(|_| with_mod_seq) {
        out.extend_from_slice(format!(" MODSEQ {highest}").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

/// The highest mod-sequence of the messages that the response names (RFC 7162 §3.1.10).
fn told_mod_seq(hits: &[Hit], returns: Returns) -> Option<u64> {
    let (min, max) = (hits.first().filter(|_| returns.min), hits.last().filter(|_| returns.max));
    if returns.all || returns.count {
        return hits.iter().map(|hit| hit.mod_seq).max();
    }
    min.into_iter().chain(max).map(|hit| hit.mod_seq).max()
}

/// Keeps the result for `$`. With MIN or MAX alone only those messages are kept (RFC 5182 §2.4).
fn save(view: &mut View, hits: &[Hit], returns: Returns) {
    let only_ends = (returns.min || returns.max) && !returns.all && !returns.count;
    view.saved = if only_ends {
        let ends = [hits.first().filter(|_| returns.min), hits.last().filter(|_| returns.max)];
        let mut uids: Vec<u32> = ends.into_iter().flatten().map(|hit| hit.message.uid).collect();
        uids.dedup();
        uids
    } else {
        hits.iter().map(|hit| hit.message.uid).collect()
    };
}

/// The oldest time that is at least `seconds` before `now`.
fn ago(now: Time, seconds: u32) -> Time {
    Time::from_seconds(now.seconds() - i64::from(seconds))
}
