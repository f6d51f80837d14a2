//! Tokens of programs: made, shown once, taken away.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use sekisho_control::Refusal;
use sekisho_control::console::TokenWish;
use sekisho_message::say;
use sekisho_store::console;

use crate::api::SCOPES;
use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, cell, choice, csrf, field, go, table};
use crate::secret;
use crate::service::Console;
use crate::words::{moment, t};

/// Longest name of a token.
const LONGEST_NAME: usize = 100;

/// `GET /me/tokens`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let (lang, id) = (member.lang(), member.session.account.id);
    let found = console.control().store().read(move |tx| console::tokens(tx, id)).await?;
    let rows: Vec<Vec<Markup>> = found
        .iter()
        .map(|one| {
            vec![
                cell(&one.name),
                cell(&one.scopes),
                html! { @match one.used { Some(at) => (moment(at, lang)), None => "—" } },
                moment(one.until, lang),
                html! {
                    form.inline method="post" action="/me/tokens/remove" {
                        (csrf(&member))
                        input type="hidden" name="id" value=(one.id);
                        button.danger type="submit" { (t!(lang, ja: "消す", en: "Take away")) }
                    }
                },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "名前", en: "Name"),
        t!(lang, ja: "できること", en: "May do"),
        t!(lang, ja: "最後の使用", en: "Last used"),
        t!(lang, ja: "期限", en: "Until"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    let days = [("30", t!(lang, ja: "30 日", en: "30 days")), ("365", t!(lang, ja: "1 年", en: "a year"))];
    Ok(Page::new(
        t!(lang, ja: "プログラム用のトークン", en: "Tokens of programs"),
        html! {
            section { (table(&t!(lang, ja: "トークン", en: "Tokens"), &heads, &rows, lang)) }
            section {
                h2 { (t!(lang, ja: "トークンを作る", en: "Make a token")) }
                form.tall method="post" action="/me/tokens" {
                    (csrf(&member))
                    (field("name", &t!(lang, ja: "名前（何に使うか）", en: "Name: what it is for"), "text", "", true))
                    fieldset {
                        legend { (t!(lang, ja: "できること", en: "What it may do")) }
                        @for scope in SCOPES {
                            label.check { input type="checkbox" name=(format!("scope:{}", scope.name)) value="1"; span { code { (scope.name) } " " (scope.text(lang)) } }
                        }
                    }
                    (choice("days", &t!(lang, ja: "期限", en: "Lasts"), &days, "365"))
                    button type="submit" { (t!(lang, ja: "作る", en: "Make it")) }
                }
                p { a href="/api/v1/openapi.json" { "OpenAPI" } }
            }
        },
    ))
}

/// `POST /me/tokens`.
///
/// # Errors
/// When it could not be made.
pub async fn make(State(console): State<Console>, member: Member, fields: Fields) -> Result<Page, Oops> {
    let (lang, account) = (member.lang(), &member.session.account);
    if !member.scope.active {
        return Err(Oops::Forbidden);
    }
    let scopes: Vec<&str> =
        SCOPES.iter().map(|scope| scope.name).filter(|name| !fields.get(&format!("scope:{name}")).is_empty()).collect();
    let name: String = fields.get("name").chars().take(LONGEST_NAME).collect();
    if scopes.is_empty() || name.is_empty() {
        return Err(Refusal::invalid(say!(
            ja: "名前と、できることを一つ以上選んでください。",
            en: "Give it a name and something that it may do."
        ))
        .into());
    }
    let days = fields.get("days").parse::<u64>().unwrap_or(30).clamp(1, 366);
    let token = secret::token().map_err(|_| Oops::Stale)?;
    let token = format!("sek_{token}");
    let wish = TokenWish {
        account: account.id,
        name,
        hash: secret::hash(&token),
        scopes: scopes.join(" "),
        until: console.control().now() + Duration::from_secs(days * 86_400),
    };
    console.control().make_token(wish, &account.key, &member.actor()).await?;
    Ok(Page::new(
        t!(lang, ja: "新しいトークン", en: "New token"),
        html! {
            p { (t!(lang, ja: "表示はこの一度だけです。", en: "It is shown only now.")) }
            p { code.secret #token { (token) } }
            p { a.button href="/me/tokens" { (t!(lang, ja: "書き留めました", en: "I have written it down")) } }
        },
    ))
}

/// `POST /me/tokens/remove`.
///
/// # Errors
/// When there is no such token.
pub async fn remove(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    let account = &member.session.account;
    let id = fields.get("id").parse().map_err(|_| Oops::NotFound)?;
    let done = console.control().end_token(account.id, &account.key, id, &member.actor()).await?;
    Ok(go("/me/tokens", done.text.get(member.lang())))
}
