//! The mail transfer agent: reception over SMTP, queue runner, relaying, local delivery, lists and reports.
//!
//! | module | what it does |
//! |---|---|
//! | [`reception`] | the MX and submission listeners' agent |
//! | [`identity`] | whether an account may speak under a name |
//! | [`routing`], [`directory`] | where mail for an address goes, and a short memory of it |
//! | [`accept`] | the one commit after which the client hears `250` |
//! | [`schedule`] | the queue runner: what is due goes on its way, fairly |
//! | [`relay`] | handing messages to other hosts |
//! | [`local`], [`lists`] | delivery into mailboxes, expansion of list posts |
//! | [`personal`], [`srs`] | forwards and automatic replies of accounts, and their envelope senders |
//! | [`bounce`], [`notify`] | telling senders |
//! | [`alert`] | telling people about incidents |
//! | [`witness`], `claims` | telling the guard what became of recipients, and what comes back about our mail |
//! | [`retry`] | when what was put off is tried again |

pub mod accept;
pub mod alert;
pub mod bounce;
mod claims;
pub mod directory;
pub mod identity;
pub mod lists;
pub mod local;
pub mod notify;
mod own_mail;
pub mod personal;
pub mod quarantine;
pub mod reception;
pub mod relay;
pub mod retry;
pub mod routing;
pub mod schedule;
pub mod srs;
pub mod witness;
