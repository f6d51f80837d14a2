//! Wire sessions without I/O: SMTP, IMAP, POP3 and their SASL mechanisms.
//!
//! Pure: no runtime, no sockets, no clock. See [`session`] for the contract.

pub mod session;

pub use session::{Session, Step};
