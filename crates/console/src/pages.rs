//! What is shown: one file for each kind of page.

pub mod accounts;
pub(crate) mod app_passwords;
pub mod assets;
pub mod audit;
pub mod drill;
pub mod entry;
pub mod factor;
pub mod health;
pub mod incidents;
pub mod lists;
pub mod lockouts;
pub mod logs;
pub mod me;
pub mod message;
pub mod now;
pub mod people;
pub mod personal;
pub(crate) mod piles;
pub mod queue;
pub mod reputation;
pub mod rules;
pub mod settings;
pub mod tokens;
pub mod transfer;
