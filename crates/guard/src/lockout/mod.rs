//! Lockouts: who may not try passwords any more, from where, for how long, and why.
//!
//! | rule | counts | locks |
//! |---|---|---|
//! | [`Rule::Failures`] | failures of one address (SMTP AUTH, POP3, IMAP4, console) | the address |
//! | [`Rule::Connections`] | connections of one address | the address, tagged `iplock` |
//! | [`Rule::Pair`] | distinct wrong passwords of an account from one network | that account from that network |
//! | [`Rule::Account`] | distinct wrong passwords of an account from all networks | that account, but for its owner's networks |
//! | [`Rule::Scattered`] | networks that failed on an account: one try from each | the same |
//! | [`Rule::Spraying`] | accounts that one network failed on | that network |
//! | [`Rule::Harvest`] | unknown recipients that one address wrote to | the address, as for too many connections |
//!
//! Three things hold whatever the settings: an owner is never locked out from a network that he used successfully in the
//! last 30 days (he may be kept waiting for seconds); the same wrong password counts once; a lock on a login never falls on
//! the address that happens to come next. While passwords are guessed all over the site, limits are halved.

mod settings;
mod tally;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv6Net};
use sekisho_message::{Text, Time};
use serde::{Deserialize, Serialize};

use crate::event::Protocol;
use crate::place::Place;
use crate::rules::network::Network;
use crate::rules::reject::{Entry, Row};
use crate::site::Regime;
pub use settings::{Limit, LockoutPolicy};
use tally::Tally;

/// Who asks to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The door.
    pub protocol: Protocol,
    /// The address.
    pub ip: IpAddr,
    /// Keyed hash of the login name, whether it exists or not.
    pub account: u64,
    /// Whether **this** account was used successfully from this network in the last 30 days
    /// ([`crate::profile::Profile::used_recently`]).
    pub owner_here: bool,
    /// Whether **any** account was.
    pub anyone_here: bool,
    /// Whether it is this server itself, a forward from the LAN, or an address that is never refused (a `true` row).
    pub exempt: bool,
}

/// Whether a password may be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It may; the answer should be kept back for so long.
    Open {
        /// Usually zero.
        delay: Duration,
    },
    /// It may not. The client hears what a wrong password hears.
    Locked {
        /// Until when.
        until: Time,
        /// By which rule.
        rule: Rule,
    },
}

/// Why something is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rule {
    /// Failures of an address.
    Failures,
    /// Connections of an address.
    Connections,
    /// An account from a network.
    Pair,
    /// An account.
    Account,
    /// An account, one try from each address.
    Scattered,
    /// A network over accounts.
    Spraying,
    /// Unknown recipients of an address.
    Harvest,
}

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// An address on one protocol (IPv6: its /64).
    Address(Protocol, IpAddr),
    /// A network, on all protocols.
    Place(Place),
    /// An account from a network.
    Login(u64, Place),
    /// An account, but for its owner's networks.
    Account(u64),
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Why.
    pub rule: Rule,
    /// What.
    pub subject: Subject,
    /// Since when.
    pub since: Time,
    /// Until when.
    pub until: Time,
    /// How many were counted.
    pub count: u32,
    /// Whether somebody's own network is concerned, so that only others are locked there and no table row is written.
    pub spares_owners: bool,
}

/// All counters and locks. Lives in memory; locks can be taken out and put back ([`Lockouts::locks`], [`Lockouts::restore`]).
#[derive(Clone, Debug, Default)]
pub struct Lockouts {
    failures: Tally<(Protocol, IpAddr)>,
    connections: Tally<(Protocol, IpAddr)>,
    pairs: Tally<(u64, Place)>,
    accounts: Tally<u64>,
    scattered: Tally<u64>,
    spraying: Tally<Place>,
    harvest: Tally<IpAddr>,
    locks: BTreeMap<Subject, Lock>,
    serial: u64,
    /// Whether passwords are being guessed all over the site.
    pub regime: Regime,
}

impl Lockouts {
    /// Whether this client may try a password now. Ask before the password is looked at: hashing costs.
    #[must_use]
    pub fn may_try(&self, policy: &LockoutPolicy, client: &Client, now: Time) -> Permit {
        if client.exempt {
            return Permit::Open { delay: Duration::ZERO };
        }
        let place = Place::of(client.ip);
        if client.owner_here {
            // Never locked. But somebody who guesses from the owner's own network is made to wait.
            let tries = self.pairs.count((client.account, place), policy.pair.window_seconds, now);
            let beyond = tries.saturating_sub(policy.pair.tries.max(1) / 2);
            let millis = u64::from(beyond.min(100)) * 500;
            return Permit::Open { delay: Duration::from_millis(millis.min(u64::from(policy.most_delay_millis))) };
        }
        let subjects = [
            Subject::Address(client.protocol, address(client.ip)),
            Subject::Place(place),
            Subject::Login(client.account, place),
            Subject::Account(client.account),
        ];
        let locked = subjects.iter().filter_map(|s| self.locks.get(s)).filter(|lock| now < lock.until);
        match locked.max_by_key(|lock| lock.until) {
            Some(lock) => Permit::Locked { until: lock.until, rule: lock.rule },
            None => Permit::Open { delay: Duration::ZERO },
        }
    }

    /// Whether an address may connect at all; for the time between a lock and its row in the table.
    #[must_use]
    pub fn may_connect(&self, protocol: Protocol, ip: IpAddr, now: Time) -> bool {
        let subjects = [Subject::Address(protocol, address(ip)), Subject::Place(Place::of(ip))];
        !subjects.iter().filter_map(|s| self.locks.get(s)).any(|lock| now < lock.until && !lock.spares_owners)
    }

    /// Notes how a login ended: `wrong` is the keyed hash of the wrong password, `None` a success. Tells the new locks.
    pub fn attempt(&mut self, policy: &LockoutPolicy, client: &Client, wrong: Option<u64>, now: Time) -> Vec<Lock> {
        if client.exempt {
            return Vec::new();
        }
        let place = Place::of(client.ip);
        // A client that repeats one wrong password for days is no sign of guessing.
        let repeated = wrong.is_some_and(|password| self.accounts.knows(client.account, password));
        if !client.owner_here && !repeated {
            self.regime.note(wrong.is_some(), now);
        }
        let Some(password) = wrong else {
            // A success at home clears what the owner mistyped. Anywhere else it may be the guesser's.
            if client.owner_here {
                self.pairs.forget((client.account, place));
            }
            return Vec::new();
        };
        // The same wrong password for the same account counts once, everywhere.
        let tried = password ^ client.account.rotate_left(17);
        let halve = self.regime.since(now).is_some();
        let most = policy.most_keys;
        let mut locks = Vec::new();
        let mut check = |rule, subject, limit: Limit, count: u32, spares_owners| {
            let tries = if halve { limit.tries.div_ceil(2) } else { limit.tries };
            if limit.tries > 0 && count >= tries {
                let until = now + Duration::from_secs(u64::from(limit.lock_seconds));
                locks.push(Lock { rule, subject, since: now, until, count, spares_owners });
            }
        };

        let limit = failures(policy, client.protocol);
        let key = (client.protocol, address(client.ip));
        let count = self.failures.note(key, tried, limit.window_seconds, most, now);
        if !client.owner_here {
            let subject = Subject::Address(key.0, key.1);
            check(Rule::Failures, subject, limit, count, client.anyone_here);
        }

        let count = self.pairs.note((client.account, place), password, policy.pair.window_seconds, most, now);
        if !client.owner_here {
            check(Rule::Pair, Subject::Login(client.account, place), policy.pair, count, true);

            let count = self.accounts.note(client.account, password, policy.account.window_seconds, most, now);
            check(Rule::Account, Subject::Account(client.account), policy.account, count, true);

            let count = self.scattered.note(client.account, hash(place), policy.scattered.window_seconds, most, now);
            // Places alone are no guessing: an old client on the road retries one password from many.
            let passwords = self.accounts.count(client.account, policy.account.window_seconds, now);
            check(Rule::Scattered, Subject::Account(client.account), policy.scattered, count.min(passwords), true);

            let count = self.spraying.note(place, client.account, policy.spraying.window_seconds, most, now);
            check(Rule::Spraying, Subject::Place(place), policy.spraying, count, client.anyone_here);
        }
        locks.into_iter().filter(|lock| self.lock(lock, most, now)).collect()
    }

    /// Notes a connection. Tells a new lock. Addresses at networks that somebody uses may make five times as many.
    pub fn connection(&mut self, policy: &LockoutPolicy, client: &Client, now: Time) -> Option<Lock> {
        let limit = connections(policy, client.protocol)?;
        if client.exempt || limit.tries == 0 {
            return None;
        }
        self.serial += 1;
        let key = (client.protocol, address(client.ip));
        let count = self.connections.note(key, self.serial, limit.window_seconds, policy.most_keys, now);
        let tries = if client.anyone_here { limit.tries.saturating_mul(5).min(512) } else { limit.tries };
        let until = now + Duration::from_secs(u64::from(limit.lock_seconds));
        let subject = Subject::Address(key.0, key.1);
        let lock = Lock { rule: Rule::Connections, subject, since: now, until, count, spares_owners: false };
        (count >= tries && self.lock(&lock, policy.most_keys, now)).then_some(lock)
    }

    /// Notes that a client without AUTH wrote to a recipient that does not exist; `recipient` is its keyed hash. Tells a new
    /// lock. The client may come again later: a list with many dead subscribers is no crime.
    pub fn unknown(&mut self, policy: &LockoutPolicy, client: &Client, recipient: u64, now: Time) -> Option<Lock> {
        let limit = policy.harvest;
        if client.exempt || limit.tries == 0 {
            return None;
        }
        let ip = address(client.ip);
        let count = self.harvest.note(ip, recipient, limit.window_seconds, policy.most_keys, now);
        let tries = if client.anyone_here { limit.tries.saturating_mul(5).min(512) } else { limit.tries };
        let until = now + Duration::from_secs(u64::from(limit.lock_seconds));
        let subject = Subject::Address(Protocol::Smtp, ip);
        let lock = Lock { rule: Rule::Harvest, subject, since: now, until, count, spares_owners: false };
        (count >= tries && self.lock(&lock, policy.most_keys, now)).then_some(lock)
    }

    /// On how many other accounts than `account` the network of `ip` failed lately.
    #[must_use]
    pub fn failed_on_others(&self, policy: &LockoutPolicy, ip: IpAddr, account: u64, now: Time) -> u32 {
        let place = Place::of(ip);
        let all = self.spraying.count(place, policy.spraying.window_seconds, now);
        all.saturating_sub(u32::from(all > 0 && self.spraying.knows(place, account)))
    }

    /// Whether an address is locked for how much it did, and not for what: it is asked to come again later.
    #[must_use]
    pub fn is_crowded(&self, protocol: Protocol, ip: IpAddr, now: Time) -> bool {
        let lock = self.locks.get(&Subject::Address(protocol, address(ip)));
        lock.is_some_and(|lock| now < lock.until && matches!(lock.rule, Rule::Connections | Rule::Harvest))
    }

    /// The locks in force.
    pub fn locks(&self, now: Time) -> impl Iterator<Item = &Lock> {
        self.locks.values().filter(move |lock| now < lock.until)
    }

    /// Puts a lock back, as after a restart.
    pub fn restore(&mut self, lock: Lock) {
        self.locks.insert(lock.subject, lock);
    }

    /// Whether the next connection of this client would lock it if nobody used its network. Tells cheaply when it is worth
    /// finding out whether somebody does.
    #[must_use]
    pub fn is_near(&self, policy: &LockoutPolicy, client: &Client, now: Time) -> bool {
        let Some(limit) = connections(policy, client.protocol).filter(|limit| limit.tries > 0) else { return false };
        let count = self.connections.count((client.protocol, address(client.ip)), limit.window_seconds, now);
        count.saturating_add(1) >= limit.tries
    }

    /// Takes away the locks of every address and network that `network` overlaps, and what was counted there; tells them.
    pub fn unlock_network(&mut self, network: &Network) -> Vec<Lock> {
        let here = |ip: IpAddr| overlaps(network, net(ip));
        let around = |place: Place| place_net(place).is_some_and(|net| overlaps(network, net));
        self.failures.retain(|(_, ip)| !here(*ip));
        self.connections.retain(|(_, ip)| !here(*ip));
        self.harvest.retain(|ip| !here(*ip));
        self.pairs.retain(|(_, place)| !around(*place));
        self.spraying.retain(|place| !around(*place));
        self.remove(|subject| match *subject {
            Subject::Address(_, ip) => here(ip),
            Subject::Place(place) | Subject::Login(_, place) => around(place),
            Subject::Account(_) => false,
        })
    }

    /// Takes the locks of an account away, and what was counted; tells them.
    pub fn unlock_account(&mut self, account: u64) -> Vec<Lock> {
        self.pairs.retain(|(a, _)| *a != account);
        self.accounts.forget(account);
        self.scattered.forget(account);
        self.remove(|subject| matches!(*subject, Subject::Login(a, _) | Subject::Account(a) if a == account))
    }

    /// Takes away the locks that a test rejects, as those that another server has lifted; what was counted stays.
    pub fn retain(&mut self, keep: impl Fn(&Lock) -> bool) {
        self.locks.retain(|_, lock| keep(lock));
    }

    fn remove(&mut self, which: impl Fn(&Subject) -> bool) -> Vec<Lock> {
        let gone: Vec<Lock> = self.locks.values().filter(|lock| which(&lock.subject)).cloned().collect();
        self.locks.retain(|subject, _| !which(subject));
        gone
    }

    /// Adds a lock unless one is in force that ends no earlier; whether it is news (a longer one is not).
    fn lock(&mut self, lock: &Lock, most: usize, now: Time) -> bool {
        if self.locks.len() >= most.max(16) {
            self.locks.retain(|_, lock| now < lock.until);
        }
        if self.locks.len() >= most.max(16) {
            return false;
        }
        let known = self.locks.get(&lock.subject).is_some_and(|old| now < old.until);
        if !known {
            self.locks.insert(lock.subject, lock.clone());
        }
        !known
    }
}

impl Lock {
    /// The row for the reject table of its protocol (`None` for the console's; all protocols for a network); none when
    /// it concerns a login only, or a network that somebody uses.
    #[must_use]
    pub fn row(&self) -> Option<(Option<Protocol>, Row)> {
        if self.spares_owners {
            return None;
        }
        let (protocol, network) = match self.subject {
            Subject::Address(Protocol::Console, _) | Subject::Login(..) | Subject::Account(_) => return None,
            Subject::Address(protocol, ip) => (Some(protocol), net(ip)),
            Subject::Place(place) => (None, place_net(place)?),
        };
        let entry =
            Entry::Timed { until: self.until, by_connections: matches!(self.rule, Rule::Connections | Rule::Harvest) };
        Some((protocol, Row { line: 0, network: Network::Net(network), entry }))
    }

    /// The network that it is about, if it is about one.
    #[must_use]
    pub fn network(&self) -> Option<IpNet> {
        match self.subject {
            Subject::Address(_, ip) => Some(net(ip)),
            Subject::Place(place) | Subject::Login(_, place) => place_net(place),
            Subject::Account(_) => None,
        }
    }

    /// What happened, for the journal and the administrator. `name`: the login name, where one is concerned.
    #[must_use]
    pub fn text(&self, name: Option<&str>) -> Text {
        text::of(self, name.unwrap_or("?"))
    }
}

const fn failures(policy: &LockoutPolicy, protocol: Protocol) -> Limit {
    match protocol {
        Protocol::Smtp => policy.smtp,
        Protocol::Pop3 => policy.pop3,
        Protocol::Imap4 => policy.imap4,
        Protocol::Console => policy.console,
    }
}

const fn connections(policy: &LockoutPolicy, protocol: Protocol) -> Option<Limit> {
    match protocol {
        Protocol::Smtp => Some(policy.smtp_connections),
        Protocol::Pop3 => Some(policy.pop3_connections),
        Protocol::Imap4 => Some(policy.imap4_connections),
        Protocol::Console => None,
    }
}

/// Whoever has one IPv6 address has the /64.
fn address(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) >> 64 << 64)),
        v4 => v4,
    }
}

fn net(ip: IpAddr) -> IpNet {
    match ip {
        IpAddr::V4(_) => IpNet::from(ip),
        IpAddr::V6(v6) => Ipv6Net::new(v6, 64).map_or(IpNet::from(ip), IpNet::V6),
    }
}

fn place_net(place: Place) -> Option<IpNet> {
    place.to_string().parse().ok()
}

fn overlaps(network: &Network, net: IpNet) -> bool {
    let net = Network::Net(net);
    network.covers(&net) || net.covers(network)
}

fn hash(place: Place) -> u64 {
    match place {
        Place::Unknown => 0,
        Place::V4([a, b, c]) => u64::from_be_bytes([4, 0, 0, 0, 0, a, b, c]),
        Place::V6([a, b, c, d, e, f]) => u64::from_be_bytes([6, 0, a, b, c, d, e, f]),
    }
}
