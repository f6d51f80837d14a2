//! SMTP (RFC 5321) and message submission (RFC 6409) without I/O: the server's
//! session, the client's session, and the grammar that both share.

pub mod client;
pub mod command;
pub mod data;
pub mod hello;
pub mod params;
pub mod path;
pub mod response;
pub mod server;
pub mod stuff;
pub mod xtext;

pub use params::{Body, MailParams, Notify, RcptParams, Return};
pub use response::{Enhanced, Response};
