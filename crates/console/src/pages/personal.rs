//! An account's own rules: forwarding, automatic reply, send hours; on its owner's page and on the administrator's.

use maud::{Markup, html};
use sekisho_store::personal::Personal;
use serde_json::json;

use crate::gate::Member;
use crate::page::{act_button, act_form, field};
use crate::words::t;

/// The forms.
pub(crate) fn forms(member: &Member, address: &str, personal: &Personal, back: &str) -> Markup {
    html! {
        section {
            h2 { (t!(member.lang(), ja: "転送と自動返信", en: "Forwarding and automatic reply")) }
            (forward(member, address, personal, back))
            (reply(member, address, personal, back))
            (hours(member, address, personal, back))
        }
    }
}

fn forward(member: &Member, address: &str, personal: &Personal, back: &str) -> Markup {
    let lang = member.lang();
    let now = personal.forward.clone().unwrap_or_default();
    let command = json!({
        "command": "personal", "act": "forward", "address": address,
        "forward": { "to": [], "keep": false, "permit": now.permit },
    });
    let none = json!({ "command": "personal", "act": "forward", "address": address, "forward": null });
    html! {
        (act_form(member, &t!(lang, ja: "転送を保存", en: "Save the forwarding"), &command, back, false, &html! {
            label {
                span { (t!(lang, ja: "転送先（一行に一つ）", en: "Forward to, one a line")) }
                textarea.short name="set:/forward/to:lines" required { "\n" (now.to.join("\n")) }
            }
            label.check {
                input type="checkbox" name="set:/forward/keep:flag" value="1" checked[now.keep || personal.forward.is_none()];
                span { (t!(lang, ja: "手元にも残す", en: "Keep it here too")) }
            }
        }))
        @if personal.forward.is_some() {
            (act_button(member, &t!(lang, ja: "転送をやめる", en: "End the forwarding"), &none, back, false))
        }
    }
}

fn reply(member: &Member, address: &str, personal: &Personal, back: &str) -> Markup {
    let lang = member.lang();
    let now = personal.reply.clone().unwrap_or_default();
    let command = json!({
        "command": "personal", "act": "reply", "address": address,
        "reply": { "subject": "", "text": "", "days": 7, "except": now.except },
    });
    let none = json!({ "command": "personal", "act": "reply", "address": address, "reply": null });
    html! {
        (act_form(member, &t!(lang, ja: "自動返信を保存", en: "Save the automatic reply"), &command, back, false, &html! {
            (field("set:/reply/subject", &t!(lang, ja: "件名（空なら元の件名）", en: "Subject; empty: the message's own"), "text", &now.subject, false))
            label {
                span { (t!(lang, ja: "返信の本文（同じ人には 7 日に一度）", en: "What it says, to each sender once in 7 days")) }
                textarea.short name="set:/reply/text:raw" required { "\n" (now.text) }
            }
        }))
        @if personal.reply.is_some() {
            (act_button(member, &t!(lang, ja: "自動返信をやめる", en: "End the automatic reply"), &none, back, false))
        }
    }
}

fn hours(member: &Member, address: &str, personal: &Personal, back: &str) -> Markup {
    let lang = member.lang();
    let now = personal.send_hours.clone().unwrap_or_default();
    let command = json!({ "command": "personal", "act": "hours", "address": address, "hours": null });
    act_form(
        member,
        &t!(lang, ja: "送信できる時間を保存", en: "Save the send hours"),
        &command,
        back,
        false,
        &field(
            "set:/hours:optional",
            &t!(lang, ja: "送信できる時間（例: mon-fri 08:00-19:00。空ならいつでも）", en: "Send hours, such as mon-fri 08:00-19:00; empty: always"),
            "text",
            &now,
            false,
        ),
    )
}
