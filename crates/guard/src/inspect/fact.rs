//! What one line of a log says, whoever wrote it.

use std::borrow::Cow;

use crate::event::Protocol;

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact<'a> {
    /// A message begins: who brought it.
    Client {
        /// The message, in the words of the log.
        queue: &'a str,
        /// Address of the client; empty: unknown.
        ip: &'a str,
        /// Who authenticated; empty: nobody.
        user: &'a str,
        /// The message that a content filter gave back as this one; empty: none.
        original: &'a str,
    },
    /// A program on the server itself begins a message.
    Pickup {
        /// The message.
        queue: &'a str,
        /// Under which user, as the log calls him.
        user: &'a str,
    },
    /// The Message-ID of a message.
    MessageId {
        /// The message.
        queue: &'a str,
        /// Its Message-ID.
        id: &'a str,
    },
    /// The envelope of a message.
    Envelope {
        /// The message.
        queue: &'a str,
        /// The reverse-path.
        from: &'a str,
        /// Octets; 0: unknown.
        size: u32,
        /// Number of recipients; 0: unknown.
        recipients: u32,
    },
    /// What became of one recipient, for now or for good.
    Delivery(Delivery<'a>),
    /// The server is done with a message.
    Done {
        /// The message.
        queue: &'a str,
    },
    /// A message with recipients in one line, as the inlog has it.
    Accepted(Accepted<'a>),
    /// Somebody tried to log in.
    Login(Attempt<'a>),
    /// A recipient or message was refused.
    Refused,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery<'a> {
    /// The message.
    pub queue: Cow<'a, str>,
    /// The recipient.
    pub to: Cow<'a, str>,
    /// The address before an alias or forward was followed; empty: the same.
    pub original: &'a str,
    /// Where it went.
    pub reach: Reach<'a>,
    /// How it ended.
    pub end: End,
    /// The receiver's words; may be empty.
    pub reply: Cow<'a, str>,
}

/// Where a recipient's mail went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// Into a mailbox here, or to a machine of the house.
    Inside,
    /// Into a program on this machine: a mailbox, or a filter that gives it back.
    Program,
    /// To another server.
    Outside,
    /// Into a content filter, which gives it back as this message (empty: unknown): no end of the journey.
    Filter(&'a str),
    /// The line does not tell.
    Unknown,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Taken over or delivered.
    Sent,
    /// Put off.
    Deferred,
    /// Failed for good.
    Failed,
}

/// An inlog line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accepted<'a> {
    /// The message.
    pub queue: Cow<'a, str>,
    /// The server's name; empty: unknown.
    pub host: &'a str,
    /// Address of the client.
    pub ip: Cow<'a, str>,
    /// Who authenticated; empty: nobody.
    pub user: Cow<'a, str>,
    /// Whether this kind of log names who authenticated at all. If not, a sender of the house stands for himself.
    pub names_users: bool,
    /// The reverse-path.
    pub from: Cow<'a, str>,
    /// Recipients of this line.
    pub to: Vec<Cow<'a, str>>,
    /// Recipients that are not listed.
    pub more: u32,
    /// Octets; 0: unknown.
    pub size: u32,
}

/// One or more tries to log in.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt<'a> {
    /// Over which door, if the line tells.
    pub protocol: Option<Protocol>,
    /// As whom; may be empty.
    pub user: Cow<'a, str>,
    /// From where; may be empty.
    pub ip: Cow<'a, str>,
    /// Whether the password was right.
    pub right: bool,
    /// How many tries the line stands for.
    pub count: u32,
    /// Whether the line sums up a connection, so that each try may have had a line of its own before.
    pub sum: bool,
}
