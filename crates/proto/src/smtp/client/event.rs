//! What the client session asks its agent, and what the agent answers.

use bytes::Bytes;

use super::Offered;
use crate::smtp::{Notify, Response, Return};

/// What happened on the wire. Every event wants one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server is ready for a message: answer `Send` or `Quit`. Comes again after each
    /// message, so one connection can carry many.
    Ready(Offered),
    /// A transaction is over, well or not; answer `Ok`.
    Done(Report),
    /// The connection is of no more use; answer `Ok`. A transaction that was open was
    /// reported before.
    Failed(Failure),
}

/// The agent's answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Noted.
    Ok,
    /// Send this message.
    Send(Box<Transaction>),
    /// Say QUIT and close.
    Quit,
}

/// One message to send.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The reverse-path without angle brackets; empty for the null reverse-path.
    pub reverse_path: String,
    /// Who it is for.
    pub recipients: Vec<Recipient>,
    /// The message; slice off what precedes it. Dots are doubled while it is sent.
    pub body: Bytes,
    /// Whether the message has octets above 127.
    pub eight_bit: bool,
    /// Whether addresses or header need SMTPUTF8.
    pub smtputf8: bool,
    /// What a failure report should return (RFC 3461).
    pub ret: Option<Return>,
    /// The envelope identifier as xtext (RFC 3461).
    pub envid: Option<String>,
}

/// One recipient of a [`Transaction`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    /// The address without angle brackets.
    pub address: String,
    /// When the sender wants to be told (RFC 3461).
    pub notify: Notify,
    /// The original recipient as `type;xtext` (RFC 3461).
    pub orcpt: Option<String>,
}

/// What became of a [`Transaction`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One for each recipient, in their order.
    pub outcomes: Vec<Outcome>,
    /// Whether the server took over the duty to send DSNs, having offered DSN (RFC 3461 §5.2).
    pub dsn: bool,
}

/// What became of one recipient: taken if `response` is positive, else to be tried again or
/// given up by the class of its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the response answers.
    pub stage: Stage,
    /// The words of the server, or own words where `stage` is [`Stage::Local`] or the
    /// connection broke.
    pub response: Response,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Nothing was sent for it: decided here.
    Local,
    /// Waiting for the greeting.
    Greeting,
    /// EHLO or HELO.
    Hello,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA.
    Data,
    /// The message and its end.
    Message,
    /// RSET.
    Reset,
    /// QUIT.
    Quit,
}

impl Stage {
    /// The name for logs and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local check",
            Self::Greeting => "greeting",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Message => "end of message",
            Self::Reset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}

/// Why a connection is of no more use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server refused before any message, or closes (421).
    Refused(Stage, Response),
    /// TLS is required and not offered.
    NoTls,
    /// A login is set, and the server offers no mechanism that we may use.
    NoAuth,
    /// The server did not answer in time.
    Timeout(Stage),
    /// The connection broke.
    Lost(Stage),
    /// What the server said is not SMTP, or exceeds all bounds.
    Garbled(Stage),
}

impl Failure {
    /// The failure as a response, for recipients that it leaves without one.
    #[must_use]
    pub fn response(&self) -> Response {
        let own = |enhanced, text: String| Response::new(451, enhanced, text);
        match self {
            Self::Refused(_, response) => response.clone(),
            Self::NoTls => own((4, 7, 5), "The server does not offer STARTTLS".to_owned()),
            Self::NoAuth => own((4, 7, 0), "The server offers no usable authentication".to_owned()),
            Self::Timeout(stage) => own((4, 4, 2), format!("Timeout at {}", stage.name())),
            Self::Lost(stage) => own((4, 4, 2), format!("Connection lost at {}", stage.name())),
            Self::Garbled(stage) => own((4, 5, 0), format!("Garbled reply at {}", stage.name())),
        }
    }
}
