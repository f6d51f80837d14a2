//! Who answers for a message that this server hands on.

use std::fmt;

/// Who answers for a submission: an account, or, without AUTH, the network,
/// listener, alias or mailing list that an explicit rule trusts; or nobody, for mail that
/// merely arrives.
///
/// The fields are private, so that there are exactly two ways to make a value
/// for which [`Origin::may_reach_outside`] holds:
///
/// - [`Origin::authenticated`]: the only permitted caller is
///   `sekisho_control::credential`, after it verified a password or a token.
/// - `Origin::by_rule`: the only permitted caller is [`crate::relay`], from a line
///   of `effect.dat`, a listener setting, an alias, a list or an address for alerts that an administrator wrote, or a
///   forward or automatic reply of an account.
///   It is not visible outside this crate.
///
/// The house rules are checked by machine, and these two are among them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    who: Who,
}

/// What kind of origin it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An account that proved who it is.
    Account,
    /// A network that an `effect.dat` line trusts without AUTH.
    Network,
    /// A listener whose setting trusts whoever can reach it.
    Listener,
    /// An alias that an administrator pointed outside: its forwarded mail.
    Alias,
    /// A mailing list: what it sends to its members.
    List,
    /// The server itself, telling people whom the configuration names.
    Alert,
    /// An account's own rule: what it forwards and answers. The account answers for it.
    Rule,
    /// Mail that arrives from outside and stays here.
    Inbound,
}

/// The explicit rule that lets an origin reach outside without AUTH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The network of an `effect.dat` row, in canonical form: `192.0.2.0/24`.
    Network(String),
    /// The name of a trusted listener.
    Listener(String),
    /// The alias that forwards, as a look-up key.
    Alias(String),
    /// The mailing list that is expanded, as a look-up key.
    List(String),
    /// Addresses that the configuration names for alerts.
    Alert,
    /// The account whose rule forwards or answers, as a look-up key.
    Rule(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Account(String),
    Network(String),
    Listener(String),
    Alias(String),
    List(String),
    Alert,
    Rule(String),
    Inbound,
}

impl Origin {
    /// The origin of an account that has just proved who it is. `address` is the
    /// account's own address as a look-up key (lower case, domain as A-label).
    ///
    /// **Only `sekisho_control::credential` may call this**, and only after a
    /// verified credential: a value made here may reach any recipient outside.
    #[must_use]
    pub fn authenticated(address: &str) -> Self {
        Self { who: Who::Account(address.to_owned()) }
    }

    /// What [`Origin::authenticated`] would make, for the answer to a question
    /// ([`crate::rules::explain`]). Not visible outside this crate, and never handed out.
    pub(crate) fn hypothetical(address: &str) -> Self {
        Self { who: Who::Account(address.to_owned()) }
    }

    /// An origin that an explicit rule of the operator trusts.
    ///
    /// **Only [`crate::relay`] may call this.**
    pub(crate) fn by_rule(trust: Trust) -> Self {
        let who = match trust {
            Trust::Network(network) => Who::Network(network),
            Trust::Listener(name) => Who::Listener(name),
            Trust::Alias(address) => Who::Alias(address),
            Trust::List(address) => Who::List(address),
            Trust::Alert => Who::Alert,
            Trust::Rule(account) => Who::Rule(account),
        };
        Self { who }
    }

    /// The origin of mail that merely arrives. It reaches local recipients only.
    #[must_use]
    pub const fn inbound() -> Self {
        Self { who: Who::Inbound }
    }

    /// Whether recipients outside may be reached on this origin's account.
    #[must_use]
    pub const fn may_reach_outside(&self) -> bool {
        !matches!(self.who, Who::Inbound)
    }

    /// What kind of origin it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.who {
            Who::Account(_) => Kind::Account,
            Who::Network(_) => Kind::Network,
            Who::Listener(_) => Kind::Listener,
            Who::Alias(_) => Kind::Alias,
            Who::List(_) => Kind::List,
            Who::Alert => Kind::Alert,
            Who::Rule(_) => Kind::Rule,
            Who::Inbound => Kind::Inbound,
        }
    }

    /// The account's address, when an account answers.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match &self.who {
            Who::Account(address) => Some(address),
            _ => None,
        }
    }

    /// The key under which the queue and the journal know this origin, such as
    /// `account:taro@example.jp`, `network:192.0.2.0/24` or `inbound`.
    #[must_use]
    pub fn key(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.who {
            // Whoever holds the account's mail holds what its rules send.
            Who::Account(address) | Who::Rule(address) => write!(f, "account:{address}"),
            Who::Network(network) => write!(f, "network:{network}"),
            Who::Listener(name) => write!(f, "listener:{name}"),
            Who::Alias(address) => write!(f, "alias:{address}"),
            Who::List(address) => write!(f, "list:{address}"),
            Who::Alert => f.write_str("alert"),
            Who::Inbound => f.write_str("inbound"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_who_answers_and_inbound_reaches_nobody_outside() {
        let cases = [
            (Origin::authenticated("a@example.jp"), Kind::Account, "account:a@example.jp", true),
            (Origin::by_rule(Trust::Network("192.0.2.0/24".into())), Kind::Network, "network:192.0.2.0/24", true),
            (Origin::by_rule(Trust::Listener("lan".into())), Kind::Listener, "listener:lan", true),
            (Origin::by_rule(Trust::Alias("info@example.jp".into())), Kind::Alias, "alias:info@example.jp", true),
            (Origin::by_rule(Trust::List("all@example.jp".into())), Kind::List, "list:all@example.jp", true),
            (Origin::by_rule(Trust::Alert), Kind::Alert, "alert", true),
            (Origin::by_rule(Trust::Rule("a@example.jp".into())), Kind::Rule, "account:a@example.jp", true),
            (Origin::inbound(), Kind::Inbound, "inbound", false),
        ];
        for (origin, kind, key, outside) in cases {
            assert_eq!((origin.kind(), origin.key().as_str(), origin.may_reach_outside()), (kind, key, outside));
            assert_eq!(origin.account().is_some(), kind == Kind::Account);
        }
    }
}
