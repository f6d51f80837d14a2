//! Acts on the drill.

use sekisho_guard::drill::{Attack, From};
use serde::{Deserialize, Serialize};

/// Acts on the drill, which rehearses attacks on a scratch copy of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum DrillCommand {
    /// Begin one. There is never more than one.
    Start {
        /// Which class of attack; none is all of them.
        attack: Option<Attack>,
        /// From where the intruder comes; none is from everywhere that the class can come from.
        from: Option<From>,
        /// Seed of the run that is told in detail; none is 1.
        seed: Option<u64>,
    },
    /// End the one that goes on; nothing is kept of it.
    Cancel,
}
