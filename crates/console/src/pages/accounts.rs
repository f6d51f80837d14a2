//! *Accounts*: the list, and one with everything that can be set.

use std::collections::HashMap;

use axum::extract::{Path, Query as Params, State};
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::Language;
use sekisho_store::console;
use sekisho_store::journal::{JournalFilter, Kind};
use sekisho_store::personal::Personal;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, act_form, badge, cell, choice, field, link, table};
use crate::pages::{logs, personal};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{count, door, escaped, items, moment_of, number, size, t, text, time_of, word};

/// Entries of the journal that an account's page shows.
const LATEST: usize = 30;
/// A month in microseconds.
const MONTH: i64 = 30 * 86_400_000_000;

/// Which page of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wish {
    domain: String,
    after: String,
    find: String,
}

/// `GET /accounts`.
///
/// # Errors
/// When the store does not answer.
pub async fn list(State(console): State<Console>, member: Member, Params(wish): Params<Wish>) -> Result<Page, Oops> {
    let lang = member.lang();
    let domain = Some(wish.domain.trim().to_owned()).filter(|domain| !domain.is_empty());
    // Whoever types the beginning of an address goes there: the list is in order.
    let after = if wish.after.is_empty() { just_before(wish.find.trim()) } else { wish.after.clone() };
    let found = member.look(&console, Query::Accounts { domain: domain.clone(), after }).await?;
    let domains = member.look(&console, Query::Domains).await?;
    let rows: Vec<Vec<Markup>> = items(&found, "accounts").iter().map(|one| row(one, lang)).collect();
    let names: Vec<&str> =
        domains.as_array().map_or(&[][..], Vec::as_slice).iter().map(|d| text(d, "domain")).collect();
    let heads = [
        t!(lang, ja: "アドレス", en: "Address"),
        t!(lang, ja: "氏名", en: "Name"),
        t!(lang, ja: "状態", en: "State"),
        t!(lang, ja: "権限", en: "Role"),
        t!(lang, ja: "種類", en: "Class"),
        t!(lang, ja: "対応の段階", en: "Rung"),
        t!(lang, ja: "疑わしさ", en: "Risk"),
        t!(lang, ja: "最後のログイン", en: "Last login"),
        t!(lang, ja: "認証と TLS", en: "AUTH and TLS"),
        t!(lang, ja: "使用量", en: "Used"),
    ];
    Ok(Page::new(
        t!(lang, ja: "アカウント", en: "Accounts"),
        html! {
            section {
                form.filter method="get" action="/accounts" role="search" {
                    (choice("domain", &t!(lang, ja: "ドメイン", en: "Domain"), &options(&names, lang), &wish.domain))
                    (field("find", &t!(lang, ja: "アドレスのはじめの文字", en: "Address begins with"), "text", &wish.find, false))
                    button type="submit" { (t!(lang, ja: "表示", en: "Show")) }
                }
                (table(&t!(lang, ja: "アカウントの一覧", en: "Accounts"), &heads, &rows, lang))
                p.pager {
                    @if let Some(next) = found["next"].as_str() {
                        a href=(format!("/accounts?domain={}&after={}", escaped(&wish.domain), escaped(next))) { (t!(lang, ja: "次のページ", en: "Next page")) }
                    }
                    a href="/accounts.csv" download { (t!(lang, ja: "CSV で書き出す", en: "Export as CSV")) }
                    a href="/accounts/import" { (t!(lang, ja: "CSV から取り込む", en: "Import from CSV")) }
                }
            }
            (add(&member, &names))
        },
    ))
}

/// The greatest key below everything that begins with `text`, nearly.
fn just_before(text: &str) -> String {
    let mut key = text.to_lowercase();
    if let Some(last) = key.pop() {
        if let Some(before) = char::from_u32(u32::from(last).saturating_sub(1)) {
            key.push(before);
        }
        key.push('\u{10fffe}');
    }
    key
}

fn options<'a>(names: &[&'a str], lang: Language) -> Vec<(&'a str, String)> {
    let all = [("", t!(lang, ja: "すべて", en: "all"))];
    all.into_iter().chain(names.iter().map(|name| (*name, (*name).to_owned()))).collect()
}

fn row(one: &Value, lang: Language) -> Vec<Markup> {
    let address = text(one, "address");
    let quota = one["quota"].as_u64().map_or_else(String::new, |quota| format!(" / {}", size(quota)));
    vec![
        link(&format!("/accounts/{}", escaped(address)), address),
        cell(text(one, "name")),
        badge(text(one, "state"), lang),
        cell(&word(text(one, "role"), lang)),
        cell(&one["class"].as_str().map_or_else(String::new, |class| word(class, lang))),
        html! { @if let Some(rung) = one["rung"].as_str() { (badge(rung, lang)) } },
        html! { @if let Some(score) = one["score"].as_f64() { span.n { (format!("{:.0} %", score * 100.0)) } } },
        html! { @if one["last_login"].is_object() {
            (moment_of(&one["last_login"]["at"], lang)) " " span.quiet { (text(&one["last_login"], "network")) }
        } },
        ways(one, lang),
        html! { span.n { (size(number(one, "used"))) (quota) } },
    ]
}

/// How an account logged in lately: for each kind of proof the doors, and whether anybody could listen.
fn ways(one: &Value, lang: Language) -> Markup {
    let mut kinds: Vec<((&str, &str), Vec<&str>)> = Vec::new();
    for way in items(one, "logins") {
        let (kind, over) = ((text(way, "proof"), text(way, "wire")), door(text(way, "door")));
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, doors)) => doors.push(over),
            None => kinds.push((kind, vec![over])),
        }
    }
    html! { @for ((proof, wire), doors) in &kinds {
        div { (doors.join(", ")) ": " (word(proof, lang)) " " (badge(wire, lang)) }
    } }
}

/// A new account; its password is made here and shown once.
fn add(member: &Member, names: &[&str]) -> Markup {
    let lang = member.lang();
    let code = if lang == Language::Ja { "ja" } else { "en" };
    let command = json!({
        "command": "account", "act": "add", "address": "", "full_name": "", "password": "", "role": "user",
        "quota": null, "language": code, "must_change": true,
    });
    let example = names.first().copied().unwrap_or("example.jp");
    html! {
        section {
            h2 { (t!(lang, ja: "アカウントを追加する", en: "Add an account")) }
            (act_form(member, &t!(lang, ja: "追加してパスワードを作る", en: "Add and make a password"), &command, "/accounts", false, &html! {
                input type="hidden" name="generate" value="1";
                label {
                    span { (t!(lang, ja: "アドレス", en: "Address")) }
                    input type="text" inputmode="email" name="set:/address" required placeholder=(format!("taro@{example}")) autocomplete="off";
                }
                (field("set:/full_name", &t!(lang, ja: "氏名", en: "Name"), "text", "", false))
                (field("set:/quota:size", &t!(lang, ja: "容量の上限（例: 2G。空なら無制限）", en: "Quota, such as 2G; empty: none"), "text", "", false))
            }))
        }
    }
}

/// `GET /accounts/{address}`.
///
/// # Errors
/// When there is no such account, or it is none of the asker's.
pub async fn show(State(console): State<Console>, member: Member, Path(address): Path<String>) -> Result<Page, Oops> {
    let lang = member.lang();
    let account = member.look(&console, Query::Account { address }).await?;
    let address = text(&account, "address").to_owned();
    let latest = latest(&console, &member, &address).await?;
    let rows: Vec<Vec<Markup>> = latest.iter().map(|entry| logs::row(entry, lang)).collect();
    let key = address.to_lowercase();
    let (factor, rules) = console
        .control()
        .store()
        .read(move |tx| {
            let Some(found) = sekisho_store::account::get(tx, &key)? else { return Ok((false, Personal::default())) };
            let factor = console::factor(tx, found.id)?.is_some_and(|factor| factor.confirmed);
            Ok((factor, found.personal))
        })
        .await?;
    let apps =
        super::app_passwords::section(&console, &member, &address, &format!("/accounts/{}", escaped(&address))).await?;
    Ok(Page::new(
        address.clone(),
        html! {
            p { (badge(text(&account, "state"), lang)) " " (word(text(&account, "role"), lang)) " " (text(&account, "name")) }
            (urgent(&member, &account, &address))
            div.columns {
                (facts(&account, factor, lang))
                (standing(&account, lang))
                (edit(&member, &account, &address, factor))
                (personal::forms(&member, &address, &rules, &format!("/accounts/{}", escaped(&address))))
            }
            (apps)
            section {
                h2 { (t!(lang, ja: "この 30 日のログインと操作", en: "Logins and acts of 30 days")) }
                (table(&t!(lang, ja: "新しい順", en: "The newest first"), &logs::heads(lang), &rows, lang))
                p { (link(&format!("/logs?account={}", escaped(&address)), &t!(lang, ja: "すべてのログ", en: "All logs"))) }
            }
            p {
                (link(&format!("/queue?account={}", escaped(&address)), &t!(lang, ja: "このアカウントのキュー", en: "Its queue")))
                " · "
                (link(&format!("/accounts/{}/rules", escaped(&address)), &t!(lang, ja: "effect.dat と sender.dat", en: "effect.dat and sender.dat")))
            }
        },
    ))
}

/// How long after its login a mail program tells its name over IMAP.
const NAMED_WITHIN: i64 = 60_000_000;

/// The newest logins, verdicts and acts. A login at which the program was silent bears the name that it gave right after.
pub(crate) async fn latest(console: &Console, member: &Member, address: &str) -> Result<Vec<Value>, Oops> {
    let now = console.control().now();
    let filter = JournalFilter {
        account: Some(address.to_owned()),
        kinds: vec![Kind::Receive, Kind::Pop3, Kind::Imap4, Kind::Notice, Kind::Act, Kind::Verdict],
        since: Some(sekisho_message::Time(now.micros() - MONTH)),
        ..JournalFilter::default()
    };
    let (mut newest, mut before): (Vec<Value>, _) = (Vec::new(), None);
    let mut named: HashMap<String, (String, i64)> = HashMap::new();
    // What a busy month has of other things is passed over in some dozen steps.
    for _ in 0..200 {
        let page = member.look(console, Query::LogsBack { filter: filter.clone(), before, limit: 1_000 }).await?;
        for found in items(&page, "entries") {
            let (detail, at) = (&found["entry"]["detail"], time_of(&found["entry"]["at"]).unwrap_or_default().micros());
            let network = text(&found["entry"], "network");
            if detail["login"].is_string() || detail["act"].is_string() || detail["rung"].is_string() {
                let mut found = found.clone();
                if let Some((program, _)) = named.get(network).filter(|(_, said)| said - at <= NAMED_WITHIN)
                    && detail["login"].is_string()
                    && detail["program"].is_null()
                {
                    found["entry"]["detail"]["program"] = json!(program);
                }
                newest.push(found);
            } else if let Some(program) = detail["program"].as_str() {
                named.insert(network.to_owned(), (program.to_owned(), at));
            }
        }
        newest.truncate(LATEST);
        before = page["next"].as_i64();
        if page["end"] == true || newest.len() >= LATEST {
            break;
        }
    }
    Ok(newest)
}

fn urgent(member: &Member, account: &Value, address: &str) -> Markup {
    let lang = member.lang();
    let back = format!("/accounts/{}", escaped(address));
    let reason = t!(lang, ja: "管理画面での操作", en: "at the console");
    html! {
        section.bar aria-label=(t!(lang, ja: "操作", en: "Acts")) {
            h2 { (t!(lang, ja: "不正利用のとき", en: "When it is abused")) }
            (act_button(member, &t!(lang, ja: "封じ込める", en: "Contain"),
                &json!({ "command": "incident", "act": "contain", "which": address, "reason": reason }), &back, true))
            @if text(account, "state") == "active" {
                (act_button(member, &t!(lang, ja: "送信を止める", en: "Suspend"),
                    &json!({ "command": "account", "act": "suspend", "address": address, "reason": reason }), &back, true))
            } @else {
                (act_button(member, &t!(lang, ja: "再び使えるようにする", en: "Resume"),
                    &json!({ "command": "account", "act": "resume", "address": address }), &back, false))
            }
            (act_form(member, &t!(lang, ja: "新しいパスワードを作る", en: "Make a new password"),
                &json!({ "command": "account", "act": "password", "address": address, "password": "", "must_change": true }),
                &back, false, &html! { input type="hidden" name="generate" value="1"; }))
            (act_button(member, &t!(lang, ja: "ロックを解除する", en: "Lift its locks"),
                &json!({ "command": "lockout", "act": "unlock", "what": address }), &back, false))
            (act_button(member, &t!(lang, ja: "ブラウザとトークンを無効にする", en: "End sessions and tokens"),
                &json!({ "command": "console", "act": "sessions_end", "address": address }), &back, true))
        }
    }
}

fn facts(account: &Value, factor: bool, lang: Language) -> Markup {
    let part = |name: &str| items(account, name).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let yes = |on: bool| if on { t!(lang, ja: "あり", en: "yes") } else { t!(lang, ja: "なし", en: "no") };
    html! {
        section {
            h2 { (t!(lang, ja: "今の状態", en: "As it is")) }
            dl.figures {
                div { dt { (t!(lang, ja: "使用量", en: "Used")) } dd { (size(number(account, "used"))) } }
                div { dt { (t!(lang, ja: "メール", en: "Messages")) } dd { (count(number(account, "messages"))) } }
                div { dt { (t!(lang, ja: "上限", en: "Quota")) } dd { (account["quota"].as_u64().map_or_else(|| "—".into(), size)) } }
            }
            ul {
                li { (t!(lang, ja: "作成", en: "Created")) ": " (moment_of(&account["created"], lang)) }
                li { (t!(lang, ja: "パスワード変更", en: "Password set")) ": " (moment_of(&account["password_changed"], lang)) }
                li { (t!(lang, ja: "二段階認証", en: "Second factor")) ": " (yes(factor)) }
                li { (t!(lang, ja: "この 30 日の認証と TLS", en: "AUTH and TLS in 30 days")) ": " (ways(account, lang)) }
                li { (t!(lang, ja: "使えるネットワーク", en: "Networks")) ": " (part("auth_networks")) }
                li { (t!(lang, ja: "SCRAM", en: "SCRAM")) ": " (yes(account["scram"] == true)) " / " (t!(lang, ja: "アプリパスワード", en: "App passwords")) ": " (count(number(account, "app_passwords"))) }
                li { (t!(lang, ja: "使える国", en: "Countries")) ": " (part("auth_countries")) }
                li { "effect.dat: " (yes(account["has_effect_dat"] == true)) " / sender.dat: " (yes(account["has_sender_dat"] == true)) }
            }
        }
    }
}

/// How the account stands with the guard.
fn standing(account: &Value, lang: Language) -> Markup {
    let guard = &account["guard"];
    html! {
        @if guard.is_object() {
            section {
                h2 { (t!(lang, ja: "見張りの評価", en: "How the guard sees it")) }
                ul {
                    @for (name, value) in guard.as_object().into_iter().flatten() {
                        @let plain = value.as_str().map(str::to_owned).or_else(|| value.as_f64().map(|n| format!("{n:.2}").trim_end_matches(".00").to_owned()));
                        @if let Some(plain) = plain {
                            li { (standing_name(name, lang)) ": " @if time_of(value).is_some() { (moment_of(value, lang)) } @else { (word(&plain, lang)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What a number or word of the guard is about.
fn standing_name(name: &str, lang: Language) -> String {
    match name {
        "class" => t!(lang, ja: "送信の種類", en: "Kind of sender"),
        "class_learnt" => t!(lang, ja: "学習した種類", en: "Kind as learnt"),
        "held_since" => t!(lang, ja: "保留の開始", en: "Held since"),
        "rung" => t!(lang, ja: "対応の段階", en: "Rung"),
        "score" => t!(lang, ja: "疑わしさ", en: "Score"),
        "threshold" => t!(lang, ja: "閾値", en: "Threshold"),
        "messages" => t!(lang, ja: "学習した通数", en: "Messages learnt from"),
        "learning" => t!(lang, ja: "学習中", en: "Learning"),
        "tightened_until" => t!(lang, ja: "厳しくする期限", en: "Tightened until"),
        other => other.replace('_', " "),
    }
}

fn edit(member: &Member, account: &Value, address: &str, factor: bool) -> Markup {
    let lang = member.lang();
    let back = format!("/accounts/{}", escaped(address));
    let account_act = |act: &str| json!({ "command": "account", "act": act, "address": address });
    let languages = [("ja", "日本語".to_owned()), ("en", "English".to_owned())];
    let mut roles = vec![("user", word("user", lang)), ("domain_admin", word("domain_admin", lang))];
    if member.scope.tier == Tier::System {
        roles.push(("system_admin", word("system_admin", lang)));
    }
    let mut classes = vec![("", t!(lang, ja: "学習に任せる", en: "as learnt"))];
    classes.extend(["person", "role", "application", "newsletter"].map(|class| (class, word(class, lang))));
    let mut whence = account_act("whence");
    whence["rule"] = json!({});
    let part = |name: &str| items(account, name).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let quota = account["quota"].as_u64().map_or_else(String::new, |n| n.to_string());
    let mut remove = account_act("remove");
    remove["confirmed"] = json!(false);
    html! {
        section {
            h2 { (t!(lang, ja: "変更", en: "Change")) }
            (act_form(member, &t!(lang, ja: "保存", en: "Save"), &account_act("person"), &back, false, &html! {
                (field("set:/full_name:optional", &t!(lang, ja: "氏名", en: "Name"), "text", text(account, "name"), false))
                (choice("set:/language", &t!(lang, ja: "言語", en: "Language"), &languages, text(account, "language")))
            }))
            (act_form(member, &t!(lang, ja: "容量を変える", en: "Set the quota"), &account_act("quota"), &back, false,
                &field("set:/quota:size", &t!(lang, ja: "容量の上限（例: 2G）", en: "Quota, such as 2G"), "text", &quota, false)))
            (act_form(member, &t!(lang, ja: "権限を変える", en: "Set the role"), &account_act("role"), &back, false,
                &choice("set:/role", &t!(lang, ja: "権限", en: "Role"), &roles, text(account, "role"))))
            (act_form(member, &t!(lang, ja: "種類を変える", en: "Set the kind"), &json!({ "command": "class", "who": address }), &back, false,
                &choice("set:/class:optional", &t!(lang, ja: "送信の種類", en: "Kind of sender"), &classes, "")))
            (act_form(member, &t!(lang, ja: "場所を制限する", en: "Restrict"), &whence, &back, false, &html! {
                (field("set:/rule/networks", &t!(lang, ja: "使えるネットワーク（コンマ区切り）", en: "Networks, with commas"), "text", &part("auth_networks"), false))
                (field("set:/rule/countries", &t!(lang, ja: "使える国（例: JP）", en: "Countries, such as JP"), "text", &part("auth_countries"), false))
            }))
            (act_form(member, &t!(lang, ja: "改名する", en: "Rename"), &account_act("rename"), &back, true,
                &field("set:/to", &t!(lang, ja: "新しいアドレス", en: "New address"), "text", "", true)))
            @if factor {
                (act_button(member, &t!(lang, ja: "二段階認証を解除する", en: "Remove the second factor"),
                    &json!({ "command": "console", "act": "factor_remove", "address": address }), &back, true))
            }
            (act_button(member, &t!(lang, ja: "アカウントを削除する", en: "Remove the account"), &remove, "/accounts", true))
        }
    }
}
