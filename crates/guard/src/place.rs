//! Where a client is, as coarsely as the guard needs it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A client's network: the /24 of an IPv4 address, the /48 of an IPv6 address.
///
/// Small and fixed in size, so that a profile can remember many of them; prints as a prefix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// No address at all: a local pipe, a log that does not tell.
    #[default]
    Unknown,
    /// The first three octets.
    V4([u8; 3]),
    /// The first six octets.
    V6([u8; 6]),
}

impl Place {
    /// The place of an address. An IPv4 address in IPv6 clothes is the IPv4 address.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f])
            }
        }
    }

    /// The place of an address as text (`192.0.2.7`, `192.0.2.0/24`, `[2001:db8::1]`); [`Place::Unknown`] when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim_start_matches('[').trim_end_matches(']');
        let text = text.strip_prefix("IPv6:").unwrap_or(text);
        let address = text.split('/').next().unwrap_or(text);
        address.parse().map_or(Self::Unknown, Self::of)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unknown => f.write_str("-"),
            Self::V4([a, b, c]) => write!(f, "{}/24", Ipv4Addr::new(a, b, c, 0)),
            Self::V6(head) => {
                let mut octets = [0; 16];
                octets.iter_mut().zip(head).for_each(|(to, from)| *to = from);
                write!(f, "{}/48", Ipv6Addr::from(octets))
            }
        }
    }
}

impl serde::Serialize for Place {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_24_or_the_48_and_reads_its_own_print() {
        for (text, print) in [
            ("192.0.2.77", "192.0.2.0/24"),
            ("::ffff:192.0.2.77", "192.0.2.0/24"),
            ("2001:db8:7:1::9", "2001:db8:7::/48"),
            ("[IPv6:2001:db8:7:1::9]", "2001:db8:7::/48"),
            ("unix", "-"),
        ] {
            assert_eq!(Place::parse(text).to_string(), print);
            assert_eq!(Place::parse(print), Place::parse(text));
        }
    }
}
