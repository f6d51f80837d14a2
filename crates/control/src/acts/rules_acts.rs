//! Writing rule texts: `effect.dat`, `sender.dat`, `mail.dat`, `gateway.dat`, the reject tables.

use sekisho_guard::event::{Change, Protocol};
use sekisho_guard::rules::effect::EffectRules;
use sekisho_guard::rules::filter::MailFilter;
use sekisho_guard::rules::gateway::Gateways;
use sekisho_guard::rules::reject::RejectTable;
use sekisho_guard::rules::sender::SenderRules;
use sekisho_guard::rules::{Finding, Severity};
use sekisho_message::{Text, say};
use sekisho_store::{account, personal, rules};
use serde_json::json;

use super::{account_with, address_of};
use crate::command::{RuleFile, RulesCommand};
use crate::control::Acted;
use crate::lockout::{self, replace};
use crate::{Actor, BusEvent, Control, Done, Refusal};

/// Name of the server's rule file in its folder.
pub(crate) const EFFECT: &str = "effect.dat";

impl RuleFile {
    /// Its name in the data folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Effect => EFFECT,
            Self::Sender => "sender.dat",
            Self::Filter => "mail.dat",
            Self::Gateway => "gateway.dat",
            Self::RejectSmtp => lockout::table_name(Protocol::Smtp),
            Self::RejectPop3 => lockout::table_name(Protocol::Pop3),
            Self::RejectImap4 => lockout::table_name(Protocol::Imap4),
        }
    }

    /// At which door it keeps people out, if it is a reject table.
    const fn door(self) -> Option<Protocol> {
        match self {
            Self::Effect | Self::Sender | Self::Filter | Self::Gateway => None,
            Self::RejectSmtp => Some(Protocol::Smtp),
            Self::RejectPop3 => Some(Protocol::Pop3),
            Self::RejectImap4 => Some(Protocol::Imap4),
        }
    }

    /// What is wrong or risky in a text of this kind, line by line.
    #[must_use]
    pub fn findings(self, text: &[u8]) -> Vec<Finding> {
        match self {
            Self::Effect => EffectRules::parse(text).findings().to_vec(),
            Self::Sender => SenderRules::parse(text).findings().to_vec(),
            Self::Filter => MailFilter::parse(text).findings().to_vec(),
            Self::Gateway => Gateways::parse(text).findings().to_vec(),
            Self::RejectSmtp | Self::RejectPop3 | Self::RejectImap4 => RejectTable::parse(text).findings().to_vec(),
        }
    }
}

/// Longest rule text.
const LONGEST: usize = 1 << 20;

pub(super) async fn run(control: &Control, act: RulesCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        RulesCommand::Write { file: RuleFile::Sender, account: None, .. } => Err(Refusal::invalid(say!(
            ja: "sender.dat はアカウントごとの設定です。アカウントを指定してください。",
            en: "sender.dat belongs to an account; say whose."
        ))),
        RulesCommand::Write {
            file: file @ (RuleFile::Effect | RuleFile::Sender | RuleFile::Filter),
            account: Some(address),
            text,
        } => {
            check(file, &text)?;
            write_account(control, file, &address, text, actor).await
        }
        RulesCommand::Write { file, account: Some(_), .. } => {
            let name = file.name();
            Err(Refusal::invalid(say!(ja: "{name} はサーバ全体の設定です。", en: "{name} belongs to the server.")))
        }
        RulesCommand::Write { file, account: None, text } => {
            check(file, &text)?;
            write_server(control, file, text, actor).await
        }
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
    let (name, hides) = (key.clone(), file == RuleFile::Filter && !text.trim().is_empty());
    let (who, now) = (actor.to_string(), control.now());
    let done = control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            let before = match file {
                RuleFile::Effect => account.effect_dat.as_deref(),
                RuleFile::Sender => account.sender_dat.as_deref(),
                _ => account.personal.mail_dat.as_deref(),
            };
            rules::keep(tx, file.name(), &account.key, before.unwrap_or_default(), &who, now)?;
            let new = (!text.trim().is_empty()).then_some(text.as_str());
            match file {
                RuleFile::Effect => account::set_rules(tx, account.id, new, account.sender_dat.as_deref())?,
                RuleFile::Sender => account::set_rules(tx, account.id, account.effect_dat.as_deref(), new)?,
                _ => personal::set_filter(tx, account.id, new)?,
            }
            Ok(Acted {
                act: "rules.write",
                about: Some(key.clone()),
                detail: json!({ "file": file, "bytes": text.len() }),
                done: Done::said(say!(ja: "{key} のルールを保存しました。", en: "Saved the rules of {key}.")),
                events: vec![BusEvent::RulesChanged],
            })
        })
        .await?;
    if hides {
        control.tell_change(&name, Change::HidingFilter, actor).await;
    }
    Ok(done)
}

async fn write_server(control: &Control, file: RuleFile, text: String, actor: &Actor) -> Result<Done, Refusal> {
    let Some(folder) = control.options().rules.clone() else {
        return Err(Refusal::invalid(say!(
            ja: "このサーバにはルールファイルのフォルダがありません。",
            en: "This server has no folder for rule files."
        )));
    };
    let bytes = text.len();
    let name = file.name();
    let written = match file.door() {
        Some(protocol) => control.write_table(protocol, text).await,
        None => tokio::task::spawn_blocking(move || {
            let path = folder.join(name);
            let before = std::fs::read(&path).unwrap_or_default();
            replace(&path, text.as_bytes()).map(|()| String::from_utf8_lossy(&before).into_owned())
        })
        .await
        .map_err(std::io::Error::other)
        .flatten(),
    };
    let before = written.map_err(|error| Refusal::Store {
        reason: say!(ja: "{name} を書けません: {error}", en: "{name} cannot be written: {error}"),
        temporary: true,
    })?;
    let (who, now) = (actor.to_string(), control.now());
    control
        .transact(actor, move |tx| {
            rules::keep(tx, file.name(), "", &before, &who, now)?;
            Ok(Acted {
                act: "rules.write",
                about: None,
                detail: json!({ "file": file, "bytes": bytes }),
                done: Done::said(say!(ja: "{name} を保存しました。", en: "Saved {name}.")),
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
    match file.findings(text.as_bytes()).into_iter().find(|finding| finding.severity == Severity::Error) {
        None => Ok(()),
        Some(Finding { line, text: Text { ja, en }, .. }) => Err(Refusal::invalid(say!(
            ja: "{line} 行目: {ja}",
            en: "line {line}: {en}"
        ))),
    }
}
