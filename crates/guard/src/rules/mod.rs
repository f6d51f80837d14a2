//! The operator's rule files, in their E-POST syntax.
//!
//! - [`effect`]: `effect.dat`, who may be received from and who may relay.
//! - [`sender`]: `sender.dat`, whom an account may write to.
//! - [`filter`]: `mail.dat`, which messages are refused for what their header says.
//! - [`gateway`]: `gateway.dat`, which host takes a domain's mail.
//! - [`hours`]: when an account's mail may leave.
//! - [`reject`]: `rejectsmtpip.dat` and its kin, the lockout tables.
//! - [`explain`]: which line decides a given envelope.
//!
//! All parsers share one promise: they never fail and never panic. A row that
//! cannot be understood disables itself only, is reported as a [`Finding`] with its
//! line number, and never opens anything that stays shut without it.

pub mod effect;
pub mod explain;
pub mod filter;
pub mod gateway;
pub mod hours;
pub mod lines;
pub mod lint;
pub mod network;
pub mod reject;
pub mod sender;

use sekisho_message::{Address, Domain, Text};

/// How much a [`Finding`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Probably not what the operator means.
    Warning,
    /// The row has no effect.
    Error,
}

/// Something that a rule file's reader must tell the operator.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Line number from 1; 0 when it is about the whole file.
    pub line: u32,
    /// How much it matters.
    pub severity: Severity,
    /// What was found, and what to do.
    pub text: Text,
}

impl Finding {
    pub(crate) const fn new(line: u32, severity: Severity, text: Text) -> Self {
        Self { line, severity, text }
    }
}

/// Whether `text` matches `pattern`, where `*` stands for any run of characters.
/// Both are compared as they are: lower-case them first. Linear in
/// `pattern.len() * text.len()` at worst, without recursion.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
        } else if pattern.get(p) == text.get(t) {
            p += 1;
            t += 1;
        } else if let Some((after_star, from)) = retry {
            p = after_star;
            t = from + 1;
            retry = Some((after_star, t));
        } else {
            return false;
        }
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|&b| b == b'*'))
}

/// A pattern of senders in the form that [`matches_sender`] compares: `*@example.jp`, `@example.jp` and `example.jp` are
/// the same. None when it cannot be read.
#[must_use]
pub fn sender_pattern(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('<').trim_end_matches('>').to_lowercase();
    match text.rsplit_once('@') {
        _ if text == "*" || text == "*@*" => Some("*".to_owned()),
        None | Some(("", _)) => address_key(&format!("*@{}", text.trim_start_matches('@'))),
        Some(_) => address_key(&text),
    }
}

/// Whether the look-up key of a sender matches a [`sender_pattern`].
#[must_use]
pub fn matches_sender(pattern: &str, sender: &str) -> bool {
    glob(pattern, sender)
}

/// A domain as rules compare it: lower-case A-labels, `*` as a wildcard.
pub(crate) fn domain_key(text: &str) -> Option<String> {
    if !text.contains('*') {
        return Domain::parse(text).ok().map(|domain| domain.ascii().to_owned());
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'*');
    (text.len() <= 255 && text.bytes().all(plain)).then(|| text.to_ascii_lowercase())
}

/// An address as rules compare it: a look-up key, `*` as a wildcard.
pub(crate) fn address_key(text: &str) -> Option<String> {
    if !text.contains('*') {
        return Address::parse(text).ok().map(|address| address.key());
    }
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    let domain = domain_key(domain)?;
    (!local.is_empty() && local.len() <= 64 && local.chars().all(plain))
        .then(|| format!("{}@{domain}", local.to_lowercase()))
}

#[cfg(test)]
mod tests;
