//! EXPUNGE and UID EXPUNGE (RFC 3501 §6.4.3, RFC 4315 §2.1).

use std::sync::Arc;

use sekisho_proto::imap::Done;
use sekisho_proto::imap::set::SequenceSet;
use sekisho_store::acl::Rights;
use sekisho_store::mail::{self, Flags, MOST_TOGETHER};

use super::agent::{ImapAgent, Outcome};
use super::news::Allowed;
use super::refusal::{no_permission, read_only};

impl ImapAgent {
    pub(super) async fn expunge(&mut self, set: Option<SequenceSet>) -> Outcome {
        let view = self.open_view()?;
        if view.read_only {
            return Err(read_only());
        }
        if !view.rights.has(Rights::EXPUNGE) {
            return Err(no_permission());
        }
        self.expunge_all(set).await?;
        let mut data = Vec::new();
        self.news(&mut data, Allowed::ALL).await.map_err(|error| self.refused(&error))?;
        let done = Done::ok("EXPUNGE completed");
        Ok(match &self.view {
            // The client knows all changes up to here (RFC 7162 §3.2.7).
            Some(view) if self.enabled.qresync && !data.is_empty() => {
                done.code(format!("HIGHESTMODSEQ {}", view.mod_seq))
            }
            _ => done,
        }
        .data(data))
    }

    /// Removes what has `\Deleted`, of `set` only if there is one. Messages that the client has not heard of stay.
    /// Whether there were any.
    pub(super) async fn expunge_all(&mut self, set: Option<SequenceSet>) -> Result<bool, Done> {
        let view = self.open_view()?;
        let messages = match &set {
            Some(set) => view.resolve(set, true).unwrap_or_default(),
            None => view.all(),
        };
        let (id, owner) = (view.id, view.owner);
        let (Some(first), Some(last)) = (messages.first().map(|m| m.uid), messages.last().map(|m| m.uid)) else {
            return Ok(false);
        };
        let deleted = self
            .store()
            .read(move |tx| {
                if sekisho_store::mailbox::status(tx, id)?.is_none_or(|mailbox| mailbox.deleted == 0) {
                    return Ok(Vec::new());
                }
                mail::flagged(tx, id, first, last, Flags::DELETED)
            })
            .await;
        let mut deleted = deleted.map_err(|error| self.refused(&error))?;
        deleted.retain(|uid| messages.binary_search_by_key(uid, |m| m.uid).is_ok());
        for step in deleted.chunks(MOST_TOGETHER) {
            let uids = Arc::new(step.to_vec());
            let done = self.store().write(move |tx| mail::expunge(tx, id, &uids, true)).await;
            done.map_err(|error| self.refused(&error))?;
            self.changed(id, owner);
        }
        Ok(!deleted.is_empty())
    }
}
