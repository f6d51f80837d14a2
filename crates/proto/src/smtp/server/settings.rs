//! What a listener's sessions are like.

use std::time::Duration;

use crate::sasl::Offer;

/// Settings of all sessions of one listener; share them in an `Arc`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Own host name, in the greeting and the answer to EHLO.
    pub hostname: String,
    /// What the listener is for.
    pub role: Role,
    /// Whether STARTTLS is offered; it never is on a connection that is protected already.
    pub starttls: bool,
    /// Whether AUTH is offered.
    pub auth: bool,
    /// Whether AUTH is offered and taken without TLS.
    pub auth_without_tls: bool,
    /// The mechanisms beyond passwords in the clear.
    pub sasl: Offer,
    /// Bounds.
    pub limits: Limits,
}

/// What a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Mail from other servers (port 25): anyone may try.
    Exchange,
    /// Mail from users (ports 587 and 465, RFC 6409): AUTH comes before MAIL.
    Submission,
}

impl Settings {
    /// A mail exchanger: STARTTLS, no AUTH.
    #[must_use]
    pub fn exchange(hostname: impl Into<String>) -> Self {
        Self {
            hostname: hostname.into(),
            role: Role::Exchange,
            starttls: true,
            auth: false,
            auth_without_tls: false,
            sasl: Offer { scram: true, ..Offer::default() },
            limits: Limits::default(),
        }
    }

    /// Message submission: STARTTLS, and AUTH under TLS.
    #[must_use]
    pub fn submission(hostname: impl Into<String>) -> Self {
        Self { role: Role::Submission, auth: true, ..Self::exchange(hostname) }
    }
}

/// Bounds of a session. Sizes are in octets.
#[derive(Clone, Debug)]
pub struct Limits {
    /// One command line with its CRLF. RFC 5321 §4.5.3.1.4 asks for 512 and extensions add to it.
    pub command_line: usize,
    /// One line of an AUTH exchange (RFC 4954 §4 asks for 12,288).
    pub auth_line: usize,
    /// A message.
    pub message: u64,
    /// A message's header.
    pub header: u64,
    /// One line of a message. RFC 5321 §4.5.3.1.6 says 1,000, but longer ones are common and harmless.
    pub text_line: u64,
    /// Recipients of a message; more get 452 (RFC 5321 §4.5.3.1.10).
    pub recipients: u32,
    /// Recipients of all messages of a session.
    pub session_recipients: u32,
    /// Messages begun in a session.
    pub transactions: u32,
    /// Commands of a session.
    pub commands: u32,
    /// Refusals since the last accepted message, before the session is closed.
    pub errors: u32,
    /// Failed authentications, before the session is closed.
    pub auth_failures: u32,
    /// Commands that lead nowhere (NOOP, RSET, HELP, VRFY, repeated EHLO) since the last accepted message.
    pub idle_commands: u32,
    /// Time for one command, from the answer to the last one until it is complete
    /// (RFC 5321 §4.5.3.2.7). A byte now and then does not prolong it.
    pub idle: Duration,
    /// How much longer than [`Limits::data_rate`] allows a message may take.
    pub data_grace: Duration,
    /// Slowest sending of a message in octets a second.
    pub data_rate: u32,
    /// Longest time for a message, however large.
    pub data_total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command_line: 2048,
            auth_line: 12_288,
            message: 50 << 20,
            header: 256 << 10,
            text_line: 1 << 20,
            recipients: 1000,
            session_recipients: 1_000_000,
            transactions: 1_000_000,
            commands: 10_000_000,
            errors: 50,
            auth_failures: 5,
            idle_commands: 100,
            idle: Duration::from_secs(5 * 60),
            data_grace: Duration::from_secs(3 * 60),
            data_rate: 512,
            data_total: Duration::from_secs(60 * 60),
        }
    }
}
