//! The way in: name and password, the code of the second factor, a first password; and the way out.

use axum::extract::{Form, Query as Params, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use sekisho_control::command::{AccountCommand, Command, Secret};
use sekisho_control::{Protocol, Refusal};
use sekisho_message::{Language, Text, say};
use sekisho_store::account::Account;
use sekisho_store::console::{self, Stage};
use serde::Deserialize;

use crate::form::Fields;
use crate::gate::{Guest, LANGUAGE, Member, Oops, same_site};
use crate::page::{Page, csrf, go, local};
use crate::scope::Tier;
use crate::service::Console;
use crate::words::t;
use crate::{secret, session, totp};

/// Wrong codes before the password must be given again.
const TRIES: u32 = 5;

/// Where somebody wanted to go.
#[derive(Debug, Default, Deserialize)]
pub struct To {
    /// A path of ours, or `ja` and `en` for [`language`].
    #[serde(default)]
    to: String,
    /// Where to go on.
    #[serde(default)]
    back: String,
}

/// `GET /`: each tier's first page.
pub async fn home(member: Member) -> Redirect {
    Redirect::to(match member.scope.tier {
        Tier::System => "/now",
        Tier::Domain => "/accounts",
        Tier::User => "/me",
    })
}

/// `GET /login`.
pub async fn login(guest: Guest, Params(to): Params<To>) -> Page {
    login_page(guest.lang, &to.to, "", None)
}

/// `POST /login`.
///
/// # Errors
/// When the store does not answer.
pub async fn enter(
    State(console): State<Console>,
    guest: Guest,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Oops> {
    let fields = Fields::plain(fields);
    if !same_site(&headers) {
        return Err(Oops::Stale);
    }
    let (name, to, ip) = (fields.get("name"), fields.get("to"), guest.ip.to_string());
    let peer = guest.peer(&ip);
    let verified = match console.control().verify(name, fields.raw("password"), Protocol::Console, peer).await {
        Ok(verified) => verified,
        Err(failure) => {
            // The same words whatever was wrong.
            let text = if failure.is_temporary() {
                say!(
                    ja: "今はログインできません。少し待ってからもう一度お試しください。",
                    en: "Nobody can log in right now. Please try again in a moment."
                )
            } else {
                say!(ja: "名前かパスワードが違います。", en: "The name or the password is wrong.")
            };
            return Ok(login_page(guest.lang, to, name, Some(&text)).into_response());
        }
    };
    let account = verified.account;
    let id = account.id;
    let factor = console.control().store().read(move |tx| console::factor(tx, id)).await?;
    let stage = match factor {
        Some(factor) if factor.confirmed => Stage::Code,
        _ => after_code(&account),
    };
    begin(&console, &guest, &account, stage, to).await
}

/// `GET /login/code`.
pub async fn code(member: Member) -> Page {
    code_page(&member, None)
}

/// `POST /login/code`.
///
/// # Errors
/// When the store does not answer.
pub async fn give_code(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    let (account, ip) = (&member.session.account, member.guest.ip.to_string());
    let control = console.control();
    if control.may_give_code(&account.key, &ip).await.is_ok()
        && code_is_right(&console, account, fields.get("code")).await?
    {
        session::end(&console, &member.token).await?;
        return begin(&console, &member.guest, account, after_code(account), "/").await;
    }
    // The reason is in the journal; whether it could not be written there changes nothing for the one who asked.
    let _ = control.wrong_code(&account.key, &ip).await;
    let hash = secret::hash(&member.token);
    let tries = control.store().write(move |tx| console::wrong_code(tx, &hash)).await?;
    if tries >= TRIES {
        session::end(&console, &member.token).await?;
        return Ok(with_cookie(Redirect::to("/login").into_response(), None));
    }
    let text = say!(ja: "コードが違います。", en: "The code is wrong.");
    Ok(code_page(&member, Some(&text)).into_response())
}

/// `GET /login/password`.
pub async fn first_password(member: Member) -> Page {
    password_page(&member, None)
}

/// `POST /login/password`.
///
/// # Errors
/// When the store does not answer.
pub async fn set_first_password(
    State(console): State<Console>,
    member: Member,
    fields: Fields,
) -> Result<Response, Oops> {
    match new_password(&console, &member, &fields).await {
        Ok(response) => Ok(response),
        Err(Oops::Refused(Refusal::Invalid { reason })) => Ok(password_page(&member, Some(&reason)).into_response()),
        Err(other) => Err(other),
    }
}

/// Sets the member's own password from the fields `new` and `again`, and begins a new session.
///
/// # Errors
/// What is wrong with the password.
pub(crate) async fn new_password(console: &Console, member: &Member, fields: &Fields) -> Result<Response, Oops> {
    if fields.raw("new") != fields.raw("again") {
        return Err(Refusal::invalid(say!(
            ja: "二つの新しいパスワードが一致しません。",
            en: "The two new passwords differ."
        ))
        .into());
    }
    if fields.raw("new") == fields.raw("current") {
        return Err(Refusal::invalid(say!(
            ja: "今と違うパスワードにしてください。",
            en: "The new password must differ from the old one."
        ))
        .into());
    }
    let account = &member.session.account;
    let command = Command::Account(AccountCommand::Password {
        address: account.address.clone(),
        password: Secret(fields.raw("new").to_owned()),
        must_change: false,
    });
    // One's own password is not a matter of tiers.
    console.control().run(command, &member.actor()).await?;
    let id = account.id;
    console.control().store().write(move |tx| console::end_others(tx, id, &[])).await?;
    begin(console, &member.guest, account, Stage::In, "/").await
}

/// `POST /logout`.
///
/// # Errors
/// When the store does not answer.
pub async fn logout(State(console): State<Console>, member: Member, _: Fields) -> Result<Response, Oops> {
    session::end(&console, &member.token).await?;
    Ok(with_cookie(Redirect::to("/login").into_response(), None))
}

/// `GET /language`: the language that somebody chose, for a year.
pub async fn language(Params(to): Params<To>) -> Response {
    let code = if to.to == "ja" { "ja" } else { "en" };
    let mut response = Redirect::to(local(&to.back)).into_response();
    let cookie = format!("{LANGUAGE}={code}; Path=/; Secure; SameSite=Lax; Max-Age=31536000");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// Whether a code is of the second factor and was not used before, or is a recovery code, which is used up.
pub(crate) async fn code_is_right(console: &Console, account: &Account, code: &str) -> Result<bool, Oops> {
    let (id, now, code) = (account.id, console.control().now(), code.to_owned());
    let right = console.control().store().write(move |tx| {
        let Some(factor) = console::factor(tx, id)?.filter(|factor| factor.confirmed) else { return Ok(false) };
        if let Some(step) = totp::step_of(&factor.secret, &code, now) {
            return console::use_step(tx, id, step);
        }
        let recovery: String = code.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        console::use_recovery(tx, id, &secret::hash(&recovery))
    });
    Ok(right.await?)
}

fn after_code(account: &Account) -> Stage {
    if account.must_change { Stage::Change } else { Stage::In }
}

async fn begin(console: &Console, guest: &Guest, account: &Account, stage: Stage, to: &str) -> Result<Response, Oops> {
    let token = session::begin(console, account.id, stage, &guest.ip.to_string(), &guest.agent).await?;
    let place = match stage {
        Stage::In if to.is_empty() => "/",
        Stage::In => local(to),
        Stage::Code => "/login/code",
        Stage::Change => "/login/password",
    };
    Ok(with_cookie(go(place, ""), Some(&token)))
}

fn with_cookie(mut response: Response, token: Option<&str>) -> Response {
    if let Ok(value) = HeaderValue::from_str(&session::set_cookie(token)) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn alert(fault: Option<&Text>, lang: Language) -> Markup {
    html! { @if let Some(text) = fault { p.alert role="alert" { (text.get(lang)) } } }
}

fn login_page(lang: Language, to: &str, name: &str, fault: Option<&Text>) -> Page {
    Page::new(
        t!(lang, ja: "ログイン", en: "Log in"),
        html! {
            section.narrow {
                (alert(fault, lang))
                form.tall method="post" action="/login" {
                    input type="hidden" name="to" value=(to);
                    label {
                        span { (t!(lang, ja: "メールアドレス", en: "Mail address")) }
                        input type="text" inputmode="email" name="name" value=(name) autocomplete="username" required
                            autofocus;
                    }
                    label {
                        span { (t!(lang, ja: "パスワード", en: "Password")) }
                        input type="password" name="password" autocomplete="current-password" required;
                    }
                    button type="submit" { (t!(lang, ja: "ログイン", en: "Log in")) }
                }
            }
        },
    )
}

fn code_page(member: &Member, fault: Option<&Text>) -> Page {
    let lang = member.lang();
    Page::new(
        t!(lang, ja: "二段階認証", en: "Second factor"),
        html! {
            section.narrow {
                (alert(fault, lang))
                form.tall method="post" action="/login/code" {
                    (csrf(member))
                    label {
                        span { (t!(lang, ja: "認証アプリの 6 桁のコード、または回復コード",
                            en: "The six digits of your authenticator, or a recovery code")) }
                        input type="text" name="code" autocomplete="one-time-code" required autofocus;
                    }
                    button type="submit" { (t!(lang, ja: "続ける", en: "Continue")) }
                }
            }
        },
    )
}

fn password_page(member: &Member, fault: Option<&Text>) -> Page {
    let lang = member.lang();
    Page::new(
        t!(lang, ja: "新しいパスワードを決める", en: "Choose a new password"),
        html! {
            section.narrow {
                p { (t!(lang, ja: "一回限りのパスワードでログインしました。これからのパスワードを決めてください。メールソフトでも同じものを使います。",
                    en: "You logged in with a one-time password. Choose the one for the time to come; mail programs use it too.")) }
                (alert(fault, lang))
                form.tall method="post" action="/login/password" {
                    (csrf(member))
                    (new_password_fields(lang))
                    button type="submit" { (t!(lang, ja: "決める", en: "Set it")) }
                }
            }
        },
    )
}

/// The fields `new` and `again`.
pub(crate) fn new_password_fields(lang: Language) -> Markup {
    html! {
        label {
            span { (t!(lang, ja: "新しいパスワード", en: "New password")) }
            input type="password" name="new" autocomplete="new-password" required;
        }
        label {
            span { (t!(lang, ja: "新しいパスワード（もう一度）", en: "New password, again")) }
            input type="password" name="again" autocomplete="new-password" required;
        }
    }
}
