//! Lines of E-POST's logs, and of Sekisho's seven logs as text, which have the same shapes and say who authenticated.

use std::borrow::Cow;

use super::fact::{Accepted, Attempt, Delivery, End, Fact, Reach};
use super::read::{Line, between};
use super::stamp::Clock;
use crate::event::Protocol;
use sekisho_message::Time;

/// Reads a line. `access`: which of the two logs of mailboxes it is, if the file's name tells; `ours`: whether Sekisho
/// wrote it, which names who authenticated.
pub(super) fn read<'a>(
    line: &'a str,
    clock: &mut Clock,
    access: Option<Protocol>,
    ours: bool,
) -> (Option<Time>, Line<'a>) {
    let Some((time, at)) = stamp(line, clock) else { return (None, Line::Bad) };
    let (head, tail) = (line.get(..at).unwrap_or_default(), line.get(at..).unwrap_or_default());
    let rest = tail.split_once(']').map_or("", |(_, rest)| rest).trim_start();
    let read = if head.ends_with(" sent on [") {
        outcome(head, rest, End::Sent)
    } else if head.ends_with(" send fail on [") {
        outcome(head, rest, End::Failed)
    } else if head.contains("> from <") {
        mailbox(head, rest, access)
    } else if head == "[" || (head.starts_with('<') && rest.starts_with('(')) {
        dialogue(rest)
    } else if head.starts_with('<') {
        accepted(head, rest, ours)
    } else {
        Line::Bad
    };
    (Some(time), read)
}

/// The first bracket that holds a time.
pub(super) fn stamp(line: &str, clock: &mut Clock) -> Option<(Time, usize)> {
    for (at, _) in line.match_indices('[').take(16) {
        if let Some(time) = line.get(at + 1..).and_then(|text| clock.epost(text)) {
            return Some((time, at + 1));
        }
    }
    None
}

/// `<B0000097403@our.host> [time] <ip> <HELO> <from> <to>`
fn accepted<'a>(head: &'a str, rest: &'a str, ours: bool) -> Line<'a> {
    let Some((queue, host)) = id(head) else { return Line::Bad };
    let mut parts = angles(rest);
    let [Some(ip), Some(_), Some(from)] = [parts.next(), parts.next(), parts.next()] else { return Line::Bad };
    let user = between(rest, " AUTH=<", ">").unwrap_or_default();
    let more = between(rest, "> (", " more recipients)").map_or(0, super::read::number);
    let to = match parts.next() {
        Some(to) if more == 0 => vec![Cow::Borrowed(to)],
        None if more == 0 => return Line::Bad,
        _ => Vec::new(),
    };
    Line::Fact(Fact::Accepted(Accepted {
        queue: Cow::Borrowed(queue),
        host,
        ip: Cow::Borrowed(ip),
        user: Cow::Borrowed(user),
        names_users: ours || !user.is_empty(),
        from: Cow::Borrowed(from),
        to,
        more,
        size: 0,
    }))
}

/// `… from <a> to <b> [reply]`
fn outcome<'a>(head: &'a str, rest: &'a str, end: End) -> Line<'a> {
    let Some((queue, _)) = id(head) else { return Line::Bad };
    let Some(to) = between(rest, "> to <", ">") else { return Line::Bad };
    let host = if rest.starts_with("to <") { rest.get(4..).and_then(|r| r.split('>').next()) } else { None };
    let reach = match host {
        Some("local" | "127.0.0.1") => Reach::Inside,
        Some(ip) if ip.parse::<std::net::IpAddr>().is_ok() => {
            if super::read::house_address(ip) {
                Reach::Inside
            } else {
                Reach::Outside
            }
        }
        _ => Reach::Unknown,
    };
    let reply = between(rest, "> [", "]").unwrap_or_default();
    Line::Fact(Fact::Delivery(Delivery {
        queue: queue.into(),
        to: to.into(),
        original: "",
        reach,
        end,
        reply: reply.into(),
    }))
}

/// `<taro> from <192.0.2.1> LOGIN taro failed [time] (reason)`, `<taro> from <192.0.2.1> PASS **** [time] (-ERR …)`
fn mailbox<'a>(head: &'a str, rest: &'a str, access: Option<Protocol>) -> Line<'a> {
    let Some((user, ip)) = head.strip_prefix('<').and_then(|h| h.split_once("> from <")) else { return Line::Bad };
    let Some((ip, said)) = ip.split_once("> ") else { return Line::Bad };
    let said = said.trim_end_matches('[').trim_end();
    let word = said.split(' ').next().unwrap_or_default().to_ascii_uppercase();
    let right = match said.strip_prefix("LOGIN ").and_then(|s| s.rsplit_once(' ')) {
        Some((_, "ok")) => true,
        Some((_, "failed")) => false,
        _ if matches!(word.as_str(), "PASS" | "APOP" | "LOGIN" | "AUTH" | "AUTHENTICATE") => {
            !rest.starts_with("(-ERR") && !rest.starts_with("(NO") && !rest.contains(" NO ")
        }
        _ => return Line::Other,
    };
    let protocol = access.or(match word.as_str() {
        "PASS" | "APOP" => Some(Protocol::Pop3),
        _ => None,
    });
    login(protocol.unwrap_or(Protocol::Pop3), user, ip, right)
}

/// `(our.host) [192.0.2.1] LOGIN taro failed AUTH=<taro@example.jp> (wrong password)`
fn dialogue(rest: &str) -> Line<'_> {
    let Some((_, rest)) = rest.split_once(") [").filter(|_| rest.starts_with('(')) else {
        return Line::Other;
    };
    let Some((ip, said)) = rest.split_once("] ") else { return Line::Bad };
    let Some(said) = said.strip_prefix("LOGIN ") else {
        return if said.contains(" => 5") { Line::Fact(Fact::Refused) } else { Line::Other };
    };
    let right = said.contains(" ok AUTH=<") || said.ends_with(" ok");
    if !right && !said.contains(" failed") {
        return Line::Other;
    }
    let typed = said.split(if right { " ok" } else { " failed" }).next().unwrap_or_default();
    let user = between(said, " AUTH=<", ">").unwrap_or(typed);
    login(Protocol::Smtp, user, ip, right)
}

fn login<'a>(protocol: Protocol, user: &'a str, ip: &'a str, right: bool) -> Line<'a> {
    let [user, ip] = [user, ip].map(Cow::Borrowed);
    Line::Fact(Fact::Login(Attempt { protocol: Some(protocol), user, ip, right, count: 1, sum: false }))
}

/// The message and the host of `<B0000097403@our.host>` or without brackets.
fn id(head: &str) -> Option<(&str, &str)> {
    let head = head.strip_prefix('<').unwrap_or(head);
    let (queue, rest) = head.split_once('@')?;
    let host = rest.split(['>', ' ']).next().unwrap_or_default();
    (!queue.is_empty() && queue.len() <= 64 && !queue.contains(' ')).then_some((queue, host))
}

fn angles(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).filter_map(|part| part.split_once('>').map(|(inside, _)| inside))
}
