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
//! | [`bounce`], [`notify`] | telling senders |
//! | [`witness`] | telling the guard what became of recipients |
//! | [`retry`] | when what was put off is tried again |

pub mod accept;
pub mod bounce;
pub mod directory;
pub mod identity;
pub mod lists;
pub mod local;
pub mod notify;
pub mod reception;
pub mod relay;
pub mod retry;
pub mod routing;
pub mod schedule;
pub mod witness;
