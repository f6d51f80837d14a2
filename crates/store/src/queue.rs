//! The queue: what was accepted and is not yet delivered, relayed, bounced or purged.
//!
//! A message belongs to the current **epoch** of its origin; its recipients to
//! **lanes** (epoch, destination). Holding an origin marks its epochs held: one
//! row, however much is queued. The scheduler reads epochs that are not held by
//! the time of their next due lane, then lanes, then recipients; every step is
//! an index look-up. A lane is **leased** to a node while it is worked on.

mod accept;
mod busiest;
mod filter;
mod hold;
mod lane;
mod ledger;
mod origin;
mod schedule;
mod settle;
mod show;
mod steps;

pub use accept::accept;
pub use busiest::{Share, busiest};
pub use filter::Filter;
pub(crate) use filter::contains as network_contains;
pub use hold::{OriginHold, hold_origin, holds, new_epoch, release_origin};
pub use origin::pending;
pub use schedule::{claim, due_lanes, next_due, release_leases, renew};
pub use settle::settle;
pub use show::{export, heaviest, list, oldest_waiting, show, status};
pub use steps::{count_step, hold_step, purge_step, release_step, retry_step};

use sekisho_message::Time;

pub use crate::content::Body;
use crate::{ContentId, EpochId, LaneId, MessageId, OriginId, RecipientId};

/// Where a queued recipient stands, in the words of the E-POST spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Accepted, being routed or delivered here.
    #[default]
    Incoming,
    /// A list post being expanded.
    Lists,
    /// Due or waiting for a destination outside.
    Domains,
    /// Kept back: dwell, drip, hold, or by hand. Due when its time comes, or never.
    Holding,
}

impl Stage {
    /// Where an entry for `destination` stands when nothing keeps it back.
    #[must_use]
    pub fn of_destination(destination: &str) -> Self {
        if destination == LOCAL {
            Self::Incoming
        } else if destination.starts_with("list:") {
            Self::Lists
        } else {
            Self::Domains
        }
    }

    pub(crate) fn stored(n: i64) -> crate::Result<Self> {
        match n {
            0 => Ok(Self::Incoming),
            1 => Ok(Self::Lists),
            2 => Ok(Self::Domains),
            3 => Ok(Self::Holding),
            other => Err(crate::Error::Corrupt(format!("stage {other} of a recipient"))),
        }
    }
}

/// Destination of what is delivered here.
pub const LOCAL: &str = "local";

/// A recipient of a message to accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecipient {
    /// Forward-path as it is sent on.
    pub address: String,
    /// `local`, `list:<address>` or the destination domain as lower-case A-label.
    pub destination: String,
    /// Where it starts.
    pub stage: Stage,
    /// NOTIFY bits (RFC 3461 §4.1): 1 never, 2 success, 4 failure, 8 delay; 0 when not given.
    pub notify: u8,
    /// ORCPT (RFC 3461 §4.2) as given.
    pub orcpt: Option<String>,
    /// When it may be worked on; [`Time`]`(`[`NEVER`](crate::NEVER)`)` waits for a person.
    pub due: Time,
}

/// A message to accept.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// From [`Store::next_message_id`](crate::Store::next_message_id).
    pub id: MessageId,
    /// Its body.
    pub content: Body,
    /// Where relaying starts in the body (after the Return-Path line that local delivery wants).
    pub relay_offset: u32,
    /// Envelope sender; none is the null reverse-path.
    pub reverse_path: Option<String>,
    /// Key of the origin that answers for it.
    pub origin: String,
    /// Account that submitted it.
    pub account: Option<String>,
    /// Address of the client, or the network that it counts as.
    pub network: String,
    /// What it said in HELO or EHLO.
    pub helo: String,
    /// Addresses of the header From, comma-separated.
    pub header_from: String,
    /// Message-ID of the header.
    pub message_id_header: String,
    /// Subject of the header, decoded; kept to 255 characters.
    pub subject: String,
    /// Similarity fingerprint of the content.
    pub fingerprint: i64,
    /// Whether SMTPUTF8 was asked for.
    pub smtputf8: bool,
    /// Whether the body has octets above 127 (BODY=8BITMIME).
    pub eightbit: bool,
    /// RET of DSN (RFC 3461 §4.3): `FULL` or `HDRS`.
    pub dsn_ret: Option<String>,
    /// ENVID of DSN (RFC 3461 §4.4).
    pub dsn_envid: Option<String>,
    /// When it was received.
    pub received: Time,
    /// To whom.
    pub recipients: Vec<NewRecipient>,
}

/// What [`accept()`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The message.
    pub id: MessageId,
    /// Its stored body.
    pub content: ContentId,
    /// Octets of the body.
    pub size: u64,
    /// Its recipients, in the order given.
    pub recipients: Vec<RecipientId>,
    /// Whether the origin is held at the moment.
    pub held: bool,
}

/// A lane that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRef {
    /// The lane.
    pub lane: LaneId,
    /// Its epoch.
    pub epoch: EpochId,
    /// The origin of the epoch.
    pub origin: OriginId,
    /// Key of that origin.
    pub origin_key: String,
    /// Destination of the lane.
    pub destination: String,
}

/// What a claim leased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneWork {
    /// The lane.
    pub lane: LaneId,
    /// Its destination.
    pub destination: String,
    /// Its due entries, oldest due first.
    pub entries: Vec<Entry>,
}

/// One recipient to work on, with what is needed of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The recipient.
    pub id: RecipientId,
    /// Its message.
    pub message: MessageId,
    /// The body.
    pub content: ContentId,
    /// Octets of the body.
    pub size: u64,
    /// Where relaying starts in the body.
    pub relay_offset: u32,
    /// Envelope sender; none is the null reverse-path.
    pub reverse_path: Option<String>,
    /// Forward-path.
    pub address: String,
    /// Where it stands.
    pub stage: Stage,
    /// NOTIFY bits.
    pub notify: u8,
    /// ORCPT.
    pub orcpt: Option<String>,
    /// RET.
    pub dsn_ret: Option<String>,
    /// ENVID.
    pub dsn_envid: Option<String>,
    /// SMTPUTF8 was asked for.
    pub smtputf8: bool,
    /// The body has octets above 127.
    pub eightbit: bool,
    /// When the message was received.
    pub received: Time,
    /// Key of its origin.
    pub origin: String,
    /// Account that submitted it.
    pub account: Option<String>,
    /// Client or network that it came from.
    pub network: String,
    /// Message-ID of the header.
    pub message_id_header: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Whether a delay was reported to the sender.
    pub warned: bool,
    /// Last reply code, when there was an attempt.
    pub code: Option<u16>,
    /// Last reply.
    pub reply: Option<String>,
}

/// What became of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Another host took it.
    Relayed,
    /// It is in a mailbox.
    Delivered,
    /// It was replaced by others that are queued.
    Expanded,
    /// Try again.
    Deferred {
        /// Not before.
        until: Time,
        /// Reply code, 0 when there was none.
        code: u16,
        /// The peer's words, or ours.
        reply: String,
        /// Whether the sender has been told of the delay.
        warned: bool,
    },
    /// Never.
    Failed {
        /// Reply code, 0 when there was none.
        code: u16,
        /// The peer's words, or ours.
        reply: String,
    },
    /// It failed for good, and there is nobody who may be told: the row moves to [`Stage::Holding`], is never due by
    /// itself, and waits for a person. Counts as settled.
    Held {
        /// Reply code, 0 when there was none.
        code: u16,
        /// The peer's words, or ours.
        reply: String,
    },
}

/// What [`settle()`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Outcomes that were recorded.
    pub applied: u32,
    /// Outcomes of recipients that were gone (purged, or settled by another node).
    pub gone: u32,
    /// Messages that have no recipient left.
    pub finished: Vec<MessageId>,
    /// Whether the lane was still leased to this node.
    pub leased: bool,
}

/// Counts of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StageCount {
    /// Messages with a recipient in the stage.
    pub messages: u64,
    /// Recipients in the stage.
    pub recipients: u64,
    /// Octets of those messages.
    pub bytes: u64,
}

/// The queue at a glance. Recipients of a held origin count as holding.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Status {
    /// Counts of [`Stage::Incoming`].
    pub incoming: StageCount,
    /// Counts of [`Stage::Lists`].
    pub lists: StageCount,
    /// Counts of [`Stage::Domains`].
    pub domains: StageCount,
    /// Counts of [`Stage::Holding`].
    pub holding: StageCount,
    /// When the oldest queued message was received.
    pub oldest: Option<Time>,
    /// Origins that are held.
    pub held: Vec<OriginHold>,
}

/// One queued recipient, for lists.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// The recipient.
    pub recipient: RecipientId,
    /// Its message.
    pub message: MessageId,
    /// Where it stands; holding when its origin is held.
    pub stage: Stage,
    /// Envelope sender.
    pub reverse_path: Option<String>,
    /// Forward-path.
    pub address: String,
    /// Destination of its lane.
    pub destination: String,
    /// Key of its origin.
    pub origin: String,
    /// Account that submitted it.
    pub account: Option<String>,
    /// Client or network that it came from.
    pub network: String,
    /// Subject.
    pub subject: String,
    /// Octets of the body.
    pub size: u64,
    /// When it was received.
    pub received: Time,
    /// When it is due; none means never.
    pub due: Option<Time>,
    /// Attempts so far.
    pub attempts: u32,
    /// Last reply code.
    pub code: Option<u16>,
    /// Last reply.
    pub reply: Option<String>,
    /// Content fingerprint.
    pub fingerprint: i64,
}

/// A queued message with all its recipients.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// The message.
    pub id: MessageId,
    /// Its body.
    pub content: ContentId,
    /// Octets of the body.
    pub size: u64,
    /// Where relaying starts in the body.
    pub relay_offset: u32,
    /// What the client said in HELO or EHLO.
    pub helo: String,
    /// Addresses of the header From.
    pub header_from: String,
    /// Message-ID of the header.
    pub message_id_header: String,
    /// Why its origin is held, if it is.
    pub held: Option<String>,
    /// Its recipients.
    pub recipients: Vec<Listed>,
}

/// What one step of a longer act did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Recipients changed (or, for counting, found).
    pub changed: u64,
    /// Messages that they belong to. A message that spans two steps counts in each.
    pub messages: u64,
    /// Octets of those messages.
    pub bytes: u64,
    /// Where to go on; none when the act is complete.
    pub next: Option<RecipientId>,
}
