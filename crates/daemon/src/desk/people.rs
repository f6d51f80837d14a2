//! Domains, accounts, aliases and lists, as they are.

use sekisho_control::Refusal;
use sekisho_message::{Address, Time, say};
use sekisho_store::account::{self, Account};
use sekisho_store::login::{self, Way};
use sekisho_store::{alias, app_password, domain, list, lockout, recoverable};
use serde_json::{Value, json};

use super::Desk;

/// Rows in a page.
const PAGE: u32 = 500;

pub(super) async fn domains(desk: &Desk) -> Result<Value, Refusal> {
    let domains = desk.control.store().read(|tx| {
        let mut shown = Vec::new();
        for domain in domain::list(tx)? {
            let rule = lockout::rule(tx, lockout::Owner::Domain(domain.id))?;
            shown.push(json!({
                "domain": domain.name,
                "created": domain.created.to_string(),
                "claims": domain.claims,
                "auth_networks": part(rule.as_ref().map(|rule| &rule.networks)),
                "auth_countries": part(rule.as_ref().map(|rule| &rule.countries)),
            }));
        }
        Ok(shown)
    });
    Ok(json!(domains.await?))
}

pub(super) async fn accounts(desk: &Desk, name: Option<String>, after: String) -> Result<Value, Refusal> {
    let control = desk.control.clone();
    let page = desk.control.store().read(move |tx| {
        let of = match &name {
            Some(name) => match domain::get(tx, &name.to_ascii_lowercase())? {
                Some(domain) => Some(domain.id),
                None => return Ok(json!({ "accounts": [], "next": null })),
            },
            None => None,
        };
        let page = account::list(tx, of, &after, PAGE)?;
        let next = (page.len() == PAGE as usize).then(|| page.last().map(|account| account.key.clone())).flatten();
        let shown = page.iter().map(|account| {
            let last = lockout::last_place(tx, account.id)?;
            let ways = login::ways(tx, account.id)?;
            let standing = control.guard().standing(tx, &format!("account:{}", account.key), control.now())?;
            Ok(listed(account, last.as_ref(), &ways, standing.as_ref()))
        });
        let shown = shown.collect::<sekisho_store::Result<Vec<Value>>>()?;
        Ok(json!({ "accounts": shown, "next": next }))
    });
    Ok(page.await?)
}

/// An account in a list: with where it logged in last and how it stands with the guard, where that is known.
fn listed(account: &Account, last: Option<&(String, Time)>, ways: &[Way], standing: Option<&Value>) -> Value {
    let mut shown = one(account);
    shown["logins"] = logins(ways);
    shown["last_login"] = json!(last.map(|(network, at)| json!({ "network": network, "at": at.to_string() })));
    for name in ["class", "rung", "score"] {
        shown[name] = standing.map_or(Value::Null, |standing| standing[name].clone());
    }
    shown["scram"] = json!(account.scram.is_some());
    shown
}

/// How an account logged in lately: door, proof, and whether anybody could listen.
fn logins(ways: &[Way]) -> Value {
    let one = |way: &Way| json!({ "door": way.door, "proof": way.proof, "wire": way.wire, "at": way.last.to_string() });
    ways.iter().map(one).collect()
}

pub(super) async fn account(desk: &Desk, address: &str) -> Result<Value, Refusal> {
    let key = key_of(address)?;
    let (wanted, control) = (key.clone(), desk.control.clone());
    let found = desk.control.store().read(move |tx| {
        let Some(account) = account::get(tx, &wanted)? else { return Ok(None) };
        let usage = account::usage(tx, account.id)?;
        let rule = lockout::rule(tx, lockout::Owner::Account(account.id))?;
        let guard = control.guard().standing(tx, &format!("account:{}", account.key), control.now())?;
        let apps = app_password::list(tx, account.id)?.iter().filter(|one| one.revoked.is_none()).count();
        let recoverable = recoverable::get(tx, account.id)?.map(|found| match found.sealed {
            Some(_) if found.hash == account.password => "kept",
            _ => "allowed",
        });
        let ways = login::ways(tx, account.id)?;
        Ok(Some((account, usage, rule, guard, apps, recoverable, ways)))
    });
    let (account, usage, rule, guard, apps, recoverable, ways) = found.await?.ok_or_else(|| {
        Refusal::invalid(say!(ja: "アカウント {key} はありません。", en: "There is no account {key}."))
    })?;
    let mut shown = one(&account);
    shown["messages"] = json!(usage.messages);
    shown["has_effect_dat"] = json!(account.effect_dat.is_some());
    shown["has_sender_dat"] = json!(account.sender_dat.is_some());
    let personal = &account.personal;
    shown["forward"] = json!(personal.forward);
    shown["reply"] = json!(personal.reply);
    shown["send_hours"] = json!(personal.send_hours);
    shown["has_mail_dat"] = json!(personal.mail_dat.is_some());
    shown["auth_networks"] = json!(part(rule.as_ref().map(|rule| &rule.networks)));
    shown["auth_countries"] = json!(part(rule.as_ref().map(|rule| &rule.countries)));
    shown["scram"] = json!(account.scram.is_some());
    shown["app_passwords"] = json!(apps);
    shown["recoverable"] = json!(recoverable);
    shown["guard"] = json!(guard);
    shown["logins"] = logins(&ways);
    Ok(shown)
}

pub(super) async fn aliases(desk: &Desk, domain: Option<String>) -> Result<Value, Refusal> {
    let aliases = desk.control.store().read(move |tx| alias::list(tx, domain.as_deref())).await?;
    let show = |a: &alias::Alias| json!({ "alias": a.pattern, "target": a.target, "created": a.created.to_string() });
    Ok(json!(aliases.iter().map(show).collect::<Vec<_>>()))
}

pub(super) async fn lists(desk: &Desk) -> Result<Value, Refusal> {
    let lists = desk.control.store().read(list::all).await?;
    Ok(json!(lists.iter().map(one_list).collect::<Vec<_>>()))
}

pub(super) async fn list(desk: &Desk, address: &str, after: String) -> Result<Value, Refusal> {
    let key = key_of(address)?;
    let wanted = key.clone();
    let found = desk.control.store().read(move |tx| {
        let Some(list) = list::get(tx, &wanted)? else { return Ok(None) };
        let members = list::members(tx, list.id, &after, PAGE)?;
        Ok(Some((list, members)))
    });
    let (list, members) = found.await?.ok_or_else(|| {
        Refusal::invalid(say!(ja: "メーリングリスト {key} はありません。", en: "There is no mailing list {key}."))
    })?;
    let next = (members.len() == PAGE as usize).then(|| members.last().map(|m| m.key.clone())).flatten();
    let mut shown = one_list(&list);
    shown["members"] = json!(
        members.iter().map(|m| json!({ "address": m.address, "since": m.since.to_string() })).collect::<Vec<_>>()
    );
    shown["next"] = json!(next);
    Ok(shown)
}

/// The parts of a list with commas.
pub(super) fn part(list: Option<&String>) -> Vec<&str> {
    list.map(String::as_str).unwrap_or_default().split(',').filter(|part| !part.is_empty()).collect()
}

fn one(account: &Account) -> Value {
    json!({
        "address": account.address,
        "name": account.full_name,
        "role": account.role,
        "state": account.state,
        "used": account.used,
        "quota": account.quota,
        "language": account.language,
        "created": account.created.to_string(),
        "password_changed": account.password_changed.to_string(),
        "must_change": account.must_change,
        "purge_after": account.purge_after.map(|at| at.to_string()),
    })
}

fn one_list(list: &list::List) -> Value {
    json!({
        "list": list.address,
        "owner": list.owner,
        "posting": list.posting,
        "subject_tag": list.subject_tag,
        "description": list.description,
        "created": list.created.to_string(),
    })
}

pub(super) fn key_of(address: &str) -> Result<String, Refusal> {
    Address::parse(address).map(|address| address.key()).map_err(|_| {
        Refusal::invalid(say!(
            ja: "「{address}」はメールアドレスではありません。",
            en: "“{address}” is not a mail address."
        ))
    })
}
