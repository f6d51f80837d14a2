//! *Reputation*: where we stand on block lists; and *trace*: is a complaint about us?

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::Language;
use serde_json::Value;

use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, badge, cell, csrf, link, table};
use crate::service::Console;
use crate::words::{escaped, items, moment_of, said, t, text};

/// `GET /reputation`: as it was last seen.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let found = member.look(&console, Query::Reputation { fresh: false }).await?;
    Ok(shown(&member, &found))
}

/// `POST /reputation`: asks the lists now.
///
/// # Errors
/// When nobody can be asked.
pub async fn ask(State(console): State<Console>, member: Member, _: Fields) -> Result<Page, Oops> {
    let found = member.look(&console, Query::Reputation { fresh: true }).await?;
    Ok(shown(&member, &found))
}

fn shown(member: &Member, found: &Value) -> Page {
    let lang = member.lang();
    let seen = &found["found"];
    let rows: Vec<Vec<Markup>> = items(seen, "entries").iter().map(|one| row(one, lang)).collect();
    let heads = [
        t!(lang, ja: "何が", en: "What"),
        t!(lang, ja: "リスト", en: "List"),
        t!(lang, ja: "状態", en: "State"),
        t!(lang, ja: "意味", en: "Meaning"),
        t!(lang, ja: "外してもらうには", en: "How to get off"),
    ];
    let past: Vec<Vec<Markup>> = items(found, "history")
        .iter()
        .map(|one| {
            vec![
                cell(text(one, "subject")),
                cell(text(one, "zone")),
                moment_of(&one["since"], lang),
                moment_of(&one["until"], lang),
            ]
        })
        .collect();
    let past_heads = [
        t!(lang, ja: "何が", en: "What"),
        t!(lang, ja: "リスト", en: "List"),
        t!(lang, ja: "いつから", en: "Since"),
        t!(lang, ja: "いつまで", en: "Until"),
    ];
    Page::new(
        t!(lang, ja: "評判", en: "Reputation"),
        html! {
            section {
                p { (t!(lang, ja: "最後に調べた時刻:", en: "Last asked:")) " "
                    @if items(seen, "subjects").is_empty() { "—" } @else { (moment_of(&seen["at"], lang)) } }
                (table(&t!(lang, ja: "ブロックリスト", en: "Block lists"), &heads, &rows, lang))
                form method="post" action="/reputation" {
                    (csrf(member))
                    button type="submit" { (t!(lang, ja: "今すぐ調べる", en: "Ask them now")) }
                }
            }
            section { (table(&t!(lang, ja: "これまでの登録", en: "Listings so far"), &past_heads, &past, lang)) }
        },
    )
}

fn row(one: &Value, lang: Language) -> Vec<Markup> {
    vec![
        cell(text(one, "subject")),
        cell(text(one, "zone")),
        badge(text(one, "state"), lang),
        html! { (said(&one["meaning"], lang)) " " span.quiet { (text(one, "words")) } },
        cell(&said(&one["advice"], lang)),
    ]
}

/// `GET /trace`.
pub async fn trace_form(member: Member) -> Page {
    traced(&member, None)
}

/// `POST /trace`: what a message has to do with us.
///
/// # Errors
/// When the store does not answer.
pub async fn trace(State(console): State<Console>, member: Member, fields: Fields) -> Result<Page, Oops> {
    let base64 = STANDARD.encode(fields.raw("message"));
    let found = member.look(&console, Query::Trace { base64 }).await?;
    Ok(traced(&member, Some(&found)))
}

fn traced(member: &Member, found: Option<&Value>) -> Page {
    let lang = member.lang();
    Page::new(
        t!(lang, ja: "苦情を調べる", en: "Is this complaint about us?"),
        html! {
            @if let Some(found) = found { (verdict(found, lang)) }
            section {
                p { (t!(lang, ja: "苦情のメールやエラーメールを、ヘッダごと貼り付けてください。中のメールを取り出して、このサーバの記録と照合します。",
                    en: "Paste the complaint or bounce with its whole header. The message in it is compared with what this server remembers.")) }
                form.wide method="post" action="/trace" {
                    (csrf(member))
                    label {
                        span { (t!(lang, ja: "ファイル（.eml）", en: "File (.eml)")) }
                        input type="file" data-into="message";
                    }
                    label {
                        span { (t!(lang, ja: "メール", en: "Message")) }
                        textarea #message name="message" required {}
                    }
                    button type="submit" { (t!(lang, ja: "調べる", en: "Look it up")) }
                }
            }
        },
    )
}

fn verdict(found: &Value, lang: Language) -> Markup {
    let (state, shown) = match text(found, "verdict") {
        "submitted" => {
            ("alarm", t!(lang, ja: "このサーバのアカウントから送られました。", en: "An account of ours sent it."))
        }
        "relayed" => ("alarm", t!(lang, ja: "このサーバが中継しました。", en: "We relayed it.")),
        "received" => ("notice", t!(lang, ja: "このサーバが受け取ったメールです。", en: "We received it.")),
        "forged" => (
            "ok",
            t!(lang, ja: "このサーバからではありません。名前を騙っています。", en: "It is not from us: it only claims to be."),
        ),
        _ => (
            "notice",
            t!(lang, ja: "記録が残っていないため分かりません。", en: "Nobody can tell: the journal does not go back so far."),
        ),
    };
    let account = text(found, "account");
    let message = text(found, "message_id");
    html! {
        section role="status" {
            p { (badge(state, lang)) " " strong { (shown) } }
            ul {
                @if !account.is_empty() { li { (link(&format!("/accounts/{}", escaped(account)), account)) } }
                @if !message.is_empty() { li { (link(&format!("/messages/{message}"), message)) " " (moment_of(&found["time"], lang)) " " (text(found, "network")) } }
            }
            ol.story { @for reason in items(found, "reasons") { li { (said(reason, lang)) } } }
        }
    }
}
