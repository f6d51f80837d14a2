//! What somebody shows to be let in.

use super::certificate::Shown;
use super::recoverable::Digest;
use crate::guard::Known;

/// A proof, as a protocol's session hands it over.
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// A password, or an app password.
    Password {
        /// Who the client wants to act as; empty for itself.
        authzid: &'a str,
        /// The login name: an address, or a bare name that only one account has.
        login: &'a str,
        /// The password.
        password: &'a str,
    },
    /// SCRAM has come to its end.
    Scram {
        /// Who the client wants to act as; empty for itself.
        authzid: &'a str,
        /// The login name.
        login: &'a str,
        /// What came out.
        outcome: Scram,
    },
    /// A token of an issuer.
    Token {
        /// The login name; empty leaves it to the token.
        login: &'a str,
        /// The token.
        token: &'a str,
    },
    /// A certificate that was verified when TLS was negotiated.
    Certificate {
        /// Who the client wants to be; empty leaves it to the certificate.
        authzid: &'a str,
        /// What it says.
        shown: Shown<'a>,
    },
    /// An answer to a challenge.
    Digest {
        /// The login name.
        login: &'a str,
        /// The challenge.
        challenge: &'a str,
        /// What came.
        digest: &'a [u8; 16],
        /// What it was made of.
        kind: Digest,
    },
}

/// What came out of SCRAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scram {
    /// The proof fits [`Control::scram_secret`](crate::Control::scram_secret).
    Proved,
    /// It does not.
    WrongProof,
    /// The channel binding does not fit.
    OtherChannel,
    /// The client believes that channel binding is not offered, which it is.
    Downgraded,
}

impl<'a> Proof<'a> {
    /// The login name, as far as it is said.
    pub(super) fn login(&self) -> &'a str {
        match *self {
            Self::Password { login, .. } | Self::Scram { login, .. } => login,
            Self::Token { login, .. } | Self::Digest { login, .. } => login,
            Self::Certificate { authzid, .. } => authzid,
        }
    }

    /// Nobody acts as somebody else. What tokens and certificates say is compared with the account itself.
    pub(super) fn acts_for_other(&self) -> bool {
        match *self {
            Self::Password { authzid, login, .. } | Self::Scram { authzid, login, .. } => {
                !authzid.is_empty() && !authzid.eq_ignore_ascii_case(login)
            }
            Self::Token { .. } | Self::Certificate { .. } | Self::Digest { .. } => false,
        }
    }

    /// What the guard may know of a guess that missed.
    pub(super) fn tried(&self) -> Known<'a> {
        match *self {
            Self::Password { password, .. } => Known::Password(password),
            Self::Token { token, .. } => Known::Password(token),
            Self::Scram { .. } | Self::Certificate { .. } | Self::Digest { .. } => Known::Proof,
        }
    }

    /// How somebody logged in, for the journal, where it was not by the password itself.
    pub(super) fn how(&self, app: Option<&str>) -> Option<String> {
        Some(match self {
            Self::Password { .. } => return app.map(|name| format!("app password {name}")),
            Self::Scram { .. } => "SCRAM-SHA-256".to_owned(),
            Self::Token { .. } => "token".to_owned(),
            Self::Certificate { shown, .. } => format!("certificate {}", shown.fingerprint),
            Self::Digest { kind: Digest::Apop, .. } => "APOP".to_owned(),
            Self::Digest { kind: Digest::CramMd5, .. } => "CRAM-MD5".to_owned(),
        })
    }
}
