//! Acts on an account's own rules.

use sekisho_store::personal::{AutoReply, Forward};
use serde::{Deserialize, Serialize};

/// What changes about an account's own rules. Each is evidence for the guard: intruders like to leave a forward behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum PersonalCommand {
    /// Where its mail goes too, or instead.
    Forward {
        /// Whose.
        address: String,
        /// None ends it.
        forward: Option<Forward>,
    },
    /// What is answered for it.
    Reply {
        /// Whose.
        address: String,
        /// None ends it.
        reply: Option<AutoReply>,
    },
    /// When its mail for others may leave.
    Hours {
        /// Whose.
        address: String,
        /// Such as `mon-fri 08:00-19:00`; none means always.
        hours: Option<String>,
    },
}
