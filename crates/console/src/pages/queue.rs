//! *Queue*: what waits, by stage, origin, destination, age and likeness; any number of entries.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Query as Params, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::{Language, Time};
use sekisho_store::queue::{Filter, Stage};
use sekisho_store::{MessageId, RecipientId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::csv;
use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, badge, cell, choice, field, link, table};
use crate::pages::piles::{Piles, piles};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{count, escaped, items, number, size, span, t, text, word};

/// Recipients on a page.
const ROWS: usize = 100;
/// How long a page looks for matches before it shows what it has.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Origins that are named.
const BUSIEST: usize = 10;

/// What somebody looks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    account: String,
    address: String,
    network: String,
    domain: String,
    origin: String,
    stage: String,
    older: String,
    message: String,
    fingerprint: String,
    after: String,
}

impl Wish {
    fn filter(&self, member: &Member, now: Time) -> Filter {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let hours = self.older.trim().parse::<u32>().ok();
        Filter {
            // Who does not see everything sees his own unless he says whose.
            account: given(&self.account).or_else(|| match member.scope.tier {
                Tier::System => None,
                Tier::Domain | Tier::User => Some(member.scope.account.clone()),
            }),
            address: given(&self.address),
            network: given(&self.network),
            domain: given(&self.domain),
            origin: given(&self.origin),
            stage: serde_json::from_value::<Stage>(Value::from(self.stage.as_str())).ok(),
            older_than: hours.map(|hours| Time(now.micros() - i64::from(hours) * 3_600_000_000)),
            message: MessageId::parse(self.message.trim()),
            fingerprint: fingerprint_of(self.fingerprint.trim()),
            ..Filter::default()
        }
    }

    /// The same question, for a link.
    fn asked(&self) -> String {
        let Self { account, address, network, domain, origin, stage, older, message, fingerprint, after: _ } = self;
        let pairs = [
            ("account", account),
            ("address", address),
            ("network", network),
            ("domain", domain),
            ("origin", origin),
            ("stage", stage),
            ("older", older),
            ("message", message),
            ("fingerprint", fingerprint),
        ];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        pairs.map(|(name, value)| format!("{name}={}", escaped(value))).collect::<Vec<_>>().join("&")
    }

    /// Whose entries are asked for, for links to a part of them: who sees only some must say so again.
    fn whose(&self) -> String {
        if self.account.is_empty() { String::new() } else { format!("account={}&", escaped(&self.account)) }
    }

    fn after(&self) -> Option<RecipientId> {
        self.after.parse().ok().map(RecipientId)
    }
}

/// The stored form of a fingerprint as it is shown: sixteen hexadecimal digits.
pub(crate) fn fingerprint_of(text: &str) -> Option<i64> {
    u64::from_str_radix(text, 16).ok().map(u64::cast_signed)
}

/// `GET /queue`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member, Params(wish): Params<Wish>) -> Result<Page, Oops> {
    let lang = member.lang();
    let filter = wish.filter(&member, console.control().now());
    let (found, next) = matches(&console, &member, &filter, wish.after()).await?;
    let rows: Vec<Vec<Markup>> = found.iter().map(|one| row(one, lang)).collect();
    let asked = wish.asked();
    let status =
        if member.scope.tier == Tier::System { member.look(&console, Query::QueueStatus).await? } else { Value::Null };
    let origins = if member.scope.tier == Tier::System && asked.is_empty() {
        member.look(&console, Query::QueueOrigins).await?
    } else {
        Value::Null
    };
    let piled = if asked.is_empty() { None } else { Some(piles(&console, &member, &filter).await?) };
    Ok(Page::new(
        t!(lang, ja: "キュー", en: "Queue"),
        html! {
            (stages(&status, lang))
            section { (form(&wish, lang)) }
            (busiest(&origins, lang))
            (acts(&member, &filter, &format!("/queue?{asked}")))
            @if let Some(piles) = &piled { (lanes(piles, &wish.whose(), lang)) (alike(piles, &wish.whose(), lang)) }
            section {
                (table(&t!(lang, ja: "宛先ごと", en: "By recipient"), &heads(lang), &rows, lang))
                p.pager {
                    @if let Some(next) = next {
                        a href=(format!("/queue?{asked}&after={next}")) { (t!(lang, ja: "続きを見る", en: "Go on")) }
                    } @else { span.quiet { (t!(lang, ja: "以上です。", en: "That is all.")) } }
                    a href=(format!("/queue.csv?{asked}")) download { (t!(lang, ja: "CSV で書き出す", en: "Export as CSV")) }
                }
            }
        },
    ))
}

/// `GET /queue.csv`: every match, as it is read.
///
/// # Errors
/// When the asker may not.
pub async fn export(
    State(console): State<Console>,
    member: Member,
    Params(wish): Params<Wish>,
) -> Result<Response, Oops> {
    let filter = wish.filter(&member, console.control().now());
    // The first page is asked for before anything is sent: whoever may not see it hears so.
    let first = asked(&console, &member, &filter, None).await?;
    let head = csv::row(&NAMES);
    let state = (console, member, filter, Some(first));
    let pages = stream::unfold(state, |(console, member, filter, page)| async move {
        let page = page?;
        let mut text = String::new();
        for one in items(&page, "recipients") {
            let cells = NAMES.map(|name| match &one[name] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                other => other.to_string(),
            });
            text.push_str(&csv::row(&cells));
        }
        let next = match page["next"].as_i64() {
            Some(next) => asked(&console, &member, &filter, Some(RecipientId(next))).await.ok(),
            None => None,
        };
        Some((text, (console, member, filter, next)))
    });
    let whole = futures_util::StreamExt::chain(stream::iter([head]), pages);
    let body = Body::from_stream(futures_util::StreamExt::map(whole, Ok::<_, Infallible>));
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"queue.csv\""),
    ];
    Ok((headers, body).into_response())
}

const NAMES: [&str; 14] = [
    "message",
    "stage",
    "from",
    "to",
    "destination",
    "origin",
    "account",
    "network",
    "subject",
    "size",
    "received",
    "due",
    "attempts",
    "reply",
];

async fn asked(console: &Console, member: &Member, filter: &Filter, after: Option<RecipientId>) -> Result<Value, Oops> {
    member.look(console, Query::Queue { filter: filter.clone(), after, limit: 1_000 }).await
}

/// A page of matches: a page may be found empty and not be the last, so it goes on for a moment.
async fn matches(
    console: &Console,
    member: &Member,
    filter: &Filter,
    mut after: Option<RecipientId>,
) -> Result<(Vec<Value>, Option<i64>), Oops> {
    let (begun, mut found) = (Instant::now(), Vec::new());
    loop {
        let limit = u32::try_from(ROWS - found.len()).unwrap_or(1);
        let mut page = member.look(console, Query::Queue { filter: filter.clone(), after, limit }).await?;
        if let Some(rows) = page["recipients"].as_array_mut() {
            found.append(rows);
        }
        let next = page["next"].as_i64();
        if next.is_none() || found.len() >= ROWS || begun.elapsed() > PATIENCE {
            return Ok((found, next));
        }
        after = next.map(RecipientId);
    }
}

fn stages(status: &Value, lang: Language) -> Markup {
    html! {
        @if status.is_object() {
            ul.tiles {
                @for stage in ["incoming", "lists", "domains", "holding"] {
                    @let counts = &status["stages"][stage];
                    li.tile {
                        h3 { a href=(format!("/queue?stage={stage}")) { (word(stage, lang)) } span.n { (count(number(counts, "messages"))) } }
                        p.quiet { (count(number(counts, "recipients"))) " " (t!(lang, ja: "宛先", en: "recipients")) " · " (size(number(counts, "bytes"))) }
                    }
                }
            }
        }
    }
}

/// The origins that have most in the queue.
fn busiest(origins: &Value, lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = origins
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .take(BUSIEST)
        .map(|one| {
            let origin = text(one, "origin");
            vec![
                link(&format!("/queue?origin={}", escaped(origin)), origin),
                html! { span.n { (count(number(one, "messages"))) } },
                html! { span.n { (count(number(one, "recipients"))) } },
                html! { @if one["held"] == true { (badge("holding", lang)) } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "送信元", en: "Origin"),
        t!(lang, ja: "通", en: "Messages"),
        t!(lang, ja: "宛先", en: "Recipients"),
        t!(lang, ja: "状態", en: "State"),
    ];
    html! {
        @if !rows.is_empty() {
            section {
                h2 { (t!(lang, ja: "キューの多い送信元", en: "Most in the queue")) }
                (table(&t!(lang, ja: "送信元", en: "Origins"), &heads, &rows, lang))
            }
        }
    }
}

/// By lane: what an origin has for a destination.
fn lanes(piles: &Piles, whose: &str, lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = piles
        .lanes
        .iter()
        .map(|lane| {
            let (origin, domain) = (escaped(&lane.origin), escaped(&lane.domain));
            vec![
                link(&format!("/queue?{whose}origin={origin}&domain={domain}"), &lane.destination),
                cell(&lane.origin),
                html! { span.n { (count(lane.recipients)) } },
                cell(&span(lane.oldest, lang)),
                cell(&lane.reply),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "送信先", en: "Destination"),
        t!(lang, ja: "送信元", en: "Origin"),
        t!(lang, ja: "宛先", en: "Recipients"),
        t!(lang, ja: "最も古い", en: "Oldest"),
        t!(lang, ja: "最後の応答", en: "Last reply"),
    ];
    html! { section {
        h2 { (t!(lang, ja: "レーン（送信元と送信先）", en: "Lanes: origin and destination")) }
        (table(&t!(lang, ja: "レーン", en: "Lanes"), &heads, &rows, lang))
        (more(piles.more, lang))
    } }
}

/// By likeness.
fn alike(piles: &Piles, whose: &str, lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = piles
        .groups
        .iter()
        .map(|group| {
            let fingerprint = format!("{:016x}", group.fingerprint);
            vec![
                link(&format!("/queue?{whose}fingerprint={fingerprint}"), &fingerprint),
                link(
                    &format!("/messages/{}", group.sample),
                    if group.subject.is_empty() { "—" } else { &group.subject },
                ),
                html! { span.n { (count(group.messages)) } },
                html! { span.n { (count(group.recipients)) } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "内容の指紋", en: "Fingerprint"),
        t!(lang, ja: "件名（見本）", en: "Subject (sample)"),
        t!(lang, ja: "通", en: "Messages"),
        t!(lang, ja: "宛先", en: "Recipients"),
    ];
    html! { section {
        h2 { (t!(lang, ja: "似た内容ごと", en: "Alike together")) }
        (table(&t!(lang, ja: "似た内容ごと", en: "Alike together"), &heads, &rows, lang))
        (more(piles.more, lang))
    } }
}

fn more(more: bool, lang: Language) -> Markup {
    html! { @if more { p.quiet { (t!(lang, ja: "キューのはじめの部分だけを数えました。ほかにもあります。", en: "Counted from the beginning of the queue; there is more.")) } } }
}

fn form(wish: &Wish, lang: Language) -> Markup {
    let stages: Vec<(&str, String)> = [("", t!(lang, ja: "すべて", en: "all"))]
        .into_iter()
        .chain(["incoming", "lists", "domains", "holding"].map(|stage| (stage, word(stage, lang))))
        .collect();
    let Wish { address, domain, network, origin, older, message, fingerprint, .. } = wish;
    let more = [address, domain, network, origin, older, message, fingerprint].iter().any(|value| !value.is_empty());
    html! {
        form.filter method="get" action="/queue" role="search" {
            (choice("stage", &t!(lang, ja: "段階", en: "Stage"), &stages, &wish.stage))
            (field("account", &t!(lang, ja: "アカウント", en: "Account"), "text", &wish.account, false))
            button type="submit" { (t!(lang, ja: "絞り込む", en: "Search")) }
            details.more open[more] {
                summary { (t!(lang, ja: "ほかの条件", en: "More conditions")) }
                div {
                    (field("address", &t!(lang, ja: "差出人・宛先", en: "Sender or recipient"), "text", &wish.address, false))
                    (field("domain", &t!(lang, ja: "宛先ドメイン", en: "Recipient's domain"), "text", &wish.domain, false))
                    (field("network", &t!(lang, ja: "ネットワーク", en: "Network"), "text", &wish.network, false))
                    (field("origin", &t!(lang, ja: "送信元", en: "Origin"), "text", &wish.origin, false))
                    (field("older", &t!(lang, ja: "何時間より古い", en: "Older than (hours)"), "number", &wish.older, false))
                    (field("message", &t!(lang, ja: "メッセージ ID", en: "Message id"), "text", &wish.message, false))
                    (field("fingerprint", &t!(lang, ja: "内容の指紋", en: "Fingerprint"), "text", &wish.fingerprint, false))
                }
            }
        }
    }
}

pub(crate) fn heads(lang: Language) -> Vec<String> {
    vec![
        t!(lang, ja: "ID", en: "Id"),
        t!(lang, ja: "段階", en: "Stage"),
        t!(lang, ja: "差出人", en: "From"),
        t!(lang, ja: "宛先", en: "To"),
        t!(lang, ja: "件名", en: "Subject"),
        t!(lang, ja: "経過", en: "Age"),
        t!(lang, ja: "試行と応答", en: "Attempts and reply"),
    ]
}

pub(crate) fn row(one: &Value, lang: Language) -> Vec<Markup> {
    vec![
        link(&format!("/messages/{}", text(one, "message")), text(one, "message")),
        badge(text(one, "stage"), lang),
        cell(if text(one, "from").is_empty() { "<>" } else { text(one, "from") }),
        cell(text(one, "to")),
        cell(text(one, "subject")),
        cell(&span(number(one, "age_seconds"), lang)),
        html! { (number(one, "attempts")) " " (text(one, "reply")) },
    ]
}

/// What can be done to everything that the form found.
fn acts(member: &Member, filter: &Filter, back: &str) -> Markup {
    let lang = member.lang();
    let reason = t!(lang, ja: "管理画面で保留", en: "held at the console");
    let command = |act: &str| json!({ "command": "queue", "act": act, "filter": filter });
    let (mut hold, mut purge) = (command("hold"), command("purge"));
    hold["reason"] = json!(reason);
    purge["confirmed"] = json!(false);
    html! {
        @if member.scope.tier >= Tier::Domain {
            section.bar aria-label=(t!(lang, ja: "操作", en: "Acts")) {
                h2 { (t!(lang, ja: "絞り込んだすべてに", en: "To everything that was found")) }
                (act_button(member, &t!(lang, ja: "保留する", en: "Hold"), &hold, back, false))
                (act_button(member, &t!(lang, ja: "解除する", en: "Release"), &command("release"), back, false))
                (act_button(member, &t!(lang, ja: "今すぐ試す", en: "Retry now"), &command("retry"), back, false))
                (act_button(member, &t!(lang, ja: "削除する", en: "Purge"), &purge, back, true))
            }
        }
    }
}
