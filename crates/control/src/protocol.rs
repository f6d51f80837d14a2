//! The doors that a password can be used at.

use sekisho_store::journal::Kind;
use serde::{Deserialize, Serialize};

/// Where somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// SMTP AUTH, to send. Suspended accounts cannot.
    Smtp,
    /// POP3.
    Pop3,
    /// IMAP.
    Imap4,
    /// The web console.
    Console,
}

impl Protocol {
    /// The name in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Pop3 => "pop3",
            Self::Imap4 => "imap4",
            Self::Console => "console",
        }
    }

    /// The guard's word for it.
    #[must_use]
    pub const fn guarded(self) -> sekisho_guard::event::Protocol {
        match self {
            Self::Smtp => sekisho_guard::event::Protocol::Smtp,
            Self::Pop3 => sekisho_guard::event::Protocol::Pop3,
            Self::Imap4 => sekisho_guard::event::Protocol::Imap4,
            Self::Console => sekisho_guard::event::Protocol::Console,
        }
    }

    /// The kind of journal entry that keeps its dialogue.
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::Smtp => Kind::Receive,
            Self::Pop3 => Kind::Pop3,
            Self::Imap4 => Kind::Imap4,
            Self::Console => Kind::Notice,
        }
    }
}
