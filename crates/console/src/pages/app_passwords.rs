//! App passwords: one for each program, on their owner's page and on the administrator's.

use maud::{Markup, html};
use sekisho_control::Query;
use serde_json::json;

use crate::gate::{Member, Oops};
use crate::page::{act_button, act_form, badge, cell, field, table};
use crate::service::Console;
use crate::words::{door, moment_of, t, text};

/// What there is, and the form that makes one; it is shown once, when it is made.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn section(console: &Console, member: &Member, address: &str, back: &str) -> Result<Markup, Oops> {
    let lang = member.lang();
    let found = member.look(console, Query::AppPasswords { address: address.to_owned() }).await?;
    let rows: Vec<Vec<Markup>> = found
        .as_array()
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .map(|one| {
            let list = |name: &str| -> Vec<&str> {
                one[name].as_array().into_iter().flatten().filter_map(|part| part.as_str()).collect()
            };
            let doors: Vec<&str> = list("protocols").into_iter().map(door).collect();
            let remove = json!({ "command": "credential", "act": "remove_app_password", "address": address, "name": text(one, "name") });
            vec![
                cell(text(one, "name")),
                badge(text(one, "state"), lang),
                cell(&doors.join(", ")),
                cell(&list("networks").join(", ")),
                moment_of(&one["created"], lang),
                moment_of(&one["expires"], lang),
                html! { @if one["state"] == "active" {
                    (act_button(member, &t!(lang, ja: "取り消す", en: "Take it away"), &remove, back, true))
                } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "名前", en: "Name"),
        t!(lang, ja: "状態", en: "State"),
        t!(lang, ja: "入口", en: "Doors"),
        t!(lang, ja: "ネットワーク", en: "Networks"),
        t!(lang, ja: "作成", en: "Made"),
        t!(lang, ja: "期限", en: "Ends"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    let make = json!({
        "command": "credential", "act": "add_app_password", "address": address, "name": "", "protocols": [], "networks": "", "days": null,
    });
    Ok(html! {
        section {
            h2 { (t!(lang, ja: "アプリパスワード", en: "App passwords")) }
            p.quiet { (t!(lang,
                ja: "メールソフトや機器ごとに別のパスワードを作れます。一つだけ取り消せて、管理画面には入れません。",
                en: "A password for each mail program or device: each can be taken away alone, and none opens this console.")) }
            (table(&t!(lang, ja: "アプリパスワード", en: "App passwords"), &heads, &rows, lang))
            (act_form(member, &t!(lang, ja: "作る", en: "Make one"), &make, back, false, &html! {
                (field("set:/name", &t!(lang, ja: "名前（例: iPhone）", en: "Name, such as iPhone"), "text", "", true))
                (field("set:/networks", &t!(lang, ja: "使えるネットワーク（空ならどこでも）", en: "Networks; empty: everywhere"), "text", "", false))
            }))
        }
    })
}
