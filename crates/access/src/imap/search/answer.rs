//! How results are told: `* SEARCH`, `* SORT` and `* ESEARCH` (RFC 4731 §3, RFC 5267 §3, RFC 9394 §3.1).

use sekisho_proto::imap::search::Returns;
use sekisho_proto::imap::{print, set};

use super::super::agent::Enabled;
use super::super::view::View;
use super::Hit;

/// What was found, in the order in which it is told.
pub(in crate::imap) struct Found<'a> {
    pub(in crate::imap) hits: &'a [Hit],
    /// By UID.
    pub(in crate::imap) uid: bool,
    /// With mod-sequences (RFC 7162 §3.1.5).
    pub(in crate::imap) with_mod_seq: bool,
}

/// A mailbox that is not the open one.
pub(in crate::imap) struct Elsewhere<'a> {
    pub(in crate::imap) name: &'a str,
    pub(in crate::imap) uid_validity: u32,
    pub(in crate::imap) enabled: Enabled,
}

/// `* SEARCH 2 84 882 (MODSEQ n)`.
pub(in crate::imap) fn hits_line(out: &mut Vec<u8>, word: &str, found: &Found<'_>) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(word.as_bytes());
    for hit in found.hits {
        out.push(b' ');
        print::number(out, u64::from(hit.name(found.uid)));
    }
    if let Some(highest) = highest(found.hits).filter(|_| found.with_mod_seq) {
        out.extend_from_slice(format!(" (MODSEQ {highest})").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

impl Found<'_> {
    /// `* ESEARCH (TAG "x") UID MIN 2 …`; nothing when nothing is to be told.
    pub(in crate::imap) fn answer(
        &self,
        out: &mut Vec<u8>,
        tag: &str,
        returns: Returns,
        elsewhere: Option<Elsewhere<'_>>,
    ) {
        if (Returns { save: false, ..returns }) == Returns::default() {
            return;
        }
        out.extend_from_slice(b"* ESEARCH (TAG ");
        print::string(out, tag.as_bytes());
        if let Some(mailbox) = elsewhere {
            out.extend_from_slice(b" MAILBOX ");
            mailbox.enabled.name(out, mailbox.name);
            out.extend_from_slice(format!(" UIDVALIDITY {}", mailbox.uid_validity).as_bytes());
        }
        out.extend_from_slice(if self.uid { b") UID" } else { b")" });
        let mut item = |name: &str, value: u64| out.extend_from_slice(format!(" {name} {value}").as_bytes());
        if let Some(hit) = self.hits.first().filter(|_| returns.min) {
            item("MIN", hit.name(self.uid).into());
        }
        if let Some(hit) = self.hits.last().filter(|_| returns.max) {
            item("MAX", hit.name(self.uid).into());
        }
        if returns.count {
            item("COUNT", self.hits.len() as u64);
        }
        if returns.all && !self.hits.is_empty() {
            out.extend_from_slice(b" ALL ");
            self.names(out, self.hits);
        }
        if let Some(partial) = returns.partial {
            out.extend_from_slice(format!(" PARTIAL ({partial} ").as_bytes());
            match part(self.hits, returns) {
                [] => out.extend_from_slice(b"NIL"),
                some => self.names(out, some),
            }
            out.push(b')');
        }
        if let Some(highest) = self.told_mod_seq(returns).filter(|_| self.with_mod_seq) {
            out.extend_from_slice(format!(" MODSEQ {highest}").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }

    fn names(&self, out: &mut Vec<u8>, hits: &[Hit]) {
        set::print_ranges(out, &set::ranges_of(hits.iter().map(|hit| hit.name(self.uid))));
    }

    /// The highest mod-sequence of the messages that the response names (RFC 7162 §3.1.10).
    fn told_mod_seq(&self, returns: Returns) -> Option<u64> {
        if returns.all || returns.count {
            return highest(self.hits);
        }
        named(self.hits, returns).map(|hit| hit.mail.modseq).max()
    }
}

/// Keeps the result for `$`. With MIN, MAX or PARTIAL and neither ALL nor COUNT only the messages that the response
/// names are kept (RFC 5182 §2.4, RFC 9394 §3.2).
pub(in crate::imap) fn save(view: &mut View, hits: &[Hit], returns: Returns) {
    let only_named = (returns.min || returns.max || returns.partial.is_some()) && !returns.all && !returns.count;
    let mut uids: Vec<u32> = if only_named {
        named(hits, returns).map(|hit| hit.message.uid).collect()
    } else {
        hits.iter().map(|hit| hit.message.uid).collect()
    };
    uids.sort_unstable();
    uids.dedup();
    view.saved = uids;
}

fn highest(hits: &[Hit]) -> Option<u64> {
    hits.iter().map(|hit| hit.mail.modseq).max()
}

/// The messages that MIN, MAX and PARTIAL name.
fn named(hits: &[Hit], returns: Returns) -> impl Iterator<Item = &Hit> {
    let (min, max) = (hits.first().filter(|_| returns.min), hits.last().filter(|_| returns.max));
    min.into_iter().chain(max).chain(part(hits, returns))
}

/// The messages that PARTIAL names.
fn part(hits: &[Hit], returns: Returns) -> &[Hit] {
    let Some(partial) = returns.partial else { return &[] };
    let (from, to) = partial.of(hits.len());
    hits.get(from..to).unwrap_or_default()
}
