//! *Mailing lists*.

use axum::extract::{Path, Query as Params, State};
use maud::{Markup, html};
use sekisho_control::Query;
use sekisho_message::Language;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::gate::{Member, Oops};
use crate::page::{Page, act_button, act_form, cell, choice, field, link, table};
use crate::service::Console;
use crate::words::{escaped, items, moment_of, t, text, word};

/// Where the last page of members ended.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct After {
    after: String,
}

/// `GET /lists`.
///
/// # Errors
/// When the store does not answer.
pub async fn list(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::Lists).await?;
    let rows: Vec<Vec<Markup>> = found
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|one| {
            let address = text(one, "list");
            vec![
                link(&format!("/lists/{}", escaped(address)), address),
                cell(text(one, "owner")),
                cell(&word(text(one, "posting"), lang)),
                cell(text(one, "description")),
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "アドレス", en: "Address"),
        t!(lang, ja: "所有者", en: "Owner"),
        t!(lang, ja: "投稿できる人", en: "Who may post"),
        t!(lang, ja: "説明", en: "About"),
    ];
    Ok(Page::new(
        t!(lang, ja: "メーリングリスト", en: "Mailing lists"),
        html! {
            section { (table(&t!(lang, ja: "メーリングリストの一覧", en: "Mailing lists"), &heads, &rows, lang)) }
            section {
                h2 { (t!(lang, ja: "メーリングリストを作る", en: "Make a list")) }
                (act_form(&member, &t!(lang, ja: "作る", en: "Make it"),
                    &json!({ "command": "list", "act": "add", "address": "", "owner": "", "change": {} }), "/lists", false, &html! {
                        (field("set:/address", &t!(lang, ja: "アドレス", en: "Address"), "text", "", true))
                        (field("set:/owner", &t!(lang, ja: "所有者", en: "Owner"), "text", &member.session.account.address, true))
                        (choice("set:/change/posting", &t!(lang, ja: "投稿できる人", en: "Who may post"), &postings(lang), "members"))
                    }))
            }
        },
    ))
}

/// `GET /lists/{address}`.
///
/// # Errors
/// When there is no such list, or it is none of the asker's.
pub async fn show(
    State(console): State<Console>,
    member: Member,
    Path(address): Path<String>,
    Params(at): Params<After>,
) -> Result<Page, Oops> {
    let lang = member.lang();
    let found = member.look(&console, Query::List { address, after: at.after }).await?;
    let address = text(&found, "list").to_owned();
    let back = format!("/lists/{}", escaped(&address));
    let rows: Vec<Vec<Markup>> = items(&found, "members")
        .iter()
        .map(|one| {
            let who = text(one, "address");
            vec![
                cell(who),
                moment_of(&one["since"], lang),
                act_button(
                    &member,
                    &t!(lang, ja: "外す", en: "Remove"),
                    &json!({ "command": "list", "act": "member_remove", "address": address, "members": [who] }),
                    &back,
                    true,
                ),
            ]
        })
        .collect();
    let heads =
        [t!(lang, ja: "会員", en: "Member"), t!(lang, ja: "いつから", en: "Since"), t!(lang, ja: "操作", en: "Acts")];
    Ok(Page::new(
        address.clone(),
        html! {
            section {
                (table(&t!(lang, ja: "会員", en: "Members"), &heads, &rows, lang))
                @if let Some(next) = found["next"].as_str() {
                    p.pager { a href=(format!("{back}?after={}", escaped(next))) { (t!(lang, ja: "次のページ", en: "Next page")) } }
                }
            }
            (edit(&member, &found, &address, &back))
        },
    ))
}

fn edit(member: &Member, found: &Value, address: &str, back: &str) -> Markup {
    let lang = member.lang();
    let act = |act: &str| json!({ "command": "list", "act": act, "address": address });
    let (mut add, mut set, mut remove) = (act("member_add"), act("set"), act("remove"));
    add["members"] = json!([]);
    set["change"] = json!({});
    remove["confirmed"] = json!(false);
    html! {
        div.columns {
            section {
                h2 { (t!(lang, ja: "会員を加える", en: "Add members")) }
                (act_form(member, &t!(lang, ja: "加える", en: "Add"), &add, back, false, &html! {
                    label {
                        span { (t!(lang, ja: "アドレス（一行に一つ）", en: "Addresses, one a line")) }
                        textarea name="set:/members:lines" required {}
                    }
                }))
            }
            section {
                h2 { (t!(lang, ja: "設定", en: "Settings")) }
                (act_form(member, &t!(lang, ja: "保存", en: "Save"), &set, back, false, &html! {
                    (field("set:/change/owner", &t!(lang, ja: "所有者", en: "Owner"), "text", text(found, "owner"), true))
                    (choice("set:/change/posting", &t!(lang, ja: "投稿できる人", en: "Who may post"), &postings(lang), text(found, "posting")))
                    (field("set:/change/subject_tag", &t!(lang, ja: "件名の前に付ける語", en: "Before the subject"), "text", text(found, "subject_tag"), false))
                    (field("set:/change/description", &t!(lang, ja: "説明", en: "About"), "text", text(found, "description"), false))
                }))
                (act_button(member, &t!(lang, ja: "リストを削除する", en: "Remove the list"), &remove, "/lists", true))
            }
        }
    }
}

fn postings(lang: Language) -> Vec<(&'static str, String)> {
    ["members", "anyone", "owner"].into_iter().map(|posting| (posting, word(posting, lang))).collect()
}
