//! What became of a recipient at the next host, in the peer's words.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_message::Time;

/// What a reply means for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The peer took responsibility.
    Relayed,
    /// Not now: try again later.
    Deferred,
    /// Never: tell the sender.
    Failed,
}

/// A host that we spoke to, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name from MX or route; the address itself for a literal.
    pub host: String,
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
    /// Protocol version of TLS, such as `TLSv1.3`; none in the clear.
    pub tls: Option<String>,
}

/// The result of one attempt for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What it means.
    pub fate: Fate,
    /// Reply code; 0 when no host answered.
    pub code: u16,
    /// Enhanced status such as `5.1.1` (RFC 3463), the peer's or ours.
    pub status: String,
    /// The peer's reply in one line, or our own words in English when no host answered.
    pub text: String,
    /// Whether `text` is what a remote host said.
    pub remote: bool,
    /// The host that answered, or the last one that was tried.
    pub peer: Option<Arc<Peer>>,
    /// The peer sends the notifications that the sender asked for (RFC 3461 §4): we do not.
    pub notifies: bool,
    /// No attempt before this time, whatever the retry schedule says.
    pub not_before: Option<Time>,
}

impl Attempt {
    /// A temporary failure in our own words.
    pub fn deferred(status: &str, text: impl Into<String>) -> Self {
        Self::own(Fate::Deferred, status, text)
    }

    /// A permanent failure in our own words.
    pub fn failed(status: &str, text: impl Into<String>) -> Self {
        Self::own(Fate::Failed, status, text)
    }

    /// The reply in one line with code and status, as logs and the queue show it.
    #[must_use]
    pub fn line(&self) -> String {
        if self.code == 0 {
            format!("{} {}", self.status, self.text)
        } else {
            format!("{} {} {}", self.code, self.status, self.text)
        }
    }

    /// The same attempt, at that host.
    #[must_use]
    pub fn at(mut self, peer: Option<Arc<Peer>>) -> Self {
        self.peer = peer;
        self
    }

    /// The same attempt, not to be repeated before `until`: the destination rests.
    #[must_use]
    pub fn not_before(mut self, until: Time) -> Self {
        self.not_before = Some(until);
        self
    }

    /// What a reply of the peer means.
    ///
    /// `stage` is the command that it answers: 552 to RCPT means too many recipients and is temporary
    /// (RFC 5321 §4.5.3.1.10); a code that is none of 2xx to 5xx counts as temporary.
    pub fn reply(stage: Stage, code: u16, enhanced: Option<&str>, text: impl Into<String>) -> Self {
        let fate = match code {
            200..=299 => Fate::Relayed,
            552 if stage == Stage::Rcpt => Fate::Deferred,
            500..=599 => Fate::Failed,
            _ => Fate::Deferred,
        };
        let status = match (enhanced, fate) {
            // A class that contradicts the code is not passed on: the code decides (RFC 2034 §4).
            (Some(status), Fate::Relayed) if status.starts_with('2') => status.to_owned(),
            (Some(status), Fate::Deferred) if status.starts_with('4') => status.to_owned(),
            (Some(status), Fate::Failed) if status.starts_with('5') => status.to_owned(),
            (_, Fate::Relayed) => "2.0.0".to_owned(),
            (_, Fate::Deferred) => plain_status('4', code).to_owned(),
            (_, Fate::Failed) => plain_status('5', code).to_owned(),
        };
        let text = text.into();
        Self { fate, code, status, text, remote: true, peer: None, notifies: false, not_before: None }
    }

    fn own(fate: Fate, status: &str, text: impl Into<String>) -> Self {
        Self {
            fate,
            code: 0,
            status: status.to_owned(),
            text: text.into(),
            remote: false,
            peer: None,
            notifies: false,
            not_before: None,
        }
    }
}

/// The command that a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Greeting, EHLO, STARTTLS, AUTH.
    Connect,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA or BDAT, and the answer to the message.
    Data,
}

/// The status that stands for a bare reply code.
fn plain_status(class: char, code: u16) -> &'static str {
    match (class, code) {
        ('4', 421) => "4.3.2",
        ('4', 450) => "4.2.0",
        ('4', 452 | 552) => "4.5.3",
        ('4', _) => "4.0.0",
        ('5', 550) => "5.1.1",
        ('5', 552) => "5.2.2",
        ('5', 553) => "5.1.3",
        _ => "5.0.0",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_code_decides_and_the_status_must_agree() {
        let cases = [
            (Stage::Data, 250, Some("2.6.0"), Fate::Relayed, "2.6.0"),
            (Stage::Data, 250, None, Fate::Relayed, "2.0.0"),
            (Stage::Rcpt, 450, Some("4.2.0"), Fate::Deferred, "4.2.0"),
            (Stage::Rcpt, 450, Some("5.2.0"), Fate::Deferred, "4.2.0"),
            (Stage::Rcpt, 550, Some("5.7.1"), Fate::Failed, "5.7.1"),
            (Stage::Rcpt, 550, None, Fate::Failed, "5.1.1"),
            (Stage::Rcpt, 552, Some("5.5.3"), Fate::Deferred, "4.5.3"),
            (Stage::Data, 552, None, Fate::Failed, "5.2.2"),
            (Stage::Mail, 421, None, Fate::Deferred, "4.3.2"),
            (Stage::Mail, 354, None, Fate::Deferred, "4.0.0"),
            (Stage::Mail, 999, None, Fate::Deferred, "4.0.0"),
        ];
        for (stage, code, enhanced, fate, status) in cases {
            let attempt = Attempt::reply(stage, code, enhanced, "x");
            assert_eq!((attempt.fate, attempt.status.as_str()), (fate, status), "{stage:?} {code} {enhanced:?}");
        }
    }
}
