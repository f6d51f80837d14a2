//! How people read their mail: IMAP and POP3 servers over the store.

pub mod imap;
pub mod pop3;

mod login;
