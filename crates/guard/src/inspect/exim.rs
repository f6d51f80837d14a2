//! Lines of Exim's mainlog.

use std::borrow::Cow;

use super::fact::{Attempt, Delivery, End, Fact, Reach};
use super::read::{Line, between, house_address, number};
use crate::event::Protocol;

/// Reads what follows the time.
pub(super) fn read(text: &str) -> Line<'_> {
    // With `+pid` in the log selector.
    let text = match text.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((pid, rest)) if pid.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => text,
    };
    if let Some(failed) = failed_login(text) {
        return failed;
    }
    let Some((queue, rest)) = text.split_once(' ').filter(|(id, _)| is_id(id)) else {
        return if text.contains(" rejected ") { Line::Fact(Fact::Refused) } else { Line::Other };
    };
    if rest.starts_with("Completed") {
        return Line::Fact(Fact::Done { queue });
    }
    let Some((arrow, rest)) = rest.split_once(' ') else { return Line::Other };
    match arrow {
        "<=" => arrived(queue, rest),
        "=>" | "->" | ">>" => delivered(queue, rest, End::Sent),
        "==" => delivered(queue, rest, End::Deferred),
        "**" => delivered(queue, rest, End::Failed),
        _ => Line::Other,
    }
}

/// `1abcDE-000001-AB`, or longer since 4.97.
fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.len(), 16 | 23)
        && bytes.get(6) == Some(&b'-')
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// `taro@example.jp H=(pc) [192.0.2.1]:4711 P=esmtpsa A=plain:taro S=1234 id=x@y for a@b c@d`
fn arrived<'a>(queue: &'a str, rest: &'a str) -> Line<'a> {
    let Some((from, rest)) = rest.split_once(' ') else { return Line::Bad };
    let user = value(rest, " A=").and_then(|login| login.split_once(':')).map_or("", |(_, user)| user);
    // A server that takes mail from a program of its own says as whom, and no host.
    let Some(host) = find(rest, "H=").and_then(|at| rest.get(at..)) else {
        return match value(rest, "U=").filter(|_| from != "<>") {
            Some(user) => Line::Fact(Fact::Pickup { queue, user }),
            None => Line::Other,
        };
    };
    let Some(ip) = between(host, "[", "]") else { return Line::Bad };
    let to = between_last(rest, " for ").map(|list| list.split_whitespace().map(Cow::Borrowed).collect::<Vec<_>>());
    let count = u32::try_from(to.as_ref().map_or(0, Vec::len)).unwrap_or(u32::MAX);
    let from = if from == "<>" { "" } else { from };
    let size = value(rest, " S=").map_or(0, number);
    Line::Two(Fact::Client { queue, ip, user, original: "" }, Fact::Envelope { queue, from, size, recipients: count })
}

/// `a@b <orig@c> R=dnslookup T=remote_smtp H=mx [192.0.2.1] C="250 OK"`
fn delivered<'a>(queue: &'a str, rest: &'a str, end: End) -> Line<'a> {
    let (head, mut more) = rest.split_once(' ').unwrap_or((rest, ""));
    let head = head.strip_suffix(':').unwrap_or(head);
    let mut original = "";
    if let Some((inner, after)) = more.strip_prefix('<').and_then(|m| m.split_once('>')) {
        (original, more) = (inner, after);
    } else if let Some((_, after)) = more.strip_prefix('(').and_then(|m| m.split_once(") <")) {
        // A local delivery after redirection.
        if let Some((inner, after)) = after.split_once('>') {
            (original, more) = (inner, after);
        }
    }
    if head.is_empty() {
        return Line::Bad;
    }
    let to = if head.contains('@') || original.is_empty() { head } else { original };
    let host = find(more, "H=").and_then(|at| more.get(at..));
    let reach = match (host, end) {
        (Some(host), _) => match between(host, "[", "]") {
            Some(ip) if house_address(ip) => Reach::Inside,
            _ => Reach::Outside,
        },
        (None, End::Sent) => Reach::Inside,
        (None, _) if value(more, " T=").is_some_and(|t| !t.contains("smtp")) => Reach::Inside,
        (None, _) => Reach::Unknown,
    };
    let reply = more.split_once(": ").map_or("", |(_, reply)| reply);
    Line::Fact(Fact::Delivery(Delivery {
        queue: queue.into(),
        to: to.into(),
        original,
        reach,
        end,
        reply: reply.into(),
    }))
}

/// `plain authenticator failed for (pc) [192.0.2.1]:4711: 535 Incorrect authentication data (set_id=taro)`
fn failed_login(text: &str) -> Option<Line<'_>> {
    let (_, rest) = text.split_once(" authenticator failed for ")?;
    let Some(ip) = between(rest, "[", "]") else { return Some(Line::Bad) };
    let user = between(rest, "(set_id=", ")").unwrap_or_default();
    let known = rest.contains("535") || !user.is_empty();
    let attempt = Attempt {
        protocol: Some(Protocol::Smtp),
        user: Cow::Borrowed(user),
        ip: Cow::Borrowed(ip),
        right: false,
        count: 1,
        sum: true,
    };
    Some(if known { Line::Fact(Fact::Login(attempt)) } else { Line::Other })
}

/// Where a field begins: at the start or after a space.
fn find(text: &str, name: &str) -> Option<usize> {
    if text.starts_with(name) {
        return Some(0);
    }
    text.match_indices(name).map(|(at, _)| at).find(|&at| text.as_bytes().get(at.wrapping_sub(1)) == Some(&b' '))
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = find(text, name.trim_start())?;
    let rest = text.get(at + name.trim_start().len()..)?;
    Some(rest.split(' ').next().unwrap_or(rest))
}

/// What follows the last ` for `, if it is a list of addresses and not part of a subject.
fn between_last<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    let (_, list) = text.rsplit_once(mark)?;
    list.split_whitespace().all(|word| word.contains('@')).then_some(list)
}
