//! Writing `effect.dat` and `sender.dat`.

use sekisho_guard::rules::effect::EffectRules;
use sekisho_guard::rules::sender::SenderRules;
use sekisho_guard::rules::{Finding, Severity};
use sekisho_message::{Text, say};
use sekisho_store::account;
use serde_json::json;

use super::{account_with, address_of};
use crate::command::{RuleFile, RulesCommand};
use crate::control::Acted;
use crate::lockout::replace;
use crate::{Actor, BusEvent, Control, Done, Refusal};

/// Name of the server's rule file in its folder.
pub(crate) const EFFECT: &str = "effect.dat";
/// Longest rule text.
const LONGEST: usize = 1 << 20;

pub(super) async fn run(control: &Control, act: RulesCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        RulesCommand::Write { file, account: Some(address), text } => {
            check(file, &text)?;
            write_account(control, file, &address, text, actor).await
        }
        RulesCommand::Write { file: RuleFile::Effect, account: None, text } => {
            check(RuleFile::Effect, &text)?;
            write_server(control, text, actor).await
        }
        RulesCommand::Write { file: RuleFile::Sender, account: None, .. } => Err(Refusal::invalid(say!(
            ja: "sender.dat はアカウントごとの設定です。アカウントを指定してください。",
            en: "sender.dat belongs to an account; say whose."
        ))),
        RulesCommand::Reload => {
            control.publish(BusEvent::RulesChanged);
            Ok(Done::said(say!(ja: "ルールを読み直します。", en: "Reading the rules again.")))
        }
    }
}

async fn write_account(
    control: &Control,
    file: RuleFile,
    address: &str,
    text: String,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            let new = (!text.trim().is_empty()).then_some(text.as_str());
            let (effect, sender) = match file {
                RuleFile::Effect => (new, account.sender_dat.as_deref()),
                RuleFile::Sender => (account.effect_dat.as_deref(), new),
            };
            account::set_rules(tx, account.id, effect, sender)?;
            Ok(Acted {
                act: "rules.write",
                about: Some(key.clone()),
                detail: json!({ "file": file, "bytes": text.len() }),
                done: Done::said(say!(ja: "{key} のルールを保存しました。", en: "Saved the rules of {key}.")),
                events: vec![BusEvent::RulesChanged],
            })
        })
        .await
}

async fn write_server(control: &Control, text: String, actor: &Actor) -> Result<Done, Refusal> {
    let Some(folder) = control.options().rules.clone() else {
        return Err(Refusal::invalid(say!(
            ja: "このサーバにはルールファイルのフォルダがありません。",
            en: "This server has no folder for rule files."
        )));
    };
    let bytes = text.len();
    let written = tokio::task::spawn_blocking(move || replace(&folder.join(EFFECT), text.as_bytes())).await;
    if let Some(error) = written.map_err(std::io::Error::other).and_then(|r| r).err() {
        return Err(Refusal::Store {
            reason: say!(ja: "{EFFECT} を書けません: {error}", en: "{EFFECT} cannot be written: {error}"),
            temporary: true,
        });
    }
    control
        .transact(actor, move |_| {
            Ok(Acted {
                act: "rules.write",
                about: None,
                detail: json!({ "file": RuleFile::Effect, "bytes": bytes }),
                done: Done::said(say!(ja: "{EFFECT} を保存しました。", en: "Saved {EFFECT}.")),
                events: vec![BusEvent::RulesChanged],
            })
        })
        .await
}

fn check(file: RuleFile, text: &str) -> Result<(), Refusal> {
    if text.len() > LONGEST {
        return Err(Refusal::invalid(say!(
            ja: "ルールが長すぎます（{LONGEST} バイトまで）。",
            en: "The rules are too long (at most {LONGEST} bytes)."
        )));
    }
    let findings = match file {
        RuleFile::Effect => EffectRules::parse(text.as_bytes()).findings().to_vec(),
        RuleFile::Sender => SenderRules::parse(text.as_bytes()).findings().to_vec(),
    };
    match findings.into_iter().find(|finding| finding.severity == Severity::Error) {
        None => Ok(()),
        Some(Finding { line, text: Text { ja, en }, .. }) => Err(Refusal::invalid(say!(
            ja: "{line} 行目: {ja}",
            en: "line {line}: {en}"
        ))),
    }
}
