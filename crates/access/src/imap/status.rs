//! STATUS (RFC 9051 §6.3.11, RFC 3501 §6.3.10, RFC 8438, RFC 8474, RFC 9208).

use sekisho_proto::imap::list::StatusItem;
use sekisho_proto::imap::{Done, print};
use sekisho_store::acl::Rights;
use sekisho_store::mail::{self, Flags};
use sekisho_store::mailbox::{self, Mailbox};
use sekisho_store::{MailboxId, Result, Tx};

use super::agent::{Enabled, ImapAgent, Outcome};
use super::refusal::nonexistent;

/// What a STATUS line needs besides the mailbox.
#[derive(Clone, Copy)]
pub(super) struct StatusOf<'a> {
    pub(super) items: &'a [StatusItem],
    pub(super) message_max: u64,
    pub(super) enabled: Enabled,
}

impl ImapAgent {
    pub(super) async fn status(&mut self, name: String, items: &[StatusItem]) -> Outcome {
        self.enabled.condstore |= items.contains(&StatusItem::HighestModSeq);
        let found = self.found(&name, Rights::READ, nonexistent).await?;
        let id = found.mailbox.id;
        let deleted = if items.contains(&StatusItem::DeletedStorage) && found.mailbox.deleted > 0 {
            let read = self.store().read(move |tx| deleted_storage(tx, id)).await;
            read.map_err(|error| self.refused(&error))?
        } else {
            0
        };
        let mut data = Vec::new();
        let of = StatusOf { items, message_max: self.service.message_max(), enabled: self.enabled };
        status_line(&mut data, &name, &found.mailbox, of, deleted);
        Ok(Done::ok("STATUS completed").data(data))
    }
}

/// `* STATUS name (…)`.
pub(super) fn status_line(out: &mut Vec<u8>, name: &str, mailbox: &Mailbox, of: StatusOf<'_>, deleted_storage: u64) {
    out.extend_from_slice(b"* STATUS ");
    of.enabled.name(out, name);
    for (at, item) in of.items.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" (" } else { b" " });
        out.extend_from_slice(item.as_str().as_bytes());
        out.push(b' ');
        match item {
            StatusItem::MailboxId => out.extend_from_slice(mailbox_id(mailbox.id).as_bytes()),
            StatusItem::DeletedStorage => print::number(out, deleted_storage),
            item => print::number(out, value(mailbox, *item, of.message_max)),
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// The id of a mailbox that stays with it (RFC 8474 §4), in its parentheses.
pub(super) fn mailbox_id(id: MailboxId) -> String {
    format!("(F{})", id.0)
}

/// Octets of the messages with `\Deleted`.
pub(super) fn deleted_storage(tx: &mut dyn Tx, id: MailboxId) -> Result<u64> {
    let mut sum = 0;
    if mailbox::status(tx, id)?.is_some_and(|mailbox| mailbox.deleted > 0) {
        mail::entries(tx, id, 1, u32::MAX, &mut |mail| {
            sum += if mail.flags.has(Flags::DELETED) { mail.size } else { 0 };
            Ok(())
        })?;
    }
    Ok(sum)
}

fn value(mailbox: &Mailbox, item: StatusItem, message_max: u64) -> u64 {
    match item {
        StatusItem::Messages => mailbox.messages.into(),
        // An upper bound: message numbers are not needed to know it, and nobody may rely on it (RFC 9051 drops it).
        StatusItem::Recent => u64::from(mailbox.uidnext.saturating_sub(mailbox.first_recent).min(mailbox.messages)),
        StatusItem::UidNext => mailbox.uidnext.into(),
        StatusItem::UidValidity => mailbox.uidvalidity.into(),
        StatusItem::Unseen => mailbox.unseen.into(),
        StatusItem::Deleted => mailbox.deleted.into(),
        StatusItem::Size => mailbox.size,
        StatusItem::HighestModSeq => mailbox.modseq.max(1),
        StatusItem::AppendLimit => message_max,
        StatusItem::MailboxId | StatusItem::DeletedStorage => 0,
    }
}
