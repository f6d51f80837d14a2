//! What a listener's POP3 sessions are like.

use std::time::Duration;

use crate::sasl::Offer;

/// Settings of all sessions of one listener; share them in an `Arc`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Own host name, in the greeting.
    pub hostname: String,
    /// Whether STLS is offered (RFC 2595); it never is on a connection that is protected already.
    pub stls: bool,
    /// Whether USER, PASS and AUTH are taken without TLS.
    pub login_without_tls: bool,
    /// The mechanisms beyond passwords in the clear. With digests the greeting has a timestamp for APOP, if the agent
    /// gives one.
    pub sasl: Offer,
    /// Least time between two logins, to be announced (RFC 2449 §6.5); the agent enforces it.
    pub login_delay: Option<Duration>,
    /// Bounds.
    pub limits: Limits,
}

impl Settings {
    /// The usual: STLS, and logins under TLS only.
    #[must_use]
    pub fn new(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            stls: true,
            login_without_tls: false,
            sasl: Offer { scram: true, ..Offer::default() },
            login_delay: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds of a session.
#[derive(Clone, Debug)]
pub struct Limits {
    /// One command line in octets with its CRLF. RFC 2449 §4 asks for 255; a long password needs more.
    pub command_line: usize,
    /// One line of an AUTH exchange in octets.
    pub auth_line: usize,
    /// Refused commands, before the session is closed.
    pub errors: u32,
    /// Failed authentications, before the session is closed.
    pub auth_failures: u32,
    /// Commands before the login.
    pub commands_before_login: u32,
    /// Time for one command before the login. A byte now and then does not prolong it.
    pub login: Duration,
    /// Time for one command after the login (RFC 1939 §3: at least ten minutes).
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_line: 1024,
            auth_line: 12_288,
            errors: 20,
            auth_failures: 5,
            commands_before_login: 50,
            login: Duration::from_secs(3 * 60),
            idle: Duration::from_secs(10 * 60),
        }
    }
}
