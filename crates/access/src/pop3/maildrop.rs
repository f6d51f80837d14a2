//! The maildrop of one session: INBOX as it stood at login, and what the session does to it.

use std::sync::Arc;

use bytes::Bytes;
use sekisho_control::bus::Watch;
use sekisho_control::credential::Stamp;
use sekisho_proto::pop3::{Listed, Listing};
use sekisho_store::mail::{self, FlagChange, Flags, MOST_AT_ONCE};
use sekisho_store::{AccountId, Error, MailboxId, Result, Store, mailbox};

use super::lease::Lease;
use super::read_ahead::{Entry, ReadAhead};

/// An open maildrop.
pub(super) struct Maildrop {
    pub(super) account: AccountId,
    pub(super) address: String,
    /// What happens to the account.
    pub(super) watch: Watch,
    /// When the password that let the client in was set.
    pub(super) stamp: Stamp,
    pub(super) lease: Lease,
    pub(super) mailbox: MailboxId,
    pub(super) ahead: ReadAhead,
    entries: Vec<Entry>,
    /// Messages that were sent whole.
    seen: Vec<bool>,
    /// Octets of them.
    pub(super) octets: u64,
}

/// INBOX at login.
pub(super) struct Snapshot {
    mailbox: MailboxId,
    uidvalidity: u32,
    entries: Vec<Entry>,
}

/// Reads INBOX, at most `most` messages of it.
pub(super) async fn snapshot(store: &Store, account: AccountId, most: usize) -> Result<Snapshot> {
    store
        .read(move |tx| {
            let inbox = mailbox::get(tx, account, "INBOX")?.ok_or(Error::NotFound("INBOX"))?;
            let mut entries = Vec::with_capacity(most.min(inbox.messages as usize));
            mail::entries(tx, inbox.id, 1, u32::MAX, &mut |mail| {
                if entries.len() < most {
                    entries.push(Entry { uid: mail.uid, content: mail.content, size: mail.size });
                }
                Ok(())
            })?;
            Ok(Snapshot { mailbox: inbox.id, uidvalidity: inbox.uidvalidity, entries })
        })
        .await
}

impl Snapshot {
    /// What the client is shown. A UID is never used again under the same UIDVALIDITY, so the two together are an id
    /// that stays with the message for ever (RFC 1939 §7).
    pub(super) fn listing(&self) -> Listing {
        let messages = self.entries.iter().map(|entry| Listed { uid: entry.uid, size: entry.size }).collect();
        Listing { prefix: format!("{}.", self.uidvalidity), messages }
    }

    pub(super) fn open(self, lease: Lease, watch: Watch, account: AccountId, who: (String, Stamp)) -> Maildrop {
        let (address, stamp) = who;
        Maildrop {
            account,
            address,
            watch,
            stamp,
            lease,
            mailbox: self.mailbox,
            ahead: ReadAhead::default(),
            seen: vec![false; self.entries.len()],
            entries: self.entries,
            octets: 0,
        }
    }
}

impl Maildrop {
    /// The body of the message at `index`; `whole` when the client gets all of it.
    pub(super) async fn retrieve(&mut self, store: &Store, index: usize, whole: bool) -> Result<Bytes> {
        let body = self.ahead.get(store, &self.entries, index).await?;
        if whole && let Some(seen) = self.seen.get_mut(index) {
            *seen = true;
            self.octets += body.len() as u64;
        }
        Ok(body)
    }

    /// Removes the messages at `deleted` and marks the others that were sent as `\Seen`, in one transaction unless
    /// there are very many. Whether anything changed.
    pub(super) async fn commit(&self, store: &Store, deleted: &[usize]) -> Result<bool> {
        let uid = |index: usize| self.entries.get(index).map(|entry| entry.uid);
        let deleted_uids: Vec<u32> = deleted.iter().filter_map(|index| uid(*index)).collect();
        let kept = |index: &usize| deleted.binary_search(index).is_err();
        let sent = self.seen.iter().enumerate().filter(|(_, seen)| **seen).map(|(index, _)| index);
        let seen_uids: Vec<u32> = sent.filter(kept).filter_map(uid).collect();
        let (mut deletions, mut marks) = (deleted_uids.chunks(MOST_AT_ONCE / 2), seen_uids.chunks(MOST_AT_ONCE / 2));
        let mailbox = self.mailbox;
        loop {
            let (gone, seen) = (deletions.next().unwrap_or_default(), marks.next().unwrap_or_default());
            if gone.is_empty() && seen.is_empty() {
                return Ok(!deleted_uids.is_empty() || !seen_uids.is_empty());
            }
            let (gone, seen): (Arc<[u32]>, Arc<[u32]>) = (gone.into(), seen.into());
            let step = store.write(move |tx| {
                if !gone.is_empty() {
                    mail::expunge(tx, mailbox, &gone, false)?;
                }
                if !seen.is_empty() {
                    mail::set_flags(tx, mailbox, &seen, FlagChange::Add(Flags::SEEN), None)?;
                }
                Ok(())
            });
            step.await?;
        }
    }

    /// The messages that were sent, as ranges such as `1:3,7`.
    pub(super) fn retrieved(&self) -> String {
        let mut out = String::new();
        let mut at = 0;
        while let Some(seen) = self.seen.get(at) {
            let first = at;
            at += 1;
            if !seen {
                continue;
            }
            while self.seen.get(at) == Some(&true) {
                at += 1;
            }
            if !out.is_empty() {
                out.push(',');
            }
            out.push_str(&(first + 1).to_string());
            if at > first + 1 {
                out.push(':');
                out.push_str(&at.to_string());
            }
        }
        out
    }
}
