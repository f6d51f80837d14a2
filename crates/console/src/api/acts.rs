//! What programs can do: a table. The fields of a body are those of the command.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sekisho_control::Done;
use sekisho_control::command::Command;
use sekisho_message::say;
use sekisho_store::console::{self, Answer};
use serde_json::{Value, json};

use super::{Caller, Problem, caller};
use crate::gate::{Guest, Oops, act};
use crate::secret;
use crate::service::Console;

/// The header that makes a request that is sent twice act once.
pub const KEY: &str = "idempotency-key";
/// Longest key.
const LONGEST_KEY: usize = 200;

/// A field of a body: its name, its type as OpenAPI names it (`?` may be left out), an example.
pub type Field = (&'static str, &'static str, &'static str);

/// Something that can be done.
pub struct Act {
    /// What it is about: `command` of the command.
    pub area: &'static str,
    /// What is done: `act` of the command; `set` where the command has none.
    pub name: &'static str,
    /// The scope that a token needs.
    pub scope: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Fields of the body.
    pub fields: &'static [Field],
}

const ADDRESS: Field = ("address", "string", "\"taro@example.jp\"");
const REASON: Field = ("reason", "string", "\"abuse\"");
const CONFIRMED: Field = ("confirmed", "boolean?", "true");
const FILTER: Field = ("filter", "object", "{\"account\":\"taro@example.jp\"}");
const WHICH: Field = ("which", "string", "\"taro@example.jp\"");
const ALL: Field = ("all", "boolean?", "false");
const NAME: Field = ("name", "string", "\"example.jp\"");
const NETWORK: Field = ("network", "string", "\"192.0.2.0/24\"");
const PROTOCOL: Field = ("protocol", "string?", "\"smtp\"");
const MEMBERS: Field = ("members", "array", "[\"hanako@example.com\"]");
const RULE: Field = ("rule", "object", "{\"networks\":\"any\",\"countries\":\"JP\"}");
const CHANGE: Field = ("change", "object", "{\"posting\":\"members\"}");
const SERVICE: Field = ("service", "string", "\"delivery\"");

const fn one(
    area: &'static str,
    name: &'static str,
    scope: &'static str,
    about: &'static str,
    fields: &'static [Field],
) -> Act {
    Act { area, name, scope, about, fields }
}

/// Everything that can be done.
pub const ACTS: &[Act] = &[
    one("domain", "add", "people", "Become final destination for a domain", &[NAME]),
    one("domain", "remove", "people", "Stop being so", &[NAME]),
    one("domain", "whence", "people", "From where its accounts' passwords may be used", &[NAME, RULE]),
    one(
        "domain",
        "claims",
        "people",
        "What becomes of mail from outside that claims to be from it",
        &[NAME, ("claims", "string", "\"refuse\"")],
    ),
    one("domain", "scram", "people", "Whether SCRAM secrets are made", &[NAME, ("on", "boolean", "true")]),
    one(
        "account",
        "add",
        "people",
        "Add an account",
        &[
            ADDRESS,
            ("full_name", "string", "\"Taro\""),
            ("password", "string", "\"correct horse battery staple\""),
            ("role", "string", "\"user\""),
            ("quota", "integer?", "1073741824"),
            ("language", "string", "\"ja\""),
            ("must_change", "boolean", "true"),
        ],
    ),
    one(
        "account",
        "password",
        "people",
        "Set the password; open sessions end",
        &[ADDRESS, ("password", "string", "\"correct horse battery staple\""), ("must_change", "boolean", "false")],
    ),
    one("account", "suspend", "people", "The account cannot send from now on", &[ADDRESS, REASON]),
    one("account", "resume", "people", "Undo a suspension or a removal", &[ADDRESS]),
    one(
        "account",
        "rename",
        "people",
        "Give the account another address",
        &[ADDRESS, ("to", "string", "\"jiro@example.jp\"")],
    ),
    one("account", "remove", "people", "Remove the account; it can be brought back for a while", &[ADDRESS, CONFIRMED]),
    one("account", "quota", "people", "Set or lift the quota", &[ADDRESS, ("quota", "integer?", "1073741824")]),
    one(
        "account",
        "message_quota",
        "people",
        "Set or lift the most messages",
        &[ADDRESS, ("messages", "integer?", "100000")],
    ),
    one(
        "account",
        "person",
        "people",
        "Set name and language",
        &[ADDRESS, ("full_name", "string?", "\"Taro\""), ("language", "string?", "\"ja\"")],
    ),
    one("account", "whence", "people", "From where its password may be used", &[ADDRESS, RULE]),
    one("account", "role", "people", "Set what the account may administer", &[ADDRESS, ("role", "string", "\"user\"")]),
    one(
        "credential",
        "add_app_password",
        "people",
        "Make an app password; the answer is the only place that has it",
        &[
            ADDRESS,
            ("name", "string", "\"iPhone\""),
            ("protocols", "array", "[\"smtp\",\"imap4\"]"),
            ("networks", "string", "\"192.0.2.0/24\""),
            ("days", "integer?", "365"),
        ],
    ),
    one(
        "credential",
        "remove_app_password",
        "people",
        "Take an app password away",
        &[ADDRESS, ("name", "string", "\"iPhone\"")],
    ),
    one(
        "credential",
        "recoverable",
        "people",
        "Whether its password may be kept in a form that can be read, for APOP and CRAM-MD5",
        &[ADDRESS, ("on", "boolean", "false")],
    ),
    one(
        "personal",
        "forward",
        "people",
        "Where its mail goes too, or instead",
        &[ADDRESS, ("forward", "object?", "{\"to\":[\"taro@example.com\"],\"keep\":true}")],
    ),
    one(
        "personal",
        "reply",
        "people",
        "What is answered for it",
        &[ADDRESS, ("reply", "object?", "{\"text\":\"Away until Monday\",\"days\":7}")],
    ),
    one(
        "personal",
        "hours",
        "people",
        "When its mail for others may leave",
        &[ADDRESS, ("hours", "string?", "\"mon-fri 08:00-19:00\"")],
    ),
    one(
        "alias",
        "add",
        "people",
        "Add an alias",
        &[("pattern", "string", "\"info@example.jp\""), ("target", "string", "\"taro@example.jp\"")],
    ),
    one("alias", "remove", "people", "Remove an alias", &[("pattern", "string", "\"info@example.jp\"")]),
    one("list", "add", "people", "Add a mailing list", &[ADDRESS, ("owner", "string", "\"taro@example.jp\""), CHANGE]),
    one("list", "remove", "people", "Remove a mailing list", &[ADDRESS, CONFIRMED]),
    one("list", "set", "people", "Change what can be set of a list", &[ADDRESS, CHANGE]),
    one("list", "member_add", "people", "Add members", &[ADDRESS, MEMBERS]),
    one("list", "member_remove", "people", "Remove members", &[ADDRESS, MEMBERS]),
    one("queue", "hold", "queue", "Keep mail back", &[FILTER, REASON]),
    one("queue", "release", "queue", "Let mail go", &[FILTER]),
    one("queue", "retry", "queue", "Try mail now", &[FILTER]),
    one("queue", "purge", "queue", "Destroy mail; without `confirmed` it says how much of whose", &[FILTER, CONFIRMED]),
    one("switch", "pause", "switches", "Stop a service", &[SERVICE, REASON]),
    one("switch", "resume", "switches", "Let a service go on", &[SERVICE]),
    one(
        "rules",
        "write",
        "rules",
        "Replace a rule text; one with faulty lines is refused",
        &[
            ("file", "string", "\"effect\""),
            ("account", "string?", "\"taro@example.jp\""),
            ("text", "string", "\"192.0.2.0/24,true\\n\""),
        ],
    ),
    one("rules", "reload", "rules", "Read the server's files again", &[]),
    one("lockout", "unlock", "lockouts", "Lift locks", &[("what", "string", "\"192.0.2.1\"")]),
    one("lockout", "allow", "lockouts", "Never lock a network", &[NETWORK, PROTOCOL]),
    one("lockout", "deny", "lockouts", "Refuse a network for good", &[NETWORK, PROTOCOL]),
    one("lockout", "forget", "lockouts", "Take every row of a network away", &[NETWORK, PROTOCOL]),
    one("incident", "contain", "incidents", "Hold its mail, suspend the account, end its sessions", &[WHICH, REASON]),
    one("incident", "release", "incidents", "Send what its owner sent", &[WHICH, ALL, CONFIRMED]),
    one("incident", "purge", "incidents", "Destroy what is not its owner's", &[WHICH, ALL, CONFIRMED]),
    one(
        "incident",
        "resolve",
        "incidents",
        "The account is its owner's again",
        &[WHICH, ("password", "string?", "\"correct horse battery staple\"")],
    ),
    one(
        "class",
        "set",
        "incidents",
        "Set what kind of sender an origin is",
        &[("who", "string", "\"taro@example.jp\""), ("class", "string?", "\"newsletter\"")],
    ),
    one(
        "drill",
        "start",
        "drill",
        "Rehearse an attack on a copy of the settings; one at a time",
        &[("attack", "string?", "\"blast\""), ("from", "string?", "\"guessed\""), ("seed", "integer?", "1")],
    ),
    one("drill", "cancel", "drill", "End the drill that goes on", &[]),
    one("console", "factor_remove", "people", "Take the second factor away", &[ADDRESS]),
    one("console", "sessions_end", "people", "End its browsers' sessions and take its tokens away", &[ADDRESS]),
];

/// Does an act.
///
/// # Errors
/// Why it was not done.
pub async fn answer(
    act: &Act,
    console: &Console,
    guest: &Guest,
    headers: &HeaderMap,
    body: &str,
) -> Result<Response, Problem> {
    let caller = caller(console, headers, guest).await?;
    caller.must(act.scope)?;
    let command = command(act, body)?;
    let Some(key) = headers.get(KEY) else { return Ok(shown(perform(console, &caller, command).await)) };
    let plain = |key: &&str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let key = key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY).filter(plain);
    let key = key.ok_or_else(|| Problem::unreadable(KEY))?.to_owned();
    once(console, &caller, key, act, command, body).await
}

/// The command of a body.
///
/// # Errors
/// When it cannot be read.
pub fn command(act: &Act, body: &str) -> Result<Command, Problem> {
    let body = if body.trim().is_empty() { "{}" } else { body };
    let value: Value = serde_json::from_str(body).map_err(|error| Problem::unreadable(&error.to_string()))?;
    let Value::Object(mut fields) = value else { return Err(Problem::unreadable("an object is wanted")) };
    if let Some(unknown) = fields.keys().find(|name| !act.fields.iter().any(|(known, ..)| known == name)) {
        return Err(Problem::unreadable(&format!("unknown field {unknown}")));
    }
    for (name, kind, _) in act.fields {
        // What may be left out of a body is there in the command.
        if kind.ends_with('?') && !fields.contains_key(*name) {
            fields.insert((*name).to_owned(), if *kind == "boolean?" { json!(false) } else { Value::Null });
        }
    }
    fields.insert("command".into(), json!(act.area));
    if act.area != "class" {
        fields.insert("act".into(), json!(act.name));
    }
    serde_json::from_value(Value::Object(fields)).map_err(|error| Problem::unreadable(&error.to_string()))
}

async fn perform(console: &Console, caller: &Caller, command: Command) -> Result<Done, Problem> {
    act(console, &caller.scope, command, &caller.actor).await.map_err(|oops| Problem::of(&oops))
}

fn shown(done: Result<Done, Problem>) -> Response {
    match done {
        Ok(done) => written(200, &json!(done).to_string()),
        Err(problem) => problem.into_response(),
    }
}

fn written(status: u16, body: &str) -> Response {
    let kind = if status == 200 { "application/json" } else { "application/problem+json" };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, kind)], body.to_owned()).into_response()
}

/// Acts once for a key, whatever is sent again.
async fn once(
    console: &Console,
    caller: &Caller,
    key: String,
    act: &Act,
    command: Command,
    body: &str,
) -> Result<Response, Problem> {
    let store = console.control().store();
    let (token, now) = (caller.token, console.control().now());
    let request = secret::hash(&format!("{}/{} {body}", act.area, act.name));
    let wanted = key.clone();
    let before = store.write(move |tx| console::begin(tx, token, &wanted, &request, now)).await;
    match before.map_err(|error| Problem::of(&Oops::from(error)))? {
        Answer::New => {}
        Answer::Given(status, body) => return Ok(written(status, &body)),
        Answer::Pending => {
            return Err(Problem::said(
                StatusCode::CONFLICT,
                &say!(
                    ja: "同じキーの要求を処理しています。",
                    en: "A request with this key is being answered."
                ),
            ));
        }
        Answer::Other => {
            return Err(Problem::said(
                StatusCode::UNPROCESSABLE_ENTITY,
                &say!(
                    ja: "このキーは別の要求に使われました。",
                    en: "This key was used for another request."
                ),
            ));
        }
    }
    let done = perform(console, caller, command).await;
    let (status, body, kept, lasting) = match done {
        Ok(done) => {
            let body = json!(done);
            // A password that was made is shown once and kept nowhere.
            let mut kept = body.clone();
            if let Some(data) = kept["data"].as_object_mut() {
                data.remove("password");
            }
            (200, body.to_string(), kept.to_string(), true)
        }
        Err(problem) => {
            let (status, body) = problem.into_parts();
            // What may succeed when it is tried again is not kept.
            (status, body.clone(), body, status != 503 && status != 409)
        }
    };
    let noted = store
        .write(move |tx| {
            if lasting {
                console::answer(tx, token, &key, status, &kept)
            } else {
                console::forget_answer(tx, token, &key)
            }
        })
        .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "an answer was not kept for its key");
    }
    Ok(written(status, &body))
}
