//! Quarantine: messages that a filter refused and that a person may want to see.
//!
//! They stand in `holding` and are never due: `sekisho queue list --stage holding` shows them, `queue show`, `queue export`,
//! `queue release` and `queue purge` do the rest. Their origin is `quarantine:` and whose filter it was.

use std::time::Duration;

use sekisho_control::{Control, entry};
use sekisho_guard::origin::Origin;
use sekisho_guard::rules::filter::Hit;
use sekisho_message::Time;
use sekisho_store::queue::{self, Filter, NewMessage, Stage};
use sekisho_store::{NEVER, RecipientId, Result, journal};
use serde_json::json;

use crate::accept::{self, Recipient, Submission};

/// Owner of the server's own filter.
pub(crate) const SERVER: &str = "mail.dat";
/// What the origin of a message in quarantine begins with.
pub const ORIGIN: &str = "quarantine:";
/// Messages that one filter keeps at most; strangers write them.
const MOST: u64 = 5_000;
/// How long they are kept.
pub const KEEP: Duration = Duration::from_secs(30 * 86_400);

/// Keeps a message for `recipients`; false when there is no more room.
pub(crate) async fn keep(
    control: &Control,
    submission: &Submission,
    owner: &str,
    hit: &Hit,
    recipients: &[Recipient],
) -> Result<bool> {
    let id = control.store().next_message_id();
    let all: Vec<&Recipient> = recipients.iter().collect();
    let mut message = accept::message(submission, id, &Origin::inbound(), &all);
    message.origin = format!("{ORIGIN}{owner}");
    for recipient in &mut message.recipients {
        (recipient.stage, recipient.due) = (Stage::Holding, Time(NEVER));
    }
    let note = entry::verdict(
        submission.received,
        (owner != SERVER).then_some(owner),
        &submission.client,
        Some(&id.to_string()),
        json!({ "quarantine": owner, "block": hit.name, "line": hit.line, "warning": hit.warning }),
    );
    control.store().write(move |tx| store(tx, &message, &note)).await
}

fn store(tx: &mut dyn sekisho_store::Tx, message: &NewMessage, note: &journal::Entry) -> Result<bool> {
    if queue::pending(tx, &message.origin)? >= MOST {
        return Ok(false);
    }
    queue::accept(tx, message, message.received)?;
    journal::append(tx, std::slice::from_ref(note))?;
    Ok(true)
}

/// One step of forgetting what is older than [`KEEP`]; where to go on, if there is more.
///
/// # Errors
/// What the engine reports.
pub fn expire_step(
    tx: &mut dyn sekisho_store::Tx,
    now: Time,
    after: Option<RecipientId>,
) -> Result<Option<RecipientId>> {
    let filter = Filter {
        origin_kind: Some(ORIGIN.to_owned()),
        older_than: Some(now - KEEP),
        stage: Some(Stage::Holding),
        ..Filter::default()
    };
    Ok(queue::purge_step(tx, &filter, after, 500)?.next)
}
