//! What a domain's SPF record says of an address (RFC 7208), for advice: no mail is refused by it.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::outside::{Mx, Outside, Silence};

/// Terms that ask the name service, in one evaluation (RFC 7208 §4.6.4).
const LOOKUPS: u32 = 10;
/// Names that one `mx` may lead to.
const HOSTS: usize = 10;

/// The result (RFC 7208 §2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spf {
    /// There is no record.
    None,
    /// The record says nothing about the address.
    Neutral,
    /// The address may send.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// The record is wrong.
    PermError,
    /// It cannot be known now, or the record has macros.
    Unknown,
}

impl Spf {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::PermError => "permerror",
            Self::Unknown => "unknown",
        }
    }
}

/// What the record of `domain` says of `ip`.
pub async fn evaluate(outside: &dyn Outside, ip: IpAddr, domain: &str) -> Spf {
    let mut left = LOOKUPS;
    Box::pin(check(outside, ip.to_canonical(), domain.to_owned(), &mut left)).await
}

/// The SPF record of a domain: none, one, or too many.
///
/// # Errors
/// When it cannot be known.
pub async fn records(outside: &dyn Outside, domain: &str) -> Result<Vec<String>, String> {
    match outside.txt(domain).await {
        Ok(texts) => Ok(texts.into_iter().filter(|text| is_spf(text)).collect()),
        Err(Silence::Nothing) => Ok(Vec::new()),
        Err(Silence::Unknown(why)) => Err(why),
    }
}

fn is_spf(text: &str) -> bool {
    text.get(..6).is_some_and(|head| head.eq_ignore_ascii_case("v=spf1"))
        && matches!(text.as_bytes().get(6), None | Some(b' '))
}

async fn check(outside: &dyn Outside, ip: IpAddr, domain: String, left: &mut u32) -> Spf {
    let record = match records(outside, &domain).await.as_deref() {
        Err(_) => return Spf::Unknown,
        Ok([]) => return Spf::None,
        Ok([one]) => one.clone(),
        Ok(_) => return Spf::PermError,
    };
    let mut redirect = None;
    for term in record.split_whitespace().skip(1) {
        if let Some(target) = strip(term, "redirect=") {
            redirect = Some(target.to_owned());
            continue;
        }
        let (result, mechanism) = match term.as_bytes().first() {
            Some(b'-') => (Spf::Fail, &term[1..]),
            Some(b'~') => (Spf::SoftFail, &term[1..]),
            Some(b'?') => (Spf::Neutral, &term[1..]),
            Some(b'+') => (Spf::Pass, &term[1..]),
            _ => (Spf::Pass, term),
        };
        match matches(outside, ip, &domain, mechanism, left).await {
            Ok(true) => return result,
            Ok(false) => {}
            Err(end) => return end,
        }
    }
    match redirect {
        Some(target) if *left > 0 => {
            *left -= 1;
            match Box::pin(check(outside, ip, target, left)).await {
                Spf::None => Spf::PermError,
                other => other,
            }
        }
        Some(_) => Spf::PermError,
        None => Spf::Neutral,
    }
}

async fn matches(
    outside: &dyn Outside,
    ip: IpAddr,
    domain: &str,
    mechanism: &str,
    left: &mut u32,
) -> Result<bool, Spf> {
    if mechanism.contains('%') {
        return Err(Spf::Unknown);
    }
    if mechanism.eq_ignore_ascii_case("all") {
        return Ok(true);
    }
    if let Some(net) = strip(mechanism, "ip4:").or_else(|| strip(mechanism, "ip6:")) {
        return network(net).map(|net| net.contains(&ip)).ok_or(Spf::PermError);
    }
    if mechanism.contains('=') {
        // An unknown modifier is passed over (RFC 7208 §6).
        return Ok(false);
    }
    *left = left.checked_sub(1).ok_or(Spf::PermError)?;
    if let Some(target) = strip(mechanism, "include:") {
        return match Box::pin(check(outside, ip, target.to_owned(), left)).await {
            Spf::Pass => Ok(true),
            Spf::Unknown => Err(Spf::Unknown),
            Spf::None | Spf::PermError => Err(Spf::PermError),
            Spf::Fail | Spf::SoftFail | Spf::Neutral => Ok(false),
        };
    }
    if let Some(target) = strip(mechanism, "exists:") {
        return found(outside.a(target).await).map(|all| !all.is_empty());
    }
    let (name, rest) = mechanism.split_at(mechanism.find([':', '/']).unwrap_or(mechanism.len()));
    let (target, prefix) = match rest.strip_prefix(':') {
        Some(rest) => rest.split_once('/').map_or((rest, None), |(name, prefix)| (name, Some(prefix))),
        None => (domain, rest.strip_prefix('/')),
    };
    match name.to_ascii_lowercase().as_str() {
        "a" => Ok(covers(&found(outside.addresses(target).await)?, prefix, ip)),
        "mx" => {
            let hosts = match outside.mx(target).await {
                Ok(Mx::Hosts(hosts)) => hosts,
                Ok(Mx::Null | Mx::Implicit) | Err(Silence::Nothing) => Vec::new(),
                Err(Silence::Unknown(_)) => return Err(Spf::Unknown),
            };
            for host in hosts.iter().take(HOSTS) {
                if covers(&found(outside.addresses(host).await)?, prefix, ip) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        // It is not to be used any more (RFC 7208 §5.5).
        "ptr" => Ok(false),
        _ => Err(Spf::PermError),
    }
}

fn found<T>(answer: Result<Vec<T>, Silence>) -> Result<Vec<T>, Spf> {
    match answer {
        Ok(all) => Ok(all),
        Err(Silence::Nothing) => Ok(Vec::new()),
        Err(Silence::Unknown(_)) => Err(Spf::Unknown),
    }
}

/// `prefix`: `24`, `24//64` or `/64` (RFC 7208 §5.6).
fn covers(all: &[IpAddr], prefix: Option<&str>, ip: IpAddr) -> bool {
    let (v4, v6) = prefix.map_or(("", ""), |prefix| prefix.split_once('/').unwrap_or((prefix, "")));
    all.iter().any(|one| match (one, ip) {
        (IpAddr::V4(net), IpAddr::V4(_)) => {
            Ipv4Net::new(*net, v4.parse().unwrap_or(32)).is_ok_and(|net| IpNet::V4(net).contains(&ip))
        }
        (IpAddr::V6(net), IpAddr::V6(_)) => {
            let v6 = v6.trim_start_matches('/');
            Ipv6Net::new(*net, v6.parse().unwrap_or(128)).is_ok_and(|net| IpNet::V6(net).contains(&ip))
        }
        _ => false,
    })
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}
