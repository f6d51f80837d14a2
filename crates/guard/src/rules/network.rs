//! Networks as the rule files write them: exact, wildcard, prefix, everything.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};
use sekisho_message::{Text, say};

/// Prefixes shorter than this hold strangers, whatever the operator meant.
const MIN_TRUSTED_V4: u8 = 8;
/// The same for IPv6: one provider's allocation.
const MIN_TRUSTED_V6: u8 = 32;

/// A set of addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// `*` or `*.*.*.*`: every address, IPv6 too.
    Every,
    /// An exact address (`/32`, `/128`), a prefix, or wildcards at the end only.
    Net(IpNet),
    /// Wildcards in other places: `10.*.1.*`, `192.168.1.1*`.
    Scattered {
        /// As written.
        text: String,
        /// The values that each octet may have.
        octets: Box<[Octets; 4]>,
    },
}

/// A set of values of one octet, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Octets([u64; 4]);

impl Network {
    /// Whether `text` is meant as a network at all, rather than as a domain.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        let numeric = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'*' | b'/'));
        !text.is_empty() && !text.contains('@') && (numeric || text.contains(':'))
    }

    /// Reads `192.0.2.1`, `192.0.2.*`, `10.*`, `192.0.2.0/28`, `2001:db8::/32`, `*`.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub fn parse(text: &str) -> Result<Self, Text> {
        let bad = || say!(ja: "「{text}」は IP アドレスとして読めません。", en: "\"{text}\" cannot be read as an IP address.");
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self::Net(IpNet::from(ip.to_canonical())));
        }
        if text.contains('/') {
            let net = text.parse::<IpNet>().map_err(|_| bad())?;
            return Ok(if net.prefix_len() == 0 { Self::Every } else { Self::Net(canonical(net.trunc())) });
        }
        Self::wildcard(text).ok_or_else(bad)
    }

    fn wildcard(text: &str) -> Option<Self> {
        let mut parts: Vec<&str> = text.split('.').collect();
        // `10.*` stands for `10.*.*.*`, `*` for everything.
        while parts.len() < 4 && parts.last() == Some(&"*") {
            parts.push("*");
        }
        let parts: [&str; 4] = parts.try_into().ok()?;
        let fixed = parts.iter().take_while(|p| **p != "*").count();
        if fixed == 0 && parts.iter().all(|p| *p == "*") {
            return Some(Self::Every);
        }
        let numbers: Option<Vec<u8>> = parts.iter().take(fixed).map(|p| plain_octet(p)).collect();
        if let (Some(numbers), true) = (numbers, parts.iter().skip(fixed).all(|p| *p == "*")) {
            let mut octets = [0; 4];
            octets.iter_mut().zip(numbers).for_each(|(octet, number)| *octet = number);
            let length = u8::try_from(fixed * 8).ok()?;
            return Some(Self::Net(IpNet::V4(Ipv4Net::new(Ipv4Addr::from(octets), length).ok()?)));
        }
        let mut octets = [Octets([0; 4]); 4];
        for (set, part) in octets.iter_mut().zip(parts) {
            *set = Octets::parse(part)?;
        }
        Some(Self::Scattered { text: text.to_owned(), octets: Box::new(octets) })
    }

    /// Whether `ip` belongs. An IPv4 address in IPv6 clothes (`::ffff:192.0.2.1`)
    /// is the IPv4 address.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        match (self, ip) {
            (Self::Every, _) => true,
            (Self::Net(net), _) => net.contains(&ip),
            (Self::Scattered { octets, .. }, IpAddr::V4(v4)) => {
                octets.iter().zip(v4.octets()).all(|(set, octet)| set.contains(octet))
            }
            (Self::Scattered { .. }, IpAddr::V6(_)) => false,
        }
    }

    /// Whether every address of `other` belongs to `self`.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Every, _) => true,
            (_, Self::Every) => false,
            (Self::Net(a), Self::Net(b)) => a.contains(b),
            (Self::Scattered { octets: a, .. }, Self::Scattered { octets: b, .. }) => {
                a.iter().zip(b.iter()).all(|(a, b)| a.covers(*b))
            }
            (Self::Scattered { .. }, Self::Net(net)) => {
                net.prefix_len() == net.max_prefix_len() && self.contains(net.network())
            }
            (Self::Net(_), Self::Scattered { .. }) => false,
        }
    }

    /// Whether it is more than one address.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        !matches!(self, Self::Net(net) if net.prefix_len() == net.max_prefix_len())
    }

    /// Whether it may be trusted to relay without AUTH at all. Everything, less than
    /// a first octet, and IPv6 networks wider than a provider's are full of strangers:
    /// no rule can mean them.
    #[must_use]
    pub fn may_be_trusted(&self) -> bool {
        match self {
            Self::Every => false,
            Self::Net(IpNet::V4(net)) => net.prefix_len() >= MIN_TRUSTED_V4,
            Self::Net(IpNet::V6(net)) => net.prefix_len() >= MIN_TRUSTED_V6 || is_private(&IpNet::V6(*net)),
            Self::Scattered { octets, .. } => octets.first().is_some_and(|first| first.len() == 1),
        }
    }

    /// Whether it holds more public addresses than one site usually has.
    #[must_use]
    pub fn is_wide_public(&self) -> bool {
        match self {
            Self::Every => true,
            Self::Net(net @ IpNet::V4(_)) => net.prefix_len() < 24 && !is_private(net),
            Self::Net(net @ IpNet::V6(_)) => net.prefix_len() < 48 && !is_private(net),
            Self::Scattered { octets, .. } => {
                octets.iter().map(Octets::len).product::<u32>() > 256 || !octets.iter().take(2).all(|o| o.len() == 1)
            }
        }
    }
}

impl Octets {
    fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'*');
        if !well_formed {
            return None;
        }
        let mut set = Self([0; 4]);
        for value in 0..=u8::MAX {
            if super::glob(text, &value.to_string()) {
                set.0[usize::from(value >> 6)] |= 1 << (value & 63);
            }
        }
        (set.len() > 0).then_some(set)
    }

    fn contains(self, value: u8) -> bool {
        self.0[usize::from(value >> 6)] & (1 << (value & 63)) != 0
    }

    fn covers(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| b & !a == 0)
    }

    fn len(&self) -> u32 {
        self.0.iter().map(|bits| bits.count_ones()).sum()
    }
}

impl fmt::Display for Network {
    /// Canonical form: `192.0.2.1`, `192.0.2.0/24`, `*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every => f.write_str("*"),
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => write!(f, "{}", net.addr()),
            Self::Net(net) => write!(f, "{net}"),
            Self::Scattered { text, .. } => f.write_str(text),
        }
    }
}

fn plain_octet(text: &str) -> Option<u8> {
    if text.len() > 3 || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// `::ffff:192.0.2.0/120` is `192.0.2.0/24`.
fn canonical(net: IpNet) -> IpNet {
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.network().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, v6.prefix_len() - 96).map_or(net, IpNet::V4),
            None => net,
        },
        _ => net,
    }
}

/// Networks that no stranger on the Internet has an address in (RFC 1918, RFC 4193, RFC 6598, loopback,
/// link-local).
fn is_private(net: &IpNet) -> bool {
    let network = net.network();
    match network {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            match a {
                10 | 127 => net.prefix_len() >= 8,
                172 => (16..32).contains(&b) && net.prefix_len() >= 12,
                192 => b == 168 && net.prefix_len() >= 16,
                169 => b == 254 && net.prefix_len() >= 16,
                100 => (64..128).contains(&b) && net.prefix_len() >= 10,
                _ => false,
            }
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            v6.is_loopback()
                || (first & 0xFE00 == 0xFC00 && net.prefix_len() >= 7)
                || (first & 0xFFC0 == 0xFE80 && net.prefix_len() >= 10)
        }
    }
}
