//! The second factor: set up, recovery codes, taken away.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, PreEscaped, html};
use qrcodegen::{QrCode, QrCodeEcc};
use sekisho_control::command::{Command, ConsoleCommand};
use sekisho_control::{Refusal, password};
use sekisho_message::say;
use sekisho_store::console;

use crate::form::Fields;
use crate::gate::{Member, Oops};
use crate::page::{Page, csrf, go};
use crate::pages::me::must_be_me;
use crate::service::Console;
use crate::words::{count, t};
use crate::{secret, totp};

/// `GET /me/factor`.
///
/// # Errors
/// When the store does not answer.
pub async fn page(State(console): State<Console>, member: Member) -> Result<Page, Oops> {
    let id = member.session.account.id;
    let found =
        console.control().store().read(move |tx| Ok((console::factor(tx, id)?, console::recovery_left(tx, id)?)));
    let (factor, left) = found.await?;
    let lang = member.lang();
    let body = match factor {
        Some(factor) if factor.confirmed => in_force(&member, left),
        Some(factor) => proposed(&console, &member, &factor.secret),
        None => absent(&member),
    };
    Ok(Page::new(t!(lang, ja: "二段階認証", en: "Second factor"), body))
}

/// `POST /me/factor/begin`.
///
/// # Errors
/// When the store does not answer.
pub async fn begin(State(console): State<Console>, member: Member, _: Fields) -> Result<Response, Oops> {
    let fresh = secret::bytes::<{ totp::SECRET }>().map_err(|_| no_random())?;
    let (id, now) = (member.session.account.id, console.control().now());
    console.control().store().write(move |tx| console::propose_factor(tx, id, &fresh, now)).await?;
    Ok(Redirect::to("/me/factor").into_response())
}

/// `POST /me/factor/confirm`: the first code; the recovery codes are shown once.
///
/// # Errors
/// When the code is wrong.
pub async fn confirm(State(console): State<Console>, member: Member, fields: Fields) -> Result<Page, Oops> {
    let (lang, account) = (member.lang(), &member.session.account);
    let id = account.id;
    let factor = console.control().store().read(move |tx| console::factor(tx, id)).await?;
    let factor = factor.filter(|factor| !factor.confirmed).ok_or(Oops::Stale)?;
    let step = totp::step_of(&factor.secret, fields.get("code"), console.control().now()).ok_or_else(|| {
        Refusal::invalid(say!(
            ja: "コードが違います。端末の時計が合っているか確かめてください。",
            en: "The code is wrong. Look whether the clock of your device is right."
        ))
    })?;
    let mut codes = Vec::new();
    for _ in 0..totp::RECOVERY_CODES {
        codes.push(password::one_time().map_err(|_| no_random())?);
    }
    let hashes = codes.iter().map(|code| secret::hash(&code.replace('-', ""))).collect();
    console.control().confirm_factor(id, &account.key, step, hashes, &member.actor()).await?;
    Ok(Page::new(
        t!(lang, ja: "回復コード", en: "Recovery codes"),
        html! {
            p.said role="status" { (t!(lang, ja: "二段階認証を有効にしました。", en: "The second factor is in force.")) }
            p { (t!(lang,
                ja: "端末をなくしたときのための回復コードです。それぞれ一度だけ使えます。表示は今だけなので、印刷するか書き留めてください。",
                en: "These codes get you in when the device is lost, each once. They are shown only now: print them or write them down.")) }
            ul #recovery { @for code in &codes { li { code { (code) } } } }
            p { a.button href="/me" { (t!(lang, ja: "書き留めました", en: "I have written them down")) } }
        },
    ))
}

/// `POST /me/factor/remove`.
///
/// # Errors
/// When the password is wrong.
pub async fn remove(State(console): State<Console>, member: Member, fields: Fields) -> Result<Response, Oops> {
    if !member.scope.active {
        return Err(Oops::Forbidden);
    }
    must_be_me(&console, &member, fields.raw("current")).await?;
    let address = member.session.account.address.clone();
    // One's own factor, and the password was given: not a matter of tiers.
    let done =
        console.control().run(Command::Console(ConsoleCommand::FactorRemove { address }), &member.actor()).await?;
    Ok(go("/me/factor", done.text.get(member.lang())))
}

fn absent(member: &Member) -> Markup {
    let lang = member.lang();
    html! {
        section.narrow {
            p { (t!(lang,
                ja: "パスワードのほかに、スマートフォンなどの認証アプリが示す 6 桁のコードを使います。パスワードが盗まれても管理画面に入られません。",
                en: "Besides the password, six digits that an authenticator on your telephone shows. A stolen password alone does not get into the console.")) }
            form method="post" action="/me/factor/begin" {
                (csrf(member))
                button type="submit" { (t!(lang, ja: "設定を始める", en: "Set it up")) }
            }
        }
    }
}

fn proposed(console: &Console, member: &Member, shared: &[u8]) -> Markup {
    let lang = member.lang();
    let uri = totp::uri(shared, &member.session.account.address, &console.settings().hostname);
    let label = t!(lang, ja: "認証アプリで読み取る QR コード", en: "QR code for your authenticator");
    html! {
        section.narrow {
            p { (t!(lang, ja: "1. 認証アプリでこの QR コードを読み取ります。", en: "1. Scan this code with your authenticator.")) }
            div.qr { (picture(&uri, &label)) }
            details {
                summary { (t!(lang, ja: "読み取れないとき", en: "If it cannot be scanned")) }
                p { (t!(lang, ja: "この鍵を手で入力します:", en: "Type this key:")) " " code #key { (totp::base32(shared)) } }
            }
            form.tall method="post" action="/me/factor/confirm" {
                (csrf(member))
                label {
                    span { (t!(lang, ja: "2. アプリに出た 6 桁のコード", en: "2. The six digits that it shows")) }
                    input type="text" inputmode="numeric" name="code" autocomplete="one-time-code" required;
                }
                button type="submit" { (t!(lang, ja: "有効にする", en: "Put it in force")) }
            }
        }
    }
}

fn in_force(member: &Member, left: u64) -> Markup {
    let lang = member.lang();
    let left = count(left);
    html! {
        section.narrow {
            p { (t!(lang, ja: "二段階認証は有効です。回復コードは残り {left} 個です。", en: "It is in force. {left} recovery codes are left.")) }
            form.tall method="post" action="/me/factor/remove" {
                (csrf(member))
                label {
                    span { (t!(lang, ja: "今のパスワード", en: "Current password")) }
                    input type="password" name="current" autocomplete="current-password" required;
                }
                button.danger type="submit" { (t!(lang, ja: "解除する", en: "Remove it")) }
            }
        }
    }
}

/// The picture of a text, with the quiet zone that readers want (ISO/IEC 18004 §6.3.8).
fn picture(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return html! {} };
    let (size, quiet) = (code.size(), 4);
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            path.push_str(&format!("M{},{}h1v1h-1z", x + quiet, y + quiet));
        }
    }
    let side = size + 2 * quiet;
    html! {
        svg viewBox=(format!("0 0 {side} {side}")) role="img" aria-label=(label) shape-rendering="crispEdges" {
            (PreEscaped(format!("<rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path fill=\"#000\" d=\"{path}\"/>")))
        }
    }
}

fn no_random() -> Refusal {
    Refusal::Store { reason: say!(ja: "乱数が得られません。", en: "No random numbers."), temporary: true }
}
