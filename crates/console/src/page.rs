//! The frame round every page, and the pieces that pages are made of.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use sekisho_message::Language;
use serde_json::Value;

use crate::gate::{Guest, Member, Oops, SAID};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::{self, escaped, t};

/// A page; the gate puts the frame round it.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: Markup,
}

impl Page {
    /// A page with its title and what is below it.
    #[must_use]
    pub const fn new(title: String, body: Markup) -> Self {
        Self { title, body }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = ().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Goes to a page of ours that shows what was done.
#[must_use]
pub fn go(place: &str, said: &str) -> Response {
    let mut response = Redirect::to(local(place)).into_response();
    if said.is_empty() {
        return response;
    }
    let said = said.get(..said.floor_char_boundary(900)).unwrap_or_default();
    let cookie = format!("{SAID}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60", escaped(said));
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// A path of ours; whatever leads elsewhere leads home.
#[must_use]
pub fn local(place: &str) -> &str {
    let ours = place.starts_with('/')
        && !place.starts_with("//")
        && !place.contains(['\\', '\r', '\n'])
        && place.bytes().all(|b| b.is_ascii_graphic());
    if ours { place } else { "/" }
}

/// The page of a fault.
#[must_use]
pub fn fault(oops: &Oops, lang: Language) -> Page {
    let (status, text) = oops.shown();
    let title = match status.as_u16() {
        403 => t!(lang, ja: "権限がありません", en: "Not allowed"),
        404 => t!(lang, ja: "見つかりません", en: "Not found"),
        _ => t!(lang, ja: "実行していません", en: "Nothing was done"),
    };
    Page::new(
        title,
        html! {
            p.alert role="alert" { (text.get(lang)) }
            p { a href="/" { (t!(lang, ja: "最初のページへ", en: "To the first page")) } }
        },
    )
}

/// The whole document.
#[must_use]
pub fn frame(page: &Page, console: &Console, guest: &Guest, member: Option<&Member>) -> Markup {
    let lang = guest.lang;
    let code = match lang {
        Language::Ja => "ja",
        Language::En => "en",
    };
    html! {
        (DOCTYPE)
        html lang=(code) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " – Sekisho" }
                link rel="stylesheet" href=(asset("console.css"));
                link rel="icon" href=(asset("icon.svg")) type="image/svg+xml";
                script src=(asset("console.js")) defer {}
            }
            body {
                a.skip href="#main" { (t!(lang, ja: "本文へ", en: "Skip to content")) }
                (header(console, guest, member))
                main #main tabindex="-1" {
                    @if let Some(said) = &guest.said { p.said role="status" { (said) } }
                    h1 { (page.title) }
                    (page.body)
                }
                footer {
                    span { "Sekisho " (console.settings().version) " · " (console.settings().hostname) }
                    (languages(guest))
                }
            }
        }
    }
}

fn header(console: &Console, guest: &Guest, member: Option<&Member>) -> Markup {
    let lang = guest.lang;
    let here = guest.path.split('?').next().unwrap_or_default();
    html! {
        header.top {
            a.brand href="/" { (sign()) " Sekisho" }
            @if let Some(member) = member.filter(|m| m.session.stage == sekisho_store::console::Stage::In) {
                details.menu {
                    summary { (t!(lang, ja: "メニュー", en: "Menu")) }
                    nav aria-label=(t!(lang, ja: "メニュー", en: "Menu")) {
                        @for (place, name) in places(member, lang) {
                            @let current = here == place || (place != "/" && here.starts_with(&format!("{place}/")));
                            a href=(place) aria-current=[current.then_some("page")] { (name) }
                        }
                        form.inline method="post" action="/logout" {
                            (csrf(member))
                            button.plain type="submit" { (t!(lang, ja: "ログアウト", en: "Log out")) }
                        }
                    }
                }
                span.who { (member.session.account.address) }
            } @else {
                span.who { (console.settings().hostname) }
            }
        }
    }
}

/// The gate on the old highway.
fn sign() -> Markup {
    html! {
        svg viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" {
            path d="M2 5h20M5 10h14M7 5v16M17 5v16" {}
        }
    }
}

fn languages(guest: &Guest) -> Markup {
    let back = escaped(&guest.path);
    html! {
        span.languages {
            @for (code, name) in [("ja", "日本語"), ("en", "English")] {
                a href=(format!("/language?to={code}&back={back}")) lang=(code) hreflang=(code) { (name) } " "
            }
        }
    }
}

/// Where a tier goes.
fn places(member: &Member, lang: Language) -> Vec<(&'static str, String)> {
    let (system, domain) = (Tier::System, Tier::Domain);
    let all = [
        (system, "/now", t!(lang, ja: "今の状態", en: "Now")),
        (domain, "/incidents", t!(lang, ja: "インシデント", en: "Incidents")),
        (system, "/queue", t!(lang, ja: "キュー", en: "Queue")),
        (domain, "/accounts", t!(lang, ja: "アカウント", en: "Accounts")),
        (domain, "/domains", t!(lang, ja: "ドメイン", en: "Domains")),
        (domain, "/aliases", t!(lang, ja: "別名", en: "Aliases")),
        (domain, "/lists", t!(lang, ja: "メーリングリスト", en: "Lists")),
        (domain, "/logs", t!(lang, ja: "ログ", en: "Logs")),
        (system, "/rules", t!(lang, ja: "ルール", en: "Rules")),
        (system, "/lockouts", t!(lang, ja: "ロックアウト", en: "Lockouts")),
        (system, "/audit", t!(lang, ja: "監査", en: "Audit")),
        (system, "/drill", t!(lang, ja: "予行", en: "Drill")),
        (system, "/reputation", t!(lang, ja: "評判", en: "Reputation")),
        (system, "/trace", t!(lang, ja: "苦情", en: "Complaints")),
        (system, "/settings", t!(lang, ja: "設定", en: "Settings")),
        (system, "/health", t!(lang, ja: "健全性", en: "Health")),
        (Tier::User, "/me", t!(lang, ja: "自分のメール", en: "My mail account")),
    ];
    all.into_iter().filter(|(tier, ..)| member.scope.tier >= *tier).map(|(_, place, name)| (place, name)).collect()
}

/// The address of one of our files, which changes with its content.
#[must_use]
pub fn asset(name: &str) -> String {
    let tag = crate::pages::assets::tag(name);
    format!("/assets/{name}?{tag}")
}

/// The hidden field that says that a form is of this session.
#[must_use]
pub fn csrf(member: &Member) -> Markup {
    html! { input type="hidden" name="csrf" value=(member.csrf()); }
}

/// A button that asks for an act; what it will do is shown before it is done.
#[must_use]
pub fn act_button(member: &Member, label: &str, command: &Value, back: &str, danger: bool) -> Markup {
    act_form(member, label, command, back, danger, &html! {})
}

/// The same with fields. A field's name is a JSON pointer into the command, with a kind: see [`crate::act`].
#[must_use]
pub fn act_form(member: &Member, label: &str, command: &Value, back: &str, danger: bool, fields: &Markup) -> Markup {
    html! {
        form.act method="post" action="/act" {
            (csrf(member))
            input type="hidden" name="command" value=(command);
            input type="hidden" name="back" value=(back);
            (fields)
            button.danger[danger] type="submit" { (label) }
        }
    }
}

/// A labelled field of a form.
#[must_use]
pub fn field(name: &str, label: &str, kind: &str, value: &str, required: bool) -> Markup {
    html! {
        label {
            span { (label) }
            input type=(kind) name=(name) value=(value) required[required] autocomplete="off";
        }
    }
}

/// A labelled choice.
#[must_use]
pub fn choice(name: &str, label: &str, options: &[(&str, String)], chosen: &str) -> Markup {
    html! {
        label {
            span { (label) }
            select name=(name) {
                @for (value, shown) in options {
                    option value=(value) selected[*value == chosen] { (shown) }
                }
            }
        }
    }
}

/// A table that scrolls by itself where the page is narrow.
#[must_use]
pub fn table(caption: &str, heads: &[String], rows: &[Vec<Markup>], lang: Language) -> Markup {
    html! {
        @if rows.is_empty() {
            p.none { (caption) ": " (t!(lang, ja: "ありません", en: "none")) }
        } @else {
            div.scroll role="region" aria-label=(caption) tabindex="0" {
                // The roles stay where a narrow page turns rows into cards.
                table role="table" {
                    caption { (caption) }
                    thead role="rowgroup" { tr role="row" { @for head in heads { th scope="col" role="columnheader" { (head) } } } }
                    tbody role="rowgroup" {
                        @for row in rows { tr role="row" { @for (cell, head) in row.iter().zip(heads) {
                            td role="cell" data-label=(head) { (cell) }
                        } } }
                    }
                }
            }
        }
    }
}

/// Text as a cell.
#[must_use]
pub fn cell(text: &str) -> Markup {
    html! { (text) }
}

/// A link as a cell.
#[must_use]
pub fn link(place: &str, text: &str) -> Markup {
    html! { a href=(place) { (text) } }
}

/// A state with its mark: colour is never the only sign.
#[must_use]
pub fn badge(name: &str, lang: Language) -> Markup {
    let (class, mark) = match name {
        "ok" | "active" | "clean" | "closed" | "observe" | "tls" => ("good", "✓"),
        "notice" | "warning" | "cleaned" | "contained" | "holding" | "dwell" | "drip" | "clear" => ("warn", "!"),
        "alarm" | "critical" | "listed" | "error" | "opened" | "suspended" | "hold" | "suspend" | "isolate" => {
            ("bad", "‼")
        }
        _ => ("", "·"),
    };
    html! { span.badge.(class) { span aria-hidden="true" { (mark) } " " (words::word(name, lang)) } }
}

/// The reverse of [`escaped`].
#[must_use]
pub fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_places() {
        for (place, wanted) in [
            ("/queue?after=3", "/queue?after=3"),
            ("//evil.example/", "/"),
            ("https://evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(place), wanted, "{place:?}");
        }
    }

    #[test]
    fn what_was_said_survives_the_cookie() {
        let said = "解決しました: 3 通; \"ok\"";
        assert_eq!(unescaped(&escaped(said)).as_deref(), Some(said));
        assert_eq!(unescaped("%zz"), None);
        assert_eq!(unescaped("%e"), None);
    }
}
