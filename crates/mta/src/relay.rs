//! Relaying: handing a message to the next host.
//!
//! [`route`] says which way a domain goes, [`plan`] which hosts take its mail,
//! `connect` reaches one of them, `carrier` hands over messages while there are
//! any, `transfer` turns queue entries into a transaction and its replies
//! into [`outcome`]s.

mod carrier;
mod connect;
pub(crate) mod gateway;
pub mod outcome;
pub mod plan;
mod reach;
pub mod route;
mod settings;
mod transfer;

pub(crate) use connect::serve;
pub use outcome::{Attempt, Fate, Peer, Stage};
pub use reach::Reach;
pub use route::{Credential, Route, Routes, TlsMode};
pub use settings::Settings;
