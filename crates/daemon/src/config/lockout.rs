//! `[lockout]`: who may not try passwords, or connect, any more.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use sekisho_control::countries::Countries;
use sekisho_control::lockout;
use sekisho_control::whence::Whence;
use sekisho_guard::lockout::{Limit, LockoutPolicy};
use serde::Deserialize;
use serde::de::{self, Deserializer};

use super::Settings;
use super::values::Span;
use crate::trouble::Trouble;

/// `[lockout]`. Each kind is `{ tries = 10, window = "10m", lock = "1h" }`; what is not said has its default; `tries = 0`
/// switches that kind off. Equal wrong passwords count once. Nobody is locked out from a network in which he logged in
/// within 30 days.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lockout {
    /// Whether anything is counted. The reject tables work in any case. Default `true`.
    pub enabled: bool,
    /// Addresses and networks that are never counted nor locked. Default none.
    pub exempt: Vec<Network>,
    /// Whether sessions that are open end when their network is locked out. Default `false`.
    pub drop_sessions: bool,
    /// SMTP AUTH failures of one address. Default 10 in 10 minutes, for an hour.
    pub smtp: Row,
    /// POP3 login failures of one address. Default the same.
    pub pop3: Row,
    /// IMAP login failures of one address. Default the same.
    pub imap4: Row,
    /// Login failures of one address at the console. Default the same.
    pub console: Row,
    /// SMTP connections of one address; this machine's own and those of who may relay without AUTH are not counted, and
    /// networks in which somebody logged in lately may make five times as many. Default 200 in a minute, for 10 minutes.
    pub smtp_connections: Row,
    /// POP3 connections of one address. Default the same.
    pub pop3_connections: Row,
    /// IMAP connections of one address. Default the same.
    pub imap4_connections: Row,
    /// Different wrong passwords for one account from one network (/24, /48). Default 8 in 10 minutes, for 30 minutes.
    pub pair: Row,
    /// Different wrong passwords for one account from everywhere. Default 25 in a day; for 6 hours only networks in which
    /// it was used within 30 days may log in to it.
    pub account: Row,
    /// Networks from which one account was failed on, a try or two from each. Default 8 in a day, for 6 hours, as above.
    pub scattered: Row,
    /// Accounts that one network failed on. Default 5 in an hour; the network is locked for 6 hours.
    pub spraying: Row,
    /// Unknown recipients that one address wrote to without AUTH. Default 60 in 10 minutes; it is put off for an hour.
    pub harvest: Row,
    /// Longest wait where a lock would fall on an owner. Default 5 seconds.
    pub most_delay: Span,
    /// From which networks passwords may be used where neither account nor domain says so. Default everywhere.
    pub auth_networks: Vec<String>,
    /// The same by country; needs `countries`.
    pub auth_countries: Vec<String>,
    /// An `.mmdb` database of countries (relative to the data folder). Default none.
    pub countries: Option<PathBuf>,
}

/// One kind of lockout, as far as it differs from the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Row {
    /// From how many on; 0: never.
    pub tries: Option<u32>,
    /// Within which time.
    pub window: Option<Span>,
    /// For how long.
    pub lock: Option<Span>,
}

/// An address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let address = || text.parse().map(|ip: std::net::IpAddr| IpNet::from(ip.to_canonical())).ok();
        let network = text.parse::<IpNet>().ok().or_else(address);
        network.map(Self).ok_or_else(|| de::Error::custom(format!("`{text}` is not an address or network")))
    }
}

impl Default for Lockout {
    fn default() -> Self {
        let row = Row::default();
        Self {
            enabled: true,
            exempt: Vec::new(),
            drop_sessions: false,
            smtp: row,
            pop3: row,
            imap4: row,
            console: row,
            smtp_connections: row,
            pop3_connections: row,
            imap4_connections: row,
            pair: row,
            account: row,
            scattered: row,
            spraying: row,
            harvest: row,
            most_delay: Span(Duration::from_secs(5)),
            auth_networks: Vec::new(),
            auth_countries: Vec::new(),
            countries: None,
        }
    }
}

impl Lockout {
    /// Limits, windows and times, defaults filled in.
    #[must_use]
    pub fn policy(&self) -> LockoutPolicy {
        let usual = LockoutPolicy::default();
        LockoutPolicy {
            smtp: self.smtp.over(usual.smtp),
            pop3: self.pop3.over(usual.pop3),
            imap4: self.imap4.over(usual.imap4),
            console: self.console.over(usual.console),
            smtp_connections: self.smtp_connections.over(usual.smtp_connections),
            pop3_connections: self.pop3_connections.over(usual.pop3_connections),
            imap4_connections: self.imap4_connections.over(usual.imap4_connections),
            pair: self.pair.over(usual.pair),
            account: self.account.over(usual.account),
            scattered: self.scattered.over(usual.scattered),
            spraying: self.spraying.over(usual.spraying),
            harvest: self.harvest.over(usual.harvest),
            most_keys: usual.most_keys,
            most_delay_millis: u32::try_from(self.most_delay.0.as_millis()).unwrap_or(u32::MAX).min(30_000),
        }
    }

    /// What is wrong, with the key that says it.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        let whence = |networks: &[String], countries: &[String]| {
            Whence::parse(&networks.join(","), &countries.join(",")).map_err(|text| text.en)
        };
        if let Err(error) = whence(&self.auth_networks, &[]) {
            return Some(("auth_networks", error));
        }
        if let Err(error) = whence(&[], &self.auth_countries) {
            return Some(("auth_countries", error));
        }
        if !self.auth_countries.is_empty() && self.countries.is_none() {
            return Some(("auth_countries", "`auth_countries` needs `countries`, a database of them".to_owned()));
        }
        None
    }
}

impl Settings {
    /// The lockouts as control takes them. Reads the database of countries, and asks the system for its own addresses.
    ///
    /// # Errors
    /// When the database cannot be used: a rule that silently means nothing is worse than a server that says so.
    pub fn lockout(&self) -> Result<lockout::Settings, Trouble> {
        let Lockout { enabled, exempt, auth_networks, auth_countries, countries, .. } = &self.config.lockout;
        let countries = match countries {
            Some(path) => Some(Countries::open(&self.path(path)).map_err(Trouble::could_not)?),
            None => None,
        };
        let usual = lockout::Settings::default();
        let own = nix::ifaddrs::getifaddrs().into_iter().flatten().filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| v4.ip().into());
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| v6.ip().into()))
        });
        Ok(lockout::Settings {
            enabled: *enabled,
            policy: self.config.lockout.policy(),
            exempt: exempt.iter().map(|network| network.0).collect(),
            own: usual.own.into_iter().chain(own).collect(),
            whence: Whence::parse(&auth_networks.join(","), &auth_countries.join(",")).map_err(Trouble::could_not)?,
            countries,
        })
    }
}

impl Row {
    fn over(self, usual: Limit) -> Limit {
        let seconds = |span: Option<Span>, usual| match span {
            // A window or lock of nothing is a second: what is to be off has no tries.
            Some(span) => u32::try_from(span.0.as_secs()).unwrap_or(u32::MAX).max(1),
            None => usual,
        };
        Limit {
            // No counter remembers more.
            tries: self.tries.unwrap_or(usual.tries).min(500),
            window_seconds: seconds(self.window, usual.window_seconds),
            lock_seconds: seconds(self.lock, usual.lock_seconds),
        }
    }
}
