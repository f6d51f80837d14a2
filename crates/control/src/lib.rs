//! Every act that changes state, once: a typed command becomes one transaction (or resumable steps) and a journal
//! entry that says who did it.
//!
//! The command line, the console and the server's own tasks all come through [`Control::run`]. Sessions use
//! [`Control::verify`] to find out who somebody is, [`Control::journal`] to note what happened, and
//! [`Control::bus`] to hear of changes.

pub mod adopt;
pub mod audit;
pub mod bus;
pub mod check;
pub mod command;
pub mod console;
pub mod countries;
pub mod credential;
pub mod drill;
pub mod entry;
pub mod guard;
pub mod hush;
pub mod journal;
pub mod latency;
pub mod letter;
pub mod lockout;
pub mod logs;
pub mod outside;
pub mod password;
pub mod post;
pub mod query;
pub mod reputation;
pub mod rulefile;
pub mod trace;
pub mod value;
pub mod whence;

mod actor;
mod acts;
mod control;
#[cfg(test)]
mod outside_tests;
mod protocol;
mod refusal;
mod share;
#[cfg(test)]
mod tests;

pub use actor::Actor;
pub use bus::{Bus, BusEvent};
pub use command::Command;
pub use control::{Control, Now, Options};
pub use credential::{Failure, Stays, Verified};
pub use journal::Journal;
pub use protocol::Protocol;
pub use query::Query;
pub use refusal::{Done, Refusal};
