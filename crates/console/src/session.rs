//! Browsers that are logged in: their cookies, and the rows behind them.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use sekisho_message::Time;
use sekisho_store::console::{self, NewSession, Session, Stage};
use sekisho_store::{AccountId, Error};

use crate::secret;
use crate::service::Console;

/// The cookie. Its prefix makes browsers insist on TLS, this host and the whole site (RFC 6265bis §4.1.3.2).
pub const COOKIE_NAME: &str = "__Host-sekisho";
/// How often the use of a session is written down.
const TOUCH_EVERY: Duration = Duration::from_secs(60);
/// How long somebody may take from the password to the code.
const HALFWAY: Duration = Duration::from_secs(600);
/// Longest name of a browser that is kept.
const LONGEST_AGENT: usize = 200;

/// Begins a session; the token for the cookie.
///
/// # Errors
/// When the store does not answer or there are no random bytes.
pub async fn begin(
    console: &Console,
    account: AccountId,
    stage: Stage,
    network: &str,
    agent: &str,
) -> Result<String, Error> {
    let token = secret::token().map_err(|_| Error::Unavailable("no random bytes".into()))?;
    let now = console.control().now();
    let span = if stage == Stage::Code { HALFWAY } else { console.settings().idle };
    let agent = agent.get(..agent.floor_char_boundary(LONGEST_AGENT)).unwrap_or_default().to_owned();
    let new = NewSession {
        token: secret::hash(&token),
        account,
        stage,
        until: now + span,
        network: network.to_owned(),
        agent,
    };
    console.control().store().write(move |tx| console::start(tx, &new, now)).await?;
    Ok(token)
}

/// The session of a request, if there is one, with its token.
///
/// # Errors
/// When the store does not answer.
pub async fn find(console: &Console, headers: &HeaderMap) -> Result<Option<(String, Session)>, Error> {
    let Some(token) = cookie(headers, COOKIE_NAME).filter(|token| token.len() <= 64) else { return Ok(None) };
    let (hash, now) = (secret::hash(&token), console.control().now());
    let wanted = hash.clone();
    let Some(session) = console.control().store().read(move |tx| console::session(tx, &wanted, now)).await? else {
        return Ok(None);
    };
    if session.stage == Stage::In && session.seen + TOUCH_EVERY <= now {
        let until = until(console, &session, now);
        console.control().store().write(move |tx| console::touch(tx, &hash, until, now)).await?;
    }
    Ok(Some((token, session)))
}

/// Ends the session of a token.
///
/// # Errors
/// When the store does not answer.
pub async fn end(console: &Console, token: &str) -> Result<(), Error> {
    let hash = secret::hash(token);
    console.control().store().write(move |tx| console::end(tx, &hash)).await
}

/// A `Set-Cookie` value for a session; without a token it takes the cookie away.
#[must_use]
pub fn set_cookie(token: Option<&str>) -> String {
    match token {
        Some(token) => format!("{COOKIE_NAME}={token}; Path=/; Secure; HttpOnly; SameSite=Lax"),
        None => format!("{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"),
    }
}

/// The value of a cookie of a request.
#[must_use]
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value.to_owned())
}

fn until(console: &Console, session: &Session, now: Time) -> Time {
    let settings = console.settings();
    (now + settings.idle).min(session.created + settings.longest)
}
