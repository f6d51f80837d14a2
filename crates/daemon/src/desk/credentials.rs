//! App passwords and recoverable passwords, as they are.

use sekisho_control::Refusal;
use sekisho_message::say;
use sekisho_store::app_password::AppPassword;
use sekisho_store::{account, app_password, recoverable};
use serde_json::{Value, json};

use super::Desk;
use super::people::{key_of, part};

/// Most accounts that are listed.
const MOST: u32 = 10_000;

pub(super) async fn app_passwords(desk: &Desk, address: &str) -> Result<Value, Refusal> {
    let key = key_of(address)?;
    let wanted = key.clone();
    let found = desk.control.store().read(move |tx| match account::get(tx, &wanted)? {
        Some(account) => app_password::list(tx, account.id).map(Some),
        None => Ok(None),
    });
    let all = found.await?.ok_or_else(|| {
        Refusal::invalid(say!(ja: "アカウント {key} はありません。", en: "There is no account {key}."))
    })?;
    let now = desk.control.now();
    let state = |one: &AppPassword| match one {
        AppPassword { revoked: Some(_), .. } => "revoked",
        AppPassword { expires: Some(until), .. } if *until <= now => "expired",
        _ => "active",
    };
    let show = |one: &AppPassword| {
        json!({
            "name": one.name,
            "state": state(one),
            "protocols": part(Some(&one.protocols)),
            "networks": part(Some(&one.networks)),
            "created": one.created.to_string(),
            "created_by": one.created_by,
            "expires": one.expires.map(|at| at.to_string()),
            "revoked": one.revoked.map(|at| at.to_string()),
            "used": one.used.as_ref().map(|used| used.at.to_string()),
            "used_network": one.used.as_ref().map(|used| &used.network),
            "used_protocol": one.used.as_ref().map(|used| &used.protocol),
        })
    };
    Ok(json!(all.iter().map(show).collect::<Vec<_>>()))
}

/// Accounts that may keep a recoverable password: what an audit names.
pub(super) async fn recoverable(desk: &Desk) -> Result<Value, Refusal> {
    let all = desk.control.store().read(|tx| recoverable::accounts(tx, MOST)).await?;
    let show = |(address, since, kept): &(String, sekisho_message::Time, bool)| json!({ "account": address, "since": since.to_string(), "kept": kept });
    Ok(json!(all.iter().map(show).collect::<Vec<_>>()))
}
