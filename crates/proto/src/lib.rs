//! Wire sessions without I/O: SMTP, IMAP, POP3 and their SASL mechanisms.
//!
//! Pure: no runtime, no sockets, no clock. See [`session`] for the contract.

pub mod imap;
mod lines;
pub mod pop3;
pub mod sasl;
pub mod session;
pub mod smtp;

pub use session::{Session, Step};
