//! Who does something.

use std::fmt;

use sekisho_guard::place::Place;
use serde::{Deserialize, Serialize};

/// Who answers for an act, as the journal names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Actor {
    /// Somebody with a shell on this machine: the command line.
    Shell {
        /// Numeric user.
        uid: u32,
        /// Its name, when the system knows one.
        user: String,
    },
    /// Somebody at the web console.
    Console {
        /// The account that is logged in.
        account: String,
        /// Address of the browser.
        network: String,
    },
    /// Somebody with a mail client.
    Imap {
        /// The account that is logged in.
        account: String,
        /// Address of the client.
        network: String,
    },
    /// The server by itself; `why` names the task or rule.
    Server {
        /// Such as `first start` or `guard`.
        why: String,
    },
}

impl Actor {
    /// The server by itself.
    #[must_use]
    pub fn server(why: &str) -> Self {
        Self::Server { why: why.to_owned() }
    }

    /// From where somebody acts, as the guard judges it; a shell and the server are at no place.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Console { network, .. } | Self::Imap { network, .. } => Place::parse(network),
            Self::Shell { .. } | Self::Server { .. } => Place::Unknown,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell { uid, user } if user.is_empty() => write!(f, "shell:{uid}"),
            Self::Shell { user, .. } => write!(f, "shell:{user}"),
            Self::Console { account, .. } => write!(f, "console:{account}"),
            Self::Imap { account, .. } => write!(f, "imap:{account}"),
            Self::Server { why } => write!(f, "server:{why}"),
        }
    }
}
