//! What happens to an origin, as the guard sees it.
//!
//! Every event is about **one** origin, whose [`crate::profile::Profile`] is passed beside it. Whatever the server may not
//! know (an operator's databases, a content filter, a client's habits) is an `Option`: `None` says nothing either way.
//! Addresses, passwords and domains come as keyed hashes; the guard never sees them.

use serde::{Deserialize, Serialize};

use crate::place::Place;

/// Something that happened to an origin.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Somebody tried to log in.
    Login(Login),
    /// A message was submitted.
    Submission(Submission),
    /// What became of one recipient of an earlier message.
    Outcome(Outcome),
    /// Somebody outside says something about this origin's mail.
    Report(Report),
    /// The account's configuration was changed.
    Configuration(Configuration),
    /// Somebody to whom this origin wrote first has answered: the owner is in a conversation.
    Answered,
    /// The owner proved himself, or an administrator decided.
    Operator(Operator),
    /// Time went by: lets a hold that nobody answered rise to suspension.
    Tick,
}

/// Over which door a login came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// SMTP AUTH.
    #[default]
    Smtp,
    /// POP3.
    Pop3,
    /// IMAP4.
    Imap4,
    /// The web console.
    Console,
}

impl Protocol {
    /// As users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "SMTP",
            Self::Pop3 => "POP3",
            Self::Imap4 => "IMAP4",
            Self::Console => "web",
        }
    }
}

/// A login, right or wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Login {
    /// The door.
    pub protocol: Protocol,
    /// Where the client is.
    pub place: Place,
    /// The outcome.
    pub result: LoginResult,
    /// A hash of what the client looks like (TLS hello, EHLO form, IMAP ID).
    pub fingerprint: Option<u64>,
    /// Whether an outdated mechanism was used (plain text without TLS, CRAM-MD5).
    pub legacy: bool,
    /// Whether the password is known to be weak, breached or very old.
    pub weak_password: Option<bool>,
    /// Over how many *other* accounts this network has failed within a day.
    pub failed_on_others: u32,
    /// Sessions of this account that are open from other networks right now.
    pub live_elsewhere: Option<u8>,
    /// Autonomous system, where an operator has a database.
    pub autonomous_system: Option<u32>,
    /// Country (ISO 3166-1 alpha-2), where an operator has a database.
    pub country: Option<[u8; 2]>,
}

/// Whether a login's password was right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginResult {
    /// It was.
    #[default]
    Right,
    /// It was not.
    Wrong {
        /// Keyed hash of the password that was tried: the same wrong password counts once.
        password: u64,
    },
}

/// A message that the origin submitted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Submission {
    /// The message, for the ledger.
    pub message: u64,
    /// Whether an account answers for it, rather than a trusted network or listener.
    pub authenticated: bool,
    /// Where the client is.
    pub place: Place,
    /// A hash of what the client looks like (see [`Login::fingerprint`]; here X-Mailer and Message-ID shape may be in it too).
    pub fingerprint: Option<u64>,
    /// The connection.
    pub session: u64,
    /// Octets.
    pub size: u32,
    /// To whom. Duplicates should be taken out before.
    pub recipients: Vec<Recipient>,
    /// What the header says about who wrote it.
    pub author: Author,
    /// Fingerprint of the text ([`sekisho_message::fingerprint`]); `None` or 0: unknown.
    pub simhash: Option<u64>,
    /// What a content filter says, authentication bonuses removed, as a log-likelihood ratio (> 0: spam).
    pub content: Option<f32>,
    /// Whether a link leads to a domain that this site never saw (`Some(true)`), or to known domains only.
    pub new_link: Option<bool>,
    /// Whether a link is on a blocklist of domains.
    pub listed_link: Option<bool>,
    /// Hour of the week at the owner's place, 0..168.
    pub hour_of_week: Option<u8>,
    /// Whether the client neither read the inbox nor filed its sent copy in this session or place.
    pub send_only: Option<bool>,
    /// Sessions of this account that are open from other networks right now.
    pub live_elsewhere: Option<u8>,
    /// Autonomous system, where an operator has a database.
    pub autonomous_system: Option<u32>,
    /// Country, where an operator has a database.
    pub country: Option<[u8; 2]>,
}

/// One recipient of a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recipient {
    /// Whether the origin has written to this address before, or received mail from it.
    pub contact: bool,
    /// Whether the mailbox is on this server.
    pub local: bool,
    /// Hash of the domain; 0: unknown.
    pub domain: u64,
    /// The first eight octets of the address in lower case, big-endian, to notice lists in order; 0: unknown.
    pub order: u64,
    /// Whether it is a trap of this site, or a planted contact.
    pub trap: bool,
}

/// What the header says about the author.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Whether header From is an address that the origin does **not** own.
    pub foreign: bool,
    /// Whether the display name imitates another user of this site or a brand.
    pub imitates: bool,
    /// Whether answers go to an address at another domain.
    pub reply_elsewhere: bool,
    /// Hash of the header From address; 0: unknown.
    pub from: u64,
}

/// What became of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it was a first contact when the message was accepted.
    pub first_contact: bool,
    /// What happened.
    pub result: OutcomeResult,
    /// Hash of the receiving organisation (its MX group).
    pub provider: u64,
}

/// How the attempt to reach a recipient ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeResult {
    /// Taken over by the next host, or delivered.
    Relayed,
    /// There is no such recipient.
    Dead,
    /// Refused for policy, reputation or as spam.
    Refused,
    /// Failed for another reason.
    Failed,
}

/// What somebody outside says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A complaint (ARF, RFC 5965) about a message that this origin did send.
    Complaint,
    /// The address by which this origin's mail leaves is on a blocklist.
    Listing,
    /// A bounce of a message that this origin did send came back from outside.
    Backscatter,
}

/// A change of configuration that an intruder likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Which.
    pub change: Change,
    /// From where it was made.
    pub place: Place,
}

/// The kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Mail is forwarded to an address outside.
    Forward,
    /// A filter deletes or hides mail.
    HidingFilter,
    /// A new application password or token.
    AppPassword,
    /// The password was changed by the owner.
    Password,
}

/// What a person decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The owner showed that it is he (known device and second channel): the slow score is forgotten.
    OwnerProved,
    /// Hold this origin.
    Hold,
    /// Let it go: it was a false alarm.
    Release,
    /// It was real and is cleaned up: go on, watched more closely for a while.
    Resolve,
}
