//! The same for programs: `/api/v1` has the views and acts of the pages, with tokens instead of browsers, and `/metrics`.
//!
//! Tables say what there is: [`views`] and [`acts`]. The router and the OpenAPI document are made of them.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use sekisho_control::{Actor, Refusal};
use sekisho_message::{Language, Text, say};
use sekisho_store::account::{self, State as AccountState};
use sekisho_store::console;
use serde_json::{Value, json};

use crate::gate::{Guest, Oops};
use crate::scope::Scope;
use crate::secret;
use crate::service::Console;
use crate::words::t;

pub mod acts;
pub mod metrics;
pub mod openapi;
pub mod views;

/// Where everything is.
pub const BASE: &str = "/api/v1";

/// How often the use of a token is written down.
const NOTE_EVERY: std::time::Duration = std::time::Duration::from_secs(3_600);

/// What a token may do.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// Its name.
    pub name: &'static str,
}

/// Everything that a token may be allowed to do.
pub const SCOPES: &[Grant] = &[
    Grant { name: "read" },
    Grant { name: "people" },
    Grant { name: "queue" },
    Grant { name: "incidents" },
    Grant { name: "rules" },
    Grant { name: "lockouts" },
    Grant { name: "switches" },
    Grant { name: "drill" },
    Grant { name: "metrics" },
];

impl Grant {
    /// In words.
    #[must_use]
    pub fn text(&self, lang: Language) -> String {
        match self.name {
            "read" => t!(lang, ja: "見る", en: "look at everything that you may see"),
            "people" => {
                t!(lang, ja: "アカウント、ドメイン、別名、リストを変える", en: "change accounts, domains, aliases and lists")
            }
            "queue" => t!(lang, ja: "キューを操作する", en: "hold, release, retry and purge queued mail"),
            "incidents" => t!(lang, ja: "インシデントに対応する", en: "deal with incidents"),
            "rules" => t!(lang, ja: "ルールを変える", en: "change rules"),
            "lockouts" => t!(lang, ja: "ロックアウトを操作する", en: "change lockouts"),
            "switches" => t!(lang, ja: "サービスを止める・再開する", en: "pause and resume services"),
            "drill" => t!(lang, ja: "攻撃を予行する", en: "rehearse attacks"),
            _ => t!(lang, ja: "Prometheus の数値を読む", en: "read the numbers for Prometheus"),
        }
    }
}

/// A program.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What its owner may see and do.
    pub scope: Scope,
    /// Number of its token.
    pub token: i64,
    /// As the journal names it.
    pub actor: Actor,
    scopes: String,
}

impl Caller {
    /// Refuses what the token may not do.
    ///
    /// # Errors
    /// When it may not.
    pub fn must(&self, scope: &str) -> Result<(), Problem> {
        if self.scopes.split(' ').any(|found| found == scope) { Ok(()) } else { Err(Problem::of(&Oops::Forbidden)) }
    }
}

/// Who calls, by the token of the request (RFC 6750 §2.1).
///
/// # Errors
/// When there is none that counts.
pub async fn caller(console: &Console, headers: &HeaderMap, guest: &Guest) -> Result<Caller, Problem> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let token = given.strip_prefix("Bearer ").or_else(|| given.strip_prefix("bearer ")).map(str::trim);
    let Some(token) = token.filter(|token| token.starts_with("sek_") && token.len() < 100) else {
        return Err(Problem::unauthorized());
    };
    let (hash, now) = (secret::hash(token), console.control().now());
    let found = console.control().store().read(move |tx| {
        let Some(token) = console::use_token(tx, &hash, now)? else { return Ok(None) };
        Ok(account::by_id(tx, token.account)?.map(|account| (token, account)))
    });
    let found = found.await.map_err(|error| Problem::of(&Oops::from(error)))?;
    let Some((token, account)) = found.filter(|(_, account)| account.state == AccountState::Active) else {
        return Err(Problem::unauthorized());
    };
    if token.used.is_none_or(|used| used + NOTE_EVERY <= now) {
        let id = token.id;
        let noted = console.control().store().write(move |tx| console::note_token(tx, id, now)).await;
        noted.map_err(|error| Problem::of(&Oops::from(error)))?;
    }
    let actor = Actor::Console { account: account.key.clone(), network: guest.ip.to_string() };
    Ok(Caller { scope: Scope::of(&account), token: token.id, actor, scopes: token.scopes })
}

/// The text of a request's body; what cannot be read is a problem, like everything else.
pub struct Body(pub String);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|refused| {
            let mut problem = Problem::unreadable(&refused.body_text());
            problem.status = refused.status();
            problem.body["status"] = json!(problem.status.as_u16());
            problem
        })?;
        let text = String::from_utf8(bytes.into()).map_err(|error| Problem::unreadable(&error.to_string()))?;
        Ok(Self(text))
    }
}

/// What went wrong, for programs (RFC 9457).
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    body: Value,
}

impl Problem {
    /// The problem of a fault.
    #[must_use]
    pub fn of(oops: &Oops) -> Self {
        let (status, text) = oops.shown();
        match oops {
            Oops::Refused(Refusal::Confirm { question, detail }) => {
                let mut problem = Self::said(StatusCode::CONFLICT, question);
                problem.body["confirm"] = json!(true);
                problem.body["numbers"] = detail.clone();
                problem
            }
            Oops::Refused(Refusal::Invalid { reason }) => Self::said(StatusCode::UNPROCESSABLE_ENTITY, reason),
            _ => Self::said(status, &text),
        }
    }

    /// What was sent cannot be read.
    #[must_use]
    pub fn unreadable(why: &str) -> Self {
        let why = why.get(..why.floor_char_boundary(300)).unwrap_or_default();
        Self::said(
            StatusCode::BAD_REQUEST,
            &say!(ja: "要求を読み取れません: {why}", en: "The request cannot be read: {why}"),
        )
    }

    fn unauthorized() -> Self {
        Self::said(
            StatusCode::UNAUTHORIZED,
            &say!(
                ja: "有効なトークンが必要です（Authorization: Bearer …）。",
                en: "A token that counts is needed (Authorization: Bearer …)."
            ),
        )
    }

    fn said(status: StatusCode, text: &Text) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        let body = json!({
            "type": "about:blank", "title": title, "status": status.as_u16(), "detail": text.en, "text": text,
        });
        Self { status, body }
    }

    /// Status and body.
    #[must_use]
    pub fn into_parts(self) -> (u16, String) {
        (self.status.as_u16(), self.body.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], self.body.to_string()).into_response();
        if status == StatusCode::UNAUTHORIZED
            && let Ok(value) = "Bearer".parse()
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

/// Everything for programs: paths and what runs there.
#[must_use]
pub fn routes() -> Vec<(String, MethodRouter<Console>)> {
    let mut routes: Vec<(String, MethodRouter<Console>)> =
        vec![(format!("{BASE}/openapi.json"), get(document)), ("/metrics".to_owned(), get(metrics::page))];
    for view in views::VIEWS {
        let run = move |State(console): State<Console>, guest: Guest, call: views::Call| async move {
            views::answer(view, &console, &guest, call).await
        };
        routes.push((format!("{BASE}{}", view.path), if view.body.is_some() { post(run) } else { get(run) }));
    }
    for act in acts::ACTS {
        let run = move |State(console): State<Console>, guest: Guest, headers: HeaderMap, Body(body): Body| async move {
            acts::answer(act, &console, &guest, &headers, &body).await
        };
        routes.push((format!("{BASE}/acts/{}/{}", act.area, act.name), post(run)));
    }
    routes
}

/// `GET /api/v1/openapi.json`.
async fn document(State(console): State<Console>) -> Response {
    let document = openapi::document(console.settings().version);
    ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}
