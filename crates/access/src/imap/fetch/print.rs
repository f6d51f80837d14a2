//! How the items of one message are written (RFC 3501 §7.4.2).

use std::collections::HashSet;
use std::sync::Arc;

use sekisho_proto::imap::fetch::Item;
use sekisho_proto::imap::print;
use sekisho_store::digest::Digest;
use sekisho_store::mail::{Mail, SummaryRef};

use super::super::news::fetch_start;
use super::super::view::{Keywords, Numbered, Recent};
use super::part::{self, Printed};
use super::{Computed, Plan};

/// What is known of a message's body without reading it.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) summary: Option<SummaryRef<'a>>,
    pub(super) digest: Option<&'a Digest>,
}

/// Prints messages as one command wants them.
pub(super) struct Printer {
    pub(super) plan: Arc<Plan>,
    pub(super) keywords: Arc<Keywords>,
    pub(super) recent: Recent,
    /// Messages whose flags have just changed, so that they are told though nobody asked.
    pub(super) newly_seen: HashSet<u32>,
    /// What the store does not have.
    pub(super) computed: Arc<Computed>,
    /// Body parts of the first message that are told already.
    pub(super) parts_done: usize,
}

impl Printer {
    /// `* n FETCH (` and all items that need no body. Without the closing parenthesis.
    pub(super) fn head(&self, out: &mut Vec<u8>, message: Numbered, mail: &Mail, known: Known<'_>) {
        fetch_start(out, message.number, mail.uid, self.plan.enabled);
        let start = out.len();
        for item in &self.plan.items {
            self.item(out, start, item, mail, known);
        }
        if self.newly_seen.contains(&mail.uid) {
            for item in [Item::Flags, Item::ModSeq] {
                if !self.plan.items.contains(&item) && (item == Item::Flags || self.plan.enabled.condstore) {
                    self.item(out, start, &item, mail, known);
                }
            }
        }
    }

    /// The items that need the body, from the `from`th on, until `out` is as long as `limit`.
    pub(super) fn parts(&self, out: &mut Vec<u8>, body: &[u8], from: usize, limit: usize) -> Printed {
        let parts =
            self.plan.items.iter().filter_map(|item| if let Item::Part(part) = item { Some(part) } else { None });
        part::print(out, parts, body, from, limit)
    }

    fn item(&self, out: &mut Vec<u8>, start: usize, item: &Item, mail: &Mail, known: Known<'_>) {
        if matches!(item, Item::Part(_)) {
            return;
        }
        if out.len() > start {
            out.push(b' ');
        }
        let Known { summary, digest } = known;
        let mut text = |name: &str, value: &[u8]| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value);
        };
        match item {
            Item::Uid => {
                text("UID ", b"");
                print::number(out, u64::from(mail.uid));
            }
            Item::Flags => {
                text("FLAGS ", b"");
                self.keywords.print(out, mail.flags, self.recent.has(mail.uid));
            }
            Item::InternalDate => {
                text("INTERNALDATE ", b"");
                print::date_time(out, mail.date);
            }
            Item::Size => {
                text("RFC822.SIZE ", b"");
                print::number(out, mail.size);
            }
            Item::ModSeq => {
                text("MODSEQ (", b"");
                print::number(out, mail.modseq);
                out.push(b')');
            }
            Item::EmailId => {
                text("EMAILID (M", b"");
                print::number(out, mail.content.0.unsigned_abs());
                out.push(b')');
            }
            Item::ThreadId => match digest.map(|digest| digest.thread).filter(|thread| *thread != 0) {
                Some(thread) => text("THREADID ", format!("(T{thread:x})").as_bytes()),
                None => text("THREADID NIL", b""),
            },
            Item::SaveDate => {
                text("SAVEDATE ", b"");
                print::date_time(out, mail.saved);
            }
            Item::Preview { .. } => {
                text("PREVIEW ", b"");
                match digest {
                    Some(digest) => print::text(out, &digest.preview, self.plan.enabled.utf8),
                    None => out.extend_from_slice(b"NIL"),
                }
            }
            Item::Envelope => text("ENVELOPE ", summary.map_or(&[], |s| s.envelope)),
            Item::Body => text("BODY ", summary.map_or(&[], |s| s.body)),
            Item::BodyStructure => text("BODYSTRUCTURE ", summary.map_or(&[], |s| s.bodystructure)),
            Item::Part(_) => {}
        }
    }
}
