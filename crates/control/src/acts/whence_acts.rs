//! From where passwords may be used.

use sekisho_message::{Text, say};
use sekisho_store::lockout::{self, LoginRule, Owner};
use sekisho_store::{Tx, domain};
use serde_json::json;

use super::{account_with, address_of, domain_of, local_domain};
use crate::command::WhenceRule;
use crate::control::{Acted, Fault};
use crate::whence::Whence;
use crate::{Actor, Control, Done, Refusal};

pub(super) async fn account(
    control: &Control,
    address: &str,
    rule: WhenceRule,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let countries = check(control, &rule)?;
    control
        .transact(actor, move |tx| {
            let owner = Owner::Account(account_with(tx, &key)?.id);
            let now = set(tx, owner, &rule)?;
            Ok(acted("account.whence", &key, &now, countries))
        })
        .await
}

pub(super) async fn domain(control: &Control, name: &str, rule: WhenceRule, actor: &Actor) -> Result<Done, Refusal> {
    let name = domain_of(name)?;
    let countries = check(control, &rule)?;
    control
        .transact(actor, move |tx| {
            let domain::Domain { id, .. } = local_domain(tx, &name)?;
            let now = set(tx, Owner::Domain(id), &rule)?;
            Ok(acted("domain.whence", &name, &now, countries))
        })
        .await
}

/// Refuses what cannot be read, and countries where nothing knows them. Whether there is a database of them.
fn check(control: &Control, rule: &WhenceRule) -> Result<bool, Refusal> {
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let parsed = Whence::parse(&part(&rule.networks), &part(&rule.countries)).map_err(Refusal::invalid)?;
    let database = control.options().lockout.countries.is_some();
    if !parsed.countries.is_empty() && !database {
        return Err(Refusal::invalid(say!(
            ja: "国を調べるデータベースがありません。sekisho.toml の [lockout] countries に .mmdb ファイルを指定してください。",
            en: "There is no database of countries. Name an .mmdb file as countries in [lockout] of sekisho.toml."
        )));
    }
    Ok(database)
}

/// The rule after the change.
fn set(tx: &mut dyn Tx, owner: Owner, rule: &WhenceRule) -> Result<LoginRule, Fault> {
    let old = lockout::rule(tx, owner)?.unwrap_or_default();
    let networks = rule.networks.clone().unwrap_or(old.networks);
    let countries = rule.countries.clone().unwrap_or(old.countries);
    let new = Whence::parse(&networks, &countries).map_err(Fault::invalid)?.stored();
    let empty = new == LoginRule::default();
    lockout::set_rule(tx, owner, (!empty).then_some(&new))?;
    Ok(new)
}

fn acted(act: &'static str, about: &str, rule: &LoginRule, database: bool) -> Acted {
    let text = said(about, rule);
    let detail = json!({ "networks": rule.networks, "countries": rule.countries, "database": database });
    Acted {
        act,
        about: Some(about.to_owned()),
        detail: detail.clone(),
        done: Done::with(text, detail),
        events: Vec::new(),
    }
}

fn said(about: &str, rule: &LoginRule) -> Text {
    let LoginRule { networks, countries } = rule;
    match (networks.as_str(), countries.as_str()) {
        ("", "") => say!(
            ja: "{about} のログイン元の制限をなくしました。",
            en: "Logins of {about} are no longer restricted by a rule of its own."
        ),
        (_, "") => say!(
            ja: "{about} は {networks} からだけログインできます。",
            en: "{about} can log in from {networks} only."
        ),
        ("", _) => say!(
            ja: "{about} は国 {countries} からだけログインできます。",
            en: "{about} can log in from the countries {countries} only."
        ),
        _ => say!(
            ja: "{about} は {networks} と国 {countries} からだけログインできます。",
            en: "{about} can log in from {networks} and the countries {countries} only."
        ),
    }
}
