//! The tables of the configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sekisho_control::countries::Countries;
use sekisho_control::guard::{self, Alert, Mode};
use sekisho_guard::policy::Policy;
use sekisho_message::Address;
use serde::Deserialize;

use super::values::{Level, Size, Span};

/// `[listen]`: addresses with ports, by service. An empty list switches a service off.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Mail from other servers (RFC 5321). Default `127.0.0.1:2525`.
    pub smtp: Vec<SocketAddr>,
    /// Mail from users, STARTTLS (RFC 6409). Default `127.0.0.1:2587`.
    pub submission: Vec<SocketAddr>,
    /// Mail from users, TLS from the first byte (RFC 8314). Default `127.0.0.1:2465`.
    pub submissions: Vec<SocketAddr>,
    /// POP3 with STLS. Default `127.0.0.1:2110`.
    pub pop3: Vec<SocketAddr>,
    /// POP3 over TLS. Default `127.0.0.1:2995`.
    pub pop3s: Vec<SocketAddr>,
    /// IMAP with STARTTLS. Default `127.0.0.1:2143`.
    pub imap: Vec<SocketAddr>,
    /// IMAP over TLS. Default `127.0.0.1:2993`.
    pub imaps: Vec<SocketAddr>,
    /// The web console. Default `127.0.0.1:2080`.
    pub console: Vec<SocketAddr>,
}

impl Listen {
    /// The addresses where a password could arrive without TLS.
    #[must_use]
    pub fn with_auth(&self) -> Vec<SocketAddr> {
        [&self.smtp, &self.submission, &self.pop3, &self.imap].into_iter().flatten().copied().collect()
    }
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port: u16| vec![SocketAddr::from(([127, 0, 0, 1], port))];
        Self {
            smtp: local(2525),
            submission: local(2587),
            submissions: local(2465),
            pop3: local(2110),
            pop3s: local(2995),
            imap: local(2143),
            imaps: local(2993),
            console: local(2080),
        }
    }
}

/// `[store]`: where state lives.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSection {
    /// `sqlite:FILE` (relative to the data folder) or `postgres://user:password@host/database`.
    pub url: String,
    /// `file:FOLDER` for bodies too large for the database (relative to the data folder).
    pub blobs: String,
    /// Name of this node among those that share a PostgreSQL store. Default: the host name.
    pub node: Option<String>,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { url: "sqlite:sekisho.db".into(), blobs: "file:blobs".into(), node: None }
    }
}

/// `[tls]`: the certificate, and when it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain in PEM (relative to the data folder). Made on first start when absent.
    pub certificate: PathBuf,
    /// Private key in PEM (relative to the data folder).
    pub key: PathBuf,
    /// Refuse passwords on connections without TLS. `false` is allowed on loopback only. Default `true`.
    pub require_for_auth: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self { certificate: "tls/cert.pem".into(), key: "tls/key.pem".into(), require_for_auth: true }
    }
}

/// `[dns]`: who answers DNS questions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// `system` or an address with port such as `127.0.0.1:5353`.
    pub resolver: String,
}

impl Default for Dns {
    fn default() -> Self {
        Self { resolver: "system".into() }
    }
}

/// `[delivery]`: where mail for elsewhere goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Static routes, the most specific first to match; none: by MX.
    pub routes: Vec<RouteRow>,
}

/// One static route.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRow {
    /// `example.com`, `*.example.com`, or `*` for everything.
    pub domain: String,
    /// Host name or address of the next server.
    pub host: String,
    /// Its port. Default 25.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// User name for AUTH at a smart host.
    pub username: Option<String>,
    /// Password for AUTH.
    pub password: Option<String>,
    /// How the connection is protected. Default `opportunistic`, or `required` when there is a password.
    pub tls: Option<RouteTls>,
}

impl std::fmt::Debug for RouteRow {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteRow")
            .field("domain", &self.domain)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

const fn smtp_port() -> u16 {
    25
}

/// How the connection to a route's host is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouteTls {
    /// STARTTLS when offered, without checking the certificate.
    Opportunistic,
    /// STARTTLS with a certificate that is valid for the host.
    Required,
    /// TLS from the first byte with a valid certificate (port 465).
    Implicit,
    /// Never TLS.
    None,
}

/// `[limits]`: what strangers and users may make grow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest message. Default 50 MiB.
    pub message_size: Size,
    /// Most recipients of one message. Default 1,000.
    pub recipients: u32,
    /// Most connections at once, counted for SMTP and for POP3 with IMAP apart. Default 10,000.
    pub connections: u32,
    /// Most SMTP connections at once from one address (IPv6: /64), loopback excepted. Default 100.
    pub connections_per_address: u32,
    /// Most SMTP connections at once from one network (IPv4 /24, IPv6 /48). Default 400.
    pub connections_per_network: u32,
    /// Most POP3 and IMAP connections at once from one address: a company behind one address has several for each
    /// person. Default 1,000.
    pub access_per_address: u32,
    /// Most POP3 and IMAP connections at once from one network. Default 4,000.
    pub access_per_network: u32,
    /// Least time between two POP3 logins of an account, announced as LOGIN-DELAY. Default none.
    pub pop3_login_delay: Span,
    /// How long a verified password is remembered (as a keyed hash in memory). Default 5 minutes, at most an hour.
    pub password_cache: Span,
    /// How long a removed account can be brought back. Default 30 days.
    pub removed_accounts: Span,
    /// How long the server waits for sessions to end when it is told to stop. Default 20 seconds.
    pub shutdown: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size: Size(50 << 20),
            recipients: 1_000,
            connections: 10_000,
            connections_per_address: 100,
            connections_per_network: 400,
            access_per_address: 1_000,
            access_per_network: 4_000,
            pop3_login_delay: Span(Duration::ZERO),
            password_cache: Span(Duration::from_secs(300)),
            removed_accounts: Span(Duration::from_secs(30 * 86_400)),
            shutdown: Span(Duration::from_secs(20)),
        }
    }
}

/// `[logs]`: the seven logs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logs {
    /// Days that the journal keeps. Default 92.
    pub days: u32,
    /// Bytes that the journal may take; the oldest days go first. Default 4 GiB.
    pub size: Size,
    /// Whether to write plain daily files as well, for grep and fail2ban. Default `false`.
    pub files: bool,
    /// Folder of those files (relative to the data folder). Default `logs`.
    pub folder: PathBuf,
}

impl Default for Logs {
    fn default() -> Self {
        Self { days: 92, size: Size(4 << 30), files: false, folder: "logs".into() }
    }
}

/// `[password]`: what passwords must satisfy beyond being hard to guess.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordRules {
    /// Fewest characters. Default 8.
    pub min_length: usize,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { min_length: 8 }
    }
}

/// `[guard]`: what happens to mail of hijacked accounts.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSection {
    /// `hold` accepts and keeps back; `defer` answers 451 instead; `observe` only writes down and tells. Default `hold`.
    pub mode: Mode,
    /// How long after a hold that nobody answered everybody is told again. Default 4 hours, at least a minute.
    pub reminder: Span,
    /// Whether the owner finds a notice in his own mailbox. Default `true`.
    pub tell_owner: bool,
    /// Whether a network or listener without AUTH whose mail is held is closed too: connections from there that do not log
    /// in are answered 421 until the incident is resolved. Default `true`.
    pub close_isolated: bool,
    /// Who is told of incidents.
    pub alert: Alert,
    /// Thresholds, by name; each has its default.
    pub policy: Policy,
    /// Trap addresses: nobody but an intruder writes to them. Default none.
    pub traps: Vec<String>,
    /// A content filter for what goes out.
    pub filter: guard::Filter,
    /// An `.mmdb` database of autonomous systems (relative to the data folder). Default none.
    pub systems: Option<PathBuf>,
}

impl Default for GuardSection {
    fn default() -> Self {
        let guard::Settings { mode, policy, reminder, tell_owner, close_isolated, alert, filter, .. } =
            guard::Settings::default();
        Self {
            mode,
            reminder: Span(reminder),
            tell_owner,
            close_isolated,
            alert,
            policy,
            traps: Vec::new(),
            filter,
            systems: None,
        }
    }
}

impl GuardSection {
    /// What cannot be meant, with the key that says it.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        if let Some(wrong) = self.alert.mail.iter().find(|address| Address::parse(address).is_err()) {
            return Some(("mail", format!("`{wrong}` in `guard.alert.mail` is not a mail address")));
        }
        if let Some(wrong) = self.traps.iter().find(|address| Address::parse(address).is_err()) {
            return Some(("traps", format!("`{wrong}` in `guard.traps` is not a mail address")));
        }
        let url = self.alert.webhook.as_deref()?;
        sekisho_net::http::Url::parse(url)
            .is_none()
            .then(|| ("webhook", format!("`{url}` is not an `http://` or `https://` address")))
    }

    /// As the guard takes it, with the databases that there are.
    #[must_use]
    pub fn settings(&self, systems: Option<Countries>, countries: Option<Countries>) -> guard::Settings {
        guard::Settings {
            mode: self.mode,
            policy: self.policy.clone(),
            reminder: self.reminder.0.max(Duration::from_secs(60)),
            tell_owner: self.tell_owner,
            close_isolated: self.close_isolated,
            alert: self.alert.clone(),
            traps: self.traps.iter().filter_map(|trap| Address::parse(trap).ok()).map(|trap| trap.key()).collect(),
            filter: self.filter.clone(),
            systems,
            countries,
        }
    }
}

/// `[console]`: the web console.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleSection {
    /// How long a session lasts that nobody uses. Default 2 hours.
    pub idle: Span,
    /// How long a session lasts at most. Default 12 hours.
    pub longest: Span,
    /// Whether owners may send what is held of theirs while no incident is open. Default `false`.
    pub owner_release: bool,
}

impl Default for ConsoleSection {
    fn default() -> Self {
        Self {
            idle: Span(Duration::from_secs(2 * 3_600)),
            longest: Span(Duration::from_secs(12 * 3_600)),
            owner_release: false,
        }
    }
}

/// `[log]`: what the process says on standard error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How much. Default `info`.
    pub level: Level,
}
