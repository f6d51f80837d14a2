//! What a client knows of the mailbox that it has open.

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_proto::imap::set::{self, SequenceSet};
use sekisho_proto::imap::{Flag, print};
use sekisho_store::acl::Rights;
use sekisho_store::mail::Flags;
use sekisho_store::{AccountId, MailboxId};

use super::uids::Uids;

/// The open mailbox as the client has been told of it.
pub(super) struct View {
    pub(super) id: MailboxId,
    /// Whose mailbox it is.
    pub(super) owner: AccountId,
    /// What the client may do with it.
    pub(super) rights: Rights,
    /// Opened with EXAMINE, or nothing in it may be changed.
    pub(super) read_only: bool,
    /// Its messages in the client's order.
    pub(super) uids: Uids,
    /// UIDs in `uids` that are no longer in the store, which the client could not be told yet; ascending.
    pub(super) gone: Vec<u32>,
    /// Changes up to here are known.
    pub(super) mod_seq: u64,
    /// Changes since then that the client knows, for it made them: UIDs with the mod-sequence that they got.
    pub(super) told: HashMap<u32, u64>,
    /// What is `\Recent` for this session.
    pub(super) recent: Recent,
    pub(super) keywords: Arc<Keywords>,
    /// What the last `SEARCH RETURN (SAVE)` found, as UIDs (RFC 5182).
    pub(super) saved: Vec<u32>,
    /// The bus said that something changed.
    pub(super) dirty: bool,
}

/// A message number with its UID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) number: u32,
    pub(super) uid: u32,
}

impl View {
    pub(super) fn exists(&self) -> u32 {
        self.uids.len()
    }

    /// The rights by which flags can be changed here.
    pub(super) fn changeable(&self) -> Rights {
        if self.read_only { Rights::NONE } else { self.rights }
    }

    pub(super) fn last_uid(&self) -> u32 {
        self.uids.last().unwrap_or(0)
    }

    /// How many messages are `\Recent`.
    pub(super) fn recent_count(&self) -> u64 {
        let count = |&(low, high): &(u32, u32)| self.uids.below(high.saturating_add(1)) - self.uids.below(low);
        self.recent.ranges.iter().map(count).map(u64::from).sum()
    }

    /// The message number of a UID that the client knows.
    pub(super) fn number_of(&self, uid: u32) -> Option<u32> {
        self.uids.place(uid).map(|at| at + 1)
    }

    /// The messages that `set` names, by number. `None` when a message number is out of range, which makes the
    /// command `BAD` (RFC 9051 §9 `seq-number`); unknown UIDs are left out silently (RFC 3501 §6.4.8).
    pub(super) fn resolve(&self, set: &SequenceSet, uid: bool) -> Option<Vec<Numbered>> {
        if matches!(set, SequenceSet::Saved) {
            return Some(
                self.saved.iter().filter_map(|&uid| Some(Numbered { number: self.number_of(uid)?, uid })).collect(),
            );
        }
        let mut found = Vec::new();
        if uid {
            for (low, high) in set.resolve(self.last_uid()) {
                let to = self.uids.place(high).map_or_else(|| self.uids.below(high), |at| at + 1);
                self.span(self.uids.below(low), to, &mut found);
            }
            return Some(found);
        }
        let SequenceSet::Ranges(written) = set else { return Some(found) };
        let exists = self.exists();
        // In an empty mailbox `*` is out of range too.
        if exists == 0 || written.iter().any(|range| range.is_beyond(exists)) {
            return None;
        }
        for (low, high) in set.resolve(exists) {
            self.span(low - 1, high.min(exists), &mut found);
        }
        Some(found)
    }

    /// All messages.
    pub(super) fn all(&self) -> Vec<Numbered> {
        let mut found = Vec::with_capacity(self.uids.len() as usize);
        self.span(0, self.uids.len(), &mut found);
        found
    }

    fn span(&self, from: u32, to: u32, found: &mut Vec<Numbered>) {
        found.extend(self.uids.span(from, to).map(|(at, uid)| Numbered { number: at + 1, uid }));
    }
}

/// The messages that a session sees as `\Recent` (RFC 3501 §2.3.2).
#[derive(Clone, Debug, Default)]
pub(super) struct Recent {
    ranges: Vec<(u32, u32)>,
    /// Some were taken that the store does not know of yet.
    pub(super) unsaved: bool,
}

impl Recent {
    /// UIDs from `first` to `last`, which are greater than any before; none when `first` is greater.
    pub(super) fn add(&mut self, first: u32, last: u32) {
        match self.ranges.last_mut() {
            _ if first > last => {}
            Some(range) if range.1.saturating_add(1) >= first => range.1 = range.1.max(last),
            _ => self.ranges.push((first, last)),
        }
    }

    pub(super) fn has(&self, uid: u32) -> bool {
        set::contains(&self.ranges, uid)
    }
}

/// Ranges of UIDs that cover `messages`: few, so that few look-ups are needed, at the price of some rows in between
/// that nobody asked for.
pub(super) fn uid_ranges(messages: &[Numbered]) -> Vec<(u32, u32)> {
    /// Messages not asked for that may lie between two that are.
    const GAP: u32 = 16;
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    let mut last_number = 0;
    for message in messages {
        match ranges.last_mut() {
            Some(range) if message.number - last_number <= GAP => range.1 = message.uid,
            _ => ranges.push((message.uid, message.uid)),
        }
        last_number = message.number;
    }
    ranges
}

/// The keywords of a mailbox and the bits that stand for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keywords(pub(super) Vec<(u8, String)>);

impl Keywords {
    /// The bit of a keyword, if the mailbox has it.
    pub(super) fn bit(&self, word: &str) -> Option<u8> {
        self.0.iter().find(|(_, name)| name.eq_ignore_ascii_case(word)).map(|(bit, _)| *bit)
    }

    /// Appends `FLAGS` names in parentheses.
    pub(super) fn print(&self, out: &mut Vec<u8>, flags: Flags, recent: bool) {
        let mut first = true;
        let mut word = |out: &mut Vec<u8>, text: &str| {
            out.extend_from_slice(if first { b"(" } else { b" " });
            out.extend_from_slice(text.as_bytes());
            first = false;
        };
        for (mask, name) in SYSTEM {
            if flags.has(mask) {
                word(out, name);
            }
        }
        if recent {
            word(out, "\\Recent");
        }
        if flags.without(Flags::SYSTEM) != Flags::default() {
            for (bit, name) in &self.0 {
                if flags.has(Flags::keyword(*bit)) {
                    word(out, name);
                }
            }
        }
        out.extend_from_slice(if first { b"()" } else { b")" });
    }

    /// `* FLAGS (…)` and `* OK [PERMANENTFLAGS (…)]`, of which the second depends on what may be changed.
    pub(super) fn announce(&self, out: &mut Vec<u8>, changeable: Rights) {
        let mut names: Vec<&str> = SYSTEM.iter().map(|(_, name)| *name).collect();
        names.extend(self.0.iter().map(|(_, name)| name.as_str()));
        let mut permanent: Vec<&str> =
            SYSTEM.iter().filter(|(flag, _)| changeable.has(right_for(*flag))).map(|(_, name)| *name).collect();
        if changeable.has(Rights::WRITE) {
            permanent.extend(self.0.iter().map(|(_, name)| name.as_str()));
            permanent.push("\\*");
        }
        let (names, permanent) = (names.join(" "), permanent.join(" "));
        let text = format!("* FLAGS ({names})\r\n* OK [PERMANENTFLAGS ({permanent})] Flags that can be changed\r\n");
        out.extend_from_slice(text.as_bytes());
    }
}

/// The right by which a flag may be set and taken away (RFC 4314 §4).
fn right_for(flag: Flags) -> Rights {
    match flag {
        Flags::SEEN => Rights::SEEN,
        Flags::DELETED => Rights::DELETED,
        _ => Rights::WRITE,
    }
}

/// The flags that these rights allow to change.
pub(super) fn changeable_flags(rights: Rights) -> Flags {
    let keywords = if rights.has(Rights::WRITE) { !Flags::SYSTEM.0 } else { 0 };
    let system = SYSTEM.iter().filter(|(flag, _)| rights.has(right_for(*flag)));
    system.fold(Flags(keywords), |flags, (flag, _)| flags.with(*flag))
}

/// The mask of a system flag; none for a keyword.
pub(super) fn system_flag(flag: &Flag) -> Flags {
    match flag {
        Flag::Answered => Flags::ANSWERED,
        Flag::Flagged => Flags::FLAGGED,
        Flag::Deleted => Flags::DELETED,
        Flag::Seen => Flags::SEEN,
        Flag::Draft => Flags::DRAFT,
        Flag::Keyword(_) => Flags::default(),
    }
}

/// Appends `* n WORD` and the line end.
pub(super) fn count_line(out: &mut Vec<u8>, n: u64, word: &str) {
    out.extend_from_slice(b"* ");
    print::number(out, n);
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends `* VANISHED [(EARLIER) ]set` and the line end (RFC 7162 §3.2.10).
pub(super) fn vanished_line(out: &mut Vec<u8>, earlier: bool, ranges: &[(u32, u32)]) {
    if !ranges.is_empty() {
        out.extend_from_slice(if earlier { b"* VANISHED (EARLIER) " } else { b"* VANISHED " });
        set::print_ranges(out, ranges);
        out.extend_from_slice(b"\r\n");
    }
}

const SYSTEM: [(Flags, &str); 5] = [
    (Flags::ANSWERED, "\\Answered"),
    (Flags::FLAGGED, "\\Flagged"),
    (Flags::DELETED, "\\Deleted"),
    (Flags::SEEN, "\\Seen"),
    (Flags::DRAFT, "\\Draft"),
];
