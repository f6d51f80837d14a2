//! Name service for mail: where a domain's mail goes, and what is known of a name or address.
//!
//! Answers are cached for as long as they say, within bounds. Names may be A-labels or U-labels,
//! with or without the dot at their end; results are in lower case and without it.

mod mx;

#[cfg(test)]
mod tests;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as WireError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use sekisho_message::{Text, say};

pub use mx::{MxAnswer, MxHost, Own, interfaces};

/// How long one question to one server may take, and how often it is asked again.
const TIMEOUT: Duration = Duration::from_secs(5);
const RETRIES: usize = 1;

/// How long a whole look-up may take, with its CNAMEs and servers.
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers in the cache. They have about 1 KiB each.
const CACHE: u64 = 8192;

/// Longest time that an answer, or that there is none, is believed.
const LONGEST: Duration = Duration::from_secs(86_400);
const LONGEST_NONE: Duration = Duration::from_secs(3600);

/// Addresses of one host that are considered; nobody tries more.
const ADDRESSES: usize = 16;

/// Asks name servers. Clones share the cache.
#[derive(Clone)]
pub struct Resolver {
    dns: TokioResolver,
    family: Family,
    dice: Arc<AtomicU64>,
}

/// Which addresses of a host are wanted, and in what order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// IPv6, then IPv4, alternating (RFC 6724 §2.1, RFC 8305 §4): the usual.
    #[default]
    Ipv6First,
    /// IPv4, then IPv6, alternating.
    Ipv4First,
    /// IPv4 only, on machines whose IPv6 leads nowhere.
    Ipv4Only,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN), or cannot exist. Final.
    #[error("the domain does not exist")]
    NoDomain,
    /// The name exists, but has nothing of the kind. Final.
    #[error("the name has no such record")]
    NoData,
    /// The servers could not be reached or could not say (SERVFAIL). Try again later.
    #[error("name service failed for the time being: {0}")]
    Temporary(String),
}

/// Why there is no resolver: the setting is wrong. Only for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolverError(pub Text);

impl Resolver {
    /// From a setting: `system` asks the servers of `/etc/resolv.conf` (this machine's, when there are
    /// none, as resolv.conf(5) says), `address:port` or `address` (port 53) asks that server over UDP and TCP.
    ///
    /// # Errors
    /// When the setting is neither.
    pub fn new(setting: &str) -> Result<Self, ResolverError> {
        let setting = setting.trim();
        let (config, hosts_file) = if setting == "system" {
            (system_servers(), ResolveHosts::Always)
        } else {
            let server = parse_server(setting).ok_or_else(|| {
                ResolverError(say!(
                    ja: "resolver の「{setting}」は \"system\" でも「アドレス:ポート」でもありません",
                    en: "resolver \"{setting}\" is neither \"system\" nor of the form address:port"
                ))
            })?;
            (servers(&[server]), ResolveHosts::Never)
        };
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options(hosts_file);
        let dns = builder.build().map_err(|error| {
            ResolverError(say!(ja: "リゾルバーを用意できません: {error}", en: "cannot set the resolver up: {error}"))
        })?;
        // The order among equals needs to differ, not to be secret.
        let seed = RandomState::new().build_hasher().finish() | 1;
        Ok(Self { dns, family: Family::default(), dice: Arc::new(AtomicU64::new(seed)) })
    }

    /// The same, with another choice of addresses.
    #[must_use]
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// The addresses of a host, at most 16, in the order to try them. An address literal
    /// (`[192.0.2.1]`, `[IPv6:2001:db8::1]`, RFC 5321 §4.1.3) is its own answer. CNAMEs are
    /// followed.
    ///
    /// # Errors
    /// [`DnsError`]; [`DnsError::NoData`] when there is neither A nor AAAA.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        if let Some(literal) = literal(host) {
            return literal.map(|address| vec![address]);
        }
        let name = parse_name(host)?;
        let v4 = self.ask(name.clone(), RecordType::A);
        let (v4, v6) = match self.family {
            Family::Ipv4Only => (v4.await, Err(DnsError::NoData)),
            _ => tokio::join!(v4, self.ask(name, RecordType::AAAA)),
        };
        let v4 = v4.map(|records| records.iter().filter_map(RData::ip_addr).collect::<Vec<_>>());
        let v6 = v6.map(|records| records.iter().filter_map(RData::ip_addr).collect::<Vec<_>>());
        match (v4, v6) {
            (Ok(v4), Ok(v6)) if self.family == Family::Ipv4First => Ok(alternate(v4, v6)),
            (Ok(v4), Ok(v6)) => Ok(alternate(v6, v4)),
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(alternate(found, Vec::new())),
            // One that could not say may have had the address.
            (Err(error @ DnsError::Temporary(_)), Err(_)) | (Err(_), Err(error @ DnsError::Temporary(_))) => Err(error),
            (Err(DnsError::NoDomain), Err(_)) | (Err(_), Err(DnsError::NoDomain)) => Err(DnsError::NoDomain),
            (Err(DnsError::NoData), Err(DnsError::NoData)) => Err(DnsError::NoData),
        }
    }

    /// The TXT records of a name, each as one text (RFC 7208 §3.3).
    ///
    /// # Errors
    /// [`DnsError`].
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let records = self.ask(parse_name(name)?, RecordType::TXT).await?;
        let texts = records.iter().filter_map(|record| match record {
            RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// The names that an address claims to have. A claim is not a proof: look whether the name has
    /// the address, too.
    ///
    /// # Errors
    /// [`DnsError`].
    pub async fn ptr(&self, address: IpAddr) -> Result<Vec<String>, DnsError> {
        let records = self.ask(Name::from(address.to_canonical()), RecordType::PTR).await?;
        let names = records.iter().filter_map(|record| match record {
            RData::PTR(name) => Some(display_name(&name.0)),
            _ => None,
        });
        Ok(names.take(ADDRESSES).collect())
    }

    /// Drops all that is cached.
    pub fn clear_cache(&self) {
        self.dns.clear_cache();
    }

    /// What asks over the wire, with the cache that all clones share.
    pub(crate) fn wire(&self) -> &TokioResolver {
        &self.dns
    }

    /// The records of one type, never an empty list.
    async fn ask(&self, name: Name, kind: RecordType) -> Result<Vec<RData>, DnsError> {
        let answer = tokio::time::timeout(PATIENCE, self.dns.lookup(name, kind)).await;
        let lookup =
            answer.map_err(|_| DnsError::Temporary("timeout".to_owned()))?.map_err(|error| classify(&error))?;
        let records: Vec<RData> =
            lookup.answers().iter().filter(|r| r.record_type() == kind).map(|r| r.data.clone()).collect();
        if records.is_empty() { Err(DnsError::NoData) } else { Ok(records) }
    }

    /// The next number of a xorshift generator.
    fn roll(&self) -> u64 {
        let step = |mut x: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^ (x << 17)
        };
        step(self.dice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |x| Some(step(x))).unwrap_or(1))
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("family", &self.family).finish_non_exhaustive()
    }
}

fn options(hosts_file: ResolveHosts) -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = TIMEOUT;
    options.attempts = RETRIES;
    options.edns0 = true;
    options.cache_size = CACHE;
    options.use_hosts_file = hosts_file;
    options.positive_max_ttl = Some(LONGEST);
    options.negative_max_ttl = Some(LONGEST_NONE);
    // A server that fails over UDP alone (a firewall, a wrong answer) is asked over TCP.
    options.try_tcp_on_error = true;
    options
}

/// The search list of resolv.conf is left out: mail is addressed to full names only.
fn system_servers() -> ResolverConfig {
    match hickory_resolver::system_conf::read_system_conf() {
        Ok((system, _)) if !system.name_servers().is_empty() => {
            ResolverConfig::from_name_servers(system.name_servers().to_vec())
        }
        _ => servers(&[SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53)]),
    }
}

fn servers(addresses: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.to_vec())
    };
    ResolverConfig::from_name_servers(addresses.iter().map(server).collect())
}

fn parse_server(setting: &str) -> Option<SocketAddr> {
    setting.parse().ok().or_else(|| Some(SocketAddr::new(setting.parse().ok()?, 53)))
}

fn classify(error: &NetError) -> DnsError {
    match error {
        NetError::Dns(WireError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
            DnsError::NoDomain
        }
        NetError::Dns(WireError::NoRecordsFound(none)) if none.response_code == ResponseCode::NoError => {
            DnsError::NoData
        }
        other => DnsError::Temporary(other.to_string()),
    }
}

/// A full name. What cannot be one does not exist.
fn parse_name(text: &str) -> Result<Name, DnsError> {
    let parsed = if text.is_ascii() { Name::from_ascii(text) } else { Name::from_utf8(text) };
    match parsed {
        Ok(mut name) if !name.is_root() => {
            name.set_fqdn(true);
            Ok(name)
        }
        _ => Err(DnsError::NoDomain),
    }
}

fn display_name(name: &Name) -> String {
    let mut text = name.to_ascii().to_ascii_lowercase();
    if text.len() > 1 && text.ends_with('.') {
        text.pop();
    }
    text
}

/// The address in a literal; `Some(Err)` when brackets hold something else.
fn literal(host: &str) -> Option<Result<IpAddr, DnsError>> {
    let inner = host.strip_prefix('[')?.strip_suffix(']')?;
    let tagged = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).and_then(|_| inner.get(5..));
    let address = match tagged {
        Some(v6) => v6.parse().map(IpAddr::V6).ok(),
        None => inner.parse().map(IpAddr::V4).ok(),
    };
    Some(address.ok_or(DnsError::NoDomain))
}

fn alternate(first: Vec<IpAddr>, second: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    while all.len() < ADDRESSES {
        match (first.next(), second.next()) {
            (None, None) => break,
            (one, two) => all.extend(one.into_iter().chain(two)),
        }
    }
    all.truncate(ADDRESSES);
    all
}
