//! What the session asks and what the agent answers.

use std::borrow::Cow;

use crate::imap::command::{Append, Command};
use crate::sasl::Credential;
use crate::sasl::scram::Secret;

/// What only the agent can decide or do.
#[derive(Debug)]
pub enum Event {
    /// A client has connected. [`Reply::Continue`] greets it, [`Reply::Bye`] turns it away.
    Connected,
    /// Verify a credential: [`Reply::Secret`] for [`Credential::ScramUser`], [`Reply::Challenge`] for
    /// [`Credential::Challenge`], else [`Reply::Done`].
    Credential(Credential),
    /// A command that is allowed in the present state: [`Reply::More`] any number of times, then [`Reply::Done`].
    Command {
        /// The first line as it came, without tag, for the log; never holds a password.
        line: Box<str>,
        /// Its tag, which some untagged responses repeat.
        tag: Box<str>,
        /// What is asked.
        command: Box<Command>,
    },
    /// The last answer was [`Reply::More`] and has been sent: the next piece, please.
    More,
    /// A message is about to come: [`Reply::Continue`] to take it, [`Reply::Done`] to refuse the whole command.
    Append(Append),
    /// A part of that message is what a URL names (RFC 4469): the same answers.
    AppendUrl(String),
    /// A piece of that message: [`Reply::Continue`], or [`Reply::Done`] to refuse what is left.
    Chunk(Vec<u8>),
    /// All messages of the command are there: store them together, then [`Reply::Done`].
    AppendEnd,
    /// The command turned out to be wrong: forget its messages. The answer does not matter.
    AppendAbort,
    /// The client wants to be told of changes: [`Reply::Continue`] or [`Reply::Untagged`], then any number of
    /// unasked [`Reply::Untagged`]; or [`Reply::Done`] to refuse.
    Idle,
    /// The client has heard enough: [`Reply::Done`].
    IdleDone,
    /// The session refused something by itself; for the log. The answer does not matter.
    Refused {
        /// What came, cut and cleaned.
        line: Box<str>,
        /// What was answered.
        reply: Box<str>,
    },
}

/// What the agent answers.
#[derive(Debug)]
pub enum Reply {
    /// Go on.
    Continue,
    /// Untagged responses or a piece of one; the session asks for more with [`Event::More`].
    More(Vec<u8>),
    /// The command is complete.
    Done(Done),
    /// For [`Credential::ScramUser`]: the stored secret or a decoy, and a fresh server nonce.
    Secret {
        /// The secret.
        secret: Secret,
        /// Printable ASCII without a comma.
        nonce: String,
    },
    /// For [`Credential::Challenge`].
    Challenge(String),
    /// Complete untagged responses that nobody asked for, during IDLE.
    Untagged(Vec<u8>),
    /// `* BYE` with this text; then the connection is closed.
    Bye(Cow<'static, str>),
}

/// The end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Complete untagged responses that come first.
    pub data: Vec<u8>,
    /// `OK`, `NO` or `BAD`.
    pub status: Status,
    /// Response code without its brackets (RFC 5530).
    pub code: Option<Cow<'static, str>>,
    /// For the person.
    pub text: Cow<'static, str>,
}

impl Done {
    /// `OK text`.
    #[must_use]
    pub fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self { data: Vec::new(), status: Status::Ok, code: None, text: text.into() }
    }

    /// `NO text`.
    #[must_use]
    pub fn no(text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::No, ..Self::ok(text) }
    }

    /// `BAD text`.
    #[must_use]
    pub fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self { status: Status::Bad, ..Self::ok(text) }
    }

    /// With a response code.
    #[must_use]
    pub fn code(self, code: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    /// With untagged responses before it.
    #[must_use]
    pub fn data(self, data: Vec<u8>) -> Self {
        Self { data, ..self }
    }
}

/// The three ends of a command (RFC 3501 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Success.
    Ok,
    /// Failure.
    No,
    /// The command is wrong.
    Bad,
}

impl Status {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}
