//! Domains: host names with IDNA, and address literals (RFC 5321 §4.1.2, §4.1.3; RFC 5890, UTS 46).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{AddressError, MAX_DOMAIN_OCTETS};

/// Longest label in octets (RFC 1035 §2.3.4).
const MAX_LABEL_OCTETS: usize = 63;

/// A host name or an address literal.
///
/// Equal when the A-label forms are equal.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Lower case, U-labels kept when it was given with them.
    text: String,
    /// A-labels, only where that differs from `text`.
    ascii: Option<String>,
    literal: Option<IpAddr>,
}

impl Domain {
    /// Reads a host name (`Example.JP`, `例え.jp`) or an address literal (`[192.0.2.1]`, `[IPv6:2001:db8::1]`).
    ///
    /// Underscores are taken, since host names of the real world have them. A name whose last label is all digits
    /// is refused: it would be an IP address without brackets.
    ///
    /// # Errors
    /// [`AddressError::NoDomain`], [`AddressError::BadDomain`] or [`AddressError::TooLong`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::NoDomain);
        }
        if text.len() > MAX_DOMAIN_OCTETS {
            return Err(AddressError::TooLong);
        }
        if text.starts_with('[') {
            return literal(text);
        }
        if text.is_ascii() {
            check_name(text)?;
            return Ok(Self { text: text.to_ascii_lowercase(), ascii: None, literal: None });
        }
        let ascii = a_labels(text)?;
        if ascii.len() > MAX_DOMAIN_OCTETS {
            return Err(AddressError::TooLong);
        }
        check_name(&ascii)?;
        let (text, outcome) = idna::domain_to_unicode(&ascii);
        if outcome.is_err() || text.len() > MAX_DOMAIN_OCTETS {
            return Err(AddressError::BadDomain);
        }
        // A few names read differently when their canonical form is read again: they name nothing for certain.
        if !text.is_ascii() && a_labels(&text)? != ascii {
            return Err(AddressError::BadDomain);
        }
        let ascii = (ascii != text).then_some(ascii);
        Ok(Self { text, ascii, literal: None })
    }

    /// The domain of an address literal (RFC 5321 §4.1.3).
    #[must_use]
    pub fn of_ip(ip: IpAddr) -> Self {
        let text = match ip {
            IpAddr::V4(v4) => format!("[{v4}]"),
            IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
        };
        Self { text, ascii: None, literal: Some(ip) }
    }

    /// The canonical text: lower case, with U-labels if it was given with U-labels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form for the DNS, for comparison and for look-ups: lower-case A-labels.
    #[must_use]
    pub fn ascii(&self) -> &str {
        self.ascii.as_deref().unwrap_or(&self.text)
    }

    /// The address of an address literal; `None` for a host name.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        self.literal
    }

    /// Whether `self` is `parent` or a name below it. Literals are below nothing.
    #[must_use]
    pub fn is_within(&self, parent: &Self) -> bool {
        if self == parent {
            return true;
        }
        let above = self.ascii().strip_suffix(parent.ascii());
        self.literal.is_none() && parent.literal.is_none() && above.is_some_and(|head| head.ends_with('.'))
    }
}

fn a_labels(text: &str) -> Result<String, AddressError> {
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::STD3);
    ascii.map(std::borrow::Cow::into_owned).map_err(|_| AddressError::BadDomain)
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Domain {
    fn eq(&self, other: &Self) -> bool {
        self.ascii() == other.ascii()
    }
}

impl Eq for Domain {}

impl Hash for Domain {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ascii().hash(state);
    }
}

impl FromStr for Domain {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl serde::Serialize for Domain {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Domain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

fn literal(text: &str) -> Result<Domain, AddressError> {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).ok_or(AddressError::BadDomain)?;
    let ip = match inner.split_at_checked(5) {
        Some((tag, rest)) if tag.eq_ignore_ascii_case("IPv6:") => rest.parse::<Ipv6Addr>().map(IpAddr::V6),
        _ => inner.parse::<Ipv4Addr>().map(IpAddr::V4),
    };
    ip.map(Domain::of_ip).map_err(|_| AddressError::BadDomain)
}

/// Checks a host name in ASCII (RFC 5321 §4.1.2, RFC 1123 §2.1).
fn check_name(name: &str) -> Result<(), AddressError> {
    let mut last = "";
    for label in name.split('.') {
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let edge = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
        let bytes = label.as_bytes();
        if bytes.len() > MAX_LABEL_OCTETS {
            return Err(AddressError::TooLong);
        }
        if !bytes.iter().all(|b| inside(*b)) || !edge(bytes.first()) || !edge(bytes.last()) {
            return Err(AddressError::BadDomain);
        }
        last = label;
    }
    if last.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::BadDomain);
    }
    Ok(())
}
