//! STORE and UID STORE (RFC 3501 §6.4.6, RFC 7162 §3.1.3).

use std::sync::Arc;

use sekisho_proto::imap::command::{Store, StoreMode};
use sekisho_proto::imap::{Done, set};
use sekisho_store::mail::{self, FlagChange, Flags, FlagsSet, MOST_AT_ONCE};
use sekisho_store::{MailboxId, Result, Tx, mailbox};

use super::agent::{Enabled, ImapAgent, Outcome};
use super::append::mask_with_new;
use super::news::{fetch_start, flags_line};
use super::refusal::{no_permission, read_only};
use super::view::{Keywords, Numbered, changeable_flags};

/// One step of a STORE: what changed and the keywords that the mailbox has now.
type Stored = (FlagsSet, Vec<(u8, String)>);

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
        let (id, owner, mut known_to) = (view.id, view.owner, view.mod_seq);
        let store = Arc::new(store);
        let mut data = Vec::new();
        let (mut modified, mut missing) = (Vec::new(), false);
        for step in messages.chunks(MOST_AT_ONCE) {
            let uids: Arc<Vec<u32>> = Arc::new(step.iter().map(|m| m.uid).collect());
            let asked = Arc::clone(&store);
            let done = self.store().write(move |tx| change(tx, id, &uids, &asked, allowed)).await;
            let (set, keywords) = match done {
                Ok(stored) => stored,
                // What the steps before did is done, and the client must hear of it.
                Err(error) => {
                    self.changed(id, owner);
                    return Err(self.refused(&error).data(data));
                }
            };
            missing |= set.mails.len() + set.modified.len() < step.len();
            modified.extend(self.tell(&mut data, step, &set, keywords, &store, &mut known_to));
        }
        if !messages.is_empty() {
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

    /// Tells what one step changed; the numbers or UIDs that were refused.
    fn tell(
        &mut self,
        out: &mut Vec<u8>,
        step: &[Numbered],
        set: &FlagsSet,
        keywords: Vec<(u8, String)>,
        store: &Store,
        known_to: &mut u64,
    ) -> Vec<u32> {
        let enabled = Enabled { qresync: self.enabled.qresync || store.uid, ..self.enabled };
        let Some(view) = &mut self.view else { return Vec::new() };
        if view.keywords.0 != keywords {
            view.keywords = Arc::new(Keywords(keywords));
            view.keywords.announce(out, view.changeable());
        }
        // Does the client know all about these messages? Not if somebody else changed the mailbox meanwhile: then it
        // must hear what its silent command came to.
        let alone = set.modseq <= *known_to + 1;
        if alone {
            *known_to = set.modseq;
        }
        let mut numbers = step.iter();
        for mail in &set.mails {
            let Some(message) = numbers.find(|m| m.uid == mail.uid) else { break };
            if !store.silent || alone {
                view.told.insert(mail.uid, mail.modseq);
            }
            if !store.silent {
                flags_line(out, view, message.number, mail, enabled);
            } else if enabled.condstore && mail.modseq == set.modseq {
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

/// Changes the flags that the client may change; the others stay as they are (RFC 4314 §4).
fn change(tx: &mut dyn Tx, id: MailboxId, uids: &[u32], store: &Store, allowed: Flags) -> Result<Stored> {
    let asked = mask_with_new(tx, id, &store.flags)?;
    let mask = Flags(asked.0 & allowed.0);
    let change = match store.mode {
        StoreMode::Replace if allowed.0 == !0 => FlagChange::Replace(mask),
        StoreMode::Replace => {
            let others = FlagChange::Remove(allowed.without(mask));
            let set = mail::set_flags(tx, id, uids, others, store.unchanged_since)?;
            let uids: Vec<u32> = set.mails.iter().map(|mail| mail.uid).collect();
            let added = mail::set_flags(tx, id, &uids, FlagChange::Add(mask), None)?;
            return Ok((FlagsSet { modified: set.modified, ..added }, mailbox::keywords(tx, id)?));
        }
        StoreMode::Add => FlagChange::Add(mask),
        StoreMode::Remove => FlagChange::Remove(mask),
    };
    let set = mail::set_flags(tx, id, uids, change, store.unchanged_since)?;
    Ok((set, mailbox::keywords(tx, id)?))
}
