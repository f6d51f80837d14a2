//! STATUS (RFC 3501 §6.3.10).

use sekisho_proto::imap::list::StatusItem;
use sekisho_proto::imap::{Done, print};
use sekisho_store::mailbox::{self, Mailbox};

use super::agent::{ImapAgent, Outcome};

impl ImapAgent {
    pub(super) async fn status(&mut self, name: String, items: &[StatusItem]) -> Outcome {
        let account = self.account_id()?;
        self.enabled.condstore |= items.contains(&StatusItem::HighestModSeq);
        let found = self.store().read(move |tx| mailbox::get(tx, account, &name)).await;
        let Some(mailbox) = found.map_err(|error| self.refused(&error))? else {
            return Err(Done::no("There is no such mailbox").code("NONEXISTENT"));
        };
        let mut data = Vec::new();
        status_line(&mut data, &mailbox, items, self.service.message_max());
        Ok(Done::ok("STATUS completed").data(data))
    }
}

/// `* STATUS name (…)`.
pub(super) fn status_line(out: &mut Vec<u8>, mailbox: &Mailbox, items: &[StatusItem], message_max: u64) {
    out.extend_from_slice(b"* STATUS ");
    print::mailbox(out, &mailbox.name);
    for (at, item) in items.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" (" } else { b" " });
        out.extend_from_slice(item.as_str().as_bytes());
        out.push(b' ');
        print::number(out, value(mailbox, *item, message_max));
    }
    out.extend_from_slice(b")\r\n");
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
    }
}
