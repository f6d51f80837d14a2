//! The queue, as it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_control::Refusal;
use sekisho_message::{Time, say};
use sekisho_store::queue::{self, Filter, Listed, Stage, StageCount, Status};
use sekisho_store::{MessageId, RecipientId, switch};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Desk;

/// Bytes of a message in one answer.
const PIECE: usize = 1 << 20;
/// Recipients in one answer.
const MOST: u32 = 1_000;
/// Origins in one answer.
const ORIGINS: u32 = 20;

pub(super) async fn status(desk: &Desk) -> Result<Value, Refusal> {
    let status = desk.control.store().read(queue::status).await?;
    Ok(json!(shape(&status, desk.control.now())))
}

/// `{"stages":{"incoming":{"messages":n,"recipients":n,"bytes":n},"lists":…,"domains":…,"holding":…},"oldest_seconds":n}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct QueueStatus {
    /// Counts by stage.
    pub(crate) stages: Stages,
    /// Age of the oldest queued message; 0 when the queue is empty.
    pub(crate) oldest_seconds: u64,
}

/// Counts by stage, in the order in which mail goes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Stages {
    pub(crate) incoming: StageCount,
    pub(crate) lists: StageCount,
    pub(crate) domains: StageCount,
    pub(crate) holding: StageCount,
}

fn shape(status: &Status, now: Time) -> QueueStatus {
    let Status { incoming, lists, domains, holding, .. } = *status;
    QueueStatus {
        stages: Stages { incoming, lists, domains, holding },
        oldest_seconds: status.oldest.map_or(0, |oldest| now.since(oldest).as_secs()),
    }
}

pub(super) async fn holds(desk: &Desk) -> Result<Value, Refusal> {
    let both = desk.control.store().read(|tx| Ok((queue::holds(tx)?, switch::list(tx)?)));
    let (held, paused) = both.await?;
    let held: Vec<Value> = held
        .iter()
        .map(|hold| {
            json!({
                "origin": hold.origin,
                "since": hold.since.to_string(),
                "reason": hold.reason,
                "messages": hold.messages,
                "recipients": hold.recipients,
            })
        })
        .collect();
    let paused: Vec<Value> = paused
        .iter()
        .map(|pause| json!({ "service": pause.name, "since": pause.since.to_string(), "reason": pause.reason }))
        .collect();
    Ok(json!({ "held": held, "paused": paused }))
}

/// The shape of [`queue::Share`], times as text.
pub(super) async fn origins(desk: &Desk) -> Result<Value, Refusal> {
    let shares = desk.control.store().read(|tx| queue::busiest(tx, ORIGINS)).await?;
    let shown = shares.iter().map(|share| {
        let mut shown = json!(share);
        shown["since"] = json!(share.since.map(|at| at.to_string()));
        shown
    });
    Ok(Value::Array(shown.collect()))
}

pub(super) async fn list(
    desk: &Desk,
    filter: Filter,
    after: Option<RecipientId>,
    limit: u32,
) -> Result<Value, Refusal> {
    let limit = limit.clamp(1, MOST);
    let (page, next) = desk.control.store().read(move |tx| queue::list(tx, &filter, after, limit)).await?;
    let now = desk.control.now();
    Ok(json!({ "recipients": page.iter().map(|one| listed(one, now)).collect::<Vec<_>>(), "next": next }))
}

pub(super) async fn show(desk: &Desk, message: &str) -> Result<Value, Refusal> {
    let id = id_of(message)?;
    let found = desk.control.store().read(move |tx| queue::show(tx, id)).await?;
    let shown = found.ok_or_else(|| gone(id))?;
    let now = desk.control.now();
    Ok(json!({
        "message": shown.id.to_string(),
        "size": shown.size,
        "helo": shown.helo,
        "header_from": shown.header_from,
        "message_id": shown.message_id_header,
        "held": shown.held,
        "recipients": shown.recipients.iter().map(|one| listed(one, now)).collect::<Vec<_>>(),
    }))
}

pub(super) async fn content(desk: &Desk, message: &str, offset: usize) -> Result<Value, Refusal> {
    let id = id_of(message)?;
    let found = desk.control.store().read(move |tx| queue::export(tx, id)).await?;
    let bytes = desk.control.store().content(found.ok_or_else(|| gone(id))?).await?;
    let end = bytes.len().min(offset.saturating_add(PIECE));
    let piece = bytes.get(offset..end).unwrap_or_default();
    Ok(json!({ "base64": STANDARD.encode(piece), "next": (end < bytes.len()).then_some(end), "size": bytes.len() }))
}

fn listed(one: &Listed, now: Time) -> Value {
    json!({
        "message": one.message.to_string(),
        "stage": one.stage,
        "from": one.reverse_path.as_deref().unwrap_or_default(),
        "to": one.address,
        "destination": one.destination,
        "origin": one.origin,
        "account": one.account,
        "network": one.network,
        "subject": one.subject,
        "size": one.size,
        "received": one.received.to_string(),
        "age_seconds": now.since(one.received).as_secs(),
        "due": one.due.map(|due| due.to_string()),
        "attempts": one.attempts,
        "code": one.code,
        "reply": one.reply,
        "fingerprint": format!("{:016x}", one.fingerprint),
    })
}

fn id_of(text: &str) -> Result<MessageId, Refusal> {
    MessageId::parse(text).ok_or_else(|| {
        Refusal::invalid(say!(
            ja: "「{text}」はメッセージ ID（例: B0000000123）ではありません。",
            en: "“{text}” is not a message id (such as B0000000123)."
        ))
    })
}

fn gone(id: MessageId) -> Refusal {
    Refusal::invalid(say!(
        ja: "{id} はキューにありません（配送済みか削除済みです。sekisho logs で調べられます）。",
        en: "{id} is not in the queue (delivered, failed or purged; see sekisho logs)."
    ))
}

/// The stage of a name.
pub(crate) fn stage(name: &str) -> Option<Stage> {
    serde_json::from_value(Value::from(name)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_documented_shape() {
        let status = Status {
            domains: StageCount { messages: 2, recipients: 3, bytes: 4_096 },
            oldest: Some(Time::from_seconds(100)),
            ..Status::default()
        };
        let zero = r#"{"messages":0,"recipients":0,"bytes":0}"#;
        assert_eq!(
            serde_json::to_string(&shape(&status, Time::from_seconds(160))).unwrap(),
            format!(
                r#"{{"stages":{{"incoming":{zero},"lists":{zero},"domains":{{"messages":2,"recipients":3,"bytes":4096}},"holding":{zero}}},"oldest_seconds":60}}"#
            )
        );
        assert_eq!(shape(&Status::default(), Time::from_seconds(160)).oldest_seconds, 0);
    }

    #[test]
    fn stages_have_their_spool_names() {
        assert_eq!(stage("holding"), Some(Stage::Holding));
        assert_eq!(stage("deferred"), None);
    }
}
