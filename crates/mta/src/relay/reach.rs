//! What is known of hosts from earlier connections, so that the same disappointment is not waited for twice.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_message::Time;

/// How long a host that could not be connected to is tried after the others.
const AVOIDED: Duration = Duration::from_secs(300);
/// How long a host whose TLS fails is spoken to in the clear.
const PLAIN: Duration = Duration::from_secs(600);
/// Hosts that are remembered; when there are more, all are forgotten.
const MOST: usize = 10_000;

/// Remembered hosts.
#[derive(Debug, Default)]
pub struct Reach {
    hosts: Mutex<HashMap<SocketAddr, Known>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    avoid_until: Option<Time>,
    plain_until: Option<Time>,
}

impl Reach {
    /// Puts hosts that could not be connected to lately behind the others; the order is kept otherwise.
    pub fn order(&self, addresses: &mut [SocketAddr], now: Time) {
        let hosts = self.hosts();
        if hosts.is_empty() {
            return;
        }
        addresses.sort_by_key(|address| {
            hosts.get(address).is_some_and(|known| known.avoid_until.is_some_and(|until| now < until))
        });
    }

    /// Whether TLS with this host failed lately.
    #[must_use]
    pub fn is_plain(&self, address: SocketAddr, now: Time) -> bool {
        self.hosts().get(&address).is_some_and(|known| known.plain_until.is_some_and(|until| now < until))
    }

    /// The host could not be connected to.
    pub fn unreachable(&self, address: SocketAddr, now: Time) {
        self.change(address, |known| known.avoid_until = Some(now + AVOIDED));
    }

    /// The host could be connected to.
    pub fn reachable(&self, address: SocketAddr) {
        let mut hosts = self.hosts();
        if let Some(known) = hosts.get_mut(&address) {
            known.avoid_until = None;
            if known.plain_until.is_none() {
                hosts.remove(&address);
            }
        }
    }

    /// TLS with this host failed.
    pub fn tls_failed(&self, address: SocketAddr, now: Time) {
        self.change(address, |known| known.plain_until = Some(now + PLAIN));
    }

    fn change(&self, address: SocketAddr, how: impl FnOnce(&mut Known)) {
        let mut hosts = self.hosts();
        if hosts.len() >= MOST && !hosts.contains_key(&address) {
            hosts.clear();
        }
        how(hosts.entry(address).or_default());
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<SocketAddr, Known>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_dead_host_is_tried_last_for_a_while() {
        let reach = Reach::default();
        let now = Time::from_seconds(1_000);
        let [a, b, c]: [SocketAddr; 3] = ["192.0.2.1:25", "192.0.2.2:25", "192.0.2.3:25"].map(|a| a.parse().unwrap());
        reach.unreachable(a, now);
        let order = |at| {
            let mut all = [a, b, c];
            reach.order(&mut all, at);
            all
        };
        assert_eq!(order(now), [b, c, a]);
        assert_eq!(order(now + AVOIDED), [a, b, c]);
        reach.reachable(a);
        assert_eq!(order(now), [a, b, c]);
    }

    #[test]
    fn broken_tls_is_remembered_for_a_while() {
        let reach = Reach::default();
        let now = Time::from_seconds(1_000);
        let host: SocketAddr = "192.0.2.1:25".parse().unwrap();
        assert!(!reach.is_plain(host, now));
        reach.tls_failed(host, now);
        reach.reachable(host);
        assert!(reach.is_plain(host, now));
        assert!(!reach.is_plain(host, now + PLAIN));
    }
}
