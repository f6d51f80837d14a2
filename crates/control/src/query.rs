//! Everything that can be looked at, as a value: what reading verbs and pages of the console ask for.
//!
//! Questions travel over the control socket; the daemon answers them with the documented JSON shapes.

use std::net::IpAddr;

use sekisho_store::journal::{EntryId, JournalFilter};
use sekisho_store::queue::Filter;
use sekisho_store::{IncidentId, RecipientId};
use serde::{Deserialize, Serialize};

/// A question that changes nothing. Long answers come in pages: ask again with `next` as `after` until it is null.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// All domains.
    Domains,
    /// A page of accounts by address.
    Accounts {
        /// Of this domain alone.
        domain: Option<String>,
        /// Last key of the page before, or empty.
        after: String,
    },
    /// One account.
    Account {
        /// Its address.
        address: String,
    },
    /// The app passwords of an account.
    AppPasswords {
        /// Its address.
        address: String,
    },
    /// Accounts that may keep a recoverable password.
    Recoverable,
    /// All aliases.
    Aliases {
        /// Of this domain alone.
        domain: Option<String>,
    },
    /// All mailing lists.
    Lists,
    /// One mailing list with a page of members.
    List {
        /// Its address.
        address: String,
        /// Last member key of the page before, or empty.
        after: String,
    },
    /// Counts by stage.
    QueueStatus,
    /// Held origins and paused services.
    QueueHolds,
    /// The origins that have most in the queue.
    QueueOrigins,
    /// A page of queued recipients.
    Queue {
        /// Which.
        filter: Filter,
        /// Last of the page before.
        after: Option<RecipientId>,
        /// At most so many.
        limit: u32,
    },
    /// One queued message.
    Queued {
        /// Its id.
        message: String,
    },
    /// A piece of a queued message's bytes, in base64.
    QueuedContent {
        /// Its id.
        message: String,
        /// Where the piece begins.
        offset: usize,
    },
    /// A page of journal entries.
    Logs {
        /// Which.
        filter: JournalFilter,
        /// Last of the page before.
        after: EntryId,
        /// At most so many.
        limit: u32,
    },
    /// A page of journal entries, the newest first.
    LogsBack {
        /// Which.
        filter: JournalFilter,
        /// Where the page before ended; none is the newest.
        before: Option<EntryId>,
        /// At most so many.
        limit: u32,
    },
    /// The newest journal entry's id.
    LogEnd,
    /// Locks in force, and the reject tables.
    Lockouts,
    /// Sends a test to everybody who would be told of an incident.
    AlertTest,
    /// A page of incidents, the newest first.
    Incidents {
        /// Last of the page before.
        before: Option<IncidentId>,
    },
    /// The story of an incident.
    Incident {
        /// Its number, or whose it is.
        which: String,
    },
    /// The ten signs, looked at now.
    Check,
    /// The store, the disk, the process and their versions.
    Health,
    /// Holes, looked for now.
    Audit {
        /// Whether to look now; else what was found last.
        fresh: bool,
    },
    /// Where we stand on block lists.
    Reputation {
        /// Whether to ask them now.
        fresh: bool,
    },
    /// How many origins stand on each rung of the ladder.
    Rungs,
    /// The drill that goes on, or what the last one found.
    Drill,
    /// What a message has to do with us.
    Trace {
        /// Its bytes.
        base64: String,
    },
    /// The rule texts of the server and of accounts that have some, and the local domains.
    Rules,
    /// Rule texts as they were before each change, the newest first.
    RulesHistory {
        /// `effect.dat` or `sender.dat`.
        file: String,
        /// Whose; none is the server's own.
        account: Option<String>,
    },
    /// Whether an envelope would be accepted.
    RulesTest(Envelope),
    /// Whether the store fits together.
    StoreCheck,
    /// Copy the store while it is in use.
    StoreBackup {
        /// Folder to make, absolute.
        to: String,
    },
}

/// An envelope that somebody wonders about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Reverse-path; `<>` or empty for the null one.
    pub from: String,
    /// Recipient.
    pub to: String,
    /// Client.
    pub ip: IpAddr,
    /// Whether it authenticated as the owner of `from`.
    pub auth: bool,
}
