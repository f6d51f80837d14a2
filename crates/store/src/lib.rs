//! The one owner of state: SQLite or PostgreSQL for rows, files for large bodies.
//!
//! Every operation is written once, as a synchronous function over
//! [`&mut dyn Tx`](Tx), and run through [`Store::write`] (durable when it
//! returns) or [`Store::read`] (a consistent snapshot). What an operation means
//! is in its module; how an engine does it is in `sqlite` and `postgres` alone.
//!
//! | module | what it keeps |
//! |---|---|
//! | [`domain`], [`account`], [`alias`], [`list`], [`directory`] | people and where their mail goes |
//! | [`content`] | bodies, stored once, with reference counts |
//! | [`queue`] | what was accepted and not yet delivered, relayed, bounced or purged |
//! | [`mailbox`], [`mail`] | IMAP folders and what is in them |
//! | [`acl`], [`annotation`], [`digest`] | who may do what with a folder, notes on it, what is read from a body once |
//! | [`index`] | what texts a message cannot hold, for search |
//! | [`personal`], [`imported`] | accounts' own rules; what was imported already |
//! | [`journal`] | what happened |
//! | [`app_password`], [`recoverable`] | passwords of single programs, passwords that can be read |
//! | [`lockout`] | locks in force, where accounts were used, from where they may be |
//! | [`contact`], [`profile`], [`incident`] | what the guard remembers, and what it found |
//! | [`console`], [`rules`] | what the web console keeps, rule texts as they were |
//! | [`rounds`] | what the administrator's daily rounds saw |
//! | [`switch`], [`meta`] | paused services, small settings |
//! | [`check`], [`backup`], [`copy`] | care of the store itself |

pub mod about;
pub mod account;
pub mod acl;
pub mod alert;
pub mod alias;
pub mod annotation;
pub mod app_password;
pub mod backup;
pub mod check;
pub mod console;
pub mod contact;
pub mod content;
pub mod copy;
pub mod digest;
pub mod directory;
pub mod domain;
pub mod imported;
pub mod incident;
pub mod index;
pub mod journal;
pub mod list;
pub mod lockout;
pub mod login;
pub mod mail;
pub mod mailbox;
pub mod meta;
pub mod personal;
pub mod profile;
pub mod queue;
pub mod recoverable;
pub mod rounds;
pub mod rules;
pub mod switch;

mod blob;
mod engine;
mod error;
mod id;
mod job;
mod migrate;
mod numbers;
mod postgres;
mod sqlite;
mod staging;
mod store;
mod tx;

pub use content::Body;
pub use error::{Error, Result};
pub use id::{
    AccountId, AppPasswordId, ContentId, DomainId, EpochId, IncidentId, LaneId, ListId, MailboxId, MessageId, OriginId,
    RecipientId,
};
pub use staging::{Staged, Staging, Summary};
pub use store::{Notifications, Settings, Store};
pub use tx::{Engine, NEVER, Param, Row, Tx, TxExt, Value};
