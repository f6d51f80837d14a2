//! Accepting: the hot path. Few statements, each an index look-up or an append.

use std::collections::HashMap;

use sekisho_message::Time;

use super::ledger::Delta;
use super::origin::current_or_new;
use super::{Accepted, NewMessage, NewRecipient, lane};
use crate::id::MOST_RECIPIENTS;
use crate::{ContentId, Error, NEVER, RecipientId, Result, Tx, content};

/// Queues a message: its body, the message, its recipients, the counters. `Conflict` when its id was used.
///
/// # Errors
/// `Conflict` also when it has no recipient or more than 1,048,576.
pub fn accept(tx: &mut dyn Tx, message: &NewMessage, now: Time) -> Result<Accepted> {
    if message.recipients.is_empty() || message.recipients.len() > MOST_RECIPIENTS {
        return Err(Error::Conflict(format!("a message for {} recipients", message.recipients.len())));
    }
    let current = current_or_new(tx, &message.origin)?;
    let (content, size) = content::keep(tx, &message.content)?;

    let mut pending = [0; 4];
    for recipient in &message.recipients {
        pending[recipient.stage as usize] += 1;
    }
    insert_message(tx, message, content, current.epoch, size, pending)?;
    let (recipients, nearest) = insert_recipients(tx, message, current.epoch, now)?;

    let mut delta = Delta::default();
    delta.count([0; 4], pending, i64::try_from(size).unwrap_or(i64::MAX));
    delta.enter(tx, current.epoch)?;
    if nearest < current.next_due {
        tx.execute("UPDATE epoch SET next_due = ?2 WHERE id = ?1", &[current.epoch.into(), nearest.into()])?;
    }
    Ok(Accepted { id: message.id, content, size, recipients, held: current.held })
}

fn insert_message(
    tx: &mut dyn Tx,
    message: &NewMessage,
    content: ContentId,
    epoch: i64,
    size: u64,
    pending: [i64; 4],
) -> Result<()> {
    tx.execute(
        "INSERT INTO message (id, content, epoch, size, relay_offset, reverse_path, account, network, helo,
             header_from, message_id_header, subject, fingerprint, smtputf8, eightbit, dsn_ret, dsn_envid, received,
             p0, p1, p2, p3)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        &[
            message.id.into(),
            content.into(),
            epoch.into(),
            size.into(),
            message.relay_offset.into(),
            message.reverse_path.as_deref().into(),
            message.account.as_deref().into(),
            clip(&message.network, 255).into(),
            clip(&message.helo, 255).into(),
            clip(&message.header_from, 1_000).into(),
            clip(&message.message_id_header, 998).into(),
            clip(&message.subject, 255).into(),
            message.fingerprint.into(),
            message.smtputf8.into(),
            message.eightbit.into(),
            message.dsn_ret.as_deref().into(),
            message.dsn_envid.as_deref().into(),
            message.received.into(),
            pending[0].into(),
            pending[1].into(),
            pending[2].into(),
            pending[3].into(),
        ],
    )?;
    Ok(())
}

/// Inserts the recipients into their lanes; their ids, and the nearest due time of a lane that came nearer.
fn insert_recipients(tx: &mut dyn Tx, message: &NewMessage, epoch: i64, now: Time) -> Result<(Vec<RecipientId>, i64)> {
    let mut lanes: HashMap<&str, (i64, i64)> = HashMap::with_capacity(1);
    for recipient in &message.recipients {
        let due = due_of(recipient, now);
        let entry = lanes.entry(&recipient.destination).or_insert((0, NEVER));
        entry.1 = entry.1.min(due);
    }
    let mut nearest = NEVER;
    for (destination, (lane, due)) in &mut lanes {
        let (id, nearer) = lane::enter(tx, epoch, destination, *due)?;
        *lane = id;
        if nearer {
            nearest = nearest.min(*due);
        }
    }
    let mut ids = Vec::with_capacity(message.recipients.len());
    for (number, recipient) in (0..).zip(&message.recipients) {
        let id = message.id.recipient(number);
        let (lane, _) = lanes.get(recipient.destination.as_str()).copied().unwrap_or_default();
        tx.execute(
            "INSERT INTO recipient (id, lane, stage, due, address, notify, orcpt, attempts, warned)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0)",
            &[
                id.into(),
                lane.into(),
                (recipient.stage as i64).into(),
                due_of(recipient, now).into(),
                (&recipient.address).into(),
                i64::from(recipient.notify).into(),
                recipient.orcpt.as_deref().into(),
            ],
        )?;
        ids.push(id);
    }
    Ok((ids, nearest))
}

/// Nothing is due before it is there: the past would let an origin push itself to the front.
fn due_of(recipient: &NewRecipient, now: Time) -> i64 {
    recipient.due.max(now).micros()
}

/// The first `most` characters.
pub(super) fn clip(text: &str, most: usize) -> &str {
    // Characters are never fewer octets than one.
    if text.len() <= most {
        return text;
    }
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}
