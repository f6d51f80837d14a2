//! What programs can look at: a table.

use axum::extract::{FromRequest, Path, Query as Params, Request};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_control::Query;
use sekisho_control::query::Envelope;
use sekisho_store::journal::JournalFilter;
use sekisho_store::queue::{Filter, Stage};
use sekisho_store::{IncidentId, MessageId, RecipientId};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::{Problem, caller};
use crate::gate::{Guest, look};
use crate::service::Console;

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

const fn text(name: &'static str) -> Param {
    Param { name, kind: Kind::Text }
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
/// Stages of the queue.
const STAGES: &[&str] = &["incoming", "lists", "domains", "holding"];
/// Kinds of entries of the journal.
const KINDS: &[&str] = &[
    "accept_open",
    "accept_end",
    "in",
    "receive",
    "out",
    "fail",
    "defer",
    "pop3",
    "imap4",
    "act",
    "verdict",
    "notice",
];
const LIMIT: Param = Param { name: "limit", kind: Kind::Number(MOST) };
const CURSOR: Param = text("cursor");

/// Everything that can be looked at.
pub const VIEWS: &[View] = &[
    View {
        path: "/domains",
        name: "domains",
        about: "All domains",
        params: &[],
        body: None,
        list: Some(""),
        fields: &[("domain", "string"), ("created", "string"), ("auth_networks", "array"), ("auth_countries", "array")],
        ask: |_| Ok(Query::Domains),
    },
    View {
        path: "/accounts",
        name: "accounts",
        about: "Accounts by address",
        params: &[text("domain"), CURSOR],
        body: None,
        list: Some("accounts"),
        fields: ACCOUNT,
        ask: |asked| Ok(Query::Accounts { domain: asked.text("domain"), after: asked.after()? }),
    },
    View {
        path: "/accounts/{address}",
        name: "account",
        about: "One account, with how it stands with the guard",
        params: &[],
        body: None,
        list: None,
        fields: ACCOUNT_ALONE,
        ask: |asked| Ok(Query::Account { address: asked.part("address") }),
    },
    View {
        path: "/aliases",
        name: "aliases",
        about: "All aliases",
        params: &[text("domain")],
        body: None,
        list: Some(""),
        fields: &[("alias", "string"), ("target", "string"), ("created", "string")],
        ask: |asked| Ok(Query::Aliases { domain: asked.text("domain") }),
    },
    View {
        path: "/lists",
        name: "lists",
        about: "All mailing lists",
        params: &[],
        body: None,
        list: Some(""),
        fields: LIST,
        ask: |_| Ok(Query::Lists),
    },
    View {
        path: "/lists/{address}",
        name: "list",
        about: "Members of a mailing list",
        params: &[CURSOR],
        body: None,
        list: Some("members"),
        fields: &[("address", "string"), ("since", "string")],
        ask: |asked| Ok(Query::List { address: asked.part("address"), after: asked.after()? }),
    },
    View {
        path: "/queue/status",
        name: "queueStatus",
        about: "Counts by stage",
        params: &[],
        body: None,
        list: None,
        fields: &[("stages", "object"), ("oldest_seconds", "integer")],
        ask: |_| Ok(Query::QueueStatus),
    },
    View {
        path: "/queue/holds",
        name: "queueHolds",
        about: "Held origins and paused services",
        params: &[],
        body: None,
        list: None,
        fields: &[("held", "array"), ("paused", "array")],
        ask: |_| Ok(Query::QueueHolds),
    },
    View {
        path: "/queue/origins",
        name: "queueOrigins",
        about: "The origins that have most in the queue",
        params: &[],
        body: None,
        list: Some(""),
        fields: &[
            ("origin", "string"),
            ("messages", "integer"),
            ("recipients", "integer"),
            ("bytes", "integer"),
            ("held", "boolean"),
            ("since", "string?"),
        ],
        ask: |_| Ok(Query::QueueOrigins),
    },
    View {
        path: "/queue/recipients",
        name: "queue",
        about: "Queued recipients; a page may be short, or empty, and not be the last",
        params: &[
            text("account"),
            text("address"),
            text("network"),
            text("domain"),
            text("origin"),
            text("message"),
            text("fingerprint"),
            Param { name: "stage", kind: Kind::OneOf(STAGES) },
            Param { name: "older_than", kind: Kind::Moment },
            LIMIT,
            CURSOR,
        ],
        body: None,
        list: Some("recipients"),
        fields: QUEUED,
        ask: |asked| {
            let after = asked.number_after()?.map(RecipientId);
            Ok(Query::Queue { filter: asked.filter()?, after, limit: asked.limit()? })
        },
    },
    View {
        path: "/queue/messages/{message}",
        name: "queued",
        about: "A queued message with its recipients",
        params: &[],
        body: None,
        list: None,
        fields: &[
            ("message", "string"),
            ("size", "integer"),
            ("helo", "string"),
            ("header_from", "string"),
            ("message_id", "string"),
            ("held", "string?"),
            ("recipients", "array"),
        ],
        ask: |asked| Ok(Query::Queued { message: asked.part("message") }),
    },
    View {
        path: "/logs",
        name: "logs",
        about: "Entries of the journal, in order; a page may be short, or empty, and not be the last",
        params: &[
            Param { name: "kind", kind: Kind::OneOf(KINDS) },
            text("account"),
            text("address"),
            text("network"),
            text("message"),
            Param { name: "since", kind: Kind::Moment },
            Param { name: "until", kind: Kind::Moment },
            LIMIT,
            CURSOR,
        ],
        body: None,
        list: Some("entries"),
        fields: &[("id", "integer"), ("entry", "object")],
        ask: |asked| {
            let after = asked.number_after()?.unwrap_or(0);
            Ok(Query::Logs { filter: asked.journal()?, after, limit: asked.limit()? })
        },
    },
    View {
        path: "/lockouts",
        name: "lockouts",
        about: "Locks in force, and the reject tables",
        params: &[],
        body: None,
        list: None,
        fields: &[("locks", "array"), ("rows", "array"), ("findings", "array")],
        ask: |_| Ok(Query::Lockouts),
    },
    View {
        path: "/incidents",
        name: "incidents",
        about: "Incidents, the newest first",
        params: &[CURSOR],
        body: None,
        list: Some("incidents"),
        fields: &[
            ("id", "integer"),
            ("origin", "string"),
            ("account", "string?"),
            ("state", "string"),
            ("reason", "string"),
            ("text", "any"),
            ("class", "any"),
            ("opened", "string"),
            ("opened_by", "string"),
            ("changed", "string"),
            ("changed_by", "string"),
        ],
        ask: |asked| Ok(Query::Incidents { before: asked.number_after()?.map(IncidentId) }),
    },
    View {
        path: "/incidents/{which}",
        name: "incident",
        about: "The story of an incident, by its number or its account",
        params: &[],
        body: None,
        list: None,
        fields: &[
            ("incident", "object"),
            ("how", "object"),
            ("first_foreign_login", "any"),
            ("first_bad_message", "any"),
            ("networks", "array"),
            ("mail", "object"),
            ("reached", "array"),
            ("failed", "array"),
            ("held", "object"),
            ("signals", "any"),
            ("acts", "array"),
            ("next", "array"),
            ("log", "array"),
        ],
        ask: |asked| Ok(Query::Incident { which: asked.part("which") }),
    },
    View {
        path: "/rules",
        name: "rules",
        about: "The rule texts",
        params: &[],
        body: None,
        list: None,
        fields: &[("effect", "string?"), ("domains", "array"), ("accounts", "array"), ("rejects", "array")],
        ask: |_| Ok(Query::Rules),
    },
    View {
        path: "/rules/history",
        name: "rulesHistory",
        about: "Rule texts as they were before each change, the newest first",
        params: &[Param { name: "file", kind: Kind::OneOf(&["effect.dat", "sender.dat"]) }, text("account")],
        body: None,
        list: Some(""),
        fields: &[("id", "integer"), ("text", "string"), ("who", "string"), ("at", "string")],
        ask: |asked| {
            let file = asked.text("file").unwrap_or_else(|| "effect.dat".into());
            Ok(Query::RulesHistory { file, account: asked.text("account") })
        },
    },
    View {
        path: "/rules/test",
        name: "rulesTest",
        about: "Whether an envelope would be accepted",
        params: &[],
        body: Some(&[("from", "string"), ("to", "string"), ("ip", "string"), ("auth", "boolean")]),
        list: None,
        fields: &[
            ("accepted", "boolean"),
            ("reply", "string?"),
            ("origin", "string"),
            ("line", "integer?"),
            ("rule", "string?"),
            ("shut_by", "integer?"),
            ("reason", "object"),
        ],
        ask: |asked| {
            let envelope: Result<Envelope, _> = serde_json::from_value(asked.body.clone());
            envelope.map(Query::RulesTest).map_err(|error| Problem::unreadable(&error.to_string()))
        },
    },
    View {
        path: "/store/check",
        name: "storeCheck",
        about: "Whether the store fits together; takes its time on a large one",
        params: &[],
        body: None,
        list: None,
        fields: &[
            ("well", "boolean"),
            ("rows", "array"),
            ("hashed", "integer"),
            ("problems", "array"),
            ("more", "any"),
            ("unused_files", "any"),
        ],
        ask: |_| Ok(Query::StoreCheck),
    },
];

const ACCOUNT: &[(&str, &str)] = &[
    ("address", "string"),
    ("name", "string"),
    ("role", "string"),
    ("state", "string"),
    ("used", "integer"),
    ("quota", "integer?"),
    ("language", "string"),
    ("created", "string"),
    ("password_changed", "string"),
    ("must_change", "boolean"),
    ("purge_after", "string?"),
];
const ACCOUNT_ALONE: &[(&str, &str)] = &[
    ("address", "string"),
    ("name", "string"),
    ("role", "string"),
    ("state", "string"),
    ("used", "integer"),
    ("quota", "integer?"),
    ("language", "string"),
    ("created", "string"),
    ("password_changed", "string"),
    ("must_change", "boolean"),
    ("purge_after", "string?"),
    ("messages", "integer"),
    ("has_effect_dat", "boolean"),
    ("has_sender_dat", "boolean"),
    ("auth_networks", "array"),
    ("auth_countries", "array"),
    ("scram", "boolean"),
    ("guard", "any"),
];
const LIST: &[(&str, &str)] = &[
    ("list", "string"),
    ("owner", "string"),
    ("posting", "string"),
    ("subject_tag", "string"),
    ("description", "string"),
    ("created", "string"),
];
const QUEUED: &[(&str, &str)] = &[
    ("message", "string"),
    ("stage", "string"),
    ("from", "string"),
    ("to", "string"),
    ("destination", "string"),
    ("origin", "string"),
    ("account", "string?"),
    ("network", "string"),
    ("subject", "string"),
    ("size", "integer"),
    ("received", "string"),
    ("age_seconds", "integer"),
    ("due", "string?"),
    ("attempts", "integer"),
    ("code", "integer?"),
    ("reply", "string?"),
    ("fingerprint", "string"),
];

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
        let body = String::from_request(Request::from_parts(head, body), state).await;
        let body = body.map_err(|error| Problem::unreadable(&error.to_string()))?;
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
