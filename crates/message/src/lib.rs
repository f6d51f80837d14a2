//! What a message is: addresses, headers, trace, reports and structure.
//!
//! Pure: no I/O, no clock, no randomness. Everything a mail server must know
//! about the bytes of a message lives here, so that it can be tested and fuzzed
//! without a server around it.

pub mod text;
pub mod time;

pub use text::{Language, Text};
pub use time::Time;
