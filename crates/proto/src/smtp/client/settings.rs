//! How a client session behaves.

use std::time::Duration;

use crate::sasl::Password;

/// Settings of one connection to a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Own name for EHLO: a domain name or an address literal.
    pub hello: String,
    /// When to use STARTTLS.
    pub tls: Tls,
    /// Log in after EHLO, at a smart host.
    pub login: Option<Login>,
    /// How long to wait for the server.
    pub timeouts: Timeouts,
}

impl Settings {
    /// Settings for a mail exchanger: TLS where it is offered, no login.
    #[must_use]
    pub fn new(hello: impl Into<String>) -> Self {
        Self { hello: hello.into(), tls: Tls::Opportunistic, login: None, timeouts: Timeouts::default() }
    }
}

/// When to use STARTTLS. After a handshake that failed, connect again with [`Tls::Never`]
/// where policy allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    Never,
    /// Where the server offers it; else in the clear (RFC 7435).
    Opportunistic,
    /// Give up where the server does not offer it.
    Required,
}

/// A name and a password for a smart host.
#[derive(Clone, Debug)]
pub struct Login {
    /// The login name.
    pub user: String,
    /// The password.
    pub password: Password,
    /// Whether the password may go over an unprotected connection.
    pub without_tls: bool,
}

/// How long to wait for each reply (RFC 5321 §4.5.3.2).
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// The greeting, and the replies to EHLO, STARTTLS and AUTH.
    pub greeting: Duration,
    /// The reply to MAIL.
    pub mail: Duration,
    /// The reply to RCPT.
    pub rcpt: Duration,
    /// The reply to DATA.
    pub data: Duration,
    /// One piece of the message to be taken.
    pub block: Duration,
    /// The reply to the end of the message.
    pub message: Duration,
    /// The reply to QUIT; nothing depends on it.
    pub quit: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |m: u64| Duration::from_secs(m * 60);
        Self {
            greeting: minutes(5),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            block: minutes(3),
            message: minutes(10),
            quit: Duration::from_secs(5),
        }
    }
}
