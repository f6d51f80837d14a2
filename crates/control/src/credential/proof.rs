//! What somebody shows to be let in.

use sekisho_store::login::Wire;

use super::address_of;
use super::certificate::Shown;
use super::recoverable::Digest;
use crate::guard::Known;

const APP_PASSWORD: &str = "app password";

/// The client at the other end of a login.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peer<'a> {
    /// Its address, as text.
    pub network: &'a str,
    /// Whether TLS protects the connection.
    pub tls: bool,
    /// What it calls itself, as far as it did: the name in EHLO, IMAP's ID, the browser. Its word alone.
    pub program: &'a str,
}

impl Peer<'_> {
    /// What protects the connection.
    pub(super) fn wire(&self) -> Wire {
        match address_of(self.network) {
            _ if self.tls => Wire::Tls,
            Some(ip) if ip.to_canonical().is_loopback() => Wire::Local,
            _ => Wire::Clear,
        }
    }
}

impl<'a> From<&'a str> for Peer<'a> {
    /// A client of which only the address is known: nothing protects it.
    fn from(network: &'a str) -> Self {
        Self { network, ..Self::default() }
    }
}

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
        match (self, app) {
            (Self::Password { .. }, None) => None,
            (Self::Password { .. }, Some(name)) => Some(format!("{APP_PASSWORD} {name}")),
            (Self::Certificate { shown, .. }, _) => Some(format!("certificate {}", shown.fingerprint)),
            (other, _) => Some(other.kind(None).to_owned()),
        }
    }

    /// Of what kind it is; a password is the account's own or that of an app.
    pub(super) const fn kind(&self, app: Option<&str>) -> &'static str {
        match self {
            Self::Password { .. } if app.is_some() => APP_PASSWORD,
            Self::Password { .. } => "password",
            Self::Scram { .. } => "SCRAM-SHA-256",
            Self::Token { .. } => "token",
            Self::Certificate { .. } => "certificate",
            Self::Digest { kind: Digest::Apop, .. } => "APOP",
            Self::Digest { kind: Digest::CramMd5, .. } => "CRAM-MD5",
        }
    }
}
