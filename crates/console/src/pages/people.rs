//! *Domains* and *aliases*.

use axum::extract::{Query as Params, State};
use maud::{Markup, html};
use sekisho_control::Query;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, act_form, field, link, table};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{escaped, items, moment_of, t, text};

/// Which aliases.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    domain: String,
}

/// `GET /domains`.
///
/// # Errors
/// When the store does not answer.
pub async fn domains(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::Domains).await?;
    let system = member.scope.tier == Tier::System;
    let rows: Vec<Vec<Markup>> = found
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|one| {
            let name = text(one, "domain");
            let part = |of: &str| items(one, of).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            let rule = json!({ "command": "domain", "act": "whence", "name": name, "rule": {} });
            vec![
                link(&format!("/accounts?domain={}", escaped(name)), name),
                moment_of(&one["created"], lang),
                html! {
                    @if system {
                        (act_form(&member, &t!(lang, ja: "保存", en: "Save"), &rule, "/domains", false, &html! {
                            (field("set:/rule/networks", &t!(lang, ja: "ネットワーク", en: "Networks"), "text", &part("auth_networks"), false))
                            (field("set:/rule/countries", &t!(lang, ja: "国", en: "Countries"), "text", &part("auth_countries"), false))
                        }))
                    } @else { (part("auth_networks")) " " (part("auth_countries")) }
                },
                html! { @if system {
                    (act_button(&member, &t!(lang, ja: "削除", en: "Remove"), &json!({ "command": "domain", "act": "remove", "name": name }), "/domains", true))
                } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "ドメイン", en: "Domain"),
        t!(lang, ja: "追加", en: "Added"),
        t!(lang, ja: "パスワードを使える場所", en: "From where passwords may be used"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    Ok(Page::new(
        t!(lang, ja: "ドメイン", en: "Domains"),
        html! {
            section { (table(&t!(lang, ja: "ドメインの一覧", en: "Domains"), &heads, &rows, lang)) }
            @if system {
                section {
                    h2 { (t!(lang, ja: "ドメインを追加する", en: "Add a domain")) }
                    (act_form(&member, &t!(lang, ja: "追加", en: "Add"), &json!({ "command": "domain", "act": "add", "name": "" }), "/domains", false,
                        &field("set:/name", &t!(lang, ja: "ドメイン名", en: "Name"), "text", "", true)))
                }
            }
        },
    ))
}

/// `GET /aliases`.
///
/// # Errors
/// When the store does not answer.
pub async fn aliases(State(console): State<Console>, member: Member, Params(wish): Params<Wish>) -> Result<Page, Oops> {
    let lang = member.lang();
    let domain = Some(wish.domain.trim().to_owned()).filter(|domain| !domain.is_empty());
    let found = member.look(&console, Query::Aliases { domain }).await?;
    let rows: Vec<Vec<Markup>> = found
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|one| {
            let pattern = text(one, "alias");
            vec![
                html! { (pattern) },
                html! { (text(one, "target")) },
                moment_of(&one["created"], lang),
                act_button(
                    &member,
                    &t!(lang, ja: "削除", en: "Remove"),
                    &json!({ "command": "alias", "act": "remove", "pattern": pattern }),
                    "/aliases",
                    true,
                ),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "別名", en: "Alias"),
        t!(lang, ja: "届け先", en: "Goes to"),
        t!(lang, ja: "追加", en: "Added"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    Ok(Page::new(
        t!(lang, ja: "別名", en: "Aliases"),
        html! {
            section {
                (table(&t!(lang, ja: "別名の一覧", en: "Aliases"), &heads, &rows, lang))
                p.pager {
                    a href="/aliases.csv" download { (t!(lang, ja: "CSV で書き出す", en: "Export as CSV")) }
                    a href="/aliases/import" { (t!(lang, ja: "CSV から取り込む", en: "Import from CSV")) }
                }
            }
            section {
                h2 { (t!(lang, ja: "別名を追加する", en: "Add an alias")) }
                (act_form(&member, &t!(lang, ja: "追加", en: "Add"), &json!({ "command": "alias", "act": "add", "pattern": "", "target": "" }), "/aliases", false, &html! {
                    (field("set:/pattern", &t!(lang, ja: "別名（info@example.jp、*@example.jp）", en: "Alias: info@example.jp, *@example.jp"), "text", "", true))
                    (field("set:/target", &t!(lang, ja: "届け先", en: "Goes to"), "text", "", true))
                }))
            }
        },
    ))
}
