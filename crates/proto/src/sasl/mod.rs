//! SASL mechanisms as pure state machines: PLAIN (RFC 4616), LOGIN and SCRAM-SHA-256
//! (RFC 5802, RFC 7677). SMTP, IMAP and POP3 share them.
//!
//! A server session makes an [`exchange::Exchange`] and feeds it what the client sent,
//! already decoded from base64; a client uses [`plain::initial`] and [`login::Client`].

pub mod exchange;
pub mod login;
pub mod plain;
pub mod scram;

use std::fmt;

pub use exchange::{Exchange, Progress};

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
}

impl Mechanism {
    /// The mechanism of a registered name, in any letter case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Plain, Self::Login, Self::ScramSha256].into_iter().find(|m| m.name().eq_ignore_ascii_case(name))
    }

    /// The registered name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
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
    },
}
