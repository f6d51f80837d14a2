//! *Now*: whether something is wrong, at one look; and the emergency bar.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use maud::{Markup, html};
use sekisho_control::check::title;
use sekisho_control::{Query, Refusal};
use sekisho_message::Language;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::chart;
use crate::gate::{Member, Oops};
use crate::page::{Page, act_form, badge, cell, link, table};
use crate::pulse::Hour;
use crate::service::Console;
use crate::words::{count, escaped, items, moment_of, number, said, size, span, t, text, word};

/// Rows of each list on this page.
const ROWS: usize = 10;
/// How long the page waits for the very first look; what comes later is sent after it.
const GLANCE: Duration = Duration::from_millis(15);

/// `GET /now`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let lang = member.lang();
    let holds = member.look(&console, Query::QueueHolds).await?;
    let picture = picture(&console, lang).await?;
    Ok(Page::new(
        t!(lang, ja: "今の状態", en: "Now"),
        html! {
            p { a.button href="#emergency" { (t!(lang, ja: "緊急操作へ", en: "To the emergency bar")) } }
            div data-follow="/now/events" { (picture) }
            (emergency(&member, &holds))
        },
    ))
}

/// `GET /now/events`: the picture whenever it changes.
pub async fn events(
    State(console): State<Console>,
    member: Member,
    Extension(stop): Extension<CancellationToken>,
) -> impl IntoResponse {
    let pictures = console.live().follow(&console, member.lang());
    let stream = stream::unfold((pictures, stop), |(mut pictures, stop)| async move {
        tokio::select! {
            changed = pictures.changed() => changed.ok()?,
            () = stop.cancelled() => return None,
        }
        let picture = pictures.borrow_and_update().to_string();
        Some((Ok::<_, Infallible>(Event::default().data(picture)), (pictures, stop)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

/// What is the matter, without anything that belongs to one browser.
///
/// # Errors
/// When the store does not answer.
pub async fn picture(console: &Console, lang: Language) -> Result<Markup, Refusal> {
    let desk = console.desk();
    let incidents = desk.look(Query::Incidents { before: None }).await?;
    let open: Vec<&Value> =
        items(&incidents, "incidents").iter().filter(|one| text(one, "state") != "closed").take(ROWS).collect();
    let status = desk.look(Query::QueueStatus).await?;
    let lockouts = desk.look(Query::Lockouts).await?;
    let holds = desk.look(Query::QueueHolds).await?;
    let hour = console.pulse().hour(console.control()).await?;
    let signs = signs(console, GLANCE).await?;
    Ok(html! {
        (paused(&holds, lang))
        (open_incidents(&open, lang))
        (tiles(items(&signs, "signs"), lang))
        div.columns {
            section {
                h2 { (t!(lang, ja: "この 1 時間のメール", en: "Mail in the last hour")) }
                (chart::minutes(&hour, lang))
            }
            (queue(&status, lang))
            (first_contacts(&hour, &holds, lang))
            (locks(&lockouts, lang))
        }
    })
}

/// The ten signs, as the last of the server's rounds saw them; before the first one, if a look takes no longer than
/// `patience`.
pub(crate) async fn signs(console: &Console, patience: Duration) -> Result<Value, Refusal> {
    let last = match console.control().last_check().await? {
        Some(check) => check,
        // The first round is still to come. A long journal is counted by the server's own round: nobody waits for that.
        None => {
            let look = tokio::time::timeout(patience, console.desk().look(Query::Check)).await;
            return look.unwrap_or_else(|_| Ok(json!({ "signs": [] })));
        }
    };
    Ok(json!(last))
}

fn paused(holds: &Value, lang: Language) -> Markup {
    html! {
        @for pause in items(holds, "paused") {
            p.alert {
                @let name = word(text(pause, "service"), lang);
                @let reason = text(pause, "reason");
                (t!(lang, ja: "{name}は止められています（{reason}）。", en: "Paused: {name} ({reason}).")) " "
                (moment_of(&pause["since"], lang))
            }
        }
    }
}

fn open_incidents(open: &[&Value], lang: Language) -> Markup {
    html! {
        section.panel {
            h2 { (t!(lang, ja: "対応が要るインシデント", en: "Open incidents")) }
            @if open.is_empty() {
                p { (badge("ok", lang)) " " (t!(lang, ja: "不正利用の疑いはありません。", en: "No sign of abuse.")) }
            } @else {
                ul.tiles {
                    @for one in open {
                        li.tile.bad {
                            h3 {
                                a href=(format!("/incidents/{}", number(one, "id"))) { (text(one, "origin").trim_start_matches("account:")) }
                                (badge(text(one, "state"), lang))
                            }
                            p { (said(&one["text"], lang)) }
                            p.quiet { (moment_of(&one["opened"], lang)) }
                        }
                    }
                }
            }
        }
    }
}

fn tiles(signs: &[Value], lang: Language) -> Markup {
    html! {
        h2 { (t!(lang, ja: "十の兆候", en: "The ten signs")) }
        @if signs.is_empty() {
            p.question { (t!(lang, ja: "最初の点検がまだ終わっていません。まもなく表示されます。", en: "The first look is not over yet; it will be shown soon.")) }
        } @else {
            ul.tiles {
                @for sign in signs {
                    @let state = text(sign, "state");
                    @let class = match state { "alarm" => "bad", "notice" => "warn", _ => "good" };
                    li.tile.(class) {
                        h3 { span { (title(text(sign, "id")).get(lang)) } (badge(state, lang)) }
                        p { (said(&sign["evidence"], lang)) }
                        @if state != "ok" { p { (next(text(sign, "id"), lang)) } }
                        @for who in items(sign, "about").iter().take(3) {
                            p { (about(who)) " " span.n { (count(number(who, "count"))) } }
                        }
                    }
                }
            }
        }
    }
}

/// Where the console shows more of a sign.
fn next(sign: &str, lang: Language) -> Markup {
    let (place, name) = match sign {
        "slow-line" => ("/logs?log=acceptlog", t!(lang, ja: "接続の記録を見る", en: "See who connects")),
        "late-mail" => (
            "/queue?stage=domains",
            t!(lang, ja: "待っているメールと相手の応答を見る", en: "See what waits, and the replies"),
        ),
        "strange-server" => ("/health", t!(lang, ja: "サーバの健全性を見る", en: "See the server's health")),
        "complaints" => {
            ("/trace", t!(lang, ja: "苦情のメールが当サーバのものか調べる", en: "Find out whether the mail was ours"))
        }
        "upstream-warning" => ("/reputation", t!(lang, ja: "評判を見る", en: "See the reputation")),
        "bounce-flood" => ("/logs?log=faillog", t!(lang, ja: "失敗の記録を見る", en: "See what failed")),
        "accept-in-growth" => ("/logs?log=inlog", t!(lang, ja: "受付の記録を見る", en: "See what was accepted")),
        "out-fail-growth" => ("/incidents", t!(lang, ja: "インシデントを見る", en: "See the incidents")),
        "pop-imap-growth" => ("/lockouts", t!(lang, ja: "ロックアウトを見る", en: "See the lockouts")),
        _ => ("/queue", t!(lang, ja: "キューを見る", en: "See the queue")),
    };
    link(place, &name)
}

/// Who is behind a sign, with a link to him where there is a page.
fn about(who: &Value) -> Markup {
    let name = text(who, "name");
    match text(who, "kind") {
        "account" => link(&format!("/accounts/{}", escaped(name)), name),
        "network" => link(&format!("/logs?network={}", escaped(name)), name),
        "destination" => link(&format!("/queue?domain={}", escaped(name)), name),
        _ => cell(name),
    }
}

fn queue(status: &Value, lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = ["incoming", "lists", "domains", "holding"]
        .iter()
        .map(|stage| {
            let counts = &status["stages"][*stage];
            vec![
                link(&format!("/queue?stage={stage}"), &word(stage, lang)),
                html! { span.n { (count(number(counts, "messages"))) } },
                html! { span.n { (count(number(counts, "recipients"))) } },
                html! { span.n { (size(number(counts, "bytes"))) } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "段階", en: "Stage"),
        t!(lang, ja: "通", en: "Messages"),
        t!(lang, ja: "宛先", en: "Recipients"),
        t!(lang, ja: "容量", en: "Size"),
    ];
    let age = span(number(status, "oldest_seconds"), lang);
    html! {
        section {
            h2 { (t!(lang, ja: "キュー", en: "Queue")) }
            (table(&t!(lang, ja: "段階別", en: "By stage"), &heads, &rows, lang))
            p.quiet { (t!(lang, ja: "最も古いメール: {age} 前", en: "Oldest message: {age}")) }
        }
    }
}

/// Who writes to most people that he never wrote to before: what abuse looks like first.
fn first_contacts(hour: &Hour, holds: &Value, lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = hour
        .first_contacts
        .iter()
        .take(ROWS)
        .map(|(who, n)| {
            let (origin, place) = if who.contains('@') {
                (format!("account:{who}"), format!("/accounts/{}", escaped(who)))
            } else {
                (who.clone(), format!("/queue?origin={}", escaped(who)))
            };
            let held = items(holds, "held").iter().any(|hold| text(hold, "origin") == origin);
            vec![
                link(&place, who),
                html! { span.n { (count(*n)) } },
                html! { @if held { (badge("holding", lang)) } },
                link(&format!("/queue?origin={}", escaped(&origin)), &t!(lang, ja: "キュー", en: "Queue")),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "送信元", en: "Origin"),
        t!(lang, ja: "初めての宛先", en: "First contacts"),
        t!(lang, ja: "状態", en: "State"),
        t!(lang, ja: "待っているメール", en: "What waits"),
    ];
    html! {
        section {
            h2 { (t!(lang, ja: "初めての宛先に多く送った送信元", en: "Top origins by first contacts")) }
            (table(&t!(lang, ja: "この 1 時間", en: "In the last hour"), &heads, &rows, lang))
        }
    }
}

fn locks(lockouts: &Value, lang: Language) -> Markup {
    let locks = items(lockouts, "locks");
    let n = count(locks.len() as u64);
    html! {
        section {
            h2 { a href="/lockouts" { (t!(lang, ja: "ロックアウト", en: "Lockouts")) } }
            p { (t!(lang, ja: "有効なロック {n} 件", en: "{n} locks in force")) }
            ul { @for lock in locks.iter().take(ROWS) { li { (said(&lock["text"], lang)) } } }
        }
    }
}

/// What stops the bleeding. Each button says first what it will do, in numbers.
fn emergency(member: &Member, holds: &Value) -> Markup {
    let lang = member.lang();
    let paused = |name: &str| items(holds, "paused").iter().any(|pause| text(pause, "service") == name);
    let reason = t!(lang, ja: "管理画面の緊急停止", en: "emergency stop at the console");
    html! {
        section.bar #emergency aria-label=(t!(lang, ja: "緊急操作", en: "Emergency")) {
            h2 { (t!(lang, ja: "緊急操作", en: "Emergency")) }
            @for name in ["receive", "delivery"] {
                @let shown = word(name, lang);
                @if paused(name) {
                    (act_form(member, &t!(lang, ja: "{shown}を再開する", en: "Resume {shown}"),
                        &json!({ "command": "switch", "act": "resume", "service": name }), "/now", false, &html! {}))
                } @else {
                    (act_form(member, &t!(lang, ja: "{shown}を止める", en: "Pause {shown}"),
                        &json!({ "command": "switch", "act": "pause", "service": name, "reason": reason }), "/now", true, &html! {}))
                }
            }
            (act_form(member, &t!(lang, ja: "封じ込める", en: "Contain"),
                &json!({ "command": "incident", "act": "contain", "which": "", "reason": reason }), "/now", true, &html! {
                    label {
                        span { (t!(lang, ja: "アカウントまたは送信元（例: network:192.0.2.0/24）", en: "Account, or origin such as network:192.0.2.0/24")) }
                        input type="text" name="set:/which" required autocomplete="off";
                    }
                }))
        }
    }
}
