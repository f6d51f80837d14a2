//! Addresses: who mail is from and for.
//!
//! An [`Address`] is the addr-spec of RFC 5322 §3.4.1 within the bounds of RFC 5321 §4.5.3.1,
//! with the extensions of RFC 6531 §3.3 (UTF-8 in the local part, U-labels in the domain).
//! RFC 5321 calls it a *Mailbox*; here that word is kept for IMAP folders.

mod domain;
mod local;
mod path;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

pub use domain::Domain;
pub(crate) use local::is_atext;
pub use path::{ForwardPath, ReversePath};

/// Longest local part in octets, as written (RFC 5321 §4.5.3.1.1).
pub const MAX_LOCAL_OCTETS: usize = 64;
/// Longest domain in octets (RFC 5321 §4.5.3.1.2).
pub const MAX_DOMAIN_OCTETS: usize = 255;
/// Longest address in octets: a path of 256 less its angle brackets (RFC 5321 §4.5.3.1.3).
pub const MAX_ADDRESS_OCTETS: usize = 254;

/// Why a text is not an address. The words may be shown to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@`, or nothing before it.
    #[error("no local part")]
    NoLocalPart,
    /// Nothing stands after the `@`.
    #[error("no domain")]
    NoDomain,
    /// The local part is neither a dot-string nor a quoted string (RFC 5321 §4.1.2).
    #[error("bad local part")]
    BadLocalPart,
    /// The domain is neither a host name nor an address literal (RFC 5321 §4.1.2, §4.1.3).
    #[error("bad domain")]
    BadDomain,
    /// A part, or the whole, is longer than RFC 5321 §4.5.3.1 allows.
    #[error("address too long")]
    TooLong,
    /// The angle brackets of a path are missing or do not match (RFC 5321 §4.1.2).
    #[error("bad path")]
    BadPath,
}

/// An addr-spec, checked and in canonical form.
///
/// Two addresses are equal when their local parts are the same octets and their domains the same
/// name whatever its case and spelling (U-label or A-label). To find an account, use [`Address::key`].
#[derive(Clone, Debug)]
pub struct Address {
    local: String,
    domain: Domain,
}

impl Address {
    /// Reads an addr-spec: `local@domain`, `"quoted local"@domain`, `local@[192.0.2.1]`, `ユーザー@例え.jp`.
    ///
    /// No white space, comments, angle brackets or source routes: those belong to headers and paths.
    ///
    /// # Errors
    /// Says which part is wrong; see [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_OCTETS + 64 {
            return Err(AddressError::TooLong);
        }
        let (local, rest) = local::split(text)?;
        let domain = rest.strip_prefix('@').ok_or(AddressError::NoDomain)?;
        Self::from_parts(&local, Domain::parse(domain)?)
    }

    /// An address from an unquoted local part and a domain.
    ///
    /// # Errors
    /// [`AddressError::BadLocalPart`] when the local part is empty or has control characters,
    /// [`AddressError::TooLong`] when it, or the whole, is too long.
    pub fn from_parts(local: &str, domain: Domain) -> Result<Self, AddressError> {
        local::check(local)?;
        let written = local::written(local);
        let domain_octets = domain.as_str().len().max(domain.ascii().len());
        if written.len() > MAX_LOCAL_OCTETS || written.len() + 1 + domain_octets > MAX_ADDRESS_OCTETS {
            return Err(AddressError::TooLong);
        }
        Ok(Self { local: local.to_owned(), domain })
    }

    /// The local part without quoting, as the receiving host reads it.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The form to look an account up by: lower-cased and NFC-normalised local part, quoted where it must be, and
    /// the domain as A-label. The same for all spellings that Sekisho holds to be one address.
    #[must_use]
    pub fn key(&self) -> String {
        let local = local::folded(&self.local);
        format!("{}@{}", local::written(&local), self.domain.ascii())
    }

    /// Whether only a peer with SMTPUTF8 can take this address as it is (RFC 6531 §3.2).
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.is_ascii() || !self.domain.as_str().is_ascii()
    }

    /// The address in ASCII, with the domain as A-label; `None` when the local part is not ASCII.
    #[must_use]
    pub fn to_ascii(&self) -> Option<String> {
        self.local.is_ascii().then(|| format!("{}@{}", local::written(&self.local), self.domain.ascii()))
    }
}

impl fmt::Display for Address {
    /// Canonical: quotes only where they are needed, host names in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", local::written(&self.local), self.domain)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.local == other.local && self.domain == other.domain
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.local.hash(state);
        self.domain.hash(state);
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Address {
    /// By domain, then by local part.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.domain.ascii(), &self.local).cmp(&(other.domain.ascii(), &other.local))
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl serde::Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
