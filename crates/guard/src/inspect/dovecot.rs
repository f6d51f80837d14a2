//! Lines of Dovecot: logins and their failures.

use std::borrow::Cow;

use super::fact::{Attempt, Fact};
use super::read::{Line, between, number};
use crate::event::Protocol;

/// Reads what `service` (`imap-login`, `auth`, `auth-worker(12)`, …) wrote.
pub(super) fn read<'a>(service: &str, text: &'a str) -> Line<'a> {
    let text = ["Info: ", "Warning: ", "Error: ", "Debug: "].iter().find_map(|p| text.strip_prefix(p)).unwrap_or(text);
    let service = service.split('(').next().unwrap_or(service);
    if let Some(door) = service.strip_suffix("-login") {
        return login(door, text);
    }
    if matches!(service, "auth" | "auth-worker") { database(text) } else { Line::Other }
}

/// Whether Dovecot has a service of this name whose lines matter.
pub(super) fn is_service(name: &str) -> bool {
    let name = name.split('(').next().unwrap_or(name);
    name.ends_with("-login") || matches!(name, "auth" | "auth-worker" | "imap" | "pop3" | "lmtp" | "lda" | "master")
}

/// `Login: user=<taro>, method=PLAIN, rip=192.0.2.1, …`, `Aborted login (auth failed, 3 attempts in 9 secs): user=<taro>, …`
fn login<'a>(door: &str, text: &'a str) -> Line<'a> {
    let protocol = match door {
        "imap" | "managesieve" => Protocol::Imap4,
        "pop3" => Protocol::Pop3,
        "submission" => Protocol::Smtp,
        _ => return Line::Other,
    };
    let right = text.starts_with("Login: user=<");
    let count = match between(text, "(auth failed, ", " attempts") {
        _ if right => 1,
        Some(count) => number(count).clamp(1, 1_000),
        None => return Line::Other,
    };
    let user = text.find("user=<").and_then(|at| text.get(at + 6..)).and_then(|rest| rest.split_once('>'));
    let Some((user, rest)) = user else {
        // Nobody got as far as a name.
        return if right { Line::Bad } else { Line::Other };
    };
    let Some(ip) = between(rest, "rip=", ",") else { return Line::Bad };
    Line::Fact(Fact::Login(Attempt {
        protocol: Some(protocol),
        user: Cow::Borrowed(user),
        ip: Cow::Borrowed(ip),
        right,
        count,
        sum: !right,
    }))
}

/// `passwd-file(taro,192.0.2.1,<session>): Password mismatch`, after what Dovecot 2.3 puts before it.
fn database(text: &str) -> Line<'_> {
    let said = ["assword mismatch", "unknown user", "authenticate() failed", "invalid credentials", "empty password"];
    if !said.iter().any(|what| text.contains(what)) {
        return Line::Other;
    }
    let Some((head, _)) = text.rsplit_once("): ") else { return Line::Other };
    let Some((_, inside)) = head.rsplit_once('(') else { return Line::Other };
    let mut parts = inside.split(',');
    let (user, ip) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if user.is_empty() || user.contains('=') {
        return Line::Other;
    }
    Line::Fact(Fact::Login(Attempt {
        protocol: None,
        user: Cow::Borrowed(user),
        ip: Cow::Borrowed(ip),
        right: false,
        count: 1,
        sum: false,
    }))
}
