//! POP3 over the store: the agent that answers what [`sekisho_proto::pop3`] asks.
//!
//! The maildrop is INBOX as it stands at login. One session has it at a time; a session whose client has gone
//! silent gives way to the next one (see the module `lease`). What DELE marks is removed at QUIT.

mod agent;
mod lease;
mod login;
mod maildrop;
mod read_ahead;
mod service;

#[cfg(test)]
mod tests;

pub use agent::Pop3Agent;
pub use service::{Pop3, Pop3Settings};
