//! Lines of Postfix's programs.

use std::borrow::Cow;

use super::fact::{Attempt, Delivery, End, Fact, Reach};
use super::read::{Line, between, house_address, number};
use crate::event::Protocol;

/// Reads what `agent` (`smtpd`, `qmgr`, …) wrote.
pub(super) fn read<'a>(agent: &str, text: &'a str) -> Line<'a> {
    if let Some(warning) = text.strip_prefix("warning: ") {
        return warned(agent, warning);
    }
    let Some((queue, rest)) = queue(text) else { return Line::Other };
    match agent {
        "smtpd" => client(queue, rest),
        "cleanup" => rest.strip_prefix("message-id=").map_or(Line::Other, |id| {
            Line::Fact(Fact::MessageId { queue, id: id.trim_start_matches('<').trim_end_matches('>') })
        }),
        "qmgr" | "oqmgr" | "nqmgr" => manager(queue, rest),
        "pickup" => between(rest, "uid=", " ")
            .map_or(Line::Other, |uid| Line::Fact(Fact::Pickup { queue, user: uid.trim_end_matches(',') })),
        "smtp" | "lmtp" | "local" | "virtual" | "pipe" | "error" | "retry" | "discard" => delivery(agent, queue, rest),
        _ => Line::Other,
    }
}

/// Whether it is a program of Postfix whose lines matter; the last part of names such as `postfix/submission/smtpd`.
pub(super) fn agent(program: &str) -> Option<&str> {
    let (service, agent) = program.rsplit_once('/')?;
    (!service.is_empty()).then_some(agent)
}

fn queue(text: &str) -> Option<(&str, &str)> {
    let (queue, rest) = text.split_once(": ")?;
    let well = (5..=32).contains(&queue.len()) && queue.bytes().all(|b| b.is_ascii_alphanumeric());
    well.then_some((queue, rest))
}

/// `client=host[192.0.2.1], sasl_method=PLAIN, sasl_username=taro@example.jp`
fn client<'a>(queue: &'a str, rest: &'a str) -> Line<'a> {
    let Some(rest) = rest.strip_prefix("client=") else {
        return if rest.contains("reject: ") { Line::Fact(Fact::Refused) } else { Line::Other };
    };
    let Some((client, more)) = rest.split_once(']').map(|(client, more)| (client, more.trim_start_matches([':', ','])))
    else {
        return Line::Bad;
    };
    let Some((_, ip)) = client.rsplit_once('[') else { return Line::Bad };
    let user = field(more, "sasl_username=");
    let original = field(more, "orig_queue_id=");
    Line::Fact(Fact::Client { queue, ip, user, original })
}

/// The value of a field that ends with a comma or the line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let value = text.find(name).and_then(|at| text.get(at + name.len()..)).unwrap_or_default();
    value.split(", ").next().unwrap_or(value).trim()
}

/// `from=<a@b>, size=1234, nrcpt=1 (queue active)`, `removed`
fn manager<'a>(queue: &'a str, rest: &'a str) -> Line<'a> {
    if rest.starts_with("removed") {
        return Line::Fact(Fact::Done { queue });
    }
    let Some(from) = rest.strip_prefix("from=<") else { return Line::Other };
    let Some((from, more)) = from.split_once(">, ") else { return Line::Bad };
    if more.starts_with("status=expired") {
        return Line::Other;
    }
    let size = number(field(more, "size="));
    let recipients = number(field(more, "nrcpt="));
    Line::Fact(Fact::Envelope { queue, from, size, recipients })
}

/// `to=<a@b>, orig_to=<c>, relay=host[192.0.2.1]:25, delay=1, dsn=2.0.0, status=sent (250 ok)`
fn delivery<'a>(agent: &str, queue: &'a str, rest: &'a str) -> Line<'a> {
    let Some(rest) = rest.strip_prefix("to=<") else { return Line::Other };
    let Some((to, more)) = rest.split_once(">, ") else { return Line::Bad };
    let (original, more) = match more.strip_prefix("orig_to=<") {
        Some(more) => match more.split_once(">, ") {
            Some(split) => split,
            None => return Line::Bad,
        },
        None => ("", more),
    };
    let Some((head, status)) = more.split_once("status=") else { return Line::Bad };
    let (status, reply) = status.split_once(' ').unwrap_or((status, ""));
    let end = match status {
        "sent" => End::Sent,
        "deferred" => End::Deferred,
        "bounced" | "expired" => End::Failed,
        "undeliverable" | "deliverable" => return Line::Other,
        _ => return Line::Bad,
    };
    let relay = field(head, "relay=");
    let reach = match agent {
        "local" | "virtual" | "discard" => Reach::Inside,
        "pipe" => Reach::Program,
        "error" | "retry" => Reach::Unknown,
        _ if relay.is_empty() || relay == "none" => Reach::Unknown,
        // LMTP goes to the mailboxes of the house, wherever they are, or into a filter.
        "lmtp" => match hop(relay, reply) {
            filter @ Reach::Filter(_) => filter,
            _ => Reach::Inside,
        },
        _ => hop(relay, reply),
    };
    Line::Fact(Fact::Delivery(Delivery {
        queue: queue.into(),
        to: to.into(),
        original,
        reach,
        end,
        reply: reply.into(),
    }))
}

/// A host: another server, one of the house, or a content filter on this machine.
fn hop<'a>(relay: &str, reply: &'a str) -> Reach<'a> {
    let address = relay.rsplit_once('[').map(|(_, rest)| rest.split(']').next().unwrap_or(rest));
    let Some(address) = address else { return Reach::Outside };
    let loopback = address.starts_with("127.") || address == "::1";
    // An LMTP socket is a path in brackets.
    if address.starts_with('/') || address.contains("private/") {
        return Reach::Inside;
    }
    if loopback && let Some((_, id)) = reply.rsplit_once("queued as ") {
        return Reach::Filter(id.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default());
    }
    if house_address(address) { Reach::Inside } else { Reach::Outside }
}

/// `warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: …, sasl_username=taro`
fn warned<'a>(agent: &str, text: &'a str) -> Line<'a> {
    let Some(at) = text.find(": SASL ").filter(|_| agent == "smtpd") else { return Line::Other };
    let (client, rest) = text.split_at(at);
    // A server that could not ask says nothing about a password.
    if !rest.contains(" authentication failed") || rest.contains("Connection lost to authentication server") {
        return Line::Other;
    }
    let ip = client.rsplit_once('[').and_then(|(_, ip)| ip.strip_suffix(']')).unwrap_or_default();
    Line::Fact(Fact::Login(Attempt {
        protocol: Some(Protocol::Smtp),
        user: Cow::Borrowed(field(rest, "sasl_username=")),
        ip: Cow::Borrowed(ip),
        right: false,
        count: 1,
        sum: true,
    }))
}
