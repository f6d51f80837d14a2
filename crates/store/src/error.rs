//! What can go wrong in the store.

/// Why an operation of the store failed.
///
/// The `Display` form is for the operator. A peer must never read it: it may
/// name tables, files and addresses. What a peer may be told follows from
/// [`Error::is_temporary`] alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No room on the disk (or in the database). Nothing was changed; works again when space returns.
    #[error("no space left in the store")]
    Full,
    /// The engine cannot be reached or is overloaded; try again later.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// The thing that the operation names does not exist.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The operation contradicts what is stored, such as a name that is taken.
    #[error("conflict: {0}")]
    Conflict(String),
    /// An account or mailbox has no room left in its quota.
    #[error("over quota")]
    OverQuota,
    /// What is stored cannot be right: a bad hash, a row that must be there and is not.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Anything else that the engine or the operating system reports.
    #[error("store engine: {0}")]
    Engine(String),
}

impl Error {
    /// Whether the same operation may succeed later without anybody changing anything
    /// but time or disk space: SMTP 4xx, IMAP `NO [UNAVAILABLE]`.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Full | Self::Unavailable(_) | Self::Corrupt(_) | Self::Engine(_))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            std::io::ErrorKind::NotFound => Self::NotFound("file"),
            _ => Self::Engine(error.to_string()),
        }
    }
}

/// The result of an operation of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;
