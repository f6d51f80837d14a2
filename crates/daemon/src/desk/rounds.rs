//! The administrator's rounds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_control::Refusal;
use sekisho_message::say;
use serde_json::{Value, json};

use super::Desk;

/// The shape of [`sekisho_control::check::Check`], with texts in both languages.
pub(super) async fn check(desk: &Desk) -> Result<Value, Refusal> {
    let vitals = match &desk.probe {
        Some(probe) => Some(probe.measure(&desk.control).await),
        None => None,
    };
    Ok(json!(desk.control.check(vitals).await?))
}

/// The shape of [`sekisho_control::trace::Traced`], with texts in both languages.
pub(super) async fn trace(desk: &Desk, base64: &str) -> Result<Value, Refusal> {
    let bytes = STANDARD
        .decode(base64)
        .map_err(|_| Refusal::invalid(say!(ja: "base64 ではありません。", en: "This is not base64.")))?;
    Ok(json!(desk.control.trace(&bytes).await?))
}

/// `{"found":…,"history":[…]}`: the shape of [`sekisho_control::reputation::Reputation`] and of listings.
pub(super) async fn reputation(desk: &Desk, fresh: bool) -> Result<Value, Refusal> {
    let found = if fresh {
        desk.control.reputation().await?
    } else {
        desk.control.last_reputation().await?.unwrap_or_default()
    };
    Ok(json!({ "found": found, "history": desk.control.listings().await? }))
}
