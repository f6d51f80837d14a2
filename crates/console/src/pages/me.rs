//! *My mail account*: where it was used, with a button for "this was not me"; what is held; how to set up a mail program.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use sekisho_control::command::{Command, IncidentCommand, QueueCommand};
use sekisho_control::{Protocol, Query, Refusal};
use sekisho_message::say;
use sekisho_store::MessageId;
use sekisho_store::console;
use sekisho_store::queue::{Filter, Stage};
use serde_json::Value;

use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, badge, cell, csrf, go, link, table};
use crate::pages::entry::{new_password, new_password_fields};
use crate::pages::personal;
use crate::preview::counted;
use crate::service::Console;
use crate::words::{browser, count, door, items, moment, moment_of, t, text, word};
use crate::{secret, setup};

/// Held messages that are shown.
const HELD: u32 = 50;

/// `GET /me`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let lang = member.lang();
    let account = &member.session.account;
    let latest = super::accounts::latest(&console, &member, &account.key).await?;
    let own = Filter { account: Some(account.key.clone()), ..Filter::default() };
    let (queued, _) = counted(&console, &own).await?;
    let filter = Filter { stage: Some(Stage::Holding), ..own };
    let held = member.look(&console, Query::Queue { filter, after: None, limit: HELD }).await?;
    let open = open_incident(&console, &member).await?;
    Ok(Page::new(
        t!(lang, ja: "自分のメール", en: "My mail account"),
        html! {
            @if !member.scope.active {
                p.alert { (t!(lang,
                    ja: "送信は止められています。受信とメールの閲覧はできます。管理者に連絡してください。",
                    en: "You cannot send at the moment. Receiving and reading go on. Please call your administrator.")) }
            }
            (logins(&console, &member, &latest, queued.messages))
            (waiting(&console, &member, &held, open))
            @if member.scope.active { (super::app_passwords::section(&console, &member, &account.key, "/me").await?) }
            div.columns {
                (password(&member))
                (sessions(&console, &member).await?)
                section {
                    h2 { (t!(lang, ja: "二段階認証とプログラム", en: "Second factor and programs")) }
                    ul {
                        li { (link("/me/factor", &t!(lang, ja: "二段階認証", en: "Second factor"))) }
                        li { (link("/me/tokens", &t!(lang, ja: "プログラム用のトークン", en: "Tokens of programs"))) }
                    }
                }
                @if member.scope.active { (personal::forms(&member, &account.address, &account.personal, "/me")) }
                (setup::shown(&console, &account.address, lang))
            }
        },
    ))
}

/// `POST /me/not-me`: contains at once. What waits is held, sending stops, everybody else is logged out.
///
/// # Errors
/// When it could not be done.
pub async fn not_me(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    let (account, network) = (&member.session.account, fields.get("network"));
    let reason = format!("the owner does not know the login from {}", sekisho_control::entry::cut(network, 64));
    let contain = Command::Incident(IncidentCommand::Contain { which: account.key.clone(), reason });
    let done = member.act(&console, contain).await?;
    let token = secret::hash(&member.token);
    console.control().disown(account.id, &account.key, network, token, &member.actor()).await?;
    Ok(go("/me", done.text.get(member.lang())))
}

/// `POST /me/mine`: sends a held message, where the operator lets owners do so and no incident is open.
///
/// # Errors
/// When it may not be done.
pub async fn mine(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    if !console.settings().owner_release || !member.scope.active || open_incident(&console, &member).await? {
        return Err(Oops::Forbidden);
    }
    let message = MessageId::parse(fields.get("message")).ok_or(Oops::NotFound)?;
    let filter =
        Filter { account: Some(member.session.account.key.clone()), message: Some(message), ..Filter::default() };
    // The filter names the owner: nobody else's message can be meant.
    let done = console.control().run(Command::Queue(QueueCommand::Release { filter }), &member.actor()).await?;
    Ok(go("/me", done.text.get(member.lang())))
}

/// `POST /me/password`.
///
/// # Errors
/// What is wrong with the passwords.
pub async fn set_password(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    if !member.scope.active {
        return Err(Oops::Forbidden);
    }
    must_be_me(&console, &member, fields.raw("current")).await?;
    new_password(&console, &member, &fields).await
}

/// `POST /me/sessions`: logs out every other browser.
///
/// # Errors
/// When the store does not answer.
pub async fn end_sessions(State(console): State<Console>, member: Member, _: Fields) -> Result<Response, Oops> {
    let account = &member.session.account;
    let token = secret::hash(&member.token);
    let done = console.control().disown(account.id, &account.key, "", token, &member.actor()).await?;
    Ok(go("/me", done.text.get(member.lang())).into_response())
}

/// Refuses whoever does not know the password; wrong ones count as everywhere.
///
/// # Errors
/// When it is wrong.
pub(crate) async fn must_be_me(console: &Console, member: &Member, password: &str) -> Result<(), Oops> {
    let (key, ip) = (&member.session.account.key, member.guest.ip.to_string());
    match console.control().verify(key, password, Protocol::Console, member.guest.peer(&ip)).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::invalid(say!(
            ja: "今のパスワードが違います。",
            en: "The current password is wrong."
        ))
        .into()),
    }
}

async fn open_incident(console: &Console, member: &Member) -> Result<bool, Oops> {
    let found = member.look(console, Query::Incidents { before: None }).await?;
    let own = |one: &&Value| text(one, "account") == member.session.account.key && text(one, "state") != "closed";
    Ok(items(&found, "incidents").iter().any(|one| own(&one)))
}

fn logins(console: &Console, member: &Member, latest: &[Value], queued: u64) -> Markup {
    let lang = member.lang();
    // Where that is, if the operator has a database of countries.
    let place = |network: &str| {
        console.control().guard().country(network).map(|code| String::from_utf8_lossy(&code).into_owned())
    };
    let rows: Vec<Vec<Markup>> = latest
        .iter()
        .map(|found| &found["entry"])
        .filter(|entry| entry["detail"]["login"].is_string())
        .map(|entry| {
            let right = entry["detail"]["ok"] == true;
            let door = door(text(entry, "kind"));
            let network = text(entry, "network");
            vec![
                moment_of(&entry["at"], lang),
                cell(door),
                html! { (cell(network)) @if let Some(country) = place(network) { " " span.quiet { (country) } } },
                html! {
                    (word(entry["detail"]["how"].as_str().unwrap_or("password"), lang))
                    @if entry["detail"]["wire"] == "clear" { " " (badge("clear", lang)) }
                },
                cell(&browser(text(&entry["detail"], "program"))),
                html! { @if right { (badge("ok", lang)) } @else { span.quiet { (t!(lang, ja: "失敗", en: "refused")) } } },
                html! { @if right {
                    form.inline method="post" action="/me/not-me" {
                        (csrf(member))
                        input type="hidden" name="network" value=(network);
                        button.danger type="submit" { (t!(lang, ja: "これは自分ではない", en: "This was not me")) }
                    }
                } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "時刻", en: "Time"),
        t!(lang, ja: "入口", en: "Door"),
        t!(lang, ja: "ネットワーク", en: "Network"),
        t!(lang, ja: "認証", en: "Proof"),
        t!(lang, ja: "ソフト（自称）", en: "Program (as it says)"),
        t!(lang, ja: "結果", en: "Result"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    let queued = count(queued);
    html! {
        section {
            h2 { (t!(lang, ja: "最近のログイン", en: "Latest logins")) }
            p { (t!(lang,
                ja: "「これは自分ではない」を押すと、すぐに送信を止め、送信待ちのメール（今 {queued} 通）を保留し、ほかのブラウザをログアウトさせ、管理者に知らせます。何も失われません。",
                en: "“This was not me” stops sending at once, holds what waits to be sent (now {queued} messages), logs out every other browser and tells the administrators. Nothing is lost.")) }
            (table(&t!(lang, ja: "ログイン", en: "Logins"), &heads, &rows, lang))
        }
    }
}

fn waiting(console: &Console, member: &Member, held: &Value, open: bool) -> Markup {
    let lang = member.lang();
    let may = console.settings().owner_release && member.scope.active && !open;
    let rows: Vec<Vec<Markup>> = items(held, "recipients")
        .iter()
        .map(|one| {
            vec![
                link(&format!("/messages/{}", text(one, "message")), text(one, "message")),
                cell(text(one, "to")),
                cell(text(one, "subject")),
                moment_of(&one["due"], lang),
                html! { @if may {
                    form.inline method="post" action="/me/mine" {
                        (csrf(member))
                        input type="hidden" name="message" value=(text(one, "message"));
                        button type="submit" { (t!(lang, ja: "これは自分のメール", en: "This is mine")) }
                    }
                } },
            ]
        })
        .collect();
    let heads = [
        t!(lang, ja: "ID", en: "Id"),
        t!(lang, ja: "宛先", en: "To"),
        t!(lang, ja: "件名", en: "Subject"),
        t!(lang, ja: "送られる時刻", en: "Goes at"),
        t!(lang, ja: "操作", en: "Acts"),
    ];
    html! {
        section {
            h2 { (t!(lang, ja: "確認のために止められているメール", en: "Mail of mine that is held")) }
            @if open {
                p.question { (t!(lang,
                    ja: "不正利用の疑いがあるため、送信したメールを止めています。管理者が確認します。",
                    en: "It looks as if somebody else used the account, so what was sent is held until an administrator has looked.")) }
            } @else if !rows.is_empty() {
                p { (t!(lang,
                    ja: "初めての宛先などのため、少し待ってから送られます。時刻がないものは管理者の確認を待っています。",
                    en: "It waits a little, as mail to somebody new does, and then goes by itself. What has no time waits for an administrator.")) }
            }
            (table(&t!(lang, ja: "止められているメール", en: "Held mail"), &heads, &rows, lang))
        }
    }
}

fn password(member: &Member) -> Markup {
    let lang = member.lang();
    html! {
        @if member.scope.active {
            section {
                h2 { (t!(lang, ja: "パスワードを変える", en: "Change the password")) }
                form.tall method="post" action="/me/password" {
                    (csrf(member))
                    label {
                        span { (t!(lang, ja: "今のパスワード", en: "Current password")) }
                        input type="password" name="current" autocomplete="current-password" required;
                    }
                    (new_password_fields(lang))
                    button type="submit" { (t!(lang, ja: "変える", en: "Change it")) }
                }
            }
        }
    }
}

async fn sessions(console: &Console, member: &Member) -> Result<Markup, Oops> {
    let (lang, account, now) = (member.lang(), member.session.account.clone(), console.control().now());
    let found = console.control().store().read(move |tx| console::sessions(tx, &account, now)).await?;
    Ok(html! {
        section {
            h2 { (t!(lang, ja: "ログイン中のブラウザ", en: "Browsers that are logged in")) }
            ul { @for one in &found {
                li { (moment(one.seen, lang)) " " (one.network) " " span.quiet { (browser(&one.agent)) } }
            } }
            form method="post" action="/me/sessions" {
                (csrf(member))
                button type="submit" { (t!(lang, ja: "ほかのブラウザをログアウトさせる", en: "Log out the others")) }
            }
        }
    })
}
