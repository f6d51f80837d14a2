//! Which domains are ours: those that were given, and those into whose mailboxes the log shows deliveries.

use std::collections::{BTreeSet, HashSet};

use super::bounded::folded;

/// Domains that are remembered as ours.
const MOST: usize = 20_000;
/// Domains that a report names.
const NAMED: usize = 50;

#[derive(Clone, Debug)]
pub(super) struct Houses {
    given: HashSet<u64>,
    seen: HashSet<u64>,
    names: BTreeSet<String>,
    /// Whether accounts have names without a domain.
    pub(super) bare: bool,
    last: u64,
}

impl Houses {
    pub(super) fn new(given: &[String]) -> Self {
        let names = given.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { given: given.iter().map(|d| folded(d)).collect(), seen: HashSet::new(), names, bare: false, last: 0 }
    }

    /// Whether mail to this domain stays in the house.
    pub(super) fn has(&self, domain: u64) -> bool {
        domain == 0 || self.given.contains(&domain) || self.seen.contains(&domain)
    }

    /// Whether somebody said that it is ours.
    pub(super) fn is_given(&self, domain: u64) -> bool {
        domain == 0 || self.given.contains(&domain)
    }

    /// Notes the domain of an address that has a mailbox here.
    pub(super) fn note(&mut self, address: &str) {
        if let Some((_, domain)) = address.rsplit_once('@') {
            self.add(domain);
        }
    }

    /// Notes a server's name: it and the domain above it are ours.
    pub(super) fn note_host(&mut self, host: &str) {
        self.add(host);
        if let Some((_, above)) = host.split_once('.').filter(|(_, above)| above.contains('.')) {
            self.add(above);
        }
    }

    fn add(&mut self, domain: &str) {
        let key = folded(domain);
        if domain.is_empty() || key == self.last || self.seen.len() >= MOST {
            return;
        }
        self.last = key;
        if self.seen.insert(key) && self.names.len() < NAMED && domain.len() <= 255 {
            self.names.insert(domain.to_ascii_lowercase());
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.iter().cloned().collect()
    }
}
