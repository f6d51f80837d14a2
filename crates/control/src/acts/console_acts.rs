//! Acts on an account's way into the console.

use sekisho_message::say;
use sekisho_store::console;
use serde_json::json;

use super::{account_with, address_of};
use crate::command::ConsoleCommand;
use crate::control::Acted;
use crate::{Actor, Control, Done, Refusal};

pub(super) async fn run(control: &Control, act: ConsoleCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        ConsoleCommand::FactorRemove { address } => remove_factor(control, &address, actor).await,
        ConsoleCommand::SessionsEnd { address } => end_sessions(control, &address, actor).await,
    }
}

async fn remove_factor(control: &Control, address: &str, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            let had = console::remove_factor(tx, account.id)?;
            let text = if had {
                say!(
                    ja: "{key} の二段階認証を解除しました。",
                    en: "The second factor of {key} is removed."
                )
            } else {
                say!(ja: "{key} に二段階認証はありませんでした。", en: "{key} had no second factor.")
            };
            Ok(Acted {
                act: "console.factor.remove",
                about: Some(key.clone()),
                detail: json!({ "had": had }),
                done: Done::with(text, json!({ "had": had })),
                events: Vec::new(),
            })
        })
        .await
}

async fn end_sessions(control: &Control, address: &str, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            let sessions = console::end_others(tx, account.id, &[])?;
            let mut tokens = 0_u64;
            for token in console::tokens(tx, account.id)? {
                tokens += u64::from(console::end_token(tx, account.id, token.id)?);
            }
            let detail = json!({ "sessions": sessions, "tokens": tokens });
            Ok(Acted {
                act: "console.sessions.end",
                about: Some(key.clone()),
                detail: detail.clone(),
                done: Done::with(
                    say!(
                        ja: "{key} のブラウザ {sessions} 件とトークン {tokens} 件を無効にしました。",
                        en: "Ended {sessions} browser sessions and took away {tokens} tokens of {key}."
                    ),
                    detail,
                ),
                events: Vec::new(),
            })
        })
        .await
}
