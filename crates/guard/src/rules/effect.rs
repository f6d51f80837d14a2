//! `effect.dat`: who may be received from, and who may relay.
//!
//! A row is `<subject> <action>[,<option>]`. Rows are read top-down and the first
//! that matches decides. Subjects are an address (`192.0.2.1`, `2001:db8::1`), a
//! wildcard (`192.168.1.*`, `10.*.*.*`, `*.*.*.*`), a prefix (`192.0.2.0/28`), a
//! domain, an address, `#blank` (`MAIL FROM:` with nothing) and `#<>` (the null
//! reverse-path). A row that starts with any other `#`, or with `;`, is a comment.
//!
//! | action | meaning here |
//! |---|---|
//! | `true` or nothing | on a network: an explicit relay rule, without AUTH. On a domain or an address: nothing, see below |
//! | `default` | the base rule: inbound mail to local users, relaying with AUTH |
//! | `false` | refuse everything from the subject, inbound mail too |
//! | `only` | all `only` rows together name who may relay under the base rule; everybody else may not, and no other row after the first of them counts |
//! | `norelay`, `norelay,0` | inbound mail only, even with AUTH |
//! | `norelay,2` | inbound mail, relaying with AUTH only |
//!
//! Where this is stricter than the ancestor, it is on purpose. Anybody can write any
//! reverse-path, so `true` on a *domain or address* does not open relaying unless the
//! operator also sets [`crate::relay::Policy::legacy_sender_rules`]. `true` on
//! everything, or on a network that is too wide to be anyone's own
//! ([`Network::may_be_trusted`]), never opens. `only` does not open by itself.
//!
//! A row with a readable subject and an unreadable action is disabled, but a `true`
//! below it does not open for that subject: `10.0.0.5 fasle` before `10.* true` must
//! not turn a typing error into a relay.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_message::{Text, say};

use super::lines;
use super::network::Network;
use super::{Finding, Severity, glob};

/// What is in force when there is no file: bounces reach local users, a blank sender
/// is refused.
pub const SHIPPED: &str = "#<> default\r\n#blank false\r\n";

/// The reverse-path as rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender<'a> {
    /// `MAIL FROM:` with nothing after it.
    Blank,
    /// `MAIL FROM:<>`.
    Null,
    /// An address as a look-up key: lower case, domain as A-label.
    Address(&'a str),
}

/// The rows of a file and what was found while reading them.
#[derive(Clone, Debug, Default)]
pub struct EffectRules {
    rules: Vec<Rule>,
    findings: Vec<Finding>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Line number from 1.
    pub line: u32,
    /// The row as written.
    pub source: Arc<str>,
    /// Whom it is about.
    pub subject: Subject,
    /// What it says; `None` when that cannot be read.
    pub action: Option<Action>,
}

/// Whom a row is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Clients of a network.
    Network(Network),
    /// Reverse-paths of a domain; `*` is a wildcard.
    Domain(String),
    /// A reverse-path; `*` is a wildcard.
    Address(String),
    /// `#blank`.
    Blank,
    /// `#<>`.
    Null,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `true`, or nothing.
    True,
    /// `default`.
    Default,
    /// `false`.
    False,
    /// `only`.
    Only,
    /// `norelay` and `norelay,0`.
    NoRelay,
    /// `norelay,2`.
    AuthOnly,
}

/// What the file says about one envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub ruling: Ruling,
    /// The row that decided, if any did.
    pub line: Option<u32>,
    /// An unreadable row that kept a `true` below it from opening.
    pub shut_by: Option<u32>,
}

/// The outcome of a look through the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The base rule.
    Base,
    /// An explicit relay rule for this network, in canonical form.
    TrustNetwork(Arc<str>),
    /// `true` on a reverse-path, which anybody can write.
    TrustSender,
    /// Refuse everything.
    Refuse,
    /// Inbound mail only, even with AUTH.
    NoRelay,
    /// Relaying with AUTH only.
    AuthOnly,
}

impl EffectRules {
    /// Reads a file. Never fails: see [`EffectRules::findings`].
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let read = lines::read(bytes);
        let mut out = Self { rules: Vec::with_capacity(read.lines.len()), findings: read.findings };
        for (line, source) in read.lines {
            match parse_row(line, &source) {
                Ok(Some((rule, remark))) => {
                    out.findings.extend(remark);
                    out.rules.push(rule);
                }
                Ok(None) => {}
                Err(finding) => out.findings.push(finding),
            }
        }
        out
    }

    /// The rules in force when there is no file.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(SHIPPED.as_bytes())
    }

    /// The rows that could be read, in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What was found while reading: bad rows and odd text. [`super::lint`] adds advice.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What the file says about a client and a reverse-path.
    #[must_use]
    pub fn decide(&self, ip: IpAddr, sender: Sender<'_>) -> Decision {
        let mut shut_by = None;
        for (index, rule) in self.rules.iter().enumerate() {
            if rule.action == Some(Action::Only) {
                return self.only(index, ip, sender);
            }
            if !rule.subject.matches(ip, sender) {
                continue;
            }
            let Some(action) = rule.action else {
                shut_by.get_or_insert(rule.line);
                continue;
            };
            let ruling = match action {
                Action::True if shut_by.is_some() => Ruling::Base,
                Action::True => rule.subject.trust(),
                Action::Default | Action::Only => Ruling::Base,
                Action::False => Ruling::Refuse,
                Action::NoRelay => Ruling::NoRelay,
                Action::AuthOnly => Ruling::AuthOnly,
            };
            return Decision { ruling, line: Some(rule.line), shut_by };
        }
        Decision { shut_by, ..Decision::base() }
    }

    /// The row that refuses a client before it has said a word, if the file decides
    /// that without knowing the reverse-path.
    #[must_use]
    pub fn refuses_connection(&self, ip: IpAddr) -> Option<u32> {
        for rule in &self.rules {
            match (&rule.subject, rule.action) {
                (_, Some(Action::Only)) => return None,
                (Subject::Network(network), Some(action)) if network.contains(ip) => {
                    return (action == Action::False).then_some(rule.line);
                }
                // A reverse-path that is let through here may come yet; one that is
                // refused here cannot make things better.
                (Subject::Network(_), _) | (_, None | Some(Action::False)) => {}
                (_, Some(_)) => return None,
            }
        }
        None
    }

    /// From the first `only` on, only `only` rows count.
    fn only(&self, from: usize, ip: IpAddr, sender: Sender<'_>) -> Decision {
        let rows = self.rules.get(from..).unwrap_or_default();
        let member = rows.iter().find(|r| r.action == Some(Action::Only) && r.subject.matches(ip, sender));
        match member {
            Some(rule) => Decision { ruling: Ruling::Base, line: Some(rule.line), shut_by: None },
            None => Decision { ruling: Ruling::NoRelay, line: rows.first().map(|r| r.line), shut_by: None },
        }
    }
}

impl Decision {
    /// What holds when no row speaks of an envelope: the base rule.
    #[must_use]
    pub const fn base() -> Self {
        Self { ruling: Ruling::Base, line: None, shut_by: None }
    }

    /// For the `effect.dat` of one account, about mail to it: whether the account
    /// wants the message. Rows that speak of relaying do not matter there, except
    /// that `only` rows name everybody who may write.
    #[must_use]
    pub fn welcomes(&self) -> bool {
        !matches!(self.ruling, Ruling::Refuse | Ruling::NoRelay)
    }
}

impl Subject {
    fn matches(&self, ip: IpAddr, sender: Sender<'_>) -> bool {
        match (self, sender) {
            (Self::Network(network), _) => network.contains(ip),
            (Self::Blank, Sender::Blank) | (Self::Null, Sender::Null) => true,
            (Self::Domain(domain), Sender::Address(address)) => {
                address.rsplit_once('@').is_some_and(|(_, d)| same(domain, d))
            }
            (Self::Address(pattern), Sender::Address(address)) => same(pattern, address),
            _ => false,
        }
    }

    fn trust(&self) -> Ruling {
        match self {
            Self::Network(network) if network.may_be_trusted() => Ruling::TrustNetwork(network.to_string().into()),
            Self::Network(_) | Self::Blank | Self::Null => Ruling::Base,
            Self::Domain(_) | Self::Address(_) => Ruling::TrustSender,
        }
    }
}

fn same(pattern: &str, text: &str) -> bool {
    if pattern.contains('*') { glob(pattern, text) } else { pattern == text }
}

type Row = (Rule, Option<Finding>);

fn parse_row(line: u32, source: &str) -> Result<Option<Row>, Finding> {
    let mut words = source.split([' ', '\t', '\u{3000}']).filter(|w| !w.is_empty());
    let Some(first) = words.next() else { return Ok(None) };
    if first.starts_with(';') || (first.starts_with('#') && special(first).is_none()) {
        return comment(line, first, words.next()).map_or(Ok(None), Err);
    }
    let error = |text| Finding::new(line, Severity::Error, text);
    let subject = parse_subject(first).map_err(error)?;
    let rest: String = words.collect::<Vec<_>>().join(" ");
    let source: Arc<str> = source.into();
    match parse_action(&rest) {
        Ok((action, remark)) => {
            let remark = remark.map(|text| Finding::new(line, Severity::Warning, text));
            Ok(Some((Rule { line, source, subject, action: Some(action) }, remark)))
        }
        Err(text) => Ok(Some((Rule { line, source, subject, action: None }, Some(error(text))))),
    }
}

fn special(word: &str) -> Option<Subject> {
    if word.eq_ignore_ascii_case("#blank") {
        Some(Subject::Blank)
    } else if word == "#<>" {
        Some(Subject::Null)
    } else {
        None
    }
}

/// A comment that looks like a mistyped rule is worth a word.
fn comment(line: u32, first: &str, second: Option<&str>) -> Option<Finding> {
    let looks_like_rule = first.len() > 1 && second.is_some_and(|word| parse_action(word).is_ok());
    looks_like_rule.then(|| {
        Finding::new(
            line,
            Severity::Note,
            say!(
                ja: "「{first}」で始まる行は注釈として読み飛ばしました。特別な指定は #blank と #<> だけです。",
                en: "The line that starts with \"{first}\" was taken as a comment: #blank and #<> are the only special subjects."
            ),
        )
    })
}

fn parse_subject(word: &str) -> Result<Subject, Text> {
    if let Some(subject) = special(word) {
        return Ok(subject);
    }
    if word == "<>" {
        return Err(say!(
            ja: "空の差出人は「<>」ではなく「#<>」と書きます。",
            en: "The null sender is written \"#<>\", not \"<>\"."
        ));
    }
    if Network::is_meant(word) {
        return Network::parse(word).map(Subject::Network);
    }
    let lower = word.trim_start_matches('<').trim_end_matches('>').to_lowercase();
    let bad = || say!(ja: "「{word}」はドメインにもアドレスにも読めません。", en: "\"{word}\" can be read neither as a domain nor as an address.");
    match lower.strip_prefix("*@").or(lower.strip_prefix('@')) {
        Some(domain) => super::domain_key(domain).map(Subject::Domain),
        None if lower.contains('@') => super::address_key(&lower).map(Subject::Address),
        None => super::domain_key(&lower).map(Subject::Domain),
    }
    .ok_or_else(bad)
}

fn parse_action(text: &str) -> Result<(Action, Option<Text>), Text> {
    let lower = text.to_ascii_lowercase();
    let (word, option) = match lower.split_once(',') {
        Some((word, option)) => (word.trim(), Some(option.trim())),
        None => (lower.trim(), None),
    };
    let action = match (word, option) {
        ("" | "true", None) => Action::True,
        ("default", None) => Action::Default,
        ("false", None) => Action::False,
        ("only", None) => Action::Only,
        ("norelay", None | Some("0")) => Action::NoRelay,
        ("norelay", Some("2")) => Action::AuthOnly,
        ("norelay", Some("1")) => {
            let remark = say!(
                ja: "norelay,1 は定義されていないため norelay,0 として扱います。",
                en: "norelay,1 is not defined; it is read as norelay,0."
            );
            return Ok((Action::NoRelay, Some(remark)));
        }
        _ => {
            return Err(say!(
                ja: "動作「{text}」は読めません。true、default、false、only、norelay のどれかを書いてください。この行は無効です。",
                en: "The action \"{text}\" is unknown: write true, default, false, only or norelay. The line has no effect."
            ));
        }
    };
    Ok((action, None))
}
