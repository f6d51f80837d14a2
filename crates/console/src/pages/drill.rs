//! *Drill*: an attack is rehearsed on a scratch copy of the settings, watched as it goes, and what would have got out is told.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_control::command::{Command, DrillCommand};
use sekisho_control::drill::{Drill, End, Plan};
use sekisho_guard::drill::{Attack, From};
use sekisho_message::Language;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::chart;
use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, badge, cell, choice, csrf, field, go, table};
use crate::service::Console;
use crate::words::{count, items, moment, number, said, span, t, text};

/// How long after a step the next one is shown.
const PAUSE: Duration = Duration::from_millis(250);

/// `GET /drill`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::Drill).await?;
    let drill: Option<Drill> = serde_json::from_value(found["drill"].clone()).unwrap_or_default();
    Ok(Page::new(
        t!(lang, ja: "予行", en: "Drill"),
        html! {
            p { (t!(lang,
                ja: "攻撃を選ぶと、このサーバの設定の写しの上で、攻撃を本物の受付・見張り・キューに通して予行します。時計は仮想で、本物のメール、アカウント、キューには触れません。",
                en: "Choose an attack: it is played through the real reception, guard and queue on a scratch copy of this server's settings, on a virtual clock. No real mail, account or queue is touched.")) }
            @match &drill {
                Some(drill) if drill.end.is_none() => (going(&member, drill)),
                other => {
                    (form(&member))
                    @if let Some(drill) = other { (ended(drill, lang)) }
                }
            }
        },
    ))
}

/// `POST /drill`.
///
/// # Errors
/// When one goes on already.
pub async fn begin(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    let start = DrillCommand::Start {
        attack: Attack::parse(fields.get("attack")),
        from: From::parse(fields.get("from")),
        seed: fields.get("seed").parse().ok(),
    };
    let done = member.act(&console, Command::Drill(start)).await?;
    Ok(go("/drill", done.text.get(member.lang())))
}

/// `POST /drill/cancel`.
///
/// # Errors
/// When none goes on.
pub async fn cancel(State(console): State<Console>, member: Member, _: Fields) -> Result<Response, Oops> {
    let done = member.act(&console, Command::Drill(DrillCommand::Cancel)).await?;
    Ok(go("/drill", done.text.get(member.lang())))
}

/// `GET /drill/events`: how far it is, and that it is over.
pub async fn events(
    State(console): State<Console>,
    member: Member,
    Extension(stop): Extension<CancellationToken>,
) -> impl IntoResponse {
    let mut drills = console.control().drills().follow();
    // The first step is told at once.
    drills.mark_changed();
    let state = Some((drills, stop, member.lang()));
    let stream = stream::unfold(state, |state| async move {
        let (mut drills, stop, lang) = state?;
        tokio::select! {
            changed = drills.changed() => changed.ok()?,
            () = stop.cancelled() => return None,
        }
        let drill: Option<Arc<Drill>> = drills.borrow_and_update().clone();
        let Some(drill) = drill.filter(|drill| drill.end.is_none()) else {
            return Some((Ok::<_, Infallible>(Event::default().event("end").data("over")), None));
        };
        tokio::time::sleep(PAUSE).await;
        Some((Ok(Event::default().data(progress(&drill, lang).into_string())), Some((drills, stop, lang))))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

fn form(member: &Member) -> Markup {
    let lang = member.lang();
    let attacks: Vec<(&str, String)> =
        [("", t!(lang, ja: "すべて（数分かかります）", en: "all of them (takes minutes)"))]
            .into_iter()
            .chain(
                Attack::ALL.map(|attack| (attack.name(), format!("{}: {}", attack.letter(), attack.text().get(lang)))),
            )
            .collect();
    let from: Vec<(&str, String)> = [("", t!(lang, ja: "ありうるすべて", en: "everywhere that it can"))]
        .into_iter()
        .chain(From::ALL.map(|from| (from.name(), place(from, lang))))
        .collect();
    html! {
        section {
            h2 { (t!(lang, ja: "予行を始める", en: "Begin a drill")) }
            form.filter method="post" action="/drill" {
                (csrf(member))
                (choice("attack", &t!(lang, ja: "攻撃", en: "Attack"), &attacks, Attack::Blast.name()))
                (choice("from", &t!(lang, ja: "侵入者の居場所", en: "The intruder comes from"), &from, From::Guessed.name()))
                (field("seed", &t!(lang, ja: "乱数の種", en: "Seed"), "number", "1", false))
                button type="submit" { (t!(lang, ja: "予行を始める", en: "Begin the drill")) }
            }
        }
    }
}

/// From where an intruder comes, in words.
fn place(from: From, lang: Language) -> String {
    match from {
        From::Foreign => t!(lang, ja: "本人の使わないネットワーク", en: "networks that the owner never used"),
        From::Guessed => t!(lang, ja: "同じく、POP3 で推測してから", en: "the same, after guessing over POP3"),
        From::Own => t!(lang, ja: "本人のネットワーク", en: "the owner's own network"),
    }
}

/// What is rehearsed, in words.
fn named(plan: &Plan, lang: Language) -> String {
    let attack = plan.attack.map_or_else(
        || t!(lang, ja: "すべての攻撃", en: "all attacks"),
        |attack| format!("{}: {}", attack.letter(), attack.text().get(lang)),
    );
    let seed = plan.seed;
    match plan.from.map(|from| place(from, lang)) {
        Some(from) => t!(lang, ja: "{attack}（{from}、種 {seed}）", en: "{attack} ({from}; seed {seed})"),
        None => t!(lang, ja: "{attack}（種 {seed}）", en: "{attack} (seed {seed})"),
    }
}

fn going(member: &Member, drill: &Drill) -> Markup {
    let lang = member.lang();
    html! {
        section {
            h2 { (t!(lang, ja: "進行中の予行", en: "A drill goes on")) }
            p { (named(&drill.plan, lang)) " · " (drill.who) " · " (moment(drill.begun, lang)) }
            div data-follow="/drill/events" aria-live="polite" { (progress(drill, lang)) }
            form method="post" action="/drill/cancel" {
                (csrf(member))
                button.danger type="submit" { (t!(lang, ja: "中止する", en: "Cancel it")) }
            }
        }
    }
}

fn progress(drill: &Drill, lang: Language) -> Markup {
    let at = &drill.progress;
    let percent = (at.done * 100).checked_div(at.total).unwrap_or(0).min(100);
    let what = at.what.as_ref().map(|what| what.get(lang)).unwrap_or_default();
    html! {
        label {
            span { (t!(lang, ja: "進み具合: {percent} %", en: "{percent} % done")) " " (what) }
            progress max="100" value=(percent) {}
        }
    }
}

fn ended(drill: &Drill, lang: Language) -> Markup {
    let Some((at, end)) = &drill.end else { return html! {} };
    html! {
        section {
            h2 { (t!(lang, ja: "前回の予行", en: "The last drill")) }
            p { (named(&drill.plan, lang)) " · " (drill.who) " · " (moment(*at, lang)) }
            @match end {
                End::Finished { report } => (found(report, lang)),
                End::Cancelled => p.question { (t!(lang, ja: "途中で中止されました。", en: "It was cancelled.")) },
                End::Failed { why } => p.alert { (why.get(lang)) },
            }
        }
    }
}

/// What came out: a sentence and a bar for each class, and the figures of many runs.
fn found(report: &Value, lang: Language) -> Markup {
    let attacks = items(report, "attacks");
    let (sent, reached) = attacks
        .iter()
        .fold((0, 0), |(sent, reached), one| (sent + number(one, "sent"), reached + number(one, "reached")));
    let stopped = count(sent.saturating_sub(reached));
    let (sent, reached) = (count(sent), count(reached));
    html! {
        p.question { (t!(lang,
            ja: "攻撃者が送ろうとした宛先 {sent} 件のうち、届いてしまうのは {reached} 件、止まるのは {stopped} 件です。",
            en: "Of {sent} recipients that the intruder wrote to, {reached} would have been reached; {stopped} are stopped.")) }
        ul.tiles { @for one in attacks { (tile(one, lang)) } }
        (figures(attacks, number(report, "runs"), lang))
    }
}

fn tile(one: &Value, lang: Language) -> Markup {
    let (sent, reached) = (number(one, "sent"), number(one, "reached"));
    let missed = one["held_at_message"].is_null();
    let words = {
        let (sent, reached) = (count(sent), count(reached));
        t!(lang, ja: "{sent} 件中 {reached} 件に届く", en: "{reached} of {sent} recipients reached")
    };
    let from = From::parse(text(one, "from")).map(|from| place(from, lang)).unwrap_or_default();
    html! {
        li.tile.(if missed { "bad" } else { "good" }) {
            h3 {
                span { (text(one, "letter")) ": " (said(&one["name"], lang)) }
                (badge(if missed { "alarm" } else { "ok" }, lang))
            }
            p.quiet { (from) }
            (chart::share(reached, sent, &words))
            @match one["held_at_message"].as_u64() {
                Some(n) => p { (t!(lang, ja: "攻撃者の {n} 通目で保留。", en: "Held at the intruder's message {n}.")) " " (said(&one["why"], lang)) },
                None => p { (t!(lang, ja: "この回は気付きません。", en: "Not noticed in this run.")) },
            }
        }
    }
}

fn figures(attacks: &[Value], runs: u64, lang: Language) -> Markup {
    let three = |one: &Value, name: &str| {
        let of = |which: &str| count(number(&one[name], which));
        cell(&format!("{} / {} / {}", of("p50"), of("p95"), of("max")))
    };
    let waits = |one: &Value| {
        let (all, late) = (number(one, "recipients").max(1), number(one, "delayed"));
        let most = one["wait_seconds"]["max"].as_f64().unwrap_or(0.0).round() as u64;
        let share = format!("{:.1} %", 100.0 * late as f64 / all as f64);
        if late == 0 { cell(&share) } else { cell(&format!("{share} (≤ {})", span(most, lang))) }
    };
    let rows: Vec<Vec<Markup>> = attacks
        .iter()
        .map(|one| {
            vec![
                cell(&format!("{}: {}", text(one, "letter"), said(&one["name"], lang))),
                cell(&From::parse(text(one, "from")).map(|from| place(from, lang)).unwrap_or_default()),
                three(one, "recipients_escaped"),
                cell(&format!(
                    "{} / {}",
                    number(&one["messages_to_hold"], "p50"),
                    number(&one["messages_to_hold"], "p95")
                )),
                html! { span.n { (number(one, "missed")) } },
                waits(&one["owner"]),
                waits(&one["neighbour"]),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "攻撃", en: "Attack"),
        t!(lang, ja: "居場所", en: "From"),
        t!(lang, ja: "届いた宛先", en: "Reached"),
        t!(lang, ja: "保留までの通数", en: "Messages to hold"),
        t!(lang, ja: "見逃し", en: "Missed"),
        t!(lang, ja: "本人が待つ宛先", en: "Owner's that waited"),
        t!(lang, ja: "隣人が待つ宛先", en: "Neighbours' that waited"),
    ];
    let caption = t!(lang,
        ja: "種類ごとに {runs} 回の数字: 中央値 / 95 % / 最大",
        en: "Figures of {runs} runs of each: median / 95 % / most");
    table(&caption, &heads, &rows, lang)
}
