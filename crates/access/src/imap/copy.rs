//! COPY, MOVE and their UID forms (RFC 9051 §6.4.7-8, RFC 6851, COPYUID RFC 4315 §3, INPROGRESS RFC 9585).

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_proto::imap::command::Copy;
use sekisho_proto::imap::{Done, set};
use sekisho_store::acl::Rights;
use sekisho_store::mail::{self, Copied, FlagChange, Flags, MOST_TOGETHER};
use sekisho_store::{AccountId, Error, MailboxId, Result, Tx};

use super::agent::ImapAgent;
use super::progress::{PROGRESS, in_progress};
use super::refusal::{no_permission, read_only, try_create};
use super::view::changeable_flags;

/// A COPY or MOVE that is under way.
pub(super) struct CopyWork {
    tag: Box<str>,
    from: (MailboxId, AccountId),
    to: (MailboxId, AccountId),
    uids: Vec<u32>,
    /// How many of them are done.
    at: usize,
    copied: Copied,
    remove: bool,
    uid: bool,
    /// Flags that may not be set in the other mailbox (RFC 4314 §4).
    lost: Flags,
    told: Time,
}

impl ImapAgent {
    pub(super) async fn begin_copy(&mut self, tag: &str, copy: Copy) -> std::result::Result<(), Done> {
        let now = self.service.control().now();
        let view = self.open_view()?;
        if copy.remove && view.read_only {
            return Err(read_only());
        }
        if copy.remove && !view.rights.has(Rights::DELETED | Rights::EXPUNGE) {
            return Err(no_permission());
        }
        let from = (view.id, view.owner);
        let Some(messages) = view.resolve(&copy.set, copy.uid) else {
            return Err(Done::bad("There is no message with that number"));
        };
        let target = self.found(&copy.mailbox, Rights::INSERT, try_create).await?;
        let to = (target.mailbox.id, target.mailbox.account);
        self.copying = Some(CopyWork {
            tag: tag.into(),
            from,
            to,
            uids: messages.iter().map(|m| m.uid).collect(),
            at: 0,
            copied: Copied::default(),
            remove: copy.remove,
            uid: copy.uid,
            lost: Flags(!changeable_flags(target.rights).0),
            told: now,
        });
        Ok(())
    }

    /// Goes on: with what the client hears meanwhile, or to the end. A copy that cannot be completed is undone
    /// (RFC 9051 §6.4.7); of a move, each step is one message in one place at any time.
    pub(super) async fn copy_on(&mut self, mut work: CopyWork) -> std::result::Result<(CopyWork, Vec<u8>), Done> {
        while let Some(uids) = work.uids.get(work.at..).filter(|rest| !rest.is_empty()) {
            let uids: Arc<[u32]> = uids.iter().take(MOST_TOGETHER).copied().collect();
            let (remove, from, to, lost) = (work.remove, work.from.0, work.to.0, work.lost);
            let now = self.service.control().now();
            work.at += uids.len();
            match self.store().write(move |tx| step(tx, (from, to), &uids, (remove, lost), now)).await {
                Ok(copied) => {
                    work.copied.uidvalidity = copied.uidvalidity;
                    work.copied.uids.extend(copied.uids);
                }
                Err(error) => return Err(self.copy_failed(&work, &error).await),
            }
            if now.since(work.told) >= PROGRESS && work.at < work.uids.len() {
                work.told = now;
                let line = in_progress(&work.tag, work.at, work.uids.len());
                return Ok((work, line));
            }
        }
        Err(self.copy_end(&work))
    }

    fn copy_end(&mut self, work: &CopyWork) -> Done {
        if work.copied.uids.is_empty() {
            return match (work.uids.is_empty(), work.uid) {
                (false, false) => Done::no("The messages are gone").code("EXPUNGEISSUED"),
                _ => Done::ok("Nothing to do"),
            };
        }
        self.changed(work.to.0, work.to.1);
        if work.remove {
            self.changed(work.from.0, work.from.1);
        }
        if work.remove {
            // Before the EXPUNGEs, so that the client knows where they went (RFC 6851 §4.3).
            return Done::ok("MOVE completed").data(moved(&work.copied));
        }
        Done::ok("COPY completed").code(copy_uid(&work.copied))
    }

    async fn copy_failed(&mut self, work: &CopyWork, error: &Error) -> Done {
        if !work.remove {
            self.undo_copy(work.to.0, &work.copied).await;
        }
        if !work.copied.uids.is_empty() {
            self.changed(work.to.0, work.to.1);
            self.changed(work.from.0, work.from.1);
        }
        let refusal = if matches!(error, Error::NotFound(_)) { try_create() } else { self.refused(error) };
        if work.remove { refusal.data(moved(&work.copied)) } else { refusal }
    }

    async fn undo_copy(&self, to: MailboxId, copied: &Copied) {
        for step in copied.uids.chunks(MOST_TOGETHER) {
            let uids = Arc::new(step.iter().map(|&(_, new)| new).collect::<Vec<u32>>());
            if let Err(error) = self.store().write(move |tx| mail::expunge(tx, to, &uids, false)).await {
                tracing::error!(account = self.account(), %error, "IMAP: an incomplete COPY could not be undone");
            }
        }
    }
}

fn step(
    tx: &mut dyn Tx,
    (from, to): (MailboxId, MailboxId),
    uids: &[u32],
    (remove, lost): (bool, Flags),
    now: Time,
) -> Result<Copied> {
    // A move into the mailbox where the messages are gives them new UIDs (RFC 6851 §3.1).
    let copied = if remove { mail::move_(tx, from, uids, to, now)? } else { mail::copy(tx, from, uids, to, now)? };
    if lost != Flags::default() && !copied.uids.is_empty() {
        let new: Vec<u32> = copied.uids.iter().map(|&(_, new)| new).collect();
        mail::set_flags(tx, to, &new, FlagChange::Remove(lost), None)?;
    }
    Ok(copied)
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
