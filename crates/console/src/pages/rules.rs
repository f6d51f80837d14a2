//! *Rules*: `effect.dat`, `sender.dat` and the reject tables: checked line by line, tried, changed, changed back.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{Path, Query as Params, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_control::command::{Command, RuleFile, RulesCommand};
use sekisho_control::lockout::by_hand;
use sekisho_control::query::Envelope;
use sekisho_guard::rules::Severity;
use sekisho_message::Language;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::act;
use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, badge, choice, csrf, field, link};
use crate::preview;
use crate::service::Console;
use crate::words::{escaped, items, moment_of, said, t, text};

/// An envelope that somebody wonders about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wonder {
    from: String,
    to: String,
    ip: String,
    auth: String,
}

/// `GET /rules`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(
    State(console): State<Console>,
    member: Member,
    Params(wonder): Params<Wonder>,
) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::Rules).await?;
    let mut texts = Vec::new();
    for (file, field) in [(RuleFile::Effect, "effect"), (RuleFile::Filter, "filter"), (RuleFile::Gateway, "gateway")] {
        texts.push((file, text(&found, field).to_owned(), history(&console, &member, file, None).await?));
    }
    for file in REJECTS {
        let table = items(&found, "rejects").iter().find(|table| text(table, "file") == file.name());
        let own = table.map(|table| by_hand(text(table, "text").as_bytes())).unwrap_or_default();
        texts.push((file, own, history(&console, &member, file, None).await?));
    }
    let answer = if wonder.to.is_empty() { None } else { Some(tried(&console, &member, &wonder).await?) };
    Ok(Page::new(
        t!(lang, ja: "ルール", en: "Rules"),
        html! {
            (test_box(&wonder, answer.as_ref(), lang))
            @for (file, text, history) in &texts {
                (editor(&member, *file, "", text, false))
                (past(&member, *file, None, history))
            }
            section {
                h2 { (t!(lang, ja: "アカウントごとのルール", en: "Rules of accounts")) }
                ul { @for one in items(&found, "accounts") {
                    li { (link(&format!("/accounts/{}/rules", escaped(text(one, "address"))), text(one, "address"))) }
                } }
                @if items(&found, "accounts").is_empty() { p.none { (t!(lang, ja: "ありません。", en: "None.")) } }
            }
        },
    ))
}

/// `GET /accounts/{address}/rules`.
///
/// # Errors
/// When there is no such account, or it is none of the asker's.
pub async fn of_account(
    State(console): State<Console>,
    member: Member,
    Path(address): Path<String>,
) -> Result<Page, Oops> {
    let account = member.look(&console, Query::Account { address: address.clone() }).await?;
    let address = text(&account, "address").to_owned();
    let key = address.to_lowercase();
    let found = console.control().store().read(move |tx| sekisho_store::account::get(tx, &key)).await?;
    let found = found.ok_or(Oops::NotFound)?;
    let mut shown = html! {};
    let filter = &found.personal.mail_dat;
    for (file, now) in
        [(RuleFile::Effect, &found.effect_dat), (RuleFile::Sender, &found.sender_dat), (RuleFile::Filter, filter)]
    {
        let history = history(&console, &member, file, Some(&address)).await?;
        shown = html! {
            (shown)
            (editor(&member, file, &address, now.as_deref().unwrap_or_default(), false))
            (past(&member, file, Some(&address), &history))
        };
    }
    Ok(Page::new(address, shown))
}

/// `POST /rules`: looks at a text line by line, and, when it is to be saved and nothing is wrong, asks whether to.
///
/// # Errors
/// When it may not be done.
pub async fn write(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    let lang = member.lang();
    let others = [RuleFile::Effect, RuleFile::Sender, RuleFile::Filter, RuleFile::Gateway];
    let file =
        others.into_iter().chain(REJECTS).find(|file| file.name() == fields.get("file")).ok_or(Oops::NotFound)?;
    let (account, text) = (fields.get("account"), fields.raw("text").replace("\r\n", "\n"));
    let command = Command::Rules(RulesCommand::Write {
        file,
        account: (!account.is_empty()).then(|| account.to_owned()),
        text: text.clone(),
    });
    if !member.scope.may(&console, &command).await? {
        return Err(Oops::Forbidden);
    }
    let wrong = file.findings(text.as_bytes()).iter().any(|finding| finding.severity == Severity::Error);
    if fields.get("do") == "save" && !wrong {
        let ahead = preview::of(&console, &command).await?;
        return Ok(act::ask(&member, &command, &back(account), &ahead).into_response());
    }
    Ok(Page::new(t!(lang, ja: "ルールの確認", en: "Rules, line by line"), editor(&member, file, account, &text, true))
        .into_response())
}

const REJECTS: [RuleFile; 3] = [RuleFile::RejectSmtp, RuleFile::RejectPop3, RuleFile::RejectImap4];

fn back(account: &str) -> String {
    if account.is_empty() { "/rules".into() } else { format!("/accounts/{}/rules", escaped(account)) }
}

async fn history(console: &Console, member: &Member, file: RuleFile, account: Option<&str>) -> Result<Value, Oops> {
    // Whoever may see the text may see what it was; both ways here have asked.
    let query = Query::RulesHistory { file: file.name().into(), account: account.map(str::to_owned) };
    if account.is_some() { Ok(console.desk().look(query).await?) } else { member.look(console, query).await }
}

/// The text with what is wrong in it, by line.
fn editor(member: &Member, file: RuleFile, account: &str, text: &str, checked: bool) -> Markup {
    let lang = member.lang();
    let findings = file.findings(text.as_bytes());
    let name = file.name();
    html! {
        section {
            h2 { (name) }
            @if REJECTS.contains(&file) { p {
                (t!(lang,
                    ja: "期限つきの行はロックアウトが書くもので、ここには出ません。保存しても消えません。",
                    en: "Rows with an end are the lockouts' own: they are not shown here, and saving keeps them.")) " "
                (link("/lockouts", &t!(lang, ja: "ロックアウトを見る", en: "See the lockouts")))
            } }
            @if findings.is_empty() {
                @if checked { p.said role="status" { (t!(lang, ja: "誤りはありません。", en: "Nothing is wrong.")) } }
            } @else {
                ul.story role="alert" {
                    @for finding in &findings {
                        @let line = finding.line;
                        @let severity = serde_json::to_value(finding.severity).unwrap_or_default();
                        li {
                            strong { (t!(lang, ja: "{line} 行目", en: "line {line}")) } " "
                            (badge(severity.as_str().unwrap_or_default(), lang)) " "
                            (finding.text.get(lang)) " "
                            code { (text.lines().nth((line as usize).saturating_sub(1)).unwrap_or_default()) }
                        }
                    }
                }
            }
            form.wide method="post" action="/rules" {
                (csrf(member))
                input type="hidden" name="file" value=(name);
                input type="hidden" name="account" value=(account);
                label {
                    span { (t!(lang, ja: "{name}（上から順に効きます）", en: "{name} (from the top)")) }
                    textarea name="text" spellcheck="false" { "\n" (text) }
                }
                div.act {
                    button type="submit" name="do" value="lint" { (t!(lang, ja: "確認する", en: "Check")) } " "
                    button type="submit" name="do" value="save" { (t!(lang, ja: "保存する", en: "Save")) }
                }
            }
        }
    }
}

/// What the text was before, each with a button that brings it back.
fn past(member: &Member, file: RuleFile, account: Option<&str>, history: &Value) -> Markup {
    let lang = member.lang();
    let back = back(account.unwrap_or_default());
    let versions = history.as_array().map_or(&[][..], Vec::as_slice);
    html! {
        @if !versions.is_empty() {
            details.panel {
                summary { (t!(lang, ja: "履歴と取り消し", en: "History and undo")) " (" (versions.len()) ")" }
                @for version in versions.iter().take(10) {
                    section {
                        p { (moment_of(&version["at"], lang)) " " (text(version, "who")) }
                        pre tabindex="0" { (text(version, "text")) }
                        (act_button(member, &t!(lang, ja: "この内容に戻す", en: "Bring this back"), &json!({
                            "command": "rules", "act": "write", "file": file, "account": account, "text": text(version, "text"),
                        }), &back, false))
                    }
                }
            }
        }
    }
}

async fn tried(console: &Console, member: &Member, wonder: &Wonder) -> Result<Value, Oops> {
    let ip = wonder.ip.trim().parse().unwrap_or(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    let envelope = Envelope { from: wonder.from.clone(), to: wonder.to.clone(), ip, auth: wonder.auth == "1" };
    match member.look(console, Query::RulesTest(envelope)).await {
        // A slip of the pen is answered on the page.
        Err(Oops::Refused(refusal)) => Ok(json!({ "accepted": false, "reason": refusal.text() })),
        other => other,
    }
}

fn test_box(wonder: &Wonder, answer: Option<&Value>, lang: Language) -> Markup {
    let ip = if wonder.ip.is_empty() { "192.0.2.1" } else { &wonder.ip };
    let auth = [("0", t!(lang, ja: "なし", en: "no")), ("1", t!(lang, ja: "差出人として", en: "as the sender"))];
    html! {
        section {
            h2 { (t!(lang, ja: "このメールはどうなる？", en: "What would happen to…")) }
            form.filter method="get" action="/rules" {
                (field("from", &t!(lang, ja: "差出人", en: "From"), "text", &wonder.from, false))
                (field("to", &t!(lang, ja: "宛先", en: "To"), "text", &wonder.to, true))
                (field("ip", &t!(lang, ja: "接続元の IP アドレス", en: "Client address"), "text", ip, true))
                (choice("auth", &t!(lang, ja: "認証", en: "AUTH"), &auth, &wonder.auth))
                button type="submit" { (t!(lang, ja: "試す", en: "Try it")) }
            }
            @if let Some(answer) = answer {
                @let accepted = answer["accepted"] == true;
                div role="status" {
                    p { (badge(if accepted { "ok" } else { "error" }, lang)) " "
                        @if accepted { (t!(lang, ja: "受け付けます。", en: "Accepted.")) } @else { (t!(lang, ja: "断ります。", en: "Refused.")) }
                        " " (said(&answer["reason"], lang)) }
                    @if let Some(line) = answer["line"].as_u64() {
                        p { (t!(lang, ja: "決め手は {line} 行目:", en: "Line {line} decided:")) " " code { (text(answer, "rule")) } }
                    }
                    @if let Some(reply) = answer["reply"].as_str() { p { code { (reply) } } }
                }
            }
        }
    }
}
