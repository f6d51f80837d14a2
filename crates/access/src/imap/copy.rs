//! COPY, MOVE and their UID forms (RFC 3501 §6.4.7, RFC 6851, COPYUID RFC 4315 §3).

use std::sync::Arc;

use sekisho_proto::imap::command::Copy;
use sekisho_proto::imap::{Done, set};
use sekisho_store::mail::{self, Copied, MOST_AT_ONCE};
use sekisho_store::{Error, MailboxId, mailbox};

use super::agent::{ImapAgent, Outcome};
use super::refusal::{cannot, read_only, try_create};

impl ImapAgent {
    pub(super) async fn copy(&mut self, copy: Copy) -> Outcome {
        let account = self.account_id()?;
        let view = self.open_view()?;
        if copy.remove && view.read_only {
            return Err(read_only());
        }
        let from = view.id;
        let Some(messages) = view.resolve(&copy.set, copy.uid) else {
            return Err(Done::bad("There is no message with that number"));
        };
        let name = copy.mailbox.clone();
        let target = self.store().read(move |tx| mailbox::get(tx, account, &name)).await;
        let Some(to) = target.map_err(|error| self.refused(&error))?.map(|mailbox| mailbox.id) else {
            return Err(try_create());
        };
        if copy.remove && from == to {
            return Err(cannot("The messages are there already"));
        }
        let uids: Vec<u32> = messages.iter().map(|m| m.uid).collect();
        let copied = self.copy_steps(from, &uids, to, copy.remove).await?;
        if copied.uids.is_empty() {
            return Ok(match (uids.is_empty(), copy.uid) {
                (false, false) => Done::no("The messages are gone").code("EXPUNGEISSUED"),
                _ => Done::ok("Nothing to do"),
            });
        }
        self.changed(to);
        if copy.remove {
            self.changed(from);
        }
        if copy.remove {
            // Before the EXPUNGEs, so that the client knows where they went (RFC 6851 §4.3).
            return Ok(Done::ok("MOVE completed").data(moved(&copied)));
        }
        Ok(Done::ok("COPY completed").code(copy_uid(&copied)))
    }

    /// Copies or moves in steps. A copy that cannot be completed is undone (RFC 3501 §6.4.7); of a move, each
    /// step is one message in one place at any time.
    async fn copy_steps(&mut self, from: MailboxId, uids: &[u32], to: MailboxId, remove: bool) -> Result<Copied, Done> {
        let mut all = Copied::default();
        for step in uids.chunks(MOST_AT_ONCE) {
            let uids = Arc::new(step.to_vec());
            let write = self.store().write(move |tx| {
                if remove { mail::move_(tx, from, &uids, to) } else { mail::copy(tx, from, &uids, to) }
            });
            match write.await {
                Ok(copied) => {
                    all.uidvalidity = copied.uidvalidity;
                    all.uids.extend(copied.uids);
                }
                Err(error) => {
                    if !remove {
                        self.undo_copy(to, &all).await;
                    }
                    if !all.uids.is_empty() {
                        self.changed(to);
                        self.changed(from);
                    }
                    let refusal = if matches!(error, Error::NotFound(_)) { try_create() } else { self.refused(&error) };
                    return Err(if remove { refusal.data(moved(&all)) } else { refusal });
                }
            }
        }
        Ok(all)
    }

    async fn undo_copy(&self, to: MailboxId, copied: &Copied) {
        for step in copied.uids.chunks(MOST_AT_ONCE) {
            let uids = Arc::new(step.iter().map(|&(_, new)| new).collect::<Vec<u32>>());
            if let Err(error) = self.store().write(move |tx| mail::expunge(tx, to, &uids, false)).await {
                tracing::error!(account = self.account(), %error, "IMAP: an incomplete COPY could not be undone");
            }
        }
    }
}

/// `* OK [COPYUID …]`, if anything was moved.
fn moved(copied: &Copied) -> Vec<u8> {
    if copied.uids.is_empty() {
        return Vec::new();
    }
    format!("* OK [{}] Moved\r\n", copy_uid(copied)).into_bytes()
}

/// `COPYUID validity old new`.
fn copy_uid(copied: &Copied) -> String {
    let mut code = format!("COPYUID {} ", copied.uidvalidity).into_bytes();
    set::print_ranges(&mut code, &set::ranges_of(copied.uids.iter().map(|&(old, _)| old)));
    code.push(b' ');
    set::print_ranges(&mut code, &set::ranges_of(copied.uids.iter().map(|&(_, new)| new)));
    String::from_utf8_lossy(&code).into_owned()
}
