//! *Health*: whether the server fits together, and what it stands on.

use axum::extract::{Query as Params, State};
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::Language;
use serde::Deserialize;
use serde_json::Value;

use crate::gate::{Member, Oops};
use crate::page::{Page, badge, cell, table};
use crate::service::Console;
use crate::words::{count, items, moment_of, number, said, size, span, t, text};

/// Whether to look at the whole store.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    check: String,
}

/// `GET /health`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member, Params(wish): Params<Wish>) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::Health).await?;
    let status = member.look(&console, Query::QueueStatus).await?;
    let last = member.look(&console, Query::LogEnd).await?;
    let report = if wish.check == "1" { Some(member.look(&console, Query::StoreCheck).await?) } else { None };
    let hashed = count(console.control().passwords_hashed());
    Ok(Page::new(
        t!(lang, ja: "健全性", en: "Health"),
        html! {
            section {
                dl.figures {
                    div { dt { (t!(lang, ja: "版", en: "Version")) } dd { (text(&found, "version")) } }
                    div { dt { (t!(lang, ja: "ホスト名", en: "Host name")) } dd { (console.settings().hostname) } }
                    div { dt { (t!(lang, ja: "最も古いメール", en: "Oldest message")) } dd { (span(number(&status, "oldest_seconds"), lang)) } }
                    div { dt { (t!(lang, ja: "ログの行数", en: "Journal entries")) } dd { (count(last.as_u64().unwrap_or(0))) } }
                    div { dt { (t!(lang, ja: "起動後に照合したパスワード", en: "Passwords hashed")) } dd { (hashed) } }
                }
            }
            (disk(&found["vitals"], lang))
            section {
                h2 { (t!(lang, ja: "ストア", en: "The store")) }
                (database(&found["store"], lang))
                @if let Some(report) = &report {
                    @let well = report["well"] == true;
                    p role="status" { (badge(if well { "ok" } else { "alarm" }, lang)) " "
                        @if well { (t!(lang, ja: "すべて整合しています。", en: "Everything fits together.")) }
                        @else { (t!(lang, ja: "問題が見つかりました。", en: "Something does not fit.")) } }
                    ul { @for problem in items(report, "problems") { li { (said(problem, lang)) } } }
                    (rows(report, lang))
                } @else {
                    p { (t!(lang, ja: "件数、参照、内容の照合をすべて確かめます。大きなストアでは時間がかかります。", en: "Looks at every count, reference and body; a large store takes its time.")) }
                    form method="get" action="/health" {
                        input type="hidden" name="check" value="1";
                        button type="submit" { (t!(lang, ja: "検査する", en: "Check it")) }
                    }
                }
            }
        },
    ))
}

/// The disk and the process.
fn disk(vitals: &Value, lang: Language) -> Markup {
    let n = |name: &str| number(vitals, name);
    let part = |some: u64, all: u64| {
        let percent = 100.0 * some as f64 / all.max(1) as f64;
        let (some, all) = (size(some), size(all));
        t!(lang, ja: "{some} / {all}（{percent:.1} %）", en: "{some} of {all} ({percent:.1} %)")
    };
    let (files, most) = (count(n("files")), count(n("files_limit")));
    let commit = n("commit_micros") as f64 / 1_000.0;
    html! {
        @if vitals.is_object() {
            section {
                h2 { (t!(lang, ja: "ディスクとプロセス", en: "Disk and process")) }
                dl.figures {
                    div { dt { (t!(lang, ja: "ディスクの空き", en: "Disk free")) } dd { (part(n("disk_free"), n("disk_total"))) } }
                    div { dt { (t!(lang, ja: "メモリ", en: "Memory")) } dd { (part(n("memory"), n("memory_total"))) } }
                    div { dt { (t!(lang, ja: "開いているファイル", en: "Open files")) } dd { (files) " / " (most) } }
                    div { dt { (t!(lang, ja: "書き込み 1 回", en: "One commit")) } dd { (format!("{commit:.1} ms")) } }
                    div { dt { (t!(lang, ja: "この 1 時間のエラー", en: "Errors in an hour")) } dd { (count(n("errors"))) } }
                    div { dt { (t!(lang, ja: "起動", en: "Started")) } dd { (moment_of(&vitals["started"], lang)) } }
                }
            }
        }
    }
}

/// What the store stands on.
fn database(store: &Value, lang: Language) -> Markup {
    let (engine, version, tables) = (text(store, "engine"), text(store, "version"), number(store, "tables"));
    let octets = size(number(store, "octets"));
    html! {
        p { (t!(lang,
            ja: "{engine} {version}、表の版 {tables}、データベース {octets}（大きな本文は別のファイルにあります）",
            en: "{engine} {version}, tables of version {tables}, {octets} of database (large bodies are files beside it)")) }
    }
}

fn rows(report: &Value, lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = items(report, "rows")
        .iter()
        .map(|row| {
            let name = row[0].as_str().unwrap_or_else(|| text(row, "table"));
            vec![cell(name), html! { span.n { (count(row[1].as_u64().unwrap_or(0))) } }]
        })
        .collect();
    table(
        &t!(lang, ja: "表の行数", en: "Rows"),
        &[t!(lang, ja: "表", en: "Table"), t!(lang, ja: "行", en: "Rows")],
        &rows,
        lang,
    )
}
