//! Who is asking: every address of [`crate::routes`] has a gate before it, and every page leaves through it.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use sekisho_control::command::Command;
use sekisho_control::{Actor, Done, Query, Refusal};
use sekisho_message::{Language, Text, say};
use sekisho_store::console::{Session, Stage};
use serde_json::Value;

use crate::page::{self, Page};
use crate::scope::{self, Scope, Tier};
use crate::service::{Console, Peer};
use crate::words::escaped;
use crate::{secret, session};

/// The cookie of the language that somebody chose.
pub const LANGUAGE: &str = "sekisho_lang";
/// The cookie with what the last act said.
pub const SAID: &str = "__Host-sekisho-said";

/// Who may go somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// Somebody on the way in, whose session may miss the code or a new password.
    Halfway(Stage),
    /// Everybody who is logged in.
    Person,
    /// Those who administer a domain or all.
    Domain,
    /// Those who administer all.
    System,
    /// Programs with a token; which tiers and scopes is said by [`crate::api`].
    Program,
}

impl Who {
    /// Whether a tier may go there.
    #[must_use]
    pub const fn admits(self, tier: Tier) -> bool {
        match self {
            Self::Anyone | Self::Halfway(_) | Self::Person | Self::Program => true,
            Self::Domain => matches!(tier, Tier::Domain | Tier::System),
            Self::System => matches!(tier, Tier::System),
        }
    }
}

/// Somebody at a browser.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Which language the browser wants.
    pub lang: Language,
    /// Its address.
    pub ip: IpAddr,
    /// What it calls itself.
    pub agent: String,
    /// The path that was asked for, with its query.
    pub path: String,
    /// What the last act said.
    pub said: Option<String>,
}

/// Somebody who is logged in.
#[derive(Clone, Debug)]
pub struct Member {
    /// The browser.
    pub guest: Guest,
    /// What may be seen and done.
    pub scope: Scope,
    /// The session.
    pub session: Session,
    /// The browser's token.
    pub token: String,
}

impl Member {
    /// Which language.
    #[must_use]
    pub const fn lang(&self) -> Language {
        self.guest.lang
    }

    /// What a form of this session carries, so that no other site can send it.
    #[must_use]
    pub fn csrf(&self) -> String {
        secret::derived(&self.token, "form")
    }

    /// As the journal names them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::Console { account: self.session.account.key.clone(), network: self.guest.ip.to_string() }
    }

    /// Looks at something that this member may see.
    ///
    /// # Errors
    /// Why not.
    pub async fn look(&self, console: &Console, query: Query) -> Result<Value, Oops> {
        look(console, &self.scope, query).await
    }

    /// Does something that this member may do.
    ///
    /// # Errors
    /// Why not.
    pub async fn act(&self, console: &Console, command: Command) -> Result<Done, Oops> {
        act(console, &self.scope, command, &self.actor()).await
    }
}

/// Looks at something that `scope` may see.
///
/// # Errors
/// Why not.
pub async fn look(console: &Console, scope: &Scope, query: Query) -> Result<Value, Oops> {
    let query = scope.narrowed(query).ok_or(Oops::Forbidden)?;
    if let Query::QueuedContent { message, .. } = &query
        && scope.tier != Tier::System
    {
        // Whose it is stands in the answer to another question.
        let whose = console.desk().look(Query::Queued { message: message.clone() }).await?;
        scope.filtered(&Query::Queued { message: message.clone() }, whose).ok_or(Oops::Forbidden)?;
    }
    let answer = console.desk().look(query.clone()).await?;
    scope.filtered(&query, answer).ok_or(Oops::Forbidden)
}

/// Does something that `scope` may do.
///
/// # Errors
/// Why not.
pub async fn act(console: &Console, scope: &Scope, command: Command, actor: &Actor) -> Result<Done, Oops> {
    if !scope.may(console, &command).await? {
        return Err(Oops::Forbidden);
    }
    Ok(console.control().run(command, actor).await?)
}

/// Why there is no page.
#[derive(Clone, Debug)]
pub enum Oops {
    /// The act was not done, or the answer cannot be given.
    Refused(Refusal),
    /// Not for this tier.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The form came from elsewhere, or is old.
    Stale,
}

impl From<Refusal> for Oops {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<sekisho_store::Error> for Oops {
    fn from(error: sekisho_store::Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Oops {
    /// Status and text.
    #[must_use]
    pub fn shown(&self) -> (StatusCode, Text) {
        match self {
            Self::Refused(Refusal::Store { reason, temporary }) => {
                let status = if *temporary { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT };
                (status, reason.clone())
            }
            Self::Refused(refusal) => (StatusCode::CONFLICT, refusal.text().clone()),
            Self::Forbidden => (StatusCode::FORBIDDEN, scope::refused().text().clone()),
            Self::NotFound => {
                (StatusCode::NOT_FOUND, say!(ja: "そのページはありません。", en: "There is no such page."))
            }
            Self::Stale => (
                StatusCode::FORBIDDEN,
                say!(
                    ja: "この画面は古くなっています。開き直してからもう一度お試しください。",
                    en: "This page is out of date. Open it again and retry."
                ),
            ),
        }
    }
}

impl IntoResponse for Oops {
    fn into_response(self) -> Response {
        let mut response = self.shown().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A gate: the console, and who may pass.
#[derive(Clone)]
pub struct Gate {
    /// The console.
    pub console: Console,
    /// Who may pass.
    pub who: Who,
}

/// Lets through who may pass, and dresses what comes back.
pub async fn gate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let guest = Guest::of(request.headers(), request.extensions().get::<Peer>(), request.uri().path_and_query());
    let Gate { console, who } = gate;
    if matches!(who, Who::Anyone | Who::Program) {
        request.extensions_mut().insert(guest.clone());
        return dressed(next.run(request).await, &console, &guest, None);
    }
    let found = match session::find(&console, request.headers()).await {
        Ok(found) => found,
        Err(error) => return dressed(Oops::from(error).into_response(), &console, &guest, None),
    };
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some((token, session)) = found else {
        let back = if reading { format!("/login?to={}", escaped(&guest.path)) } else { "/login".into() };
        return Redirect::to(&back).into_response();
    };
    let elsewhere = match (session.stage, who) {
        (Stage::In, Who::Halfway(_)) => Some("/"),
        (Stage::Code, who) if who != Who::Halfway(Stage::Code) => Some("/login/code"),
        (Stage::Change, who) if who != Who::Halfway(Stage::Change) => Some("/login/password"),
        _ => None,
    };
    if let Some(place) = elsewhere {
        return Redirect::to(place).into_response();
    }
    let scope = Scope::of(&session.account);
    let member = Member { guest: guest.clone(), scope, session, token };
    if !who.admits(member.scope.tier) {
        return dressed(Oops::Forbidden.into_response(), &console, &guest, Some(&member));
    }
    if !reading && !same_site(request.headers()) {
        return dressed(Oops::Stale.into_response(), &console, &guest, Some(&member));
    }
    request.extensions_mut().insert(guest.clone());
    request.extensions_mut().insert(member.clone());
    dressed(next.run(request).await, &console, &guest, Some(&member))
}

/// Whether a browser says that a form came from this site (Fetch Metadata), or, an old one, from where (RFC 6454 §7).
pub(crate) fn same_site(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.strip_prefix("https://") == Some(host),
        // Neither: no browser of this century. The token in the form still guards it.
        _ => true,
    }
}

/// A page in its frame, a fault as a page; with what the last act said, once.
fn dressed(mut response: Response, console: &Console, guest: &Guest, member: Option<&Member>) -> Response {
    let status = response.status();
    let shown = if let Some(page) = response.extensions_mut().remove::<Page>() {
        Some(page)
    } else {
        response.extensions_mut().remove::<Oops>().map(|oops| page::fault(&oops, guest.lang))
    };
    let Some(shown) = shown else { return response };
    let markup = page::frame(&shown, console, guest, member);
    let cookies: Vec<_> = response.headers().get_all(header::SET_COOKIE).iter().cloned().collect();
    let mut dressed = (status, markup).into_response();
    for cookie in cookies {
        dressed.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if guest.said.is_some()
        && let Ok(gone) = format!("{SAID}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0").parse()
    {
        dressed.headers_mut().append(header::SET_COOKIE, gone);
    }
    dressed
}

impl Guest {
    /// Who logs in from here; `ip` is the address as text.
    pub(crate) fn peer<'a>(&'a self, ip: &'a str) -> sekisho_control::credential::Peer<'a> {
        sekisho_control::credential::Peer { network: ip, tls: true, program: &self.agent }
    }

    fn of(headers: &HeaderMap, peer: Option<&Peer>, path: Option<&axum::http::uri::PathAndQuery>) -> Self {
        let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let chosen = session::cookie(headers, LANGUAGE);
        let lang = match chosen.as_deref() {
            Some("ja") => Language::Ja,
            Some("en") => Language::En,
            _ => preferred(text(header::ACCEPT_LANGUAGE)),
        };
        Self {
            lang,
            ip: peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.to_canonical()),
            agent: text(header::USER_AGENT).to_owned(),
            path: path.map_or_else(|| "/".into(), |path| path.as_str().to_owned()),
            said: session::cookie(headers, SAID).and_then(|said| page::unescaped(&said)),
        }
    }
}

/// The first of our languages in an `Accept-Language` (RFC 9110 §12.5.4); without one, English.
fn preferred(accept: &str) -> Language {
    let mut best = (0.0, Language::En);
    for part in accept.split(',').take(20) {
        let mut fields = part.trim().split(';');
        let tag = fields.next().unwrap_or_default().to_ascii_lowercase();
        let weight = fields.find_map(|f| f.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        let lang = match tag.get(..2) {
            Some("ja") => Language::Ja,
            Some("en") => Language::En,
            _ => continue,
        };
        if weight > best.0 {
            best = (weight, lang);
        }
    }
    best.1
}

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = Oops;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Oops> {
        parts.extensions.get::<Self>().cloned().ok_or(Oops::Forbidden)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Member {
    type Rejection = Oops;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Oops> {
        parts.extensions.get::<Self>().cloned().ok_or(Oops::Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_language() {
        assert_eq!(preferred("ja,en-US;q=0.7"), Language::Ja);
        assert_eq!(preferred("en-GB, ja;q=0.9"), Language::En);
        assert_eq!(preferred("fr, ja;q=0.5, en;q=0.4"), Language::Ja);
        assert_eq!(preferred(""), Language::En);
    }

    #[test]
    fn forms_of_other_sites_are_told_apart() {
        let with = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                if let Ok(value) = value.parse() {
                    headers.insert(*name, value);
                }
            }
            headers
        };
        assert!(same_site(&with(&[("sec-fetch-site", "same-origin")])));
        assert!(!same_site(&with(&[("sec-fetch-site", "cross-site")])));
        assert!(!same_site(&with(&[("sec-fetch-site", "same-site")])));
        assert!(same_site(&with(&[("origin", "https://mx.example.jp:2080"), ("host", "mx.example.jp:2080")])));
        assert!(!same_site(&with(&[("origin", "https://evil.example"), ("host", "mx.example.jp")])));
    }
}
