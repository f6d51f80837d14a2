//! Acts on aliases.

use sekisho_guard::event::Change;
use sekisho_message::{Address, say};
use sekisho_store::{Tx, account, alias, domain, list};
use serde_json::json;

use super::{address_of, local_domain};
use crate::command::AliasCommand;
use crate::control::{Acted, Fault};
use crate::{Actor, BusEvent, Control, Done, Refusal};

pub(super) async fn run(control: &Control, act: AliasCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        AliasCommand::Add { pattern, target } => add(control, &pattern, &target, actor).await,
        AliasCommand::Remove { pattern } => remove(control, &pattern, actor).await,
    }
}

async fn add(control: &Control, pattern: &str, target: &str, actor: &Actor) -> Result<Done, Refusal> {
    let pattern = pattern_of(pattern)?;
    let target = address_of(target)?;
    let now = control.now();
    let done = control
        .transact(actor, move |tx| {
            let name = pattern.rsplit_once('@').map_or("", |(_, name)| name);
            local_domain(tx, name)?;
            if exists(tx, &pattern)? {
                return Err(Fault::invalid(say!(
                    ja: "別名 {pattern} はすでにあります。",
                    en: "The alias {pattern} is there already."
                )));
            }
            if account::get(tx, &pattern)?.is_some() || list::get(tx, &pattern)?.is_some() {
                return Err(Fault::invalid(say!(
                    ja: "{pattern} はアカウントかメーリングリストです。別名にはできません。",
                    en: "{pattern} is an account or a mailing list and cannot be an alias too."
                )));
            }
            if target.key() == pattern {
                return Err(Fault::invalid(say!(
                    ja: "別名を自分自身に向けることはできません。",
                    en: "An alias cannot lead to itself."
                )));
            }
            alias::add(tx, &pattern, &target, now)?;
            let outside = domain::get(tx, &target.domain().ascii().to_ascii_lowercase())?.is_none();
            let mut text = say!(
                ja: "別名 {pattern} → {target} を追加しました。",
                en: "Added the alias {pattern} → {target}."
            );
            if outside && pattern.contains('*') {
                // Undeliverable mail to made-up names comes back from there as bounces: backscatter.
                text.ja.push_str("注意: 外部へ転送するワイルドカードの別名は、存在しない宛先へのメールを大量に転送することがあります。");
                text.en.push_str(" Note: a wildcard alias to the outside forwards mail for made-up names too.");
            }
            Ok(Acted {
                act: "alias.add",
                about: Some(pattern.clone()),
                detail: json!({ "target": target.to_string(), "outside": outside }),
                done: Done::with(text, json!({ "pattern": &pattern, "target": target.to_string(), "outside": outside })),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await?;
    if done.data["outside"] == true {
        // It is the doing of whoever is at the console; a shell's is nobody's.
        if let Actor::Console { account, .. } = actor {
            control.tell_change(account, Change::Forward, actor).await;
        }
    }
    Ok(done)
}

async fn remove(control: &Control, pattern: &str, actor: &Actor) -> Result<Done, Refusal> {
    let pattern = pattern_of(pattern)?;
    control
        .transact(actor, move |tx| {
            if !exists(tx, &pattern)? {
                return Err(Fault::invalid(say!(
                    ja: "別名 {pattern} はありません。",
                    en: "There is no alias {pattern}."
                )));
            }
            alias::remove(tx, &pattern)?;
            Ok(Acted {
                act: "alias.remove",
                about: Some(pattern.clone()),
                detail: json!({}),
                done: Done::said(say!(ja: "別名 {pattern} を削除しました。", en: "Removed the alias {pattern}.")),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

/// Whether there is an alias with exactly this pattern.
pub(super) fn exists(tx: &mut dyn Tx, pattern: &str) -> sekisho_store::Result<bool> {
    let Some((_, name)) = pattern.rsplit_once('@') else { return Ok(false) };
    Ok(alias::list(tx, Some(name))?.iter().any(|alias| alias.pattern == pattern))
}

/// The canonical form of `local@domain`, `prefix*@domain` or `*@domain`: an [`Address::key`] whose local part may end
/// in one star.
fn pattern_of(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let bad = || {
        Refusal::invalid(say!(
            ja: "「{text}」は別名の形（local@domain、prefix*@domain、*@domain）ではありません。",
            en: "“{text}” is not an alias pattern (local@domain, prefix*@domain or *@domain)."
        ))
    };
    let (local, domain) = text.rsplit_once('@').ok_or_else(bad)?;
    let Some(prefix) = local.strip_suffix('*') else {
        return Address::parse(text).map(|address| address.key()).map_err(|_| bad());
    };
    if prefix.contains('*') {
        return Err(bad());
    }
    // A prefix is checked as a local part of its own; none at all is the catch-all.
    let stand_in = if prefix.is_empty() { "x" } else { prefix.trim_end_matches('.') };
    let address = Address::parse(&format!("{stand_in}@{domain}")).map_err(|_| bad())?;
    Ok(format!("{}*@{}", prefix.to_lowercase(), address.domain().ascii().to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn patterns_are_canonical() {
        let of = |text: &str| pattern_of(text).unwrap();
        assert_eq!(of(" Info@Example.JP "), "info@example.jp");
        assert_eq!(of("*@Example.JP"), "*@example.jp");
        assert_eq!(of("Sales-*@example.jp"), "sales-*@example.jp");
        assert_eq!(of("s.*@example.jp"), "s.*@example.jp");
        for bad in ["info", "@example.jp", "**@example.jp", "a*b*@example.jp", "a b*@example.jp", "*@", "*@bad domain"]
        {
            assert!(pattern_of(bad).is_err(), "{bad}");
        }
    }
}
