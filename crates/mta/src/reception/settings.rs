//! What reception can be told.

use std::path::PathBuf;
use std::time::Duration;

use sekisho_guard::relay::Policy;
use sekisho_message::{Address, Domain};
use sekisho_proto::smtp::server as wire;

/// Which door a client came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Port 25: mail from other servers (RFC 5321).
    Smtp,
    /// Port 587: mail from users, STARTTLS (RFC 6409).
    Submission,
    /// Port 465: mail from users, TLS from the first byte (RFC 8314 §3.3).
    Submissions,
}

impl Service {
    /// The name in configuration and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Submission => "submission",
            Self::Submissions => "submissions",
        }
    }
}

/// Settings of reception. The daemon fills in what it knows; the rest has defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Own host name: greeting, Received, Message-ID. It counts as a local domain in which only
    /// `postmaster` and `abuse` exist.
    pub hostname: Domain,
    /// The folder that holds `effect.dat`.
    pub data: PathBuf,
    /// Bounds of a session. `message`: 50 MiB by default.
    pub limits: wire::Limits,
    /// Switches of the relay rule.
    pub policy: Policy,
    /// Whether port 25 offers AUTH too (default true): many users of the ancestor submit there.
    pub auth_on_smtp: bool,
    /// Whether AUTH needs TLS (default true).
    pub tls_for_auth: bool,
    /// Received fields before a message is taken to be looping; 1 to 1000 (default 50; RFC 5321 §6.3 asks
    /// for at least 100 "or other means" of detection, real paths are below 20).
    pub hops: usize,
    /// Links of a chain of aliases; 1 to 100 (default 10).
    pub alias_links: usize,
    /// What a sender is told about a full mailbox.
    pub full_mailbox: FullMailbox,
    /// Unknown local recipients of a session without AUTH.
    pub harvest: Harvest,
    /// Whether the dialogue of accepted messages is kept in receivelog (default true). Refusals
    /// always are.
    pub dialogue: bool,
    /// Local time's distance from UTC in minutes, for Received and Date.
    pub offset_minutes: i32,
    /// Where mail for `postmaster` and `abuse` goes where nobody has that address (RFC 5321 §4.5.1, RFC 2142).
    /// Without it, to the first system administrator.
    pub postmaster: Option<Address>,
    /// How long what was read of the directory is believed when no event says that it changed; at most a
    /// minute (default 1 s). Other nodes' changes may take this long.
    pub believe: Duration,
}

/// What a sender is told about a full mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FullMailbox {
    /// 452 4.2.2: the sender's server tries again for days.
    #[default]
    TryLater,
    /// 552 5.2.2: the sender is told at once.
    Refuse,
}

/// How address harvesting is slowed down and stopped.
#[derive(Clone, Copy, Debug)]
pub struct Harvest {
    /// Unknown recipients that are answered at once (default 3).
    pub free: u32,
    /// How long each further one waits (default 1 s; at most 10 s).
    pub delay: Duration,
    /// Unknown recipients after which the session ends with 421 (default 20).
    pub most: u32,
}

impl Default for Harvest {
    fn default() -> Self {
        Self { free: 3, delay: Duration::from_secs(1), most: 20 }
    }
}

impl Settings {
    /// The defaults.
    #[must_use]
    pub fn new(hostname: Domain, data: PathBuf) -> Self {
        Self {
            hostname,
            data,
            limits: wire::Limits::default(),
            policy: Policy::default(),
            auth_on_smtp: true,
            tls_for_auth: true,
            hops: 50,
            alias_links: 10,
            full_mailbox: FullMailbox::default(),
            harvest: Harvest::default(),
            dialogue: true,
            offset_minutes: 0,
            postmaster: None,
            believe: Duration::from_secs(1),
        }
    }

    /// Values out of bounds are moved to the nearest bound.
    #[must_use]
    pub(crate) fn within_bounds(mut self) -> Self {
        self.hops = self.hops.clamp(1, 1000);
        self.alias_links = self.alias_links.clamp(1, 100);
        self.harvest.delay = self.harvest.delay.min(Duration::from_secs(10));
        self.harvest.most = self.harvest.most.max(1);
        self.believe = self.believe.min(Duration::from_secs(60));
        self
    }

    /// What the sessions of a service are like.
    #[must_use]
    pub(crate) fn wire(&self, service: Service, scram: bool) -> wire::Settings {
        let (role, auth) = match service {
            Service::Smtp => (wire::Role::Exchange, self.auth_on_smtp),
            Service::Submission | Service::Submissions => (wire::Role::Submission, true),
        };
        wire::Settings {
            hostname: self.hostname.ascii().to_owned(),
            role,
            starttls: service != Service::Submissions,
            auth,
            auth_without_tls: !self.tls_for_auth,
            scram,
            limits: self.limits.clone(),
        }
    }
}
