//! Commands as values: what a client asked for, with every word already checked against the grammar.

use sekisho_message::Time;

use super::acl::SetAcl;
use super::fetch::Fetch;
use super::flag::Flag;
use super::list::{List, StatusItem};
use super::metadata::GetMetadata;
use super::multisearch::MultiSearch;
use super::notify::Notify;
use super::search::Search;
use super::set::SequenceSet;
use super::sort::Sort;
use super::thread::Thread;

/// One command without its tag, which the session keeps.
///
/// `LOGIN`, `AUTHENTICATE`, `APPEND` and the commands that the session answers itself have events of their own.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `CAPABILITY`.
    Capability,
    /// `NOOP`.
    Noop,
    /// `LOGOUT`.
    Logout,
    /// `STARTTLS`.
    StartTls,
    /// `AUTHENTICATE mechanism [initial-response]`; the response still in base64.
    Authenticate {
        /// Name of the mechanism, in upper case.
        mechanism: String,
        /// SASL-IR (RFC 4959); `=` stands for an empty one.
        initial: Option<String>,
    },
    /// `LOGIN user password`.
    Login {
        /// User as sent.
        user: Vec<u8>,
        /// Password as sent.
        password: Vec<u8>,
    },
    /// `ID` (RFC 2971): what the client tells about itself.
    Id(Vec<(String, Option<String>)>),
    /// `ENABLE` (RFC 5161): capability names in upper case.
    Enable(Vec<String>),
    /// `SELECT` or `EXAMINE`.
    Select(Select),
    /// `CREATE`, with the special uses of RFC 6154 §3 if given.
    Create {
        /// Name of the new mailbox.
        mailbox: String,
        /// Requested special uses such as `\Sent`.
        special_use: Vec<String>,
    },
    /// `DELETE`.
    Delete(String),
    /// `RENAME from to`.
    Rename {
        /// Present name.
        from: String,
        /// New name.
        to: String,
    },
    /// `SUBSCRIBE`.
    Subscribe(String),
    /// `UNSUBSCRIBE`.
    Unsubscribe(String),
    /// `LIST` and `LSUB`.
    List(List),
    /// `NAMESPACE` (RFC 2342).
    Namespace,
    /// `STATUS`.
    Status {
        /// The mailbox asked about.
        mailbox: String,
        /// What is asked.
        items: Vec<StatusItem>,
    },
    /// `IDLE` (RFC 2177).
    Idle,
    /// `CHECK`.
    Check,
    /// `CLOSE`.
    Close,
    /// `UNSELECT` (RFC 3691).
    Unselect,
    /// `EXPUNGE`, or `UID EXPUNGE` with its set (RFC 4315 §2.1).
    Expunge(Option<SequenceSet>),
    /// `SEARCH` or `UID SEARCH`.
    Search(Search),
    /// `SORT` or `UID SORT` (RFC 5256 §3).
    Sort(Sort),
    /// `THREAD` or `UID THREAD` (RFC 5256 §3).
    Thread(Thread),
    /// `ESEARCH` (RFC 7377).
    MultiSearch(MultiSearch),
    /// `FETCH` or `UID FETCH`.
    Fetch(Fetch),
    /// `STORE` or `UID STORE`.
    Store(Store),
    /// `COPY`, `MOVE` and their UID forms.
    Copy(Copy),
    /// `GETQUOTA root` (RFC 9208).
    GetQuota(String),
    /// `GETQUOTAROOT mailbox` (RFC 9208).
    GetQuotaRoot(String),
    /// `SETQUOTA root (resource limit …)` (RFC 9208 §4.1.4).
    SetQuota {
        /// The root.
        root: String,
        /// Resources in upper case with their new limits.
        limits: Vec<(String, u64)>,
    },
    /// `COMPRESS mechanism` (RFC 4978); the mechanism in upper case.
    Compress(String),
    /// `GETACL` (RFC 4314 §3.3).
    GetAcl(String),
    /// `SETACL` (RFC 4314 §3.1).
    SetAcl(SetAcl),
    /// `DELETEACL` (RFC 4314 §3.2).
    DeleteAcl {
        /// The mailbox.
        mailbox: String,
        /// Whose entry.
        identifier: String,
    },
    /// `LISTRIGHTS` (RFC 4314 §3.4).
    ListRights {
        /// The mailbox.
        mailbox: String,
        /// Who is asked about.
        identifier: String,
    },
    /// `MYRIGHTS` (RFC 4314 §3.5).
    MyRights(String),
    /// `GETMETADATA` (RFC 5464 §4.2).
    GetMetadata(GetMetadata),
    /// `SETMETADATA` (RFC 5464 §4.3).
    SetMetadata {
        /// The mailbox; empty for the server.
        mailbox: String,
        /// Names in lower case, each with its new value or none to take it away.
        entries: Vec<(String, Option<Vec<u8>>)>,
    },
    /// `NOTIFY` (RFC 5465).
    Notify(Notify),
}

/// `SELECT` or `EXAMINE` with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The mailbox to open.
    pub mailbox: String,
    /// `EXAMINE`.
    pub read_only: bool,
    /// `(CONDSTORE)` (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// `(QRESYNC (…))` (RFC 7162 §3.2.5).
    pub qresync: Option<QResync>,
}

/// What a client remembers of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QResync {
    /// UIDVALIDITY that the memory belongs to.
    pub uid_validity: u32,
    /// Highest mod-sequence that the client has seen.
    pub mod_seq: u64,
    /// UIDs that the client knows; all when absent.
    pub known_uids: Option<SequenceSet>,
}

/// `STORE` or `UID STORE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The set holds UIDs.
    pub uid: bool,
    /// The messages.
    pub set: SequenceSet,
    /// `(UNCHANGEDSINCE n)` (RFC 7162 §3.1.3).
    pub unchanged_since: Option<u64>,
    /// How flags are combined.
    pub mode: StoreMode,
    /// `.SILENT`.
    pub silent: bool,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// How STORE combines flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreMode {
    /// `FLAGS`.
    Replace,
    /// `+FLAGS`.
    Add,
    /// `-FLAGS`.
    Remove,
}

/// `COPY`, `MOVE` and their UID forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The set holds UIDs.
    pub uid: bool,
    /// The messages.
    pub set: SequenceSet,
    /// Where to.
    pub mailbox: String,
    /// `MOVE` (RFC 6851).
    pub remove: bool,
}

/// The start of an `APPEND` or `REPLACE`, or of one more message of it (MULTIAPPEND, RFC 3502).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: String,
    /// The message that the new one replaces (RFC 8508).
    pub replaces: Option<Replaced>,
    /// Flags of the new message.
    pub flags: Vec<Flag>,
    /// Internal date, when the client gives one.
    pub date: Option<Time>,
    /// Size of the literal in octets; `None` when the message is put together from parts (CATENATE, RFC 4469).
    pub size: Option<u64>,
}

/// The message that `REPLACE` takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The number is a UID.
    pub uid: bool,
    /// Its number; 0 is `*`.
    pub number: u32,
}
