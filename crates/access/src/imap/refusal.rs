//! Why a command cannot be carried out, in the words of RFC 5530.

use sekisho_proto::imap::Done;
use sekisho_store::Error;

/// The answer when the store refuses. The client reads what it can act on; the operator reads the rest in the log.
pub(super) fn store_error(error: &Error, account: &str) -> Done {
    match error {
        Error::NotFound(_) => nonexistent(),
        Error::Conflict(_) => Done::no("The name is taken").code("ALREADYEXISTS"),
        Error::OverQuota => over_quota(),
        Error::Full => {
            tracing::error!(account, "IMAP: no space left in the store");
            Done::no("The server has no room at the moment; nothing was changed").code("UNAVAILABLE")
        }
        Error::Unavailable(_) => {
            tracing::warn!(account, %error, "IMAP: store unavailable");
            unavailable()
        }
        Error::Corrupt(_) | Error::Engine(_) => {
            tracing::error!(account, %error, "IMAP: store failed");
            unavailable()
        }
    }
}

pub(super) fn nonexistent() -> Done {
    Done::no("There is no such mailbox").code("NONEXISTENT")
}

pub(super) fn no_permission() -> Done {
    Done::no("You may not do that").code("NOPERM")
}

pub(super) fn over_quota() -> Done {
    Done::no("The quota of the account is used up").code("OVERQUOTA")
}

pub(super) fn try_create() -> Done {
    Done::no("There is no such mailbox").code("TRYCREATE")
}

pub(super) fn cannot(text: &'static str) -> Done {
    Done::no(text).code("CANNOT")
}

pub(super) fn read_only() -> Done {
    Done::no("The mailbox is open for reading only").code("READ-ONLY")
}

fn unavailable() -> Done {
    Done::no("The server has a passing problem; try again").code("UNAVAILABLE")
}
