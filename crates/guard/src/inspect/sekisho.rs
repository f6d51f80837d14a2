//! Lines of `sekisho logs NAME --json`.

use std::borrow::Cow;

use sekisho_message::Time;
use serde::Deserialize;

use super::fact::{Accepted, Attempt, Delivery, End, Fact, Reach};
use super::read::Line;
use super::stamp::Clock;
use crate::event::Protocol;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    log: Cow<'a, str>,
    account: Option<Cow<'a, str>>,
    address: Option<Cow<'a, str>>,
    network: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    #[serde(default)]
    detail: Detail,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    origin: String,
    from: String,
    to: Vec<String>,
    recipients: u32,
    size: u32,
    login: String,
    ok: Option<bool>,
    host: String,
    reply: String,
}

/// Reads a line.
pub(super) fn read<'a>(line: &'a str, clock: &mut Clock) -> (Option<Time>, Line<'a>) {
    let Ok(row) = serde_json::from_str::<Row<'a>>(line) else { return (None, Line::Bad) };
    let Some(time) = clock.iso(&row.time) else { return (None, Line::Bad) };
    let log = row.log.clone();
    let fact = match log.as_ref() {
        // What an alias forwards, or a list sends on, is nobody's submission.
        "inlog" if is_passed_on(&row.detail.origin) => Line::Other,
        "inlog" => accepted(row),
        "outlog" => outcome(row, End::Sent),
        "faillog" => outcome(row, End::Failed),
        "receivelog" => login(row, Protocol::Smtp),
        "pop3log" => login(row, Protocol::Pop3),
        "imap4log" => login(row, Protocol::Imap4),
        "acceptlog" => Line::Other,
        _ => Line::Bad,
    };
    (Some(time), fact)
}

fn is_passed_on(origin: &str) -> bool {
    let judged = ["account:", "network:", "listener:", "inbound"];
    !origin.is_empty() && !judged.iter().any(|kind| origin.starts_with(kind))
}

fn accepted<'a>(row: Row<'a>) -> Line<'a> {
    let Some(queue) = row.message else { return Line::Bad };
    let mut to: Vec<Cow<'a, str>> = row.detail.to.into_iter().map(Cow::Owned).collect();
    if to.is_empty() {
        to.extend(row.address);
    }
    let more = row.detail.recipients.saturating_sub(u32::try_from(to.len()).unwrap_or(u32::MAX));
    Line::Fact(Fact::Accepted(Accepted {
        queue,
        host: "",
        ip: row.network.unwrap_or_default(),
        user: row.account.unwrap_or_default(),
        names_users: true,
        from: Cow::Owned(row.detail.from),
        to,
        more,
        size: row.detail.size,
    }))
}

fn outcome<'a>(row: Row<'a>, end: End) -> Line<'a> {
    let (Some(queue), Some(to)) = (row.message, row.address) else { return Line::Bad };
    let reach = if row.detail.host == "local" { Reach::Inside } else { Reach::Outside };
    let reply = Cow::Owned(row.detail.reply);
    Line::Fact(Fact::Delivery(Delivery { queue, to, original: "", reach, end, reply }))
}

fn login<'a>(row: Row<'a>, protocol: Protocol) -> Line<'a> {
    let Some(right) = row.detail.ok else { return Line::Other };
    let user = row.account.unwrap_or(Cow::Owned(row.detail.login));
    let ip = row.network.unwrap_or_default();
    Line::Fact(Fact::Login(Attempt { protocol: Some(protocol), user, ip, right, count: 1, sum: false }))
}
