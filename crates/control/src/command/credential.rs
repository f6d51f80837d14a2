//! Acts on what lets people in beside their password.

use serde::{Deserialize, Serialize};

use crate::Protocol;

/// Acts on app passwords and recoverable passwords.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum CredentialCommand {
    /// Make an app password. It is in the answer, and nowhere else.
    AddAppPassword {
        /// Whose.
        address: String,
        /// What its owner calls it.
        name: String,
        /// The doors that it opens; none means SMTP, POP3 and IMAP.
        protocols: Vec<Protocol>,
        /// Networks that it works from, separated by commas; empty means everywhere.
        networks: String,
        /// Days until it ends by itself.
        days: Option<u32>,
    },
    /// Take an app password away. Sessions that it let in end.
    RemoveAppPassword {
        /// Whose.
        address: String,
        /// What its owner calls it.
        name: String,
    },
    /// Whether the account's password may be kept in a form that can be read, for APOP and CRAM-MD5.
    Recoverable {
        /// Whose.
        address: String,
        /// Whether.
        on: bool,
    },
}
