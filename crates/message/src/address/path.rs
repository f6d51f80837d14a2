//! The paths of the envelope (RFC 5321 §3.3, §4.1.2).

use std::fmt;

use super::{Address, AddressError, Domain};

/// Most hops in an obsolete source route; more is refused. The route itself is dropped (RFC 5321 appendix C).
const MAX_ROUTE_HOPS: usize = 32;

/// The argument of MAIL FROM: who is told of failure. `None` is the null reverse-path `<>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ReversePath(pub Option<Address>);

impl ReversePath {
    /// The null reverse-path: nobody is told (RFC 5321 §4.5.5).
    pub const NULL: Self = Self(None);

    /// Reads `<>` or `<local@domain>`, with or without an obsolete source route, which is dropped.
    ///
    /// # Errors
    /// [`AddressError::BadPath`] without angle brackets; else what [`Address::parse`] says.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text == "<>" {
            return Ok(Self::NULL);
        }
        Address::parse(within_brackets(text)?).map(|address| Self(Some(address)))
    }

    /// The address, unless this is the null reverse-path.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        self.0.as_ref()
    }

    /// Whether this is `<>`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Address> for ReversePath {
    fn from(address: Address) -> Self {
        Self(Some(address))
    }
}

impl fmt::Display for ReversePath {
    /// With angle brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(address) => write!(f, "<{address}>"),
            None => f.write_str("<>"),
        }
    }
}

/// The argument of RCPT TO: who the message is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum ForwardPath {
    /// `<Postmaster>` without a domain: the postmaster of this host (RFC 5321 §4.1.1.3).
    Postmaster,
    /// An address.
    Address(Address),
}

impl ForwardPath {
    /// Reads `<local@domain>` or `<Postmaster>`, with or without an obsolete source route, which is dropped.
    ///
    /// # Errors
    /// [`AddressError::BadPath`] without angle brackets; else what [`Address::parse`] says.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let inner = within_brackets(text)?;
        if inner.eq_ignore_ascii_case("postmaster") {
            return Ok(Self::Postmaster);
        }
        Address::parse(inner).map(Self::Address)
    }

    /// The address; for `<Postmaster>` the postmaster of `host`.
    ///
    /// # Errors
    /// When `host` is too long to have a postmaster.
    pub fn resolve(self, host: &Domain) -> Result<Address, AddressError> {
        match self {
            Self::Postmaster => Address::from_parts("postmaster", host.clone()),
            Self::Address(address) => Ok(address),
        }
    }
}

impl fmt::Display for ForwardPath {
    /// With angle brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("<Postmaster>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

/// What stands between the angle brackets, without a source route.
fn within_brackets(text: &str) -> Result<&str, AddressError> {
    let inner = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).ok_or(AddressError::BadPath)?;
    if inner.starts_with('@') { after_route(inner) } else { Ok(inner) }
}

/// Drops `@a,@b:` (A-d-l of RFC 5321 §4.1.2). Each hop must be a domain.
fn after_route(inner: &str) -> Result<&str, AddressError> {
    // A literal has colons of its own, so the end of the route is the first colon outside brackets.
    let mut depth = 0usize;
    let end = inner.find(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ':' && depth == 0
    });
    let (route, rest) = inner.split_at(end.ok_or(AddressError::BadPath)?);
    if route.split(',').count() > MAX_ROUTE_HOPS {
        return Err(AddressError::TooLong);
    }
    for hop in route.split(',') {
        Domain::parse(hop.strip_prefix('@').ok_or(AddressError::BadPath)?)?;
    }
    Ok(rest.strip_prefix(':').unwrap_or(rest))
}
