//! What the session asks its agent, and what the agent answers.

use bytes::Bytes;

use crate::sasl::{Credential, scram};

/// What happened on the wire. Every event wants one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client connected. `Ok` greets it, [`Reply::Challenge`] with a timestamp for APOP; `Refuse` is said instead, and the connection is closed.
    Connected,
    /// A step of a login: USER with PASS, APOP, or AUTH. Answer [`Credential::ScramUser`] with [`Reply::Secret`],
    /// [`Credential::Challenge`] with [`Reply::Challenge`], the others with [`Reply::Opened`] or `Refuse`.
    Auth(Credential),
    /// RETR or TOP of the message at this place of the [`Listing`], counted from zero. Answer
    /// with [`Reply::Message`] or `Refuse`.
    Retrieve {
        /// Place in the listing.
        index: usize,
        /// TOP: only the header and so many lines of the body. The session cuts the message.
        lines: Option<u32>,
    },
    /// QUIT after a login: remove these messages, all or none, then answer `Ok` or `Refuse`.
    /// A session that ends in any other way removes nothing.
    Commit {
        /// Places in the listing, counted from zero, in order.
        deleted: Vec<usize>,
    },
    /// The session refused something by itself, or closes for a reason of its own. For the
    /// log; the answer is not looked at.
    Refused(Refusal),
}

/// A refusal by the session itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the client sent, shortened and made printable; secrets are left out.
    pub line: String,
    /// What it was told; empty when it was told nothing.
    pub text: String,
}

/// The agent's answer to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Go on.
    Ok,
    /// The login is good, and this is the maildrop, locked for this session.
    Opened(Listing),
    /// Answer to [`Credential::ScramUser`].
    Secret {
        /// The stored secret, or a decoy for an unknown user.
        secret: scram::Secret,
        /// Fresh random text of the server: printable ASCII without comma, 18 octets or more.
        nonce: String,
    },
    /// Answer to [`Credential::Challenge`], and to [`Event::Connected`] where APOP is offered: `<` unique text `>`.
    Challenge(String),
    /// The message, whole.
    Message(Bytes),
    /// Refuse, in the agent's words. When nothing was asked, it is said all the same, and the connection is closed.
    Refuse(Trouble),
}

/// A maildrop as it was at login: it does not change while the session lasts (RFC 1939 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Goes before the `uid` of every message in its unique-id: at most 50 octets of visible ASCII.
    pub prefix: String,
    /// The messages in order.
    pub messages: Vec<Listed>,
}

/// One message of a [`Listing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Never changes and is never used again under the same prefix.
    pub uid: u32,
    /// Octets, exactly.
    pub size: u64,
}

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The response code, where there is one.
    pub code: Option<Code>,
    /// What a person reads, in English.
    pub text: String,
}

impl Trouble {
    /// A refusal with a response code.
    #[must_use]
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code: Some(code), text: text.into() }
    }
}

/// Response codes (RFC 2449 §8, RFC 3206).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The credentials are wrong.
    Auth,
    /// A trouble that will pass.
    SysTemp,
    /// A trouble that needs a person.
    SysPerm,
    /// Another session has the maildrop.
    InUse,
    /// The login comes too soon after the last one.
    LoginDelay,
}

impl Code {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auth => "AUTH",
            Self::SysTemp => "SYS/TEMP",
            Self::SysPerm => "SYS/PERM",
            Self::InUse => "IN-USE",
            Self::LoginDelay => "LOGIN-DELAY",
        }
    }
}
