//! What programs can look at: a table.

use axum::extract::{FromRequest, Path, Query as Params, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_control::Query;
use sekisho_store::MessageId;
use sekisho_store::journal::JournalFilter;
use sekisho_store::queue::{Filter, Stage};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{Body, Problem, caller};
use crate::gate::{Guest, look};
use crate::service::Console;

mod table;

pub use table::VIEWS;

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number, from 1 to the bound.
    Number(u32),
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A moment (RFC 3339).
    Moment,
}

/// A parameter of a view.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// What can be looked at.
pub struct View {
    /// Path below the base, with `{names}` for its parts.
    pub path: &'static str,
    /// Name of the operation.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Parameters of the query.
    pub params: &'static [Param],
    /// Fields of a body, for questions that have one.
    pub body: Option<&'static [(&'static str, &'static str)]>,
    /// The list in the answer that comes in pages: its field, or empty where the answer is the list.
    pub list: Option<&'static str>,
    /// Fields of the answer, or of an item of its list, with their types as OpenAPI names them; `?` may be null.
    pub fields: &'static [(&'static str, &'static str)],
    ask: fn(&Asked) -> Result<Query, Problem>,
}

/// Most items in an answer.
const MOST: u32 = 1_000;

/// A call as it came in.
pub struct Call {
    headers: HeaderMap,
    parts: BTreeMap<String, String>,
    params: Vec<(String, String)>,
    body: String,
}

impl<S: Send + Sync> FromRequest<S> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut head, body) = request.into_parts();
        use axum::extract::FromRequestParts as _;
        let parts = Path::<BTreeMap<String, String>>::from_request_parts(&mut head, state).await;
        let parts = parts.map(|Path(parts)| parts).unwrap_or_default();
        let params = Params::<Vec<(String, String)>>::from_request_parts(&mut head, state).await;
        let Params(params) = params.map_err(|error| Problem::unreadable(&error.to_string()))?;
        let headers = head.headers.clone();
        let Body(body) = Body::from_request(Request::from_parts(head, body), state).await?;
        Ok(Self { headers, parts, params, body })
    }
}

/// A question in its parts, each of which the view knows.
struct Asked {
    parts: BTreeMap<String, String>,
    params: BTreeMap<String, String>,
    body: Value,
}

/// Answers a call.
///
/// # Errors
/// Why there is no answer.
pub async fn answer(view: &View, console: &Console, guest: &Guest, call: Call) -> Result<Response, Problem> {
    let caller = caller(console, &call.headers, guest).await?;
    caller.must("read")?;
    let asked = Asked::of(view, call)?;
    let mut found = look(console, &caller.scope, (view.ask)(&asked)?).await.map_err(|oops| Problem::of(&oops))?;
    let body = match view.list {
        None => found,
        Some("") => json!({ "items": found, "next": null }),
        Some(field) => {
            // The journal's cursor always is a number; its end is said apart.
            let next = if found["end"] == true { Value::Null } else { found["next"].take() };
            let cursor = (!next.is_null()).then(|| URL_SAFE_NO_PAD.encode(next.to_string()));
            json!({ "items": found[field].take(), "next": cursor })
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
}

impl Asked {
    fn of(view: &View, call: Call) -> Result<Self, Problem> {
        let mut params = BTreeMap::new();
        for (name, value) in call.params {
            let Some(param) = view.params.iter().find(|param| param.name == name) else {
                return Err(Problem::unreadable(&format!("unknown parameter {name}")));
            };
            if let Kind::OneOf(values) = param.kind
                && !values.contains(&value.as_str())
            {
                return Err(Problem::unreadable(&format!("{name} must be one of {}", values.join(", "))));
            }
            // No text at all is no number and no moment.
            if value.is_empty() && matches!(param.kind, Kind::Number(_) | Kind::Moment) {
                return Err(Problem::unreadable(&name));
            }
            if params.insert(name.clone(), value).is_some() {
                return Err(Problem::unreadable(&format!("{name} is given twice")));
            }
        }
        let body = match view.body {
            None => Value::Null,
            Some(_) => serde_json::from_str(&call.body).map_err(|error| Problem::unreadable(&error.to_string()))?,
        };
        Ok(Self { parts: call.parts, params, body })
    }

    fn part(&self, name: &str) -> String {
        self.parts.get(name).cloned().unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.params.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn cursor(&self) -> Result<Option<Value>, Problem> {
        let Some(cursor) = self.text("cursor") else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        value.map(Some).ok_or_else(|| Problem::unreadable("cursor"))
    }

    fn after(&self) -> Result<String, Problem> {
        match self.cursor()? {
            None => Ok(String::new()),
            Some(Value::String(after)) => Ok(after),
            Some(_) => Err(Problem::unreadable("cursor")),
        }
    }

    fn number_after(&self) -> Result<Option<i64>, Problem> {
        match self.cursor()? {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| Problem::unreadable("cursor")),
        }
    }

    fn limit(&self) -> Result<u32, Problem> {
        match self.text("limit") {
            None => Ok(100),
            Some(text) => match text.parse() {
                Ok(limit @ 1..=MOST) => Ok(limit),
                _ => Err(Problem::unreadable("limit")),
            },
        }
    }

    fn moment(&self, name: &str) -> Result<Option<sekisho_message::Time>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        crate::words::time_of(&Value::from(text)).map(Some).ok_or_else(|| Problem::unreadable(name))
    }

    fn filter(&self) -> Result<Filter, Problem> {
        let message = self.text("message");
        let fingerprint = self.text("fingerprint");
        Ok(Filter {
            account: self.text("account"),
            address: self.text("address"),
            network: self.text("network"),
            domain: self.text("domain"),
            origin: self.text("origin"),
            stage: self.text("stage").and_then(|stage| serde_json::from_value::<Stage>(Value::from(stage)).ok()),
            older_than: self.moment("older_than")?,
            message: message
                .map(|text| MessageId::parse(&text).ok_or_else(|| Problem::unreadable("message")))
                .transpose()?,
            fingerprint: fingerprint
                .map(|text| {
                    u64::from_str_radix(&text, 16).map(u64::cast_signed).map_err(|_| Problem::unreadable("fingerprint"))
                })
                .transpose()?,
            ..Filter::default()
        })
    }

    fn journal(&self) -> Result<JournalFilter, Problem> {
        Ok(JournalFilter {
            kinds: self.text("kind").and_then(|kind| serde_json::from_value(json!([kind])).ok()).unwrap_or_default(),
            account: self.text("account"),
            address: self.text("address"),
            network: self.text("network"),
            message: self.text("message"),
            since: self.moment("since")?,
            until: self.moment("until")?,
        })
    }
}
