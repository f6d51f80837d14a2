//! What tests bring along instead of the world: name server, mail peers,
//! database server and scratch folders.
//!
//! Everything listens on loopback with a port that the kernel chose, runs on
//! threads of its own (so that synchronous tests, any async runtime and tests of
//! the finished binary can use it alike) and ends with its value.

pub mod authority;
pub mod dns;
pub mod issuer;
pub mod peer;
pub mod postgres;
pub mod tempdir;

pub use authority::Authority;
pub use dns::FakeDns;
pub use issuer::FakeIssuer;
pub use peer::ScriptedPeer;
pub use postgres::TempPostgres;
pub use tempdir::TempDir;
