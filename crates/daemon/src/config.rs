//! `DIR/sekisho.toml`: what the server must know before it can open its store.
//!
//! Everything else lives in the store. Unknown keys and bad values are errors with line and column.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

mod auth;
mod lockout;
mod rounds;
mod sections;
mod values;
mod write;

#[cfg(test)]
mod tests;

pub use auth::{Auth, ClientCertificates, Issuer};
pub use lockout::{Lockout, Row as LockoutRow};
pub use rounds::{AuditSection, CheckSection, Hour, ReputationSection};
pub use sections::{
    ConsoleSection, Delivery, Dns, GuardSection, Limits, Listen, Log, Logs, PasswordRules, RouteRow, RouteTls,
    StoreSection, Tls,
};
pub use values::{HostName, Level, Size, Span};
pub use write::{first_file, write_first};

/// Name of the configuration file in the data folder.
pub const FILE: &str = "sekisho.toml";

/// The configuration as it stands in the file, defaults filled in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name that the server greets with; it must resolve to this machine for others to take its mail.
    pub hostname: HostName,
    /// The user to become after the ports are bound, when started as root.
    pub user: Option<String>,
    /// The group to become; default: the user's own.
    pub group: Option<String>,
    /// Where to listen.
    #[serde(default)]
    pub listen: Listen,
    /// Where state lives.
    #[serde(default)]
    pub store: StoreSection,
    /// Certificate and when it is needed.
    #[serde(default)]
    pub tls: Tls,
    /// Who answers DNS questions.
    #[serde(default)]
    pub dns: Dns,
    /// Where mail for elsewhere goes.
    #[serde(default)]
    pub delivery: Delivery,
    /// What strangers and users may make grow.
    #[serde(default)]
    pub limits: Limits,
    /// How long the seven logs are kept.
    #[serde(default)]
    pub logs: Logs,
    /// What passwords must satisfy.
    #[serde(default)]
    pub password: PasswordRules,
    /// Ways to log in beside passwords.
    #[serde(default)]
    pub auth: Auth,
    /// Who may not try passwords any more.
    #[serde(default)]
    pub lockout: Lockout,
    /// What happens to mail of hijacked accounts.
    #[serde(default)]
    pub guard: GuardSection,
    /// The web console.
    #[serde(default)]
    pub console: ConsoleSection,
    /// The rounds that the server makes by itself.
    #[serde(default)]
    pub check: CheckSection,
    /// Block lists.
    #[serde(default)]
    pub reputation: ReputationSection,
    /// The look for holes.
    #[serde(default)]
    pub audit: AuditSection,
    /// What the process says on standard error.
    #[serde(default)]
    pub log: Log,
}

/// The configuration together with the data folder that its paths are relative to.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The data folder, absolute.
    pub dir: PathBuf,
    /// What the file says.
    pub config: Config,
}

impl Settings {
    /// Reads `dir/sekisho.toml`.
    ///
    /// # Errors
    /// When the file cannot be read or says something wrong; the text names line and column.
    pub fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => ConfigError::Missing(path.clone()),
            _ => ConfigError::Unreadable { path: path.clone(), cause: error.to_string() },
        })?;
        let config = Config::parse(&text).map_err(|fault| ConfigError::Wrong { path, fault })?;
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf());
        Ok(Self { dir, config })
    }

    /// A path of the configuration, relative ones taken from the data folder.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.dir.join(path)
    }

    /// The store's URL as the store takes it: SQLite paths made absolute.
    #[must_use]
    pub fn store_url(&self) -> String {
        match self.config.store.url.strip_prefix("sqlite:") {
            Some(path) => format!("sqlite:{}", self.dir.join(path).display()),
            None => self.config.store.url.clone(),
        }
    }

    /// The folder for large bodies.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        let path = self.config.store.blobs.strip_prefix("file:").unwrap_or(&self.config.store.blobs);
        self.dir.join(path)
    }

    /// The name of this node among those that share a store.
    #[must_use]
    pub fn node(&self) -> String {
        self.config.store.node.clone().unwrap_or_else(|| self.config.hostname.to_string())
    }
}

impl Config {
    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// The first thing that is wrong, with line and column.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let config: Self = toml::from_str(text).map_err(|error| Fault::of_toml(text, &error))?;
        match config.contradiction() {
            Some((key, message)) => Err(Fault::at(text, offset_of(text, key), message)),
            None => Ok(config),
        }
    }

    /// What is well formed but cannot be meant, with the key that says it.
    fn contradiction(&self) -> Option<(&'static str, String)> {
        if !self.tls.require_for_auth {
            let plain = self.listen.with_auth();
            if let Some(open) = plain.iter().find(|address| !address.ip().is_loopback()) {
                return Some((
                    "require_for_auth",
                    format!("`require_for_auth = false` is for loopback only, but {open} is reachable from outside"),
                ));
            }
        }
        if let Some(found) = self.lockout.contradiction().or_else(|| self.auth.contradiction()) {
            return Some(found);
        }
        if let Some(found) = self.guard.contradiction() {
            return Some(found);
        }
        if self.group.is_some() && self.user.is_none() {
            return Some(("group", "`group` needs `user`".to_owned()));
        }
        let url = &self.store.url;
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Some(("url", "`store.url` must begin with `sqlite:` or `postgres://`".to_owned()));
        }
        if !self.store.blobs.starts_with("file:") {
            return Some(("blobs", "`store.blobs` must begin with `file:`".to_owned()));
        }
        if !(self.dns.resolver == "system" || self.dns.resolver.parse::<SocketAddr>().is_ok()) {
            return Some(("resolver", "`dns.resolver` must be `system` or an address with port".to_owned()));
        }
        None
    }
}

/// Where the line begins that sets `key`; the end of the text when no line does.
fn offset_of(text: &str, key: &str) -> usize {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start();
        if content.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')) {
            return offset + line.len() - content.len();
        }
        offset += line.len();
    }
    text.len()
}

/// Something wrong in the file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        Self::at(text, offset, error.message().to_owned())
    }

    fn at(text: &str, offset: usize, message: String) -> Self {
        let before = text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Why there is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no file: the folder was never initialised.
    #[error("{} does not exist (sekisho init or sekisho serve makes it)", .0.display())]
    Missing(PathBuf),
    /// The file is there and cannot be read.
    #[error("{}: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// The file says something wrong.
    #[error("{}:{fault}", path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What, and where.
        fault: Fault,
    },
}
