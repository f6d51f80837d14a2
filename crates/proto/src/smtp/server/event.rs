//! What the session asks its agent, and what the agent answers.

use sekisho_message::address::{ForwardPath, ReversePath};

use crate::sasl::{Credential, scram};
use crate::smtp::{MailParams, RcptParams, Response};

/// What happened on the wire.
///
/// Every event wants one answer. A message goes `Mail`, `Rcpt`…, `Data`, `Body`…,
/// `EndOfData`; after `Reset` it is forgotten, wherever it stood. When the connection ends
/// without `EndOfData`, it is forgotten too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client connected. `Ok` greets it; `Refuse` is said instead of the greeting, and the
    /// connection is closed.
    Connected,
    /// EHLO or HELO. The name satisfies the grammar and is safe to write into a header, but
    /// proves nothing. What was open is forgotten: a `Reset` comes first.
    Hello {
        /// The name that the client gave itself.
        name: String,
        /// Whether it was EHLO: ESMTP in the trace line.
        extended: bool,
    },
    /// A step of AUTH. Answer a [`Credential::ScramUser`] with [`Reply::Secret`], a [`Credential::Challenge`] with
    /// [`Reply::Challenge`], the others with `Ok` or `Refuse`.
    Auth(Credential),
    /// MAIL opens a transaction.
    Mail {
        /// Who is told of failure.
        reverse_path: ReversePath,
        /// Parameters; `size` is within the limit.
        params: MailParams,
    },
    /// RCPT adds a recipient.
    Rcpt {
        /// Who the message is for.
        forward_path: ForwardPath,
        /// Parameters.
        params: RcptParams,
    },
    /// The message is about to come. At least one recipient was accepted.
    Data,
    /// A piece of the message, with CRLF line ends and without the dots of the transfer.
    /// `Refuse` discards the rest of the message and is said at its end.
    Body(Vec<u8>),
    /// The message is complete: keep it, then answer. `Accept` words the success.
    EndOfData {
        /// Octets of the message.
        size: u64,
        /// Whether it has octets above 127.
        eight_bit: bool,
    },
    /// The transaction is over without a message: RSET, a second EHLO, a message that the
    /// session or the agent refused while it came. The answer is not looked at.
    Reset,
    /// The session refused something by itself, or closes for a reason of its own. For the
    /// log; the answer is not looked at.
    Refused(Refusal),
    /// QUIT.
    Quit,
}

/// A refusal by the session itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the client sent, shortened and made printable; secrets are left out.
    pub line: String,
    /// What it was told.
    pub response: Response,
}

/// The agent's answer to an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Go on; the session words the success.
    Ok,
    /// Go on, in the agent's words: a positive reply such as `250 2.0.0 queued as B0000000123`.
    Accept(Response),
    /// Refuse, in the agent's words. With 421 the connection is closed after it, and so it is when nothing was asked.
    Refuse(Response),
    /// Answer to [`Credential::ScramUser`].
    Secret {
        /// The stored secret, or a decoy for an unknown user.
        secret: scram::Secret,
        /// Fresh random text of the server: printable ASCII without comma, 18 octets or more.
        nonce: String,
    },
    /// Answer to [`Credential::Challenge`].
    Challenge(String),
}
