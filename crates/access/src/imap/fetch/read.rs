//! Pieces of the answer, printed where the rows are read.

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_store::content::Bodies;
use sekisho_store::digest::{self, Digest};
use sekisho_store::mail::{self, Mail, SummaryRef};
use sekisho_store::{ContentId, Error, MailboxId, Result, Summary, Tx, mailbox};

use super::super::view::{Keywords, Numbered, uid_ranges};
use super::print::{Known, Printer};

/// Octets after which a piece with bodies ends.
const PIECE: usize = 96 * 1024;

/// One piece of the answer.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) out: Vec<u8>,
    /// Messages that it covers to the end.
    pub(super) covered: usize,
    /// Body parts of the next message that it covers already.
    pub(super) parts: usize,
    pub(super) missing: bool,
    pub(super) unknown_encoding: bool,
    /// Bodies whose summary was never computed: the piece is of no use before it is.
    pub(super) lacking: Vec<ContentId>,
    /// The keywords of the mailbox, when they are no longer those that the view has.
    pub(super) keywords: Option<Keywords>,
}

/// Calls `each` for every message of `batch` that is there.
pub(super) fn each_row(
    tx: &mut dyn Tx,
    id: MailboxId,
    batch: &[Numbered],
    each: &mut dyn FnMut(Numbered, &Mail) -> Result<()>,
) -> Result<()> {
    let mut left = batch.iter().copied().peekable();
    for (low, high) in uid_ranges(batch) {
        mail::entries(tx, id, low, high, &mut |mail| {
            while left.next_if(|m| m.uid < mail.uid).is_some() {}
            match left.next_if(|m| m.uid == mail.uid) {
                Some(message) => each(message, &mail),
                None => Ok(()),
            }
        })?;
    }
    Ok(())
}

/// The next piece.
pub(super) fn read_piece(
    tx: &mut dyn Tx,
    id: MailboxId,
    batch: &[Numbered],
    mut printer: Printer,
    bodies: &Bodies,
) -> Result<Piece> {
    // Flags must never be told without their names, so keywords are read with them.
    let keywords = Keywords(mailbox::keywords(tx, id)?);
    let changed = (*printer.keywords != keywords).then(|| keywords.clone());
    if changed.is_some() {
        printer.keywords = Arc::new(keywords);
    }
    let piece = if printer.plan.needs_body {
        read_bodies(tx, id, batch, &printer, bodies)
    } else {
        read_rows(tx, id, batch, &printer)
    };
    Ok(Piece { keywords: changed, ..piece? })
}

fn read_rows(tx: &mut dyn Tx, id: MailboxId, batch: &[Numbered], printer: &Printer) -> Result<Piece> {
    let mut piece = Piece { out: Vec::with_capacity(batch.len() * 64), ..Piece::default() };
    piece.missing = read_heads(tx, id, batch, printer, &mut piece, &mut |piece, head, _| {
        piece.out.extend_from_slice(head);
        piece.out.extend_from_slice(b")\r\n");
    })?;
    piece.covered = batch.len();
    Ok(piece)
}

/// As many messages as fit, and of the last one as many parts as fit: what a client may ask of one message has no bound.
fn read_bodies(
    tx: &mut dyn Tx,
    id: MailboxId,
    batch: &[Numbered],
    printer: &Printer,
    bodies: &Bodies,
) -> Result<Piece> {
    let mut piece = Piece { out: Vec::with_capacity(PIECE + PIECE / 4), ..Piece::default() };
    let mut heads: Vec<(usize, ContentId, Vec<u8>)> = Vec::with_capacity(batch.len());
    read_heads(tx, id, batch, printer, &mut piece, &mut |_, head, row| {
        heads.push((row.at, row.content, head.to_vec()));
    })?;
    let mut from = printer.parts_done;
    if from > 0 && heads.first().is_none_or(|(at, ..)| *at > 0) {
        // Gone in the middle of its answer.
        piece.out.extend_from_slice(b")\r\n");
        from = 0;
    }
    for (at, content, head) in heads {
        // What is missing before this one was expunged.
        piece.missing |= at > piece.covered;
        piece.covered = at;
        if piece.out.len() >= PIECE {
            return Ok(piece);
        }
        let start = piece.out.len();
        if from == 0 {
            piece.out.extend_from_slice(&head);
        }
        let Piece { out, unknown_encoding, parts, .. } = &mut piece;
        let mut print = |body: &[u8]| {
            let printed = printer.parts(out, body, from, start + PIECE);
            *unknown_encoding |= printed.unknown_encoding;
            *parts = printed.next;
            Ok(())
        };
        let read = if printer.plan.header_only {
            bodies.header(tx, content, &mut print)
        } else {
            bodies.with(tx, content, &mut print)
        };
        match read {
            Ok(()) if piece.parts > 0 => return Ok(piece),
            Ok(()) => piece.out.extend_from_slice(b")\r\n"),
            // Expunged by somebody between the two look-ups.
            Err(Error::NotFound(_)) => {
                piece.out.truncate(start);
                if from > 0 {
                    piece.out.extend_from_slice(b")\r\n");
                }
                piece.missing = true;
            }
            Err(error) => return Err(error),
        }
        from = 0;
        piece.covered = at + 1;
    }
    piece.missing |= piece.covered < batch.len();
    piece.covered = batch.len();
    Ok(piece)
}

/// Where a row stands in its batch, and its body.
struct RowRef {
    at: usize,
    content: ContentId,
}

/// Prints everything but body parts of each message and hands it to `take`. Whether some messages are gone.
fn read_heads(
    tx: &mut dyn Tx,
    id: MailboxId,
    batch: &[Numbered],
    printer: &Printer,
    piece: &mut Piece,
    take: &mut dyn FnMut(&mut Piece, &[u8], RowRef),
) -> Result<bool> {
    let mut head = Vec::new();
    let (mut next, mut seen) = (0, 0);
    let digests = if printer.plan.wants_digest() { read_digests(tx, id, batch)? } else { HashMap::new() };
    for (low, high) in uid_ranges(batch) {
        let mut row = |mail: Mail, summary: Option<SummaryRef<'_>>| {
            while batch.get(next).is_some_and(|m| m.uid < mail.uid) {
                next += 1;
            }
            let Some(message) = batch.get(next).filter(|m| m.uid == mail.uid) else { return Ok(()) };
            let summary = summary.or_else(|| printer.computed.summaries.get(&mail.content).map(borrowed));
            let digest = digests.get(&mail.content).or_else(|| printer.computed.digests.get(&mail.content));
            if printer.plan.needs_summary && summary.is_none() || printer.plan.needs_digest && digest.is_none() {
                piece.lacking.push(mail.content);
            }
            head.clear();
            printer.head(&mut head, *message, &mail, Known { summary, digest });
            take(piece, &head, RowRef { at: next, content: mail.content });
            seen += 1;
            next += 1;
            Ok(())
        };
        if printer.plan.needs_summary {
            mail::summaries(tx, id, low, high, &mut row)?;
        } else {
            mail::entries(tx, id, low, high, &mut |mail| row(mail, None))?;
        }
    }
    Ok(seen < batch.len())
}

/// The digests that are at hand.
fn read_digests(tx: &mut dyn Tx, id: MailboxId, batch: &[Numbered]) -> Result<HashMap<ContentId, Digest>> {
    let mut contents = Vec::with_capacity(batch.len());
    each_row(tx, id, batch, &mut |_, mail| {
        contents.push(mail.content);
        Ok(())
    })?;
    let mut digests = HashMap::with_capacity(contents.len());
    for content in contents {
        digests.extend(digest::get(tx, content)?.map(|digest| (content, digest)));
    }
    Ok(digests)
}

fn borrowed(summary: &Summary) -> SummaryRef<'_> {
    SummaryRef {
        envelope: &summary.envelope,
        body: &summary.body,
        bodystructure: &summary.bodystructure,
        header_len: summary.header_len,
    }
}
