//! The one function that says whether a recipient may be reached.
//!
//! [`decide`] is asked for every recipient of every message, whatever listener it
//! came in by and whoever sent it. A recipient outside is reached only on an
//! [`Origin`] for which [`Origin::may_reach_outside`] holds, and nothing but a
//! verified credential or an explicit rule of the operator makes one.

use std::net::IpAddr;

use sekisho_message::{Text, say};

use crate::origin::{Origin, Trust};
use crate::rules::effect::{Decision, Ruling, Sender};

/// Switches of the base rule. The defaults are the safe ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// A reverse-path in a local domain needs AUTH or an explicit relay rule, for local
    /// recipients too (default true). False accepts mail from outside that names an
    /// existing local sender, for local users only.
    pub local_senders_need_auth: bool,
    /// **Dangerous.** The base rule of the ancestor: whoever names an existing local
    /// user in MAIL FROM may relay without AUTH (default false).
    pub legacy_internal_senders: bool,
    /// **Dangerous.** `true` on a domain or an address in `effect.dat` opens relaying,
    /// although anybody can write any reverse-path (default false).
    pub legacy_sender_rules: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self { local_senders_need_auth: true, legacy_internal_senders: false, legacy_sender_rules: false }
    }
}

/// What is known of the reverse-path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Blank or null.
    Nobody,
    /// In a local domain.
    Local {
        /// Whether an account or an exact alias has this address. A catch-all never
        /// makes a sender count as existing.
        exists: bool,
    },
    /// In a domain elsewhere.
    Outside,
}

/// Where a recipient is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locality {
    /// A local account, alias or list.
    Local,
    /// In a local domain, but nobody has this address.
    UnknownLocal,
    /// In a domain elsewhere.
    Outside,
}

/// What [`decide`] needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who answers for the message.
    pub origin: &'a Origin,
    /// What `effect.dat` says about client and reverse-path.
    pub rule: &'a Decision,
    /// What is known of the reverse-path.
    pub sender: Standing,
    /// Where the recipient is.
    pub recipient: Locality,
    /// The switches in force.
    pub policy: Policy,
}

/// What to do with the recipient, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to do.
    pub action: Action,
    /// Why.
    pub reason: Reason,
}

/// What to do with a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take it.
    Accept,
    /// Refuse it for good.
    Refuse(Refusal),
}

/// Which words the refusal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 550 5.1.7: nothing is taken from this client or reverse-path.
    BadSource,
    /// 550 5.7.1: no relaying.
    NoRelay,
    /// 550 5.1.1: nobody has this address.
    UnknownUser,
    /// 530 5.7.0: a local sender must authenticate.
    AuthRequired,
}

/// Why a verdict is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A local recipient.
    LocalRecipient,
    /// The origin is an account that authenticated.
    Authenticated,
    /// An explicit relay rule made the origin.
    ExplicitRule {
        /// Its line in `effect.dat`; `None` for a listener or an alias.
        line: Option<u32>,
    },
    /// An `effect.dat` row refuses.
    RefusedByRule {
        /// Its line.
        line: Option<u32>,
    },
    /// An `effect.dat` row forbids relaying.
    RelayForbiddenByRule {
        /// Its line.
        line: Option<u32>,
    },
    /// No AUTH and no explicit relay rule.
    NotAuthenticated,
    /// The reverse-path is in a local domain and nobody proved to own it.
    UnprovenLocalSender,
    /// Nobody has this address.
    NoSuchUser,
}

/// The origin of a session without AUTH: one that an explicit rule trusts, or
/// [`Origin::inbound`].
#[must_use]
pub fn unauthenticated(policy: Policy, rule: &Decision, ip: IpAddr, sender: Standing) -> Origin {
    let client = || Origin::by_rule(Trust::Network(ip.to_canonical().to_string()));
    match &rule.ruling {
        Ruling::TrustNetwork(network) => Origin::by_rule(Trust::Network(network.as_ref().to_owned())),
        Ruling::TrustSender if policy.legacy_sender_rules => client(),
        Ruling::Base | Ruling::TrustSender
            if policy.legacy_internal_senders && sender == (Standing::Local { exists: true }) =>
        {
            client()
        }
        _ => Origin::inbound(),
    }
}

/// The origin of what an alias forwards outside. `alias` is the look-up key of an
/// alias that an administrator made, or `srs@domain` for bounces to addresses that this server signed
/// ([`sekisho_message::srs`]).
#[must_use]
pub fn forwarding(alias: &str) -> Origin {
    Origin::by_rule(Trust::Alias(alias.to_owned()))
}

/// The origin of what a mailing list sends to its members. `list` is the look-up key of a list whose members an
/// administrator or its owner chose.
#[must_use]
pub fn expanding(list: &str) -> Origin {
    Origin::by_rule(Trust::List(list.to_owned()))
}

/// The origin of alerts to the addresses that the configuration names.
#[must_use]
pub fn alerting() -> Origin {
    Origin::by_rule(Trust::Alert)
}

/// The origin of what an account's forward or automatic reply sends. `account` is its look-up key; the account answers
/// for it, so that whatever holds the account holds this too.
#[must_use]
pub fn on_behalf(account: &str) -> Origin {
    Origin::by_rule(Trust::Rule(account.to_owned()))
}

/// The origin of a listener that the configuration trusts without AUTH.
#[must_use]
pub fn trusted_listener(name: &str) -> Origin {
    Origin::by_rule(Trust::Listener(name.to_owned()))
}

/// Whether a recipient may be reached.
#[must_use]
pub fn decide(request: &Request<'_>) -> Verdict {
    let line = request.rule.line;
    if request.rule.ruling == Ruling::Refuse {
        return Verdict::refuse(Refusal::BadSource, Reason::RefusedByRule { line });
    }
    if request.recipient == Locality::Outside {
        return outside(request);
    }
    if !request.origin.may_reach_outside() && unproven(request) {
        let refusal = if request.policy.local_senders_need_auth { Refusal::AuthRequired } else { Refusal::NoRelay };
        return Verdict::refuse(refusal, Reason::UnprovenLocalSender);
    }
    match request.recipient {
        Locality::UnknownLocal => Verdict::refuse(Refusal::UnknownUser, Reason::NoSuchUser),
        Locality::Local | Locality::Outside => Verdict { action: Action::Accept, reason: Reason::LocalRecipient },
    }
}

fn outside(request: &Request<'_>) -> Verdict {
    let line = request.rule.line;
    let authenticated = request.origin.account().is_some();
    match request.rule.ruling {
        Ruling::NoRelay => Verdict::refuse(Refusal::NoRelay, Reason::RelayForbiddenByRule { line }),
        Ruling::AuthOnly if !authenticated => Verdict::refuse(Refusal::NoRelay, Reason::RelayForbiddenByRule { line }),
        _ if authenticated => Verdict { action: Action::Accept, reason: Reason::Authenticated },
        _ if request.origin.may_reach_outside() => {
            Verdict { action: Action::Accept, reason: Reason::ExplicitRule { line } }
        }
        _ => Verdict::refuse(Refusal::NoRelay, Reason::NotAuthenticated),
    }
}

/// Whether the reverse-path claims a local address that nobody stands for.
fn unproven(request: &Request<'_>) -> bool {
    match request.sender {
        Standing::Local { exists } => request.policy.local_senders_need_auth || !exists,
        Standing::Nobody | Standing::Outside => false,
    }
}

impl Verdict {
    const fn refuse(refusal: Refusal, reason: Reason) -> Self {
        Self { action: Action::Refuse(refusal), reason }
    }

    /// Whether the recipient is taken.
    #[must_use]
    pub const fn accepts(&self) -> bool {
        matches!(self.action, Action::Accept)
    }
}

impl Refusal {
    /// The reply: code, enhanced status code and text. The texts are those that the
    /// ancestor's operators and their scripts know.
    #[must_use]
    pub fn reply(self, sender: Sender<'_>, recipient: &str) -> (u16, &'static str, String) {
        match self {
            Self::BadSource => (550, "5.1.7", "Please, mail from a valid IP or Domain address.".into()),
            Self::NoRelay => {
                let sender = match sender {
                    Sender::Address(address) => address,
                    Sender::Null | Sender::Blank => "<>",
                };
                (550, "5.7.1", format!("Sorry [{sender}] , I don't allow unauthorized relaying ."))
            }
            Self::UnknownUser => (550, "5.1.1", format!("{recipient} ... User unknown.")),
            Self::AuthRequired => (530, "5.7.0", "Authentication required".into()),
        }
    }
}

impl Reason {
    /// The reason as a sentence.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::LocalRecipient => say!(ja: "宛先はこのサーバの利用者です。", en: "The recipient is a local user."),
            Self::Authenticated => {
                say!(ja: "SMTP 認証済みのため中継できます。", en: "The sender authenticated, so it may relay.")
            }
            Self::ExplicitRule { line: Some(line) } => say!(
                ja: "effect.dat の {line} 行目が認証なしの中継を許しています。",
                en: "Line {line} of effect.dat lets this network relay without AUTH."
            ),
            Self::ExplicitRule { line: None } => say!(
                ja: "管理者の設定が認証なしの中継を許しています。",
                en: "A setting of the administrator allows relaying without AUTH."
            ),
            Self::RefusedByRule { line } => {
                let line = line.unwrap_or_default();
                say!(ja: "effect.dat の {line} 行目が拒否しています。", en: "Line {line} of effect.dat refuses.")
            }
            Self::RelayForbiddenByRule { line } => {
                let line = line.unwrap_or_default();
                say!(ja: "effect.dat の {line} 行目が中継を禁じています。", en: "Line {line} of effect.dat forbids relaying.")
            }
            Self::NotAuthenticated => say!(
                ja: "SMTP 認証がなく、中継を許す設定もありません。",
                en: "There is no AUTH, and no rule allows relaying."
            ),
            Self::UnprovenLocalSender => say!(
                ja: "差出人はこのサーバのドメインですが、SMTP 認証がありません。",
                en: "The sender is in a local domain but did not authenticate."
            ),
            Self::NoSuchUser => say!(ja: "宛先のアドレスは存在しません。", en: "Nobody has the recipient's address."),
        }
    }
}
