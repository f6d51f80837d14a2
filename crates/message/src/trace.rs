//! Trace fields: Received and Return-Path (RFC 5321 §4.4).

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::net::IpAddr;

use crate::{Address, Time};

pub use read::{count_received, parse_received};
pub use write::{received, return_path};

/// How a message came in: the `with` clause (RFC 3848, RFC 6531 §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct With {
    /// EHLO was used; without it the others mean nothing.
    pub extended: bool,
    /// Over TLS.
    pub tls: bool,
    /// After AUTH.
    pub authenticated: bool,
    /// MAIL had SMTPUTF8.
    pub utf8: bool,
}

impl With {
    /// The registered name: `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `UTF8SMTP…`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match (self.extended, self.utf8, self.tls, self.authenticated) {
            (false, ..) => "SMTP",
            (true, false, false, false) => "ESMTP",
            (true, false, true, false) => "ESMTPS",
            (true, false, false, true) => "ESMTPA",
            (true, false, true, true) => "ESMTPSA",
            (true, true, false, false) => "UTF8SMTP",
            (true, true, true, false) => "UTF8SMTPS",
            (true, true, false, true) => "UTF8SMTPA",
            (true, true, true, true) => "UTF8SMTPSA",
        }
    }
}

/// The TLS of a connection, for the comment of a Received field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsClause<'a> {
    /// For example `TLSv1.3`.
    pub version: &'a str,
    /// For example `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'a str,
}

/// What a Received field of ours says. Texts of strangers are made harmless when it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFields<'a> {
    /// The name that the peer gave in HELO or EHLO. Empty when it gave none.
    pub helo: &'a str,
    /// The peer's address; `None` leaves the TCP-info out (a submission may hide it, RFC 5321 §7.2).
    pub peer: Option<IpAddr>,
    /// The peer's name by reverse DNS, if known.
    pub peer_name: Option<&'a str>,
    /// Our own host name.
    pub by: &'a str,
    /// Protocol.
    pub with: With,
    /// Our signed mark, by which the field can be told from a copy that somebody else wrote; letters, digits and `-._=`.
    pub mark: Option<&'a str>,
    /// TLS version and cipher.
    pub tls: Option<TlsClause<'a>>,
    /// Our id of the message, as the logs know it.
    pub id: &'a str,
    /// The recipient, only when there is a single one: else blind copies would show (RFC 5321 §7.2).
    pub recipient: Option<&'a Address>,
    /// When the message was received.
    pub at: Time,
    /// Local time's distance from UTC in minutes.
    pub offset_minutes: i32,
}

/// A Received field as read from a message of any origin. Every clause may be missing or untrue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Name after `from`.
    pub from: Option<String>,
    /// Comment after the name: mostly reverse name and address.
    pub from_comment: Option<String>,
    /// Address of the sending host, from the comment, or from a literal after `from`.
    pub ip: Option<IpAddr>,
    /// Name after `by`.
    pub by: Option<String>,
    /// Word after `with`.
    pub with: Option<String>,
    /// Word after `id`.
    pub id: Option<String>,
    /// Address after `for`, without angle brackets.
    pub recipient: Option<String>,
    /// Text of a comment `(mark=…)`.
    pub mark: Option<String>,
    /// Date after the last semicolon.
    pub at: Option<Time>,
}
