//! Care of the store while it may be in use.

use std::path::PathBuf;

use sekisho_control::Refusal;
use sekisho_message::say;
use sekisho_store::{backup, check};
use serde_json::{Value, json};

use super::Desk;

/// The shape of [`check::Report`], with `well`.
pub(super) async fn check(desk: &Desk) -> Result<Value, Refusal> {
    desk.control.journal().flush().await;
    let report = check::run(desk.control.store()).await?;
    let mut shown = json!(report);
    shown["well"] = json!(report.is_well());
    Ok(shown)
}

/// The shape of [`backup::Manifest`].
pub(super) async fn backup(desk: &Desk, to: PathBuf) -> Result<Value, Refusal> {
    desk.control.journal().flush().await;
    let (store, now) = (desk.control.store().clone(), desk.control.now());
    let made = tokio::task::spawn_blocking(move || backup::backup(&store, &to, now)).await.map_err(|error| {
        Refusal::Store {
            reason: say!(ja: "バックアップが中断されました: {error}", en: "The backup was interrupted: {error}"),
            temporary: true,
        }
    })?;
    Ok(json!(made?))
}
