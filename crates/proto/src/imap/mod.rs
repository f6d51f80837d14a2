//! IMAP4rev2 and IMAP4rev1 as one session without I/O (RFC 9051, RFC 3501), with the grammar of their extensions.
//!
//! | module | what it knows |
//! |---|---|
//! | [`lex`], [`set`], [`date`], [`flag`], [`utf7`] | the small pieces of the grammar |
//! | [`parse`], [`append`], [`list`], [`fetch`], [`search`], [`sort`], [`thread`], [`multisearch`] | commands, one file a group |
//! | [`acl`], [`metadata`], [`notify`] | the same |
//! | [`command`] | what they become |
//! | [`print`](mod@print) | how values are written in responses |
//! | [`session`] | lines, literals, states, authentication, IDLE, limits |
//!
//! The session knows no mailbox. What a command means is up to the agent, which answers with ready-made
//! untagged responses; the session alone writes tagged ones.

pub mod acl;
pub mod append;
pub mod command;
pub mod date;
pub mod fault;
pub mod fetch;
pub mod flag;
pub mod lex;
pub mod list;
pub mod metadata;
pub mod multisearch;
pub mod notify;
pub mod parse;
pub mod print;
pub mod search;
pub mod session;
pub mod set;
pub mod sort;
pub mod thread;
pub mod utf7;

pub use command::Command;
pub use flag::Flag;
pub use session::{Done, Event, ImapSession, Reply, Settings, Status};

#[cfg(test)]
mod tests;
