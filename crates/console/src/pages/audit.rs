//! *Audit*: holes that somebody could use, and what mends each.

use axum::extract::State;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::Language;
use serde_json::Value;

use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, badge, cell, csrf, table};
use crate::service::Console;
use crate::words::{items, moment_of, said, t, text};

/// `GET /audit`: what was found last.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let found = member.look(&console, Query::Audit { fresh: false }).await?;
    Ok(shown(&member, &found))
}

/// `POST /audit`: looks now.
///
/// # Errors
/// When the store does not answer.
pub async fn look(State(console): State<Console>, member: Member, _: Fields) -> Result<Page, Oops> {
    let found = member.look(&console, Query::Audit { fresh: true }).await?;
    Ok(shown(&member, &found))
}

fn shown(member: &Member, found: &Value) -> Page {
    let lang = member.lang();
    let looked = !items(found, "done").is_empty();
    let rows: Vec<Vec<Markup>> = items(found, "findings").iter().map(|one| row(one, lang)).collect();
    let heads = [
        t!(lang, ja: "重さ", en: "Severity"),
        t!(lang, ja: "どこ", en: "Where"),
        t!(lang, ja: "なぜ", en: "Why"),
        t!(lang, ja: "直し方", en: "What mends it"),
    ];
    Page::new(
        t!(lang, ja: "監査", en: "Audit"),
        html! {
            section {
                p { (t!(lang, ja: "最後に調べた時刻:", en: "Last looked at:")) " "
                    @if looked { (moment_of(&found["at"], lang)) } @else { "—" } }
                (table(&t!(lang, ja: "見つかった穴", en: "Holes"), &heads, &rows, lang))
                form method="post" action="/audit" {
                    (csrf(member))
                    button type="submit" { (t!(lang, ja: "今すぐ調べる", en: "Look now")) }
                }
            }
            (list(&t!(lang, ja: "調べられなかったもの", en: "What could not be looked at"), items(found, "skipped"), lang))
            (list(&t!(lang, ja: "調べたもの", en: "What was looked at"), items(found, "done"), lang))
        },
    )
}

fn row(one: &Value, lang: Language) -> Vec<Markup> {
    vec![
        badge(text(one, "severity"), lang),
        cell(text(one, "about")),
        cell(&said(&one["reason"], lang)),
        cell(&said(&one["command"], lang)),
    ]
}

fn list(name: &str, all: &[Value], lang: Language) -> Markup {
    html! {
        @if !all.is_empty() {
            section {
                h2 { (name) }
                ul { @for one in all { li { (said(one, lang)) } } }
            }
        }
    }
}
