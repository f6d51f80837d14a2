//! *Logs*: the seven logs and the journal, looked through and followed live.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Query as Params, State};
use axum::http::header;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
#[cfg(test)]
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_control::logs::{Log, Style};
use sekisho_message::{Language, Time};
use sekisho_store::journal::{Entry, EntryId, JournalFilter, Kind};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::gate::{Member, Oops};
use crate::page::{Page, cell, choice, field, link, table};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{act_name, escaped, items, moment_of, t, text};

/// Entries on a page.
const ROWS: u32 = 200;
/// How long a page looks for matches before it shows what it has.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often new entries are looked for while somebody follows.
const POLL: Duration = Duration::from_secs(1);
/// Names of what is not in one of the seven logs.
const OTHERS: [(&str, &[Kind]); 4] = [
    ("acts", &[Kind::Act]),
    ("verdicts", &[Kind::Verdict]),
    ("deferred", &[Kind::Defer]),
    ("notices", &[Kind::Notice]),
];

/// What somebody looks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    log: String,
    account: String,
    address: String,
    network: String,
    message: String,
    since: String,
    until: String,
    before: String,
}

impl Wish {
    fn filter(&self, member: &Member, now: Time) -> JournalFilter {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let named = !self.message.trim().is_empty();
        // Without a time: the last day; a message is looked for everywhere.
        let day = (!named).then(|| Time(now.micros() - 86_400_000_000));
        let account = given(&self.account).or_else(|| match member.scope.tier {
            Tier::System => None,
            Tier::Domain | Tier::User => Some(member.scope.account.clone()),
        });
        JournalFilter {
            kinds: kinds(&self.log),
            account,
            address: given(&self.address),
            network: given(&self.network),
            message: given(&self.message),
            since: local_time(&self.since).or(day),
            until: local_time(&self.until),
        }
    }

    fn asked(&self) -> String {
        let Self { log, account, address, network, message, since, until, before: _ } = self;
        let pairs = [
            ("log", log),
            ("account", account),
            ("address", address),
            ("network", network),
            ("message", message),
            ("since", since),
            ("until", until),
        ];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
    }
}

fn kinds(log: &str) -> Vec<Kind> {
    match Log::parse(log) {
        Some(log) => log.kinds().to_vec(),
        None => OTHERS.iter().find(|(name, _)| *name == log).map(|(_, kinds)| kinds.to_vec()).unwrap_or_default(),
    }
}

/// A moment as a browser's field has it (`2026-11-24T08:30`), in the server's zone.
fn local_time(text: &str) -> Option<Time> {
    let civil: jiff::civil::DateTime = text.trim().parse().ok()?;
    let zoned = civil.to_zoned(TimeZone::system()).ok()?;
    Some(Time(zoned.timestamp().as_microsecond()))
}

/// `GET /logs`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member, Params(wish): Params<Wish>) -> Result<Page, Oops> {
    let lang = member.lang();
    let filter = wish.filter(&member, console.control().now());
    let before = wish.before.parse().ok();
    let (found, next) = newest(&console, &member, &filter, before).await?;
    let rows: Vec<Vec<Markup>> = found.iter().map(|entry| row(entry, lang)).collect();
    let asked = wish.asked();
    Ok(Page::new(
        t!(lang, ja: "ログ", en: "Logs"),
        html! {
            section { (form(&wish, lang)) }
            @if before.is_none() && wish.until.trim().is_empty() { (following(&asked, lang)) }
            section {
                (table(&t!(lang, ja: "新しい順", en: "The newest first"), &heads(lang), &rows, lang))
                p.pager {
                    @if let Some(next) = next {
                        a href=(format!("/logs?{asked}&before={next}")) { (t!(lang, ja: "さらに古いもの", en: "Older ones")) }
                    } @else { span.quiet { (t!(lang, ja: "以上です。", en: "That is all.")) } }
                    @if before.is_some() {
                        a href=(format!("/logs?{asked}")) { (t!(lang, ja: "最新へ戻る", en: "Back to the newest")) }
                    }
                    a href=(format!("/logs.txt?{asked}")) download { (t!(lang, ja: "ログ形式で書き出す", en: "Export as log lines")) }
                }
            }
        },
    ))
}

/// A page of matches; one may be found empty and not be the last, so it goes on for a moment.
async fn newest(
    console: &Console,
    member: &Member,
    filter: &JournalFilter,
    mut before: Option<EntryId>,
) -> Result<(Vec<Value>, Option<EntryId>), Oops> {
    let (begun, mut found) = (Instant::now(), Vec::new());
    loop {
        let limit = ROWS.saturating_sub(u32::try_from(found.len()).unwrap_or(ROWS)).max(1);
        let mut page = member.look(console, Query::LogsBack { filter: filter.clone(), before, limit }).await?;
        if let Some(entries) = page["entries"].as_array_mut() {
            found.append(entries);
        }
        let next = page["next"].as_i64().filter(|_| page["end"] != true);
        if next.is_none() || found.len() >= ROWS as usize || begun.elapsed() > PATIENCE {
            return Ok((found, next));
        }
        before = next;
    }
}

/// What comes from now on, the newest at the top.
fn following(asked: &str, lang: Language) -> Markup {
    html! {
        section {
            h2 { (t!(lang, ja: "これから来るもの（自動で追加されます）", en: "What comes from now on, by itself")) }
            ul.follow data-follow=(format!("/logs/events?{asked}")) data-mode="append" tabindex="0" role="log"
                aria-label=(t!(lang, ja: "新しい記録", en: "New entries")) {}
        }
    }
}

/// `GET /logs.txt`: every match, as log lines.
///
/// # Errors
/// When the asker may not.
pub async fn export(
    State(console): State<Console>,
    member: Member,
    Params(wish): Params<Wish>,
) -> Result<Response, Oops> {
    let filter = wish.filter(&member, console.control().now());
    let first = member.look(&console, Query::Logs { filter: filter.clone(), after: 0, limit: 1_000 }).await?;
    let state = (console, member, filter, Some(first));
    let pages = stream::unfold(state, |(console, member, filter, page)| async move {
        let page = page?;
        let lines: String = items(&page, "entries").iter().map(|entry| lines(&console, entry)).collect();
        let after = page["next"].as_i64().unwrap_or(i64::MAX);
        let next = if page["end"] == true {
            None
        } else {
            member.look(&console, Query::Logs { filter: filter.clone(), after, limit: 1_000 }).await.ok()
        };
        Some((lines, (console, member, filter, next)))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sekisho.log\""),
    ];
    Ok((headers, Body::from_stream(pages.map(Ok::<_, Infallible>))).into_response())
}

/// `GET /logs/events`: new matches as they come.
///
/// # Errors
/// When the asker may not.
pub async fn events(
    State(console): State<Console>,
    member: Member,
    Params(wish): Params<Wish>,
    Extension(stop): Extension<CancellationToken>,
) -> Result<Response, Oops> {
    let filter = JournalFilter { since: None, until: None, ..wish.filter(&member, console.control().now()) };
    let last = console.control().store().read(sekisho_store::journal::last_id).await?;
    // Asked once before anything is sent: whoever may not see it hears so.
    member.look(&console, Query::Logs { filter: filter.clone(), after: last, limit: 1 }).await?;
    let stream = stream::unfold(
        (console, member, filter, last, stop),
        |(console, member, filter, mut after, stop)| async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return None,
                    () = tokio::time::sleep(POLL) => {}
                }
                let page =
                    member.look(&console, Query::Logs { filter: filter.clone(), after, limit: ROWS }).await.ok()?;
                after = page["next"].as_i64().unwrap_or(after).max(after);
                let lines: String = items(&page, "entries").iter().map(|entry| lines(&console, entry)).collect();
                if !lines.is_empty() {
                    let event = Event::default().data(lines.trim_end());
                    return Some((Ok::<_, Infallible>(event), (console, member, filter, after, stop)));
                }
            }
        },
    );
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

/// An entry in the line shape of its log; what is in none of the seven as time, kind and detail.
fn lines(console: &Console, entry: &Value) -> String {
    let Ok(entry) = serde_json::from_value::<Entry>(entry["entry"].clone()) else { return String::new() };
    let style = Style { host: console.settings().hostname.clone(), zone: TimeZone::system() };
    let lines = style.lines(&entry);
    if !lines.is_empty() {
        return lines;
    }
    let kind = serde_json::to_value(entry.kind).unwrap_or_default();
    format!("[{}], {}, {}\n", style.time(entry.at), kind.as_str().unwrap_or_default(), entry.detail)
}

fn form(wish: &Wish, lang: Language) -> Markup {
    let logs: Vec<(&str, String)> = [("", t!(lang, ja: "すべて", en: "everything"))]
        .into_iter()
        .chain(Log::ALL.map(|log| (log.as_str(), log.as_str().to_owned())))
        .chain([
            ("acts", t!(lang, ja: "操作", en: "acts")),
            ("verdicts", t!(lang, ja: "判定", en: "verdicts")),
            ("deferred", t!(lang, ja: "延期", en: "put off")),
            ("notices", t!(lang, ja: "お知らせと管理画面のログイン", en: "notices and console logins")),
        ])
        .collect();
    let Wish { address, network, message, since, until, .. } = wish;
    let more = [address, network, message, since, until].iter().any(|value| !value.is_empty());
    html! {
        form.filter method="get" action="/logs" role="search" {
            (choice("log", &t!(lang, ja: "ログ", en: "Log"), &logs, &wish.log))
            (field("account", &t!(lang, ja: "アカウント", en: "Account"), "text", &wish.account, false))
            button type="submit" { (t!(lang, ja: "絞り込む", en: "Search")) }
            details.more open[more] {
                summary { (t!(lang, ja: "ほかの条件", en: "More conditions")) }
                div {
                    (field("address", &t!(lang, ja: "アドレス", en: "Address"), "text", &wish.address, false))
                    (field("network", &t!(lang, ja: "ネットワーク", en: "Network"), "text", &wish.network, false))
                    (field("message", &t!(lang, ja: "メッセージ ID", en: "Message id"), "text", &wish.message, false))
                    (field("since", &t!(lang, ja: "いつから", en: "Since"), "datetime-local", &wish.since, false))
                    (field("until", &t!(lang, ja: "いつまで", en: "Until"), "datetime-local", &wish.until, false))
                }
            }
        }
        @if wish.since.is_empty() && wish.message.is_empty() {
            p.quiet { (t!(lang, ja: "時刻を指定しないと、この 24 時間を表示します。", en: "Without a time: the last 24 hours.")) }
        }
    }
}

pub(crate) fn heads(lang: Language) -> Vec<String> {
    vec![
        t!(lang, ja: "時刻", en: "Time"),
        t!(lang, ja: "種類", en: "Kind"),
        t!(lang, ja: "アカウント", en: "Account"),
        t!(lang, ja: "ネットワーク", en: "Network"),
        t!(lang, ja: "アドレス", en: "Address"),
        t!(lang, ja: "メール", en: "Message"),
        t!(lang, ja: "内容", en: "What"),
    ]
}

/// An entry as a row.
pub(crate) fn row(found: &Value, lang: Language) -> Vec<Markup> {
    let entry = &found["entry"];
    let message = text(entry, "message");
    vec![
        moment_of(&entry["at"], lang),
        cell(&kind_name(text(entry, "kind"), lang)),
        cell(text(entry, "account")),
        cell(text(entry, "network")),
        cell(text(entry, "address")),
        html! { @if !message.is_empty() { (link(&format!("/messages/{message}"), message)) } },
        what(entry, lang),
    ]
}

/// What an entry says beyond its columns.
fn what(entry: &Value, lang: Language) -> Markup {
    let detail = &entry["detail"];
    let shown = |name: &str| text(detail, name).to_owned();
    let line = match text(entry, "kind") {
        "act" => format!("{}: {} {}", shown("who"), act_name(&shown("act"), lang), shown("about")),
        "verdict" => format!("{} {}", shown("rung"), crate::words::said(&detail["text"], lang)),
        "in" => format!("{} → {} ({})", shown("from"), crate::words::number(detail, "recipients"), shown("with")),
        "out" | "fail" | "defer" => format!("{} {}", shown("host"), shown("reply")),
        _ if detail["login"].is_string() => {
            let ok = if detail["ok"] == true {
                t!(lang, ja: "ログイン成功", en: "logged in")
            } else {
                t!(lang, ja: "ログイン失敗", en: "login refused")
            };
            format!("{ok}: {} {}", shown("login"), shown("reason"))
        }
        _ => ["service", "line", "reply", "reason", "text", "status"].map(shown).join(" "),
    };
    html! { (line.trim()) }
}

fn kind_name(kind: &str, lang: Language) -> String {
    match kind {
        "accept_open" => t!(lang, ja: "接続", en: "connected"),
        "accept_end" => t!(lang, ja: "切断", en: "ended"),
        "in" => t!(lang, ja: "受付", en: "accepted"),
        "receive" => "SMTP".into(),
        "out" => t!(lang, ja: "配送", en: "delivered"),
        "fail" => t!(lang, ja: "失敗", en: "failed"),
        "defer" => t!(lang, ja: "延期", en: "put off"),
        "pop3" => "POP3".into(),
        "imap4" => "IMAP".into(),
        "act" => t!(lang, ja: "操作", en: "act"),
        "verdict" => t!(lang, ja: "判定", en: "verdict"),
        "notice" => t!(lang, ja: "お知らせ", en: "notice"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_a_browser_are_read_in_the_servers_zone() {
        let at = local_time("2026-11-24T08:30");
        let back = at.and_then(|at| Timestamp::from_microsecond(at.micros()).ok());
        let shown = back.map(|stamp| stamp.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M").to_string());
        assert_eq!(shown.as_deref(), Some("2026-11-24T08:30"));
        assert_eq!(local_time("yesterday"), None);
    }

    #[test]
    fn every_log_has_its_kinds() {
        for log in Log::ALL {
            assert!(!kinds(log.as_str()).is_empty());
        }
        assert_eq!(kinds("acts"), [Kind::Act]);
        assert!(kinds("").is_empty());
    }
}
