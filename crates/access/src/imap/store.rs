//! STORE and UID STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3).

use std::sync::Arc;

use sekisho_proto::imap::command::{Store, StoreMode};
use sekisho_proto::imap::{Done, set};
use sekisho_store::mail::{self, FlagChange, Flags, FlagsSet, MOST_TOGETHER};
use sekisho_store::{MailboxId, Result, Tx, mailbox};

use super::agent::{Enabled, ImapAgent, Outcome};
use super::append::mask_with_new;
use super::news::{fetch_start, flags_line};
use super::refusal::{no_permission, read_only};
use super::view::{Keywords, Numbered, changeable_flags};

/// What one step of a STORE came to.
struct Stored {
    set: FlagsSet,
    /// The messages of `set` are not listed: all were there, and nobody wants to hear of them.
    unheard: bool,
    /// The keywords that the mailbox has now.
    keywords: Vec<(u8, String)>,
}

impl ImapAgent {
    pub(super) async fn store_flags(&mut self, store: Store) -> Outcome {
        self.enabled.condstore |= store.unchanged_since.is_some();
        let view = self.open_view()?;
        if view.read_only {
            return Err(read_only());
        }
        let allowed = changeable_flags(view.rights);
        if allowed == Flags::default() {
            return Err(no_permission());
        }
        let Some(messages) = view.resolve(&store.set, store.uid) else {
            return Err(Done::bad("There is no message with that number"));
        };
        let (id, owner) = (view.id, view.owner);
        let store = Arc::new(store);
        let mut data = Vec::new();
        let (mut modified, mut missing, mut changed) = (Vec::new(), false, false);
        for step in messages.chunks(MOST_TOGETHER) {
            let known = self.unheard(&store, allowed);
            let uids: Arc<Vec<u32>> = Arc::new(step.iter().map(|m| m.uid).collect());
            let ranges = if known.is_some() { ranges(step) } else { Vec::new() };
            let asked = Arc::clone(&store);
            let done = self.store().write(move |tx| {
                let change = Change { asked: &asked, allowed, unheard: known.map(|known| (known, ranges.as_slice())) };
                change.make(tx, id, &uids)
            });
            let done = match done.await {
                Ok(stored) => stored,
                // What the steps before did is done, and the client must hear of it.
                Err(error) => {
                    self.changed(id, owner);
                    return Err(self.refused(&error).data(data));
                }
            };
            let set = &done.set;
            missing |= !done.unheard && set.mails.len() + set.modified.len() < step.len();
            changed |= set.modseq > set.before;
            modified.extend(self.tell(&mut data, step, set, done.keywords, &store));
        }
        if changed {
            self.changed(id, owner);
        }
        let done = match (missing, store.uid) {
            (true, false) => Done::no("Some messages are gone").code("EXPUNGEISSUED"),
            _ => Done::ok("STORE completed"),
        };
        Ok(if modified.is_empty() {
            done.data(data)
        } else {
            let mut code = b"MODIFIED ".to_vec();
            set::print_ranges(&mut code, &set::ranges_of(modified));
            done.data(data).code(String::from_utf8_lossy(&code).into_owned())
        })
    }

    /// The mod-sequence that the client's picture is at, when it wants to hear nothing of what this STORE comes to: as
    /// long as the mailbox is still there, it may be changed without looking at each message.
    fn unheard(&self, store: &Store, allowed: Flags) -> Option<u64> {
        let whole = allowed.0 == !0 || !matches!(store.mode, StoreMode::Replace);
        let view = self.view.as_ref().filter(|view| view.gone.is_empty())?;
        let silent = store.silent && !self.enabled.condstore && store.unchanged_since.is_none();
        (silent && whole).then_some(view.mod_seq)
    }

    /// Tells what one step changed; the numbers or UIDs that were refused.
    fn tell(
        &mut self,
        out: &mut Vec<u8>,
        step: &[Numbered],
        set: &FlagsSet,
        keywords: Vec<(u8, String)>,
        store: &Store,
    ) -> Vec<u32> {
        let enabled = Enabled { qresync: self.enabled.qresync || store.uid, ..self.enabled };
        let Some(view) = &mut self.view else { return Vec::new() };
        if view.keywords.0 != keywords {
            view.keywords = Arc::new(Keywords(keywords));
            view.keywords.announce(out, view.changeable());
        }
        // Does the client know all about these messages? Not if somebody else changed the mailbox meanwhile: then it
        // must hear what its silent command came to.
        let alone = set.before <= view.mod_seq;
        if alone {
            view.mod_seq = set.modseq;
        }
        let mut numbers = step.iter();
        for mail in &set.mails {
            let Some(message) = numbers.find(|m| m.uid == mail.uid) else { break };
            if !store.silent && !alone {
                view.told.insert(mail.uid, mail.modseq);
            }
            if !store.silent {
                flags_line(out, view, message.number, mail, enabled);
            } else if enabled.condstore && (mail.modseq > set.before || mail.modseq == set.modseq) {
                mod_seq_line(out, message, mail.modseq, enabled);
            }
        }
        let refused = |m: &&Numbered| set.modified.contains(&m.uid);
        step.iter().filter(refused).map(|m| if store.uid { m.uid } else { m.number }).collect()
    }
}

/// With `.SILENT` the flags are not told, but a new mod-sequence is (RFC 7162 §3.1.3).
fn mod_seq_line(out: &mut Vec<u8>, message: &Numbered, mod_seq: u64, enabled: Enabled) {
    fetch_start(out, message.number, message.uid, enabled);
    if enabled.qresync && !enabled.uid_only {
        out.extend_from_slice(format!("UID {} ", message.uid).as_bytes());
    }
    out.extend_from_slice(format!("MODSEQ ({mod_seq}))\r\n").as_bytes());
}

/// UIDs of messages whose numbers follow each other, as ranges.
fn ranges(messages: &[Numbered]) -> Vec<(u32, u32)> {
    let runs = messages.chunk_by(|one, next| next.number == one.number + 1);
    runs.filter_map(|run| Some((run.first()?.uid, run.last()?.uid))).collect()
}

/// What a STORE wants.
struct Change<'a> {
    asked: &'a Store,
    /// The flags that the client may change; the others stay as they are (RFC 4314 §4).
    allowed: Flags,
    /// See [`ImapAgent::unheard`]; with the ranges of UIDs.
    unheard: Option<(u64, &'a [(u32, u32)])>,
}

impl Change<'_> {
    fn make(&self, tx: &mut dyn Tx, id: MailboxId, uids: &[u32]) -> Result<Stored> {
        let allowed = self.allowed;
        let mask = Flags(mask_with_new(tx, id, &self.asked.flags)?.0 & allowed.0);
        let change = match self.asked.mode {
            StoreMode::Replace if allowed.0 == !0 => FlagChange::Replace(mask),
            StoreMode::Replace => {
                let others = FlagChange::Remove(allowed.without(mask));
                let set = mail::set_flags(tx, id, uids, others, self.asked.unchanged_since)?;
                let uids: Vec<u32> = set.mails.iter().map(|mail| mail.uid).collect();
                let added = mail::set_flags(tx, id, &uids, FlagChange::Add(mask), None)?;
                let set = FlagsSet { modified: set.modified, before: set.before, ..added };
                return Ok(Stored { set, unheard: false, keywords: mailbox::keywords(tx, id)? });
            }
            StoreMode::Add => FlagChange::Add(mask),
            StoreMode::Remove => FlagChange::Remove(mask),
        };
        let unheard = match self.unheard {
            Some((known, ranges)) => mail::set_flags_unheard(tx, id, ranges, change, known)?,
            None => None,
        };
        let set = match unheard {
            Some((before, modseq)) => FlagsSet { before, modseq, ..FlagsSet::default() },
            None => mail::set_flags(tx, id, uids, change, self.asked.unchanged_since)?,
        };
        Ok(Stored { set, unheard: unheard.is_some(), keywords: mailbox::keywords(tx, id)? })
    }
}
