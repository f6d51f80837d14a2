//! Which mechanisms are offered, by what a site has set up and how the connection is protected.

use std::sync::Arc;

use super::{Channel, Mechanism};

/// What a site has set up beyond passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// SCRAM-SHA-256, and its PLUS where the connection can be bound.
    pub scram: bool,
    /// OAUTHBEARER and XOAUTH2: where the issuer of tokens describes itself (OpenID Connect Discovery §4).
    pub tokens: Option<Arc<str>>,
    /// EXTERNAL, to clients that showed a certificate.
    pub certificates: bool,
    /// CRAM-MD5, and APOP for POP3.
    pub digests: bool,
    /// Those two also where there is no TLS: they do not show the password, but everything after it.
    pub digests_without_tls: bool,
}

/// A set of mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanisms(u16);

impl Offer {
    /// What is offered now. `private`: what is sent cannot be read by others, or the operator does not mind.
    #[must_use]
    pub fn now(&self, private: bool, channel: Option<&Channel>) -> Mechanisms {
        let offered = |mechanism: &Mechanism| match mechanism {
            Mechanism::Plain | Mechanism::Login => private,
            Mechanism::ScramSha256 => private && self.scram,
            Mechanism::ScramSha256Plus => self.scram && channel.is_some_and(Channel::can_bind),
            Mechanism::OAuthBearer | Mechanism::XOAuth2 => private && self.tokens.is_some(),
            Mechanism::External => self.certificates && channel.is_some_and(|channel| channel.certificate),
            Mechanism::CramMd5 => self.digests && (private || self.digests_without_tls),
        };
        Mechanisms(Mechanism::ALL.iter().filter(|m| offered(m)).fold(0, |set, m| set | bit(*m)))
    }
}

impl Mechanisms {
    /// Whether `mechanism` is one of them.
    #[must_use]
    pub const fn has(self, mechanism: Mechanism) -> bool {
        self.0 & bit(mechanism) != 0
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The one of a registered name, if it is offered.
    #[must_use]
    pub fn find(self, name: &str) -> Option<Mechanism> {
        Mechanism::parse(name).filter(|mechanism| self.has(*mechanism))
    }

    /// Their names, in the order in which they are told.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Mechanism::ALL.into_iter().filter(move |mechanism| self.has(*mechanism)).map(Mechanism::name)
    }

    /// Their names with spaces between.
    #[must_use]
    pub fn line(self) -> String {
        self.names().collect::<Vec<_>>().join(" ")
    }
}

const fn bit(mechanism: Mechanism) -> u16 {
    1 << mechanism as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_shows_a_password_is_offered_in_the_clear() {
        let all = Offer {
            scram: true,
            tokens: Some("https://id.example.jp/".into()),
            certificates: true,
            digests: true,
            digests_without_tls: false,
        };
        assert!(all.now(false, None).is_empty());
        let legacy = Offer { digests_without_tls: true, ..all.clone() };
        assert_eq!(legacy.now(false, None).line(), "CRAM-MD5");
        let plain = "PLAIN LOGIN SCRAM-SHA-256 OAUTHBEARER XOAUTH2 CRAM-MD5";
        assert_eq!(all.now(true, None).line(), plain, "where the operator does not mind");
        let channel = Channel { end_point: Some(Box::new([1])), ..Channel::default() };
        let bound = "PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS OAUTHBEARER XOAUTH2 CRAM-MD5";
        assert_eq!(all.now(true, Some(&channel)).line(), bound);
        let shown = Channel { certificate: true, ..channel };
        assert!(all.now(true, Some(&shown)).has(Mechanism::External));
        assert_eq!(Offer::default().now(true, Some(&shown)).line(), "PLAIN LOGIN");
        assert_eq!(Offer::default().now(true, None).find("scram-sha-256"), None);
        assert_eq!(Offer::default().now(true, None).find("plain"), Some(Mechanism::Plain));
    }
}
