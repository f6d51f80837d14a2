//! *Settings* and *Health*: how the guard is set, and whether the server fits together.

use axum::extract::{Query as Params, State};
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_control::guard::Mode;
use sekisho_guard::policy::ClassPolicy;
use serde::Deserialize;

use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, badge, cell, csrf, table};
use crate::service::Console;
use crate::words::{count, items, number, said, span, t, text, word};

/// Whether to look at the whole store.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    check: String,
}

/// `GET /settings`.
pub async fn settings(State(console): State<Console>, member: Member) -> Page {
    let lang = member.lang();
    let guard = console.control().guard().settings();
    let policy = &guard.policy;
    let classes: [(&str, &ClassPolicy); 4] = [
        ("person", &policy.person),
        ("role", &policy.role),
        ("application", &policy.application),
        ("newsletter", &policy.newsletter),
    ];
    let rows: Vec<Vec<Markup>> = classes
        .iter()
        .map(|(name, class)| {
            vec![
                cell(&word(name, lang)),
                html! { span.n { (class.home) } },
                html! { span.n { (class.away) } },
                html! { span.n { (class.slow) } },
                html! { span.n { (class.valve_burst) } },
                cell(&span(u64::from(class.valve_seconds), lang)),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "種類", en: "Kind"),
        t!(lang, ja: "いつもの場所での閾値", en: "Threshold at usual places"),
        t!(lang, ja: "見慣れない場所での閾値", en: "Threshold at other places"),
        t!(lang, ja: "ゆっくりした悪用の閾値", en: "Slow threshold"),
        t!(lang, ja: "すぐ送れる初めての宛先", en: "First contacts at once"),
        t!(lang, ja: "その後の間隔", en: "Then one each"),
    ];
    let mode = match guard.mode {
        Mode::Hold => {
            t!(lang, ja: "疑わしいメールは受け付けて保留します。", en: "Suspicious mail is accepted and held.")
        }
        Mode::Defer => t!(lang, ja: "疑わしいメールは 451 で後回しにします。", en: "Suspicious mail is answered 451."),
        Mode::Observe => {
            t!(lang, ja: "記録と通知だけを行い、何も止めません。", en: "Nothing is held: it is written down and told.")
        }
    };
    let (dwell, longest, floor, guesses) = (
        span(u64::from(policy.dwell_seconds), lang),
        span(u64::from(policy.dwell_max_seconds), lang),
        count(u64::from(policy.floor_per_day)),
        policy.guesses,
    );
    let (idle, session) =
        (span(console.settings().idle.as_secs(), lang), span(console.settings().longest.as_secs(), lang));
    Page::new(
        t!(lang, ja: "設定", en: "Settings"),
        html! {
            section {
                h2 { (t!(lang, ja: "見張り", en: "The guard")) }
                p { strong { (mode) } }
                ul {
                    li { (t!(lang, ja: "疑わしいときの初めての宛先への送信は {dwell} から {longest} 待ちます。その間に不正利用と分かれば、送られずに済みます。",
                        en: "When suspicious, mail to somebody new waits {dwell} to {longest}; if it turns out to be abuse meanwhile, it never leaves.")) }
                    li { (t!(lang, ja: "1 日に {floor} 人を超える初めての宛先は、学習の結果にかかわらず止めます（ニュースレターとアプリケーションを除く）。",
                        en: "More than {floor} new recipients a day are held whatever was learnt, but for newsletters and applications.")) }
                    li { (t!(lang, ja: "{guesses} 種類の誤ったパスワードの後の成功は、総当たりとみなします。",
                        en: "A login that succeeds after {guesses} different wrong passwords counts as guessed.")) }
                }
                (table(&t!(lang, ja: "種類ごとの閾値", en: "Thresholds by kind"), &heads, &rows, lang))
                p { (t!(lang,
                    ja: "閾値が高いほど誤って止めることは減り、逃がす通数は増えます。出荷時の値は、実在の組織の 2 年間のメールで、利用者 1,000 人・1 年あたりの誤った保留が 10 件以下になるように定めています。",
                    en: "The higher a threshold, the fewer false holds and the more escapes. As shipped, they give at most 10 false holds for 1,000 users in a year on two years of a real organisation's mail.")) }
                p.quiet { (t!(lang, ja: "変更は sekisho.toml の [guard] で行い、再起動で反映します。", en: "They are set in [guard] of sekisho.toml and count after a restart.")) }
            }
            section {
                h2 { (t!(lang, ja: "通知", en: "Alerts")) }
                ul {
                    @for address in &guard.alert.mail { li { (address) } }
                    @if guard.alert.mail.is_empty() { li { (t!(lang, ja: "システム管理者のメールボックス", en: "The system administrators' mailboxes")) } }
                    @if let Some(hook) = &guard.alert.webhook { li { "Webhook: " (hook) " "
                        @if guard.alert.webhook_secret.is_some() { (t!(lang, ja: "（署名つき）", en: "(signed)")) }
                        @else { (t!(lang, ja: "（署名なし）", en: "(not signed)")) } } }
                    @if !guard.alert.command.is_empty() { li { (t!(lang, ja: "コマンド", en: "Command")) ": " code { (guard.alert.command.join(" ")) } } }
                }
                form method="post" action="/settings/alert" {
                    (csrf(&member))
                    button type="submit" { (t!(lang, ja: "試しに通知する", en: "Send a test")) }
                }
            }
            section {
                h2 { (t!(lang, ja: "管理画面", en: "The console")) }
                ul {
                    li { (t!(lang, ja: "使わないと {idle} でログアウトし、長くても {session} でログアウトします。", en: "A session that nobody uses ends after {idle}, and every session after {session}.")) }
                    li { @if console.settings().owner_release {
                        (t!(lang, ja: "利用者は、インシデントがないときに限り、止められた自分のメールを送れます。", en: "Owners may send what is held of theirs while no incident is open."))
                    } @else {
                        (t!(lang, ja: "止められたメールを送れるのは管理者だけです。", en: "Only administrators release what is held."))
                    } }
                }
            }
        },
    )
}

/// `POST /settings/alert`: tells everybody, as a test.
///
/// # Errors
/// When nobody could be told.
pub async fn alert(State(console): State<Console>, member: Member, _: Fields) -> Result<Page, Oops> {
    let lang = member.lang();
    let tried = member.look(&console, Query::AlertTest).await?;
    let rows = tried.as_array().map_or(&[][..], Vec::as_slice);
    Ok(Page::new(
        t!(lang, ja: "通知の試験", en: "Test of the alerts"),
        html! {
            section role="status" {
                ul { @for one in rows {
                    @let well = one["ok"] == true;
                    li { (badge(if well { "ok" } else { "error" }, lang)) " " (text(one, "channel")) " " (text(one, "target")) " " (text(one, "text")) }
                } }
                p { a.button href="/settings" { (t!(lang, ja: "戻る", en: "Back")) } }
            }
        },
    ))
}

/// `GET /health`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member, Params(wish): Params<Wish>) -> Result<Page, Oops> {
    let lang = member.lang();
    let status = member.look(&console, Query::QueueStatus).await?;
    let last = member.look(&console, Query::LogEnd).await?;
    let report = if wish.check == "1" { Some(member.look(&console, Query::StoreCheck).await?) } else { None };
    let hashed = count(console.control().passwords_hashed());
    Ok(Page::new(
        t!(lang, ja: "健全性", en: "Health"),
        html! {
            section {
                dl.figures {
                    div { dt { (t!(lang, ja: "版", en: "Version")) } dd { (console.settings().version) } }
                    div { dt { (t!(lang, ja: "ホスト名", en: "Host name")) } dd { (console.settings().hostname) } }
                    div { dt { (t!(lang, ja: "最も古いメール", en: "Oldest message")) } dd { (span(number(&status, "oldest_seconds"), lang)) } }
                    div { dt { (t!(lang, ja: "ログの行数", en: "Journal entries")) } dd { (count(last.as_u64().unwrap_or(0))) } }
                    div { dt { (t!(lang, ja: "起動後に照合したパスワード", en: "Passwords hashed")) } dd { (hashed) } }
                }
            }
            section {
                h2 { (t!(lang, ja: "ストアの検査", en: "The store")) }
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

fn rows(report: &serde_json::Value, lang: sekisho_message::Language) -> Markup {
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
