//! Which hosts take a domain's mail (RFC 5321 §5.1).

use std::io;
use std::net::IpAddr;

use hickory_resolver::proto::rr::{RData, RecordType};
use nix::ifaddrs::getifaddrs;

use super::{DnsError, Resolver, display_name, literal, parse_name};

/// Hosts of one domain that are considered. More is a mistake or a trap.
const HOSTS: usize = 32;

/// Where a domain's mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MxAnswer {
    /// The domain says that it takes no mail (RFC 7505). Final.
    Null,
    /// These hosts, the one to try first first. Never empty.
    Hosts(Vec<MxHost>),
    /// There is no MX record: the domain's own addresses take its mail, if it has any.
    Implicit,
}

/// A host that takes mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxHost {
    /// Lower is tried earlier.
    pub preference: u16,
    /// Its name, in lower case and without the dot at its end.
    pub name: String,
}

impl Resolver {
    /// The hosts that take mail for `domain`, by preference, at random within one (RFC 5321 §5.1),
    /// at most 32. A domain that is a CNAME has the hosts of the name that it stands for. An
    /// address literal is implicit.
    ///
    /// # Errors
    /// [`DnsError::NoDomain`] or [`DnsError::Temporary`]. Without MX records a domain is
    /// [`MxAnswer::Implicit`], never `NoData`.
    pub async fn mx(&self, domain: &str) -> Result<MxAnswer, DnsError> {
        if let Some(literal) = literal(domain) {
            return literal.map(|_| MxAnswer::Implicit);
        }
        let records = match self.ask(parse_name(domain)?, RecordType::MX).await {
            Ok(records) => records,
            Err(DnsError::NoData) => return Ok(MxAnswer::Implicit),
            Err(error) => return Err(error),
        };
        let mut hosts: Vec<(u16, u64, String)> = records
            .iter()
            .filter_map(|record| match record {
                // "." beside other hosts is a mistake; it is no host (RFC 7505 §3).
                RData::MX(mx) if !mx.exchange.is_root() => {
                    Some((mx.preference, self.roll(), display_name(&mx.exchange)))
                }
                _ => None,
            })
            .collect();
        if hosts.is_empty() {
            return Ok(MxAnswer::Null);
        }
        hosts.sort_unstable();
        hosts.truncate(HOSTS);
        Ok(MxAnswer::Hosts(hosts.into_iter().map(|(preference, _, name)| MxHost { preference, name }).collect()))
    }
}

/// What this server is known as, to notice that mail would come back to it.
#[derive(Clone, Debug, Default)]
pub struct Own {
    names: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Own {
    /// From its host names and its addresses, such as [`interfaces`].
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self {
            names: names.into_iter().map(|name| plain(&name)).collect(),
            addresses: addresses.into_iter().map(|address| address.to_canonical()).collect(),
        }
    }

    /// Whether this server is called so.
    #[must_use]
    pub fn is_name(&self, host: &str) -> bool {
        let host = plain(host);
        self.names.contains(&host)
    }

    /// Whether this server has the address.
    #[must_use]
    pub fn is_address(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address.to_canonical())
    }

    /// The hosts that are better than this server, when it is among them: relaying to the others would
    /// make a loop (RFC 5321 §5.1). An empty result of a non-empty list means that this server
    /// is the best one, and yet does not know the domain: a configuration error, final.
    #[must_use]
    pub fn better(&self, mut hosts: Vec<MxHost>) -> Vec<MxHost> {
        if let Some(own) = hosts.iter().filter(|host| self.is_name(&host.name)).map(|host| host.preference).min() {
            hosts.retain(|host| host.preference < own);
        }
        hosts
    }
}

/// The addresses of this machine's interfaces, loopback left out.
///
/// # Errors
/// When the system does not say.
pub fn interfaces() -> io::Result<Vec<IpAddr>> {
    let mut found = Vec::new();
    for interface in getifaddrs()? {
        let Some(address) = interface.address else { continue };
        let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        let address = v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())));
        found.extend(address.filter(|address| !address.is_loopback()));
    }
    Ok(found)
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
