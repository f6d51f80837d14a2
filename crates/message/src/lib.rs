//! What a message is: addresses, headers, trace, reports and structure.
//!
//! Pure: no I/O, no clock, no randomness. Everything a mail server must know
//! about the bytes of a message lives here, so that it can be tested and fuzzed
//! without a server around it.

pub mod address;
pub mod arf;
pub mod auto;
pub mod charset;
pub mod date;
pub mod dsn;
pub mod fingerprint;
pub mod header;
pub mod list;
pub mod preview;
pub mod proof;
mod report;
pub mod search;
pub mod srs;
pub mod structure;
pub mod subject;
pub mod text;
pub mod thread;
pub mod time;
pub mod trace;
pub mod transfer;
pub mod within;

pub use address::{Address, Domain, ForwardPath, ReversePath};
pub use text::{Language, Text};
pub use time::Time;

/// Whether any octet has its eighth bit set: such a message needs 8BITMIME (RFC 6152 §2).
#[must_use]
pub fn is_eightbit(octets: &[u8]) -> bool {
    !octets.is_ascii()
}
