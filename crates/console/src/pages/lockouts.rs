//! *Lockouts*: who is kept out, by what, and how to let him in.

use axum::extract::State;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::Language;
use serde_json::{Value, json};

use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, act_form, badge, cell, choice, field, table};
use crate::service::Console;
use crate::words::{items, moment_of, number, said, t, text};

/// `GET /lockouts`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::Lockouts).await?;
    Ok(Page::new(
        t!(lang, ja: "ロックアウト", en: "Lockouts"),
        html! {
            section { (locks(&member, &found)) }
            (change(&member))
            section { (rows(&member, &found)) (findings(&found, lang)) }
        },
    ))
}

fn locks(member: &Member, found: &Value) -> Markup {
    let lang = member.lang();
    let rows: Vec<Vec<Markup>> = items(found, "locks")
        .iter()
        .map(|lock| {
            let about = text(lock, "about");
            vec![
                cell(about),
                cell(text(lock, "protocol")),
                cell(&said(&lock["text"], lang)),
                moment_of(&lock["until"], lang),
                act_button(
                    member,
                    &t!(lang, ja: "解除", en: "Unlock"),
                    &json!({ "command": "lockout", "act": "unlock", "what": about }),
                    "/lockouts",
                    false,
                ),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "だれを", en: "Whom"),
        t!(lang, ja: "入口", en: "Door"),
        t!(lang, ja: "理由", en: "Why"),
        t!(lang, ja: "いつまで", en: "Until"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    table(&t!(lang, ja: "有効なロック", en: "Locks in force"), &heads, &rows, lang)
}

fn rows(member: &Member, found: &Value) -> Markup {
    let lang = member.lang();
    let rows: Vec<Vec<Markup>> = items(found, "rows")
        .iter()
        .map(|row| {
            let network = text(row, "network");
            let kind = match text(row, "kind") {
                "permanent" => t!(lang, ja: "ずっと拒否", en: "refused for good"),
                "allowed" => t!(lang, ja: "決してロックしない", en: "never locked"),
                _ => t!(lang, ja: "期限つき", en: "for a time"),
            };
            vec![
                cell(network),
                cell(&kind),
                moment_of(&row["until"], lang),
                html! { (text(row, "file")) ":" (number(row, "line")) },
                act_button(
                    member,
                    &t!(lang, ja: "行を消す", en: "Take away"),
                    &json!({ "command": "lockout", "act": "forget", "network": network, "protocol": null }),
                    "/lockouts",
                    false,
                ),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "ネットワーク", en: "Network"),
        t!(lang, ja: "種類", en: "Kind"),
        t!(lang, ja: "いつまで", en: "Until"),
        t!(lang, ja: "表と行", en: "Table and line"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    table(&t!(lang, ja: "表の行", en: "Rows of the tables"), &heads, &rows, lang)
}

fn findings(found: &Value, lang: Language) -> Markup {
    html! {
        @for one in items(found, "findings") {
            p { (badge(text(one, "severity"), lang)) " " (text(one, "file")) ":" (number(one, "line")) " " (said(&one["text"], lang)) }
        }
    }
}

fn change(member: &Member) -> Markup {
    let lang = member.lang();
    let doors = [
        ("", t!(lang, ja: "すべて", en: "all")),
        ("smtp", "SMTP".to_owned()),
        ("pop3", "POP3".to_owned()),
        ("imap4", "IMAP".to_owned()),
    ];
    let network = || {
        html! {
            (field("set:/network", &t!(lang, ja: "ネットワーク（192.0.2.0/24）", en: "Network, such as 192.0.2.0/24"), "text", "", true))
            (choice("set:/protocol:optional", &t!(lang, ja: "入口", en: "Door"), &doors, ""))
        }
    };
    let act = |act: &str| json!({ "command": "lockout", "act": act, "network": "", "protocol": null });
    html! {
        div.columns {
            section {
                h2 { (t!(lang, ja: "解除する", en: "Unlock")) }
                (act_form(member, &t!(lang, ja: "解除", en: "Unlock"), &json!({ "command": "lockout", "act": "unlock", "what": "" }), "/lockouts", false,
                    &field("set:/what", &t!(lang, ja: "アドレス、ネットワーク、アカウント", en: "Address, network or account"), "text", "", true)))
            }
            section {
                h2 { (t!(lang, ja: "決してロックしない", en: "Never lock")) }
                (act_form(member, &t!(lang, ja: "許可", en: "Allow"), &act("allow"), "/lockouts", false, &network()))
            }
            section {
                h2 { (t!(lang, ja: "ずっと拒否する", en: "Refuse for good")) }
                (act_form(member, &t!(lang, ja: "拒否", en: "Deny"), &act("deny"), "/lockouts", true, &network()))
            }
        }
    }
}
