//! The administrator's rounds.

use sekisho_control::Refusal;
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
