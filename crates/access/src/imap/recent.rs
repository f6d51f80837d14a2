//! Which session sees a message as `\\Recent` (RFC 3501 §2.3.2): the first that hears of it, and no other.
//!
//! The store learns of it when a mailbox is opened or left. In between it is kept here, so that an arrival costs an
//! idle session no write. What a crash forgets is seen as recent once more, which the RFC allows.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sekisho_store::MailboxId;
use sekisho_store::mailbox::Mailbox;

/// Mailboxes that are remembered; when there are more, all are forgotten.
const MOST: usize = 100_000;

/// Up to which UID the messages of mailboxes are taken.
#[derive(Default)]
pub(super) struct RecentClaims(Mutex<HashMap<MailboxId, u32>>);

impl RecentClaims {
    /// The first UID that is still recent, and nobody else's from now on unless the session only looks (`EXAMINE`).
    pub(super) fn first(&self, mailbox: &Mailbox, read_only: bool) -> u32 {
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let claimed = claims.get(&mailbox.id).copied().unwrap_or(1).max(mailbox.first_recent);
        if !read_only && claimed < mailbox.uidnext {
            if claims.len() >= MOST {
                claims.clear();
            }
            claims.insert(mailbox.id, mailbox.uidnext);
        }
        claimed
    }
}
