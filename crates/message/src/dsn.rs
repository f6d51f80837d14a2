//! Delivery status notifications (RFC 3461, 3462 as 6522, 3463, 3464, 6533).

mod build;
mod parse;
#[cfg(test)]
mod tests;
mod words;
mod xtext;

use crate::{Address, Text, Time};

pub use build::{MAX_RETURNED_OCTETS, build};
pub use parse::parse;
pub use words::explain;
pub use xtext::{decode_xtext, encode_xtext};

/// What became of a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Could not be delivered, and no more attempts are made.
    Failed,
    /// Not delivered so far; attempts go on.
    Delayed,
    /// Delivered to a mailbox.
    Delivered,
    /// Handed to a host that sends no notifications.
    Relayed,
    /// Delivered to all members of a list or alias.
    Expanded,
}

impl Action {
    /// The word of RFC 3464 §2.3.3.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Expanded => "expanded",
        }
    }

    /// Reads that word, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Failed, Self::Delayed, Self::Delivered, Self::Relayed, Self::Expanded]
            .into_iter()
            .find(|action| action.name().eq_ignore_ascii_case(word))
    }
}

/// How much of the message comes back (RFC 3461 §4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Return {
    /// Its header.
    #[default]
    Headers,
    /// All of it. Only a failure returns more than the header.
    Full,
}

/// One recipient of a notification to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsnRecipient<'a> {
    /// The address that was tried.
    pub address: &'a Address,
    /// ORCPT as the sender gave it: `rfc822;user+40example.jp`, or `utf-8;…` (RFC 3461 §4.2). Empty when there is none.
    pub orcpt: &'a str,
    /// What became of it.
    pub action: Action,
    /// Enhanced status code, for example `5.1.1` (RFC 3463).
    pub status: &'a str,
    /// The host that answered, if one did.
    pub remote_mta: Option<&'a str>,
    /// Its reply, for example `550 5.1.1 no such user`; or, without a remote host, our own words.
    pub diagnostic: Option<&'a str>,
    /// When it was last tried.
    pub last_attempt: Option<Time>,
    /// Until when attempts go on, for [`Action::Delayed`].
    pub retry_until: Option<Time>,
    /// The reason in words for a person, if there is more to say than the status does.
    pub reason: Option<&'a Text>,
}

/// What a notification is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsnRequest<'a> {
    /// Our host name: Reporting-MTA, and the host of the From address.
    pub host: &'a str,
    /// Whom to write to: the reverse-path of the message.
    pub to: &'a Address,
    /// Id for the Message-ID and the boundary. Must be unique; visible ASCII without specials.
    pub id: &'a str,
    /// Now.
    pub now: Time,
    /// Local time's distance from UTC in minutes.
    pub offset_minutes: i32,
    /// When the message arrived here.
    pub arrival: Time,
    /// ENVID of the sender, xtext decoded (RFC 3461 §4.4).
    pub envelope_id: Option<&'a str>,
    /// Our id of the message, as the logs know it.
    pub message_id: &'a str,
    /// The recipients that this is about; at least one.
    pub recipients: &'a [DsnRecipient<'a>],
    /// How much of the message to return.
    pub ret: Return,
    /// The original message.
    pub original: &'a [u8],
    /// Whether internationalised forms may be used (the message came with SMTPUTF8, RFC 6533).
    pub smtputf8: bool,
}

/// A notification as read from a message of any origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DsnReport {
    /// Reporting-MTA without its type.
    pub reporting_mta: Option<String>,
    /// Original-Envelope-Id.
    pub envelope_id: Option<String>,
    /// Arrival-Date.
    pub arrival: Option<Time>,
    /// One entry a recipient.
    pub recipients: Vec<ReportedRecipient>,
    /// Message-ID of the returned message, with its angle brackets.
    pub original_message_id: Option<String>,
    /// From of the returned message: its addresses.
    pub original_from: Vec<Address>,
    /// The returned header, or as much of it as came back.
    pub original_header: Vec<u8>,
}

/// One recipient of a notification that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportedRecipient {
    /// Final-Recipient without its type.
    pub recipient: String,
    /// Original-Recipient without its type.
    pub original: Option<String>,
    /// Action; `None` when it is not one of RFC 3464.
    pub action: Option<Action>,
    /// Status, for example `5.1.1`.
    pub status: Option<String>,
    /// Remote-MTA without its type.
    pub remote_mta: Option<String>,
    /// Diagnostic-Code without its type.
    pub diagnostic: Option<String>,
}
