//! One message: its whole life, and what is in it as text alone.

use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::Language;
use sekisho_message::header::Headers;
use sekisho_message::search::body_text;
use sekisho_message::structure::Structure;
use sekisho_store::journal::JournalFilter;
use serde_json::{Value, json};

use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, table};
use crate::pages::logs;
use crate::pages::queue;
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{items, number, size, t, text};

/// Most of a message's text that is shown.
const SHOWN: usize = 32 * 1024;
/// Fields of the header that are shown.
const FIELDS: [&str; 8] = ["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID"];
/// Entries of its life.
const ENTRIES: u32 = 1_000;
/// How long its life is looked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GET /messages/{id}`.
///
/// # Errors
/// When there is no such message, or it is none of the asker's.
pub async fn page(State(console): State<Console>, member: Member, Path(id): Path<String>) -> Result<Page, Oops> {
    let lang = member.lang();
    let queued = match member.look(&console, Query::Queued { message: id.clone() }).await {
        Ok(queued) => Some(queued),
        Err(Oops::Forbidden) => return Err(Oops::Forbidden),
        Err(_) => None,
    };
    let content = match &queued {
        Some(_) => content(&console, &member, &id).await?,
        None => Vec::new(),
    };
    let life = life(&console, &member, &id).await?;
    if queued.is_none() && life.is_empty() {
        return Err(Oops::NotFound);
    }
    Ok(Page::new(
        t!(lang, ja: "メール {id}", en: "Message {id}"),
        html! {
            @if let Some(queued) = &queued { (waiting(&member, queued, &id)) }
            section {
                h2 { (t!(lang, ja: "これまでの経過", en: "Its life so far")) }
                (table(&t!(lang, ja: "記録", en: "Journal"), &logs::heads(lang), &life, lang))
            }
            @if !content.is_empty() { (shown(&content, lang)) }
        },
    ))
}

/// All that the journal says of a message; of those who do not see everything, what is about their people.
async fn life(console: &Console, member: &Member, id: &str) -> Result<Vec<Vec<Markup>>, Oops> {
    let account = (member.scope.tier != Tier::System).then(|| member.scope.account.clone());
    let filter = JournalFilter { message: Some(id.to_owned()), account, ..JournalFilter::default() };
    let (mut rows, mut before, begun) = (Vec::new(), None, Instant::now());
    // From its end to its beginning: nothing is known of a message before it was accepted.
    loop {
        let page = member.look(console, Query::LogsBack { filter: filter.clone(), before, limit: ENTRIES }).await?;
        rows.extend(items(&page, "entries").iter().map(|entry| logs::row(entry, member.lang())));
        let born = items(&page, "entries").iter().any(|entry| entry["entry"]["kind"] == "in");
        before = page["next"].as_i64();
        if born || page["end"] == true || rows.len() >= ENTRIES as usize || begun.elapsed() > PATIENCE {
            break;
        }
    }
    rows.reverse();
    Ok(rows)
}

/// The beginning of a queued message.
async fn content(console: &Console, member: &Member, id: &str) -> Result<Vec<u8>, Oops> {
    let piece = member.look(console, Query::QueuedContent { message: id.to_owned(), offset: 0 }).await?;
    Ok(STANDARD.decode(text(&piece, "base64")).unwrap_or_default())
}

fn waiting(member: &Member, queued: &Value, id: &str) -> Markup {
    let lang = member.lang();
    let back = format!("/messages/{id}");
    let account = items(queued, "recipients").first().map(|one| text(one, "account")).unwrap_or_default();
    // An administrator of a domain says whose it is, as everywhere.
    let number_of = sekisho_store::MessageId::parse(id);
    let filter = if member.scope.tier == Tier::System {
        json!({ "message": number_of })
    } else {
        json!({ "message": number_of, "account": account })
    };
    let command = |act: &str| json!({ "command": "queue", "act": act, "filter": filter });
    let (mut hold, mut purge) = (command("hold"), command("purge"));
    hold["reason"] = json!(t!(lang, ja: "管理画面で保留", en: "held at the console"));
    purge["confirmed"] = json!(false);
    let rows: Vec<Vec<Markup>> = items(queued, "recipients").iter().map(|one| queue::row(one, lang)).collect();
    html! {
        section {
            h2 { (t!(lang, ja: "キューにあります", en: "In the queue")) " (" (size(number(queued, "size"))) ")" }
            @if let Some(why) = queued["held"].as_str() {
                p.question { (t!(lang, ja: "送信元が保留中です: {why}", en: "Its origin is held: {why}")) }
            }
            (table(&t!(lang, ja: "宛先", en: "Recipients"), &queue::heads(lang), &rows, lang))
            @if member.scope.tier >= Tier::Domain {
                div.act {
                    (act_button(member, &t!(lang, ja: "保留する", en: "Hold"), &hold, &back, false))
                    (act_button(member, &t!(lang, ja: "解除する", en: "Release"), &command("release"), &back, false))
                    (act_button(member, &t!(lang, ja: "今すぐ試す", en: "Retry now"), &command("retry"), &back, false))
                    (act_button(member, &t!(lang, ja: "削除する", en: "Purge"), &purge, "/queue", true))
                }
            }
        }
    }
}

/// Header and text. Nothing in it is a link, a picture or a form: it is text.
fn shown(content: &[u8], lang: Language) -> Markup {
    let headers = Headers::of(content);
    let body = body_text(&Structure::of(content), SHOWN);
    html! {
        section {
            h2 { (t!(lang, ja: "内容（文字だけ。リンクは押せません）", en: "Content (text alone; links are inert)")) }
            dl {
                @for name in FIELDS {
                    @if let Some(field) = headers.first(name) { dt { (name) } dd { (field.text()) } }
                }
            }
            pre tabindex="0" { (body) }
        }
    }
}
