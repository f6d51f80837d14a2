//! How many connections a stranger may hold.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Most connections at a time. Connections from this machine itself count in the total only: local
/// web mail, filters and tests come from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of everybody together.
    pub total: u32,
    /// From one IPv4 address, or from one IPv6 /64: what one customer has.
    pub per_address: u32,
    /// From one IPv4 /24, or from one IPv6 /48: what one site has.
    pub per_network: u32,
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// [`Limits::total`] is reached.
    Total,
    /// [`Limits::per_address`] is reached.
    Address,
    /// [`Limits::per_network`] is reached.
    Network,
}

/// Counts connections. Clones share the counts, so several listeners can.
#[derive(Clone, Debug)]
pub struct Admission {
    limits: Limits,
    counts: Arc<Mutex<Counts>>,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub struct Permit {
    counts: Arc<Mutex<Counts>>,
    networks: Option<[IpNet; 2]>,
}

#[derive(Debug, Default)]
struct Counts {
    total: u32,
    /// Bounded: an entry goes with its last connection, so there are two a connection at most.
    networks: HashMap<IpNet, u32>,
}

impl Admission {
    /// Nobody is in yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    /// Lets a connection from `peer` in, or says which limit stands in the way.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn admit(&self, peer: IpAddr) -> Result<Permit, Refusal> {
        let peer = peer.to_canonical();
        let networks = (!peer.is_loopback()).then(|| networks_of(peer));
        let mut counts = lock(&self.counts);
        if counts.total >= self.limits.total {
            return Err(Refusal::Total);
        }
        if let Some([address, network]) = &networks {
            if counts.of(address) >= self.limits.per_address {
                return Err(Refusal::Address);
            }
            if counts.of(network) >= self.limits.per_network {
                return Err(Refusal::Network);
            }
        }
        counts.total += 1;
        for network in networks.iter().flatten() {
            *counts.networks.entry(*network).or_default() += 1;
        }
        Ok(Permit { counts: Arc::clone(&self.counts), networks })
    }

    /// Connections now.
    #[must_use]
    pub fn total(&self) -> u32 {
        lock(&self.counts).total
    }
}

impl Default for Limits {
    /// 10,000 in all, 100 an address, 400 a network.
    fn default() -> Self {
        Self { total: 10_000, per_address: 100, per_network: 400 }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.total = counts.total.saturating_sub(1);
        for network in self.networks.iter().flatten() {
            if let Entry::Occupied(mut count) = counts.networks.entry(*network) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }
}

impl Counts {
    fn of(&self, network: &IpNet) -> u32 {
        self.networks.get(network).copied().unwrap_or(0)
    }
}

/// A panic elsewhere leaves the counts whole.
fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands for one customer, and for one site. The prefix lengths differ, so the keys do too.
fn networks_of(peer: IpAddr) -> [IpNet; 2] {
    match peer {
        IpAddr::V4(v4) => [32, 24].map(|length| IpNet::V4(Ipv4Net::new_assert(v4, length).trunc())),
        IpAddr::V6(v6) => [64, 48].map(|length| IpNet::V6(v6_network(v6, length))),
    }
}

fn v6_network(address: Ipv6Addr, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(address, length).trunc()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_limit_binds_and_a_place_comes_back() {
        let admission = Admission::new(Limits { total: 5, per_address: 2, per_network: 3 });
        let one = admission.admit(ip("192.0.2.1")).unwrap();
        let _two = admission.admit(ip("192.0.2.1")).unwrap();
        assert_eq!(admission.admit(ip("192.0.2.1")).unwrap_err(), Refusal::Address);
        assert_eq!(admission.admit(ip("::ffff:192.0.2.1")).unwrap_err(), Refusal::Address);
        let _three = admission.admit(ip("192.0.2.200")).unwrap();
        assert_eq!(admission.admit(ip("192.0.2.201")).unwrap_err(), Refusal::Network);
        drop(one);
        let _again = admission.admit(ip("192.0.2.1")).unwrap();
        let _four = admission.admit(ip("198.51.100.1")).unwrap();
        let _five = admission.admit(ip("2001:db8::1")).unwrap();
        assert_eq!(admission.admit(ip("203.0.113.1")).unwrap_err(), Refusal::Total);
        assert_eq!(admission.total(), 5);
    }

    #[test]
    fn an_ipv6_customer_is_a_64_and_a_site_a_48() {
        let admission = Admission::new(Limits { total: 100, per_address: 1, per_network: 2 });
        let _one = admission.admit(ip("2001:db8:1:1::1")).unwrap();
        assert_eq!(admission.admit(ip("2001:db8:1:1:ffff::9")).unwrap_err(), Refusal::Address);
        let _two = admission.admit(ip("2001:db8:1:2::1")).unwrap();
        assert_eq!(admission.admit(ip("2001:db8:1:3::1")).unwrap_err(), Refusal::Network);
        assert!(admission.admit(ip("2001:db8:2::1")).is_ok());
    }

    #[test]
    fn this_machine_counts_in_the_total_only() {
        let admission = Admission::new(Limits { total: 3, per_address: 1, per_network: 1 });
        let held: Vec<_> = ["127.0.0.1", "127.0.0.1", "::1"].iter().map(|a| admission.admit(ip(a)).unwrap()).collect();
        assert_eq!(admission.admit(ip("127.0.0.2")).unwrap_err(), Refusal::Total);
        drop(held);
        assert_eq!(admission.total(), 0);
    }

    #[test]
    fn nothing_is_kept_of_who_is_gone() {
        let admission = Admission::new(Limits::default());
        for n in 0..1000_u32 {
            drop(admission.admit(IpAddr::from((0x0a00_0000 + n * 257).to_be_bytes())).unwrap());
        }
        assert_eq!(lock(&admission.counts).networks.len(), 0);
    }
}
