//! *Incident*: the list, and the story of one with what can be done about it.

use axum::extract::{Path, Query as Params, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_control::guard::story::print;
use sekisho_message::Language;
use sekisho_store::IncidentId;
use sekisho_store::queue::{Filter, Stage};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chart::{Mark, timeline};
use crate::csv;
use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, act_form, badge, cell, link, table};
use crate::pages::piles::{Piles, piles};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{act_name, count, door, escaped, items, moment_of, number, said, t, text, time_of, word};

/// Lines of each list that the page shows; the report has all.
const SHORT: usize = 100;
/// Marks on the timeline.
const MARKS: usize = 400;

/// Where the last page ended.
#[derive(Debug, Default, Deserialize)]
pub struct Before {
    before: Option<IncidentId>,
}

/// `GET /incidents`.
///
/// # Errors
/// When the store does not answer.
pub async fn list(State(console): State<Console>, member: Member, Params(at): Params<Before>) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::Incidents { before: at.before }).await?;
    let rows: Vec<Vec<Markup>> = items(&found, "incidents")
        .iter()
        .map(|one| {
            vec![
                link(&format!("/incidents/{}", number(one, "id")), &number(one, "id").to_string()),
                cell(text(one, "origin").trim_start_matches("account:")),
                badge(text(one, "state"), lang),
                cell(&said(&one["text"], lang)),
                moment_of(&one["opened"], lang),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "番号", en: "Number"),
        t!(lang, ja: "送信元", en: "Origin"),
        t!(lang, ja: "状態", en: "State"),
        t!(lang, ja: "理由", en: "Why"),
        t!(lang, ja: "発生", en: "Opened"),
    ];
    Ok(Page::new(
        t!(lang, ja: "インシデント", en: "Incidents"),
        html! {
            section {
                (table(&t!(lang, ja: "インシデントの一覧", en: "Incidents"), &heads, &rows, lang))
                @if let Some(next) = found["next"].as_i64() {
                    p.pager { a href=(format!("/incidents?before={next}")) { (t!(lang, ja: "さらに古いもの", en: "Older ones")) } }
                }
            }
        },
    ))
}

/// `GET /incidents/{which}`.
///
/// # Errors
/// When there is no such incident, or it is none of the asker's.
pub async fn show(State(console): State<Console>, member: Member, Path(which): Path<String>) -> Result<Page, Oops> {
    let lang = member.lang();
    let told = member.look(&console, Query::Incident { which }).await?;
    let incident = &told["incident"];
    let (id, origin) = (number(incident, "id"), text(incident, "origin"));
    let name = origin.trim_start_matches("account:");
    // An administrator of a domain says whose it is, as everywhere.
    let account = (member.scope.tier != Tier::System).then(|| text(incident, "account").to_owned());
    let own = Filter { origin: Some(origin.to_owned()), account, ..Filter::default() };
    let held = piles(&console, &member, &Filter { stage: Some(Stage::Holding), ..own.clone() }).await?;
    Ok(Page::new(
        t!(lang, ja: "インシデント {id}: {name}", en: "Incident {id}: {name}"),
        html! {
            p { (badge(text(incident, "state"), lang)) " " (said(&incident["text"], lang)) " " (moment_of(&incident["opened"], lang)) }
            (buttons(&member, &told))
            (steps(&told, lang))
            div.columns {
                (how(&told, lang))
                (numbers(&told, lang))
            }
            section {
                h2 { (t!(lang, ja: "時系列", en: "Timeline")) }
                (drawn(&told, lang))
            }
            (networks(&told, lang))
            (waiting(&member, &held, &own, id))
            div.columns {
                (people(&told, "reached", &t!(lang, ja: "届いてしまった宛先", en: "Recipients that were reached"), lang))
                (people(&told, "failed", &t!(lang, ja: "届かなかった宛先", en: "Recipients that refused it"), lang))
                (signals(&told, lang))
                (acts(&told, lang))
            }
            section {
                h2 { (t!(lang, ja: "報告書", en: "Report")) }
                ul {
                    @for (file, shown) in [
                        ("report.md", t!(lang, ja: "経緯（Markdown）", en: "The story (Markdown)")),
                        ("recipients.csv", t!(lang, ja: "宛先の一覧（CSV）", en: "Recipients (CSV)")),
                        ("incident.json", t!(lang, ja: "すべて（JSON）", en: "Everything (JSON)")),
                    ] { li { a href=(format!("/incidents/{id}/{file}")) download { (shown) } } }
                }
            }
        },
    ))
}

/// `GET /incidents/{which}/{file}`: the report to download.
///
/// # Errors
/// When there is no such incident or file.
pub async fn report(
    State(console): State<Console>,
    member: Member,
    Path((which, file)): Path<(String, String)>,
) -> Result<Response, Oops> {
    let told = member.look(&console, Query::Incident { which }).await?;
    let id = number(&told["incident"], "id");
    let (kind, body) = match file.as_str() {
        "report.md" => ("text/markdown; charset=utf-8", print::print(&told, member.lang(), None)),
        "incident.json" => ("application/json", serde_json::to_string_pretty(&told).unwrap_or_default()),
        "recipients.csv" => ("text/csv; charset=utf-8", recipients(&told)),
        _ => return Err(Oops::NotFound),
    };
    let name = format!("attachment; filename=\"incident-{id}-{file}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], body).into_response())
}

fn recipients(told: &Value) -> String {
    let mut out = csv::row(&["address", "result", "time", "message", "host", "reply"]);
    for list in ["reached", "failed"] {
        for one in items(told, list) {
            let field = |name: &str| text(one, name).to_owned();
            let fields =
                [field("address"), list.to_owned(), field("at"), field("message"), field("host"), field("reply")];
            out.push_str(&csv::row(&fields));
        }
    }
    out
}

/// What can be done now, the likeliest first.
fn buttons(member: &Member, told: &Value) -> Markup {
    let lang = member.lang();
    let incident = &told["incident"];
    let (id, state, account) = (number(incident, "id"), text(incident, "state"), text(incident, "account"));
    // An administrator of a domain names the account, which is his; a number could be anybody's.
    let which = if member.scope.tier == Tier::System { id.to_string() } else { account.to_owned() };
    let back = format!("/incidents/{id}");
    let command = |act: &str| json!({ "command": "incident", "act": act, "which": which });
    let pile = |act: &str, all: bool| json!({ "command": "incident", "act": act, "which": which, "all": all, "confirmed": false });
    let (own, rest) = (number(&told["held"]["own"], "messages"), number(&told["held"]["rest"], "messages"));
    let (own, rest) = (count(own), count(rest));
    let reason = t!(lang, ja: "管理画面で封じ込め", en: "contained at the console");
    let mut contain = command("contain");
    contain["reason"] = json!(reason);
    html! {
        @if member.scope.tier >= Tier::Domain && state != "closed" {
            section.bar aria-label=(t!(lang, ja: "操作", en: "Acts")) {
                h2 { (t!(lang, ja: "操作", en: "What you can do")) }
                @if state == "opened" { (act_button(member, &t!(lang, ja: "封じ込める", en: "Contain"), &contain, &back, true)) }
                @if state == "opened" || state == "contained" {
                    (resolve(member, &command("resolve"), &back, !account.is_empty()))
                    (act_button(member, &t!(lang, ja: "誤検知: すべて送る", en: "False alarm: send everything"), &pile("release", true), &back, false))
                }
                @if state == "cleaned" {
                    (act_button(member, &t!(lang, ja: "本人の {own} 通を送る", en: "Send the owner's {own}"), &pile("release", false), &back, false))
                    (act_button(member, &t!(lang, ja: "残りの {rest} 通を削除する", en: "Purge the other {rest}"), &pile("purge", false), &back, true))
                }
            }
        }
    }
}

/// A new password, and everything that follows from it.
fn resolve(member: &Member, command: &Value, back: &str, is_account: bool) -> Markup {
    let lang = member.lang();
    if !is_account {
        return act_button(member, &t!(lang, ja: "解決する", en: "Resolve"), command, back, false);
    }
    html! {
        (act_form(member, &t!(lang, ja: "新しいパスワードを作って解決する", en: "Make a new password and resolve"), command, back, false,
            &html! { input type="hidden" name="generate" value="1"; }))
        details {
            summary { (t!(lang, ja: "パスワードを自分で決めて解決する", en: "Resolve with a password of my choice")) }
            (act_form(member, &t!(lang, ja: "解決する", en: "Resolve"), command, back, false, &html! {
                label {
                    span { (t!(lang, ja: "新しいパスワード", en: "New password")) }
                    input type="password" name="set:/password:secret" autocomplete="new-password" required;
                }
            }))
        }
    }
}

/// What to do next, with the buttons of this page.
fn steps(told: &Value, lang: Language) -> Markup {
    let incident = &told["incident"];
    let resolve = t!(lang, ja: "新しいパスワードを作って解決する", en: "Make a new password and resolve");
    let steps = match text(incident, "state") {
        "opened" | "contained" if text(incident, "account").is_empty() => vec![
            t!(lang, ja: "このネットワークからの中継は止まっています。悪用された機器やフォームを直してから「解決する」を押してください。",
                en: "Nothing of this network goes out. Mend the machine or form that was abused, then press “Resolve”."),
            t!(lang, ja: "不正ではなかったなら「誤検知: すべて送る」を押します。", en: "If it was no abuse, press “False alarm: send everything”."),
        ],
        "opened" | "contained" => vec![
            t!(lang, ja: "今は何も外に出ません。急いで決める必要はなく、何も失われません。",
                en: "Nothing gets out now. Nothing is lost, and there is no hurry to decide."),
            t!(lang, ja: "不正利用なら「{resolve}」を押し、表示されたパスワードを電話などで本人に伝えます。本人のメールは自動で送られます。",
                en: "If it was abuse, press “{resolve}” and tell the owner the password, by telephone for instance. His own mail goes by itself."),
            t!(lang, ja: "そのあと、残ったメールを件名で確かめて削除します。", en: "Then look at the subjects of what is left, and purge it."),
            t!(lang, ja: "本人の送信だったなら「誤検知: すべて送る」を押します。", en: "If it was the owner, press “False alarm: send everything”."),
        ],
        "cleaned" => vec![
            t!(lang, ja: "残ったメールの件名を下で確かめ、不正なものは削除し、本人のものは送ります。残りがなくなると完了です。",
                en: "Look at the subjects below: purge what is spam, send what is the owner's. When nothing is left, it is closed."),
            t!(lang, ja: "届いてしまった宛先には、報告書の一覧を使って詫びと注意を送れます。",
                en: "The report lists who was reached, so that they can be warned."),
        ],
        _ => vec![
            t!(lang, ja: "することはもうありません。記録は報告書に残っています。", en: "Nothing is left to do. The report keeps the story."),
        ],
    };
    html! {
        section {
            h2 { (t!(lang, ja: "次にすること", en: "What to do next")) }
            ol.story { @for step in steps { li { (step) } } }
        }
    }
}

fn how(told: &Value, lang: Language) -> Markup {
    let how = &told["how"];
    let login = &told["first_foreign_login"];
    let bad = &told["first_bad_message"];
    let (distinct, protocol, network) = (number(how, "distinct"), door(text(how, "protocol")), text(how, "network"));
    html! {
        section {
            h2 { (t!(lang, ja: "パスワードはどう知られたか", en: "How the password was probably found")) }
            @if how["guessed"] == true {
                p { strong { (t!(lang,
                    ja: "総当たり: {protocol} で {distinct} 種類ほどの誤ったパスワードが試され、{network} から成功しました。",
                    en: "Guessed: about {distinct} different wrong passwords over {protocol}, then right from {network}.")) } }
                p { (moment_of(&how["first_failure"], lang)) " → " (moment_of(&how["success"], lang)) }
            } @else {
                p { (t!(lang, ja: "総当たりの跡はありません（フィッシング、ウイルス、使い回しなど）。",
                    en: "No sign of guessing: phishing, malware, or a password used elsewhere.")) }
            }
            ul {
                @for one in items(how, "wrong") {
                    @let (n, place, over) = (count(number(one, "count")), text(one, "network"), door(text(one, "protocol")));
                    li { (t!(lang, ja: "{place}: {over} で誤り {n} 回", en: "{place}: {n} wrong over {over}")) }
                }
                @if login.is_object() {
                    li { (t!(lang, ja: "見慣れない場所からの最初のログイン", en: "First login from elsewhere")) ": "
                        (moment_of(&login["at"], lang)) " " (door(text(login, "protocol"))) " " (text(login, "network")) }
                }
                @if bad.is_object() {
                    li { (t!(lang, ja: "最初の不審なメール", en: "First suspicious message")) ": "
                        (moment_of(&bad["at"], lang)) " "
                        (link(&format!("/messages/{}", text(bad, "message")), text(bad, "message"))) }
                }
            }
        }
    }
}

fn numbers(told: &Value, lang: Language) -> Markup {
    let (mail, held) = (&told["mail"], &told["held"]);
    let figures = [
        (t!(lang, ja: "受け付けた通数", en: "Accepted"), number(mail, "messages")),
        (t!(lang, ja: "うち不審", en: "Suspicious"), number(mail, "suspicious")),
        (t!(lang, ja: "配送済みの宛先", en: "Delivered"), number(mail, "relayed")),
        (t!(lang, ja: "失敗した宛先", en: "Failed"), number(mail, "failed")),
        (t!(lang, ja: "保留: 本人", en: "Held: the owner's"), number(&held["own"], "messages")),
        (t!(lang, ja: "保留: それ以外", en: "Held: others"), number(&held["rest"], "messages")),
    ];
    html! {
        section {
            h2 { (t!(lang, ja: "送られたメール", en: "What was sent")) }
            dl.figures { @for (name, n) in figures { div { dt { (name) } dd { (count(n)) } } } }
        }
    }
}

fn drawn(told: &Value, lang: Language) -> Markup {
    let rows = [
        t!(lang, ja: "誤ったパスワード", en: "Wrong passwords"),
        t!(lang, ja: "見慣れないログイン", en: "Strange logins"),
        t!(lang, ja: "届いたメール", en: "Reached"),
        t!(lang, ja: "判定と操作", en: "Verdicts and acts"),
    ];
    let mut marks = Vec::new();
    let mut mark = |value: &Value, row: usize, class: &'static str| {
        if let Some(at) = time_of(value).filter(|_| marks.len() < MARKS) {
            marks.push(Mark { at: at.micros(), row, class });
        }
    };
    for one in items(&told["how"], "wrong") {
        mark(&one["first"], 0, "bad");
        mark(&one["last"], 0, "bad");
    }
    mark(&told["first_foreign_login"]["at"], 1, "bad");
    mark(&told["how"]["success"], 1, "bad");
    for one in items(told, "reached") {
        mark(&one["at"], 2, "mail");
    }
    for one in items(told, "acts") {
        mark(&one["at"], 3, "act");
    }
    let label = t!(lang,
        ja: "時系列: 誤ったパスワード、見慣れないログイン、届いたメール、操作。下の表に同じ内容があります。",
        en: "Timeline of wrong passwords, strange logins, mail that reached people, and acts; the tables below say the same.");
    timeline(&rows, &marks, &label)
}

fn networks(told: &Value, lang: Language) -> Markup {
    let rows: Vec<Vec<Markup>> = items(told, "networks")
        .iter()
        .take(SHORT)
        .map(|one| {
            let whose = if one["own"] == true {
                t!(lang, ja: "本人", en: "the owner's")
            } else {
                t!(lang, ja: "見慣れない", en: "strange")
            };
            let n = |name: &str| html! { span.n { (count(number(one, name))) } };
            vec![
                link(&format!("/logs?network={}", escaped(text(one, "network"))), text(one, "network")),
                cell(&whose),
                n("logins"),
                n("wrong_passwords"),
                n("messages"),
                n("recipients"),
                moment_of(&one["first"], lang),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "ネットワーク", en: "Network"),
        t!(lang, ja: "だれの", en: "Whose"),
        t!(lang, ja: "ログイン", en: "Logins"),
        t!(lang, ja: "誤り", en: "Wrong"),
        t!(lang, ja: "通", en: "Messages"),
        t!(lang, ja: "宛先", en: "Recipients"),
        t!(lang, ja: "最初", en: "First"),
    ];
    html! { section {
        h2 { (t!(lang, ja: "ネットワーク", en: "Networks")) }
        (table(&t!(lang, ja: "どこから使われたか", en: "From where it was used"), &heads, &rows, lang))
    } }
}

/// What is held, alike messages together, each group with its buttons.
fn waiting(member: &Member, held: &Piles, own: &Filter, id: u64) -> Markup {
    let lang = member.lang();
    let back = format!("/incidents/{id}");
    let origin = escaped(own.origin.as_deref().unwrap_or_default());
    let all = own
        .account
        .as_deref()
        .map_or_else(|| format!("origin={origin}"), |account| format!("account={}", escaped(account)));
    let rows: Vec<Vec<Markup>> = held
        .groups
        .iter()
        .map(|group| {
            let filter = json!(Filter { fingerprint: Some(group.fingerprint), ..own.clone() });
            vec![
                link(&format!("/messages/{}", group.sample), if group.subject.is_empty() { "—" } else { &group.subject }),
                html! { span.n { (count(group.messages)) } },
                html! { span.n { (count(group.recipients)) } },
                html! {
                    (act_button(member, &t!(lang, ja: "送る", en: "Release"),
                        &json!({ "command": "queue", "act": "release", "filter": filter }), &back, false))
                    (act_button(member, &t!(lang, ja: "削除", en: "Purge"),
                        &json!({ "command": "queue", "act": "purge", "filter": filter, "confirmed": false }), &back, true))
                },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "件名（見本）", en: "Subject (sample)"),
        t!(lang, ja: "通", en: "Messages"),
        t!(lang, ja: "宛先", en: "Recipients"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    html! {
        section {
            h2 { (t!(lang, ja: "保留中のメール", en: "Held mail")) }
            (table(&t!(lang, ja: "似た内容ごと", en: "Alike together"), &heads, &rows, lang))
            @if held.more { p.quiet { (t!(lang, ja: "ほかにもあります。", en: "There is more.")) " " (link(&format!("/queue?{all}"), &t!(lang, ja: "キューで見る", en: "See the queue"))) } }
        }
    }
}

fn people(told: &Value, list: &str, title: &str, lang: Language) -> Markup {
    let all = items(told, list);
    let n = count(all.len() as u64);
    html! { section {
        h2 { (title) " (" (n) ")" }
        @if all.is_empty() { p.none { (t!(lang, ja: "ありません。", en: "None.")) } }
        ul { @for one in all.iter().take(SHORT) { li { (text(one, "address")) " " span.quiet { (moment_of(&one["at"], lang)) } } } }
        @if all.len() > SHORT { p.quiet { (t!(lang, ja: "残りは報告書にあります。", en: "The report has the rest.")) } }
    } }
}

/// What was seen: each sentence once, with how often and how much it counted at most.
fn signals(told: &Value, lang: Language) -> Markup {
    let mut seen: Vec<(String, u64, f64)> = Vec::new();
    for one in items(told, "signals") {
        let (sentence, llr) = (said(&one["signal"]["text"], lang), one["signal"]["llr"].as_f64().unwrap_or(0.0));
        match seen.iter_mut().find(|(known, ..)| *known == sentence) {
            Some((_, n, most)) => (*n, *most) = (*n + 1, most.max(llr)),
            None => seen.push((sentence, 1, llr)),
        }
    }
    html! { section {
        h2 { (t!(lang, ja: "何が見えたか", en: "What was seen")) }
        @if seen.is_empty() { p.none { (t!(lang, ja: "見張りが気付いたことはありません。", en: "The guard noticed nothing.")) } }
        ul { @for (sentence, n, llr) in seen.iter().take(SHORT) {
            li { (sentence) " " span.quiet { (format!("{llr:+.1}")) @if *n > 1 { " × " (count(*n)) } } }
        } }
    } }
}

fn acts(told: &Value, lang: Language) -> Markup {
    html! { section {
        h2 { (t!(lang, ja: "だれが何をしたか", en: "What was done by whom")) }
        ul { @for one in items(told, "acts").iter().take(SHORT) {
            li { (moment_of(&one["at"], lang)) " " (text(one, "who")) ": " (word(&act_name(text(one, "what"), lang), lang)) " " (said(&one["text"], lang)) " "
                span.quiet { (text(&one["detail"], "reason")) " " (text(&one["detail"], "network")) } }
        } }
    } }
}
