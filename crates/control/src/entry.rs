//! What journal entries say, by kind: one shape for those who write them and those who print them.
//!
//! | function | log | written by |
//! |---|---|---|
//! | [`accept_open`], [`accept_end`] | acceptlog | every listener |
//! | [`accepted`] | inlog | reception, in the transaction that stores the message |
//! | [`dialogue`], [`login`] | receivelog, pop3log, imap4log | sessions; logins by [`crate::credential`] alone |
//! | [`relayed`] | outlog | relaying and local delivery, with the outcome |
//! | [`failed`] | faillog | whoever gives up for good, with the outcome |
//! | [`deferred`] | none of the seven; `trace` | relaying, with the outcome |
//! | [`act`] | none of the seven; `trace` | [`crate::Control`] alone |
//! | [`verdict`] | none of the seven; `trace` | [`crate::guard`] alone |
//!
//! Peers choose many of these texts, so each is bounded here, and printing escapes control characters.

use sekisho_message::Time;
use sekisho_store::journal::{Entry, Kind};
use serde_json::{Value, json};

use crate::Protocol;

/// Longest peer-chosen text that an entry keeps, in bytes.
pub const LONGEST: usize = 1_000;
/// Longest name of a client's program that an entry keeps, in bytes.
pub const LONGEST_PROGRAM: usize = 200;
/// Most recipients that an inlog entry lists; the count is always exact.
pub const MOST_RECIPIENTS: usize = 100;

/// `text` cut to `limit` bytes at a character boundary.
#[must_use]
pub fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

/// A connection came in to `service` (`smtp`, `submission`, `submissions`, `pop3`, …) from `port` of `client`.
#[must_use]
pub fn accept_open(now: Time, service: &str, client: &str, port: u16) -> Entry {
    entry(now, Kind::AcceptOpen, client, json!({ "service": service, "port": port }))
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ending<'a> {
    /// The service that it came to.
    pub service: &'a str,
    /// Name of the client: reverse DNS if known, else what it said in HELO or EHLO, else empty.
    pub name: &'a str,
    /// The last reverse-path, or empty.
    pub sender: &'a str,
    /// The last accepted message, or empty.
    pub message: &'a str,
    /// Account that logged in.
    pub account: Option<&'a str>,
    /// Whether the client did what it came for: `ok`, else `abort`.
    pub ok: bool,
    /// Why it was aborted, or empty.
    pub reason: &'a str,
}

/// A connection ended.
#[must_use]
pub fn accept_end(now: Time, client: &str, end: &Ending<'_>) -> Entry {
    let detail = json!({
        "service": end.service,
        "name": cut(end.name, 255),
        "from": cut(end.sender, 320),
        "status": if end.ok { "ok" } else { "abort" },
        "reason": cut(end.reason, LONGEST),
    });
    let mut entry = entry(now, Kind::AcceptEnd, client, detail);
    entry.account = end.account.map(str::to_owned);
    entry.message = (!end.message.is_empty()).then(|| end.message.to_owned());
    entry
}

/// An accepted message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accepted<'a> {
    /// Its id, `B0000000123`.
    pub message: &'a str,
    /// Address of the client.
    pub client: &'a str,
    /// What the client said in HELO or EHLO.
    pub helo: &'a str,
    /// Who authenticated.
    pub account: Option<&'a str>,
    /// Key of the origin that answers for it.
    pub origin: &'a str,
    /// Envelope sender, empty for the null reverse-path.
    pub from: &'a str,
    /// Envelope recipients.
    pub to: &'a [&'a str],
    /// Octets.
    pub size: u64,
    /// Message-ID of the header.
    pub message_id: &'a str,
    /// `ESMTPSA` and its kin (RFC 3848).
    pub with: &'a str,
    /// Similarity fingerprint; 0 when none was made.
    pub fingerprint: i64,
    /// What kind of letter it is, where that is remarkable: see [`crate::letter`].
    pub letter: Option<&'a Value>,
}

/// Says of an accepted message how many of its recipients outside its origin never wrote to before.
pub fn new_to_origin(entry: &mut Entry, first_contacts: u32) {
    if first_contacts > 0 {
        entry.detail["first_contacts"] = json!(first_contacts);
    }
}

/// A message was accepted.
#[must_use]
pub fn accepted(now: Time, message: &Accepted<'_>) -> Entry {
    let mut detail = json!({
        "helo": cut(message.helo, 255),
        "origin": message.origin,
        "from": message.from,
        "to": message.to.iter().take(MOST_RECIPIENTS).collect::<Vec<_>>(),
        "recipients": message.to.len(),
        "size": message.size,
        "message_id": cut(message.message_id, LONGEST),
        "with": message.with,
    });
    if message.fingerprint != 0 {
        detail["fingerprint"] = json!(format!("{:016x}", message.fingerprint));
    }
    if let Some(letter) = message.letter {
        detail["letter"] = letter.clone();
    }
    let mut entry = entry(now, Kind::In, message.client, detail);
    entry.account = message.account.map(str::to_owned);
    entry.address = message.to.first().map(|to| (*to).to_owned());
    entry.message = Some(message.message.to_owned());
    entry
}

/// A line of dialogue that is worth keeping: what the client said (never a secret), what it was told, and, when it was
/// refused, why, for the operator.
#[must_use]
pub fn dialogue(
    now: Time,
    protocol: Protocol,
    client: &str,
    account: Option<&str>,
    line: &str,
    reply: &str,
    reason: &str,
) -> Entry {
    let detail = json!({
        "line": cut(line, LONGEST),
        "reply": cut(reply, LONGEST),
        "reason": cut(reason, LONGEST),
    });
    let mut entry = entry(now, protocol.kind(), client, detail);
    entry.account = account.map(str::to_owned);
    entry
}

/// Somebody logged in, or tried to. Only [`crate::credential`] writes these.
#[must_use]
pub fn login(now: Time, protocol: Protocol, client: &str, account: Option<&str>, name: &str, reason: &str) -> Entry {
    let ok = reason.is_empty();
    let detail = json!({ "login": cut(name, 320), "ok": ok, "reason": reason });
    let mut entry = entry(now, protocol.kind(), client, detail);
    entry.account = account.map(str::to_owned);
    entry
}

/// What became of one recipient.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome<'a> {
    /// Id of the message.
    pub message: &'a str,
    /// Account that submitted it.
    pub account: Option<&'a str>,
    /// Key of the origin that answers for it.
    pub origin: &'a str,
    /// Client that it came from.
    pub network: &'a str,
    /// Envelope sender, empty for the null reverse-path.
    pub from: &'a str,
    /// Envelope recipient.
    pub to: &'a str,
    /// Address of the host that it was given to; `local` for a mailbox here.
    pub host: &'a str,
    /// Name of that host, or empty.
    pub host_name: &'a str,
    /// The peer's or our reply, with code.
    pub reply: &'a str,
    /// Octets of the message.
    pub size: u64,
    /// Seconds since the message was accepted.
    pub waited: u64,
}

/// A recipient was relayed or delivered.
#[must_use]
pub fn relayed(now: Time, outcome: &Outcome<'_>) -> Entry {
    settled(now, Kind::Out, outcome)
}

/// A recipient failed for good.
#[must_use]
pub fn failed(now: Time, outcome: &Outcome<'_>) -> Entry {
    settled(now, Kind::Fail, outcome)
}

/// A recipient was put off.
#[must_use]
pub fn deferred(now: Time, outcome: &Outcome<'_>) -> Entry {
    settled(now, Kind::Defer, outcome)
}

fn settled(now: Time, kind: Kind, outcome: &Outcome<'_>) -> Entry {
    let detail = json!({
        "origin": outcome.origin,
        "from": outcome.from,
        "host": outcome.host,
        "name": cut(outcome.host_name, 255),
        "reply": cut(outcome.reply, LONGEST),
        "size": outcome.size,
        "waited": outcome.waited,
    });
    let mut entry = entry(now, kind, outcome.network, detail);
    entry.account = outcome.account.map(str::to_owned);
    entry.address = Some(outcome.to.to_owned());
    entry.message = Some(outcome.message.to_owned());
    entry
}

/// An act of a person or of the server. Only [`crate::Control`] writes these.
#[must_use]
pub fn act(now: Time, who: &str, what: &str, about: Option<&str>, detail: &Value) -> Entry {
    let mut entry = entry(now, Kind::Act, "", json!({ "who": who, "act": what, "about": about, "detail": detail }));
    entry.account = about.filter(|a| a.contains('@')).map(str::to_owned);
    entry
}

/// A verdict of the guard. Only [`crate::guard`] writes these.
#[must_use]
pub fn verdict(now: Time, account: Option<&str>, network: &str, message: Option<&str>, detail: Value) -> Entry {
    let mut entry = entry(now, Kind::Verdict, network, detail);
    entry.account = account.map(str::to_owned);
    entry.message = message.map(str::to_owned);
    entry
}

/// Something else that an operator may want to know.
#[must_use]
pub fn notice(now: Time, text: &str) -> Entry {
    entry(now, Kind::Notice, "", json!({ "text": cut(text, LONGEST) }))
}

/// So many refusals of a network were not written down one by one.
#[must_use]
pub fn hushed(now: Time, client: &str, n: u64) -> Entry {
    let detail =
        json!({ "line": format!("({n} more)"), "reply": "", "reason": "too many refusals in a minute", "hushed": n });
    entry(now, Kind::Receive, client, detail)
}

/// The server has started.
#[must_use]
pub fn started(now: Time, version: &str) -> Entry {
    entry(now, Kind::Notice, "", json!({ "text": format!("sekisho {version} started"), "event": "start" }))
}

fn entry(at: Time, kind: Kind, network: &str, detail: Value) -> Entry {
    let network = (!network.is_empty()).then(|| network.to_owned());
    Entry { at, kind, account: None, address: None, network, message: None, detail }
}
