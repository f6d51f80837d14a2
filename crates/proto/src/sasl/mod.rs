//! SASL mechanisms as pure state machines: PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and its PLUS (RFC 5802, RFC 7677),
//! OAUTHBEARER (RFC 7628), XOAUTH2, EXTERNAL (RFC 4422 App. A) and CRAM-MD5 (RFC 2195). SMTP, IMAP and POP3 share them.
//!
//! A server session makes an [`exchange::Exchange`] and feeds it what the client sent,
//! already decoded from base64; a client uses [`plain::initial`] and [`login::Client`].

pub mod bearer;
pub mod digest;
pub mod exchange;
pub mod login;
pub mod plain;
pub mod scram;

mod channel;
mod offer;

use std::fmt;

pub use channel::Channel;
pub use digest::DigestKind;
pub use exchange::{Exchange, Progress};
pub use offer::{Mechanisms, Offer};
pub use scram::Mismatch;

/// A password in the clear, on its way to verification. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// The password itself, for verification only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The mechanisms that Sekisho speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Name and password in one message (RFC 4616).
    Plain,
    /// Name and password one after the other; never standardised, but old programs know nothing else.
    Login,
    /// Challenge and response with a salted hash (RFC 7677).
    ScramSha256,
    /// The same, bound to the TLS connection.
    ScramSha256Plus,
    /// A token of an issuer that the site trusts (RFC 7628).
    OAuthBearer,
    /// The same in the form that came before the standard.
    XOAuth2,
    /// The certificate that the client showed (RFC 4422 App. A).
    External,
    /// Challenge and response with MD5 (RFC 2195).
    CramMd5,
}

impl Mechanism {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Login,
        Self::ScramSha256,
        Self::ScramSha256Plus,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::External,
        Self::CramMd5,
    ];

    /// The mechanism of a registered name, in any letter case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(name))
    }

    /// The registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::External => "EXTERNAL",
            Self::CramMd5 => "CRAM-MD5",
        }
    }
}

/// What an authentication exchange asks of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// PLAIN, LOGIN, and USER with PASS alike: verify the password.
    Plain {
        /// The identity to act as; empty means the user's own.
        authzid: String,
        /// The login name.
        user: String,
        /// The password to verify.
        password: Password,
    },
    /// SCRAM wants the stored secret of `user`, or for an unknown one a decoy
    /// ([`scram::Secret::decoy`]), with a fresh server nonce.
    ScramUser {
        /// The login name.
        user: String,
    },
    /// SCRAM proved that the client knows the password of `user`. The agent may still
    /// refuse, for a suspended account for instance.
    ScramDone {
        /// The identity to act as; empty means the user's own.
        authzid: String,
        /// The login name.
        user: String,
    },
    /// The proof was wrong. The session refuses whatever the agent answers; the agent
    /// can word the refusal.
    ScramFailed {
        /// The login name.
        user: String,
        /// What was wrong.
        why: Mismatch,
    },
    /// OAUTHBEARER and XOAUTH2: verify the token.
    Token {
        /// The identity that the client names; empty leaves it to the token.
        user: String,
        /// The token; empty when the client only asks what is wanted.
        token: Password,
    },
    /// EXTERNAL: the certificate that the client showed is the proof.
    External {
        /// The identity to act as; empty means the certificate's own.
        authzid: String,
    },
    /// CRAM-MD5 wants a challenge that was never used before, in angle brackets.
    Challenge,
    /// CRAM-MD5 and APOP: verify the digest.
    Digest {
        /// The login name.
        user: String,
        /// The challenge that it answers.
        challenge: String,
        /// What came.
        digest: [u8; 16],
        /// What it was made of.
        kind: DigestKind,
    },
}
