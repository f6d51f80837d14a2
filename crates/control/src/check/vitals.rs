//! How the process and its machine are, as whoever runs the server measured it.

use sekisho_message::Time;
use serde::{Deserialize, Serialize};

/// A sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vitals {
    /// Since when the server runs.
    pub started: Time,
    /// File descriptors that are open.
    pub files: u64,
    /// File descriptors that may be open.
    pub files_limit: u64,
    /// Octets of memory in use by the process.
    pub memory: u64,
    /// Octets of memory that the machine has.
    pub memory_total: u64,
    /// Octets that are free where the data is.
    pub disk_free: u64,
    /// Octets that are there in all.
    pub disk_total: u64,
    /// How long one durable write took, in microseconds.
    pub commit_micros: u64,
    /// How far the clock has jumped against the time that went by, in microseconds.
    pub clock_jump_micros: i64,
    /// Errors that the server reported in the last hour.
    pub errors: u64,
}
