//! Acts on domains.

use sekisho_message::say;
use sekisho_store::domain::Claims;
use sekisho_store::{account, alias, domain, list};
use serde_json::json;

use super::{domain_of, local_domain};
use crate::command::DomainCommand;
use crate::control::{Acted, Fault};
use crate::credential::set_scram_wanted;
use crate::{Actor, BusEvent, Control, Done, Refusal};

pub(super) async fn run(control: &Control, act: DomainCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        DomainCommand::Add { name } => add(control, &name, actor).await,
        DomainCommand::Remove { name } => remove(control, &name, actor).await,
        DomainCommand::Whence { name, rule } => super::whence_acts::domain(control, &name, rule, actor).await,
        DomainCommand::Claims { name, claims } => set_claims(control, &name, claims, actor).await,
        DomainCommand::Scram { name, on } => {
            let done = scram(control, &name, on, actor).await?;
            control.refresh_offers().await?;
            Ok(done)
        }
    }
}

async fn add(control: &Control, name: &str, actor: &Actor) -> Result<Done, Refusal> {
    let name = domain_of(name)?;
    let now = control.now();
    control
        .transact(actor, move |tx| {
            if domain::get(tx, &name)?.is_some() {
                return Err(Fault::invalid(say!(
                    ja: "ドメイン {name} はすでにあります。",
                    en: "The domain {name} is there already."
                )));
            }
            domain::add(tx, &name, now)?;
            let text = say!(ja: "ドメイン {name} を追加しました。", en: "Added the domain {name}.");
            Ok(Acted {
                act: "domain.add",
                about: Some(name.clone()),
                detail: json!({}),
                done: Done::with(text, json!({ "domain": name })),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn remove(control: &Control, name: &str, actor: &Actor) -> Result<Done, Refusal> {
    let name = domain_of(name)?;
    control
        .transact(actor, move |tx| {
            let domain = local_domain(tx, &name)?;
            let accounts = account::list(tx, Some(domain.id), "", 1)?.len();
            let suffix = format!("@{name}");
            let lists = list::all(tx)?.iter().filter(|list| list.key.ends_with(&suffix)).count();
            if accounts + lists > 0 {
                return Err(Fault::invalid(say!(
                    ja: "ドメイン {name} にはまだアカウントかメーリングリストがあります。先に削除してください。",
                    en: "The domain {name} still has accounts or mailing lists. Remove them first."
                )));
            }
            let aliases = alias::list(tx, Some(&name))?;
            for alias in &aliases {
                alias::remove(tx, &alias.pattern)?;
            }
            set_scram_wanted(tx, domain.id, false)?;
            domain::remove(tx, &name)?;
            let gone = aliases.len();
            let text = say!(
                ja: "ドメイン {name} を削除しました（別名 {gone} 件も削除）。",
                en: "Removed the domain {name} (and {gone} aliases of it)."
            );
            Ok(Acted {
                act: "domain.remove",
                about: Some(name.clone()),
                detail: json!({ "aliases": aliases }),
                done: Done::said(text),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn set_claims(control: &Control, name: &str, claims: Claims, actor: &Actor) -> Result<Done, Refusal> {
    let name = domain_of(name)?;
    control
        .transact(actor, move |tx| {
            local_domain(tx, &name)?;
            domain::set_claims(tx, &name, claims)?;
            let text = match claims {
                Claims::Refuse => say!(
                    ja: "認証なしで {name} を名乗る外からのメールは拒否します。",
                    en: "Mail from outside that claims to be from {name} without AUTH is refused."
                ),
                Claims::Mark => say!(
                    ja: "認証なしで {name} を名乗る外からのメールは、印（X-Sekisho-Claim）を付けて受け取ります。",
                    en: "Mail from outside that claims to be from {name} without AUTH is taken and marked (X-Sekisho-Claim)."
                ),
                Claims::Off => say!(
                    ja: "認証なしで {name} を名乗る外からのメールも、そのまま受け取ります。",
                    en: "Mail from outside that claims to be from {name} is taken as it is."
                ),
            };
            Ok(Acted {
                act: "domain.claims",
                about: Some(name.clone()),
                detail: json!({ "claims": claims }),
                done: Done::with(text, json!({ "domain": name, "claims": claims })),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn scram(control: &Control, name: &str, on: bool, actor: &Actor) -> Result<Done, Refusal> {
    let name = domain_of(name)?;
    control
        .transact(actor, move |tx| {
            let domain = local_domain(tx, &name)?;
            set_scram_wanted(tx, domain.id, on)?;
            let text = if on {
                say!(
                    ja: "{name} の SCRAM を有効にしました。各アカウントの秘密は次のログインかパスワード変更のときに作られます。",
                    en: "SCRAM is on for {name}. Each account's secret is made at its next login or password change."
                )
            } else {
                say!(
                    ja: "{name} の SCRAM を無効にしました。新しい秘密はもう作られません。",
                    en: "SCRAM is off for {name}. No new secrets are made."
                )
            };
            Ok(Acted {
                act: "domain.scram",
                about: Some(name.clone()),
                detail: json!({ "on": on }),
                done: Done::said(text),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}
