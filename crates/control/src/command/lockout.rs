//! Acts on lockouts.

use serde::{Deserialize, Serialize};

/// Acts on lockouts. Without a protocol all three tables are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum LockoutCommand {
    /// Lift locks, and take timed rows and permanent ones of exactly this network away.
    Unlock {
        /// An address, a network or an account.
        what: String,
    },
    /// Never lock a network.
    Allow {
        /// The network.
        network: String,
        /// At this door alone.
        protocol: Option<crate::Protocol>,
    },
    /// Refuse a network for good.
    Deny {
        /// The network.
        network: String,
        /// At this door alone.
        protocol: Option<crate::Protocol>,
    },
    /// Take every row of exactly this network away, whatever it says.
    Forget {
        /// The network.
        network: String,
        /// At this door alone.
        protocol: Option<crate::Protocol>,
    },
}
