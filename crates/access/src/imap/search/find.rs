//! One look at the store: rows first, and what they leave open from headers and bodies.

use sekisho_message::search::Signature;
use sekisho_store::content::Bodies;
use sekisho_store::mail::{self, Mail};
use sekisho_store::{Error, MailboxId, Result, Tx};

use super::super::view::{Numbered, Recent, uid_ranges};
use super::Hit;
use super::test::{self, Known, Row, Test};
use super::text::{Body, Header};

/// A message that its row does not decide, and its `Date:` field if that is known.
type Open = (Row, Option<String>);

/// The messages of `batch` that meet `test`, by number.
pub(super) fn find_in(
    tx: &mut dyn Tx,
    id: MailboxId,
    batch: &[Numbered],
    recent: &Recent,
    test: &Test,
    bodies: &Bodies,
) -> Result<Vec<Hit>> {
    let (mut hits, open) = by_rows(tx, id, batch, recent, test)?;
    for (row, date) in open {
        match by_text(tx, &row, date.as_deref(), test, bodies) {
            Ok(true) => hits.push(Hit { message: row.message, mail: row.mail }),
            // Expunged since the rows were read.
            Ok(false) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    hits.sort_unstable_by_key(|hit| hit.message.number);
    Ok(hits)
}

/// What the rows, dates and signatures say: what was found, and what is still open.
fn by_rows(
    tx: &mut dyn Tx,
    id: MailboxId,
    batch: &[Numbered],
    recent: &Recent,
    test: &Test,
) -> Result<(Vec<Hit>, Vec<Open>)> {
    let (mut hits, mut open) = (Vec::new(), Vec::new());
    let mut left = batch.iter().copied().peekable();
    for (low, high) in uid_ranges(batch) {
        let mut row = |mail: Mail, date: Option<String>, signature: Option<Signature<'_>>| {
            while left.next_if(|m| m.uid < mail.uid).is_some() {}
            if let Some(message) = left.next_if(|m| m.uid == mail.uid) {
                let row = Row { message, mail, recent: recent.has(mail.uid) };
                match test.judge(&row, &Known { date: date.as_deref(), signature, ..Known::default() }) {
                    Some(true) => hits.push(Hit { message, mail }),
                    Some(false) => {}
                    None => open.push((row, date)),
                }
            }
            Ok(())
        };
        if test.asks_signature() {
            mail::signed(tx, id, low, high, &mut |mail, signature| row(mail, None, signature))?;
        } else if test.needs_sent() {
            mail::summaries(tx, id, low, high, &mut |mail, summary| {
                row(mail, summary.map(|s| test::sent_date(s.envelope)), None)
            })?;
        } else {
            mail::entries(tx, id, low, high, &mut |mail| row(mail, None, None))?;
        }
    }
    Ok((hits, open))
}

/// Whether a message meets the test, from its header where that is enough, else from all of it.
fn by_text(tx: &mut dyn Tx, row: &Row, date: Option<&str>, test: &Test, bodies: &Bodies) -> Result<bool> {
    let mut judged = None;
    if test.reads_header() || !test.reads_body() {
        bodies.header(tx, row.mail.content, &mut |bytes| {
            judged = test.judge(row, &Known { date, header: Some(&Header(bytes)), ..Known::default() });
            Ok(())
        })?;
    }
    if judged.is_none() {
        bodies.with(tx, row.mail.content, &mut |bytes| {
            let (header, body) = (Header(bytes), Body::new(bytes));
            judged = test.judge(row, &Known { date, header: Some(&header), body: Some(&body), ..Known::default() });
            Ok(())
        })?;
    }
    Ok(judged == Some(true))
}
