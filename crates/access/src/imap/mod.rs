//! IMAP over the store: the agent that answers what [`sekisho_proto::imap`] asks.
//!
//! | module | commands |
//! |---|---|
//! | [`login`] | LOGIN, AUTHENTICATE |
//! | [`select`] | SELECT, EXAMINE, CLOSE, UNSELECT |
//! | [`folders`], [`list`], [`status`] | everything about mailboxes as a whole |
//! | [`names`] | whose mailbox a name is, and what the client may do with it |
//! | [`acl`], [`metadata`], [`quota`] | rights, annotations, limits |
//! | [`append`], [`url`] | APPEND and REPLACE |
//! | [`fetch`], [`store`], [`copy`], [`expunge`] | everything about messages |
//! | [`search`], [`sort`], [`thread`], [`multisearch`] | finding them |
//! | [`view`], [`news`] | what a client knows of its mailbox, and what it is told |
//! | [`notify`], [`watches`] | what it is told of other mailboxes |
//!
//! A client's picture of a mailbox (its message numbers) changes only through what it has been told. So the
//! [`view`] keeps the UIDs in the client's order, and [`news`] alone brings it up to date, at the moments at
//! which the protocol allows it. Everything else is read from the store when it is asked for.

mod acl;
mod agent;
mod append;
mod copy;
mod expunge;
mod fetch;
mod folders;
mod list;
mod login;
mod metadata;
mod multisearch;
mod names;
mod news;
mod notify;
mod pattern;
mod progress;
mod quota;
mod recent;
mod refusal;
mod search;
mod select;
mod service;
mod sort;
mod status;
mod store;
mod thread;
mod uids;
mod url;
mod view;
mod watches;

#[cfg(test)]
mod tests;

pub use agent::ImapAgent;
pub use service::{Imap, ImapSettings};
