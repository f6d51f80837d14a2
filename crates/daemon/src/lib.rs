//! One binary, `sekisho`: command line, configuration, privileges and wiring.
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | every verb of the command line, in two languages |
//! | [`config`] | `sekisho.toml` |
//! | [`desk`] | answers verbs: over the control socket, or on the store when the server is stopped |
//! | [`first`] | the first start |
//! | [`server`] | the whole server in one process; [`server::Server::start`] is what scenario tests call |

pub mod cli;
pub mod config;
pub mod desk;
pub mod drill;
pub mod first;
pub mod locale;
pub mod lock;
pub mod rehearsal;
pub mod server;
pub mod shell;
pub mod show;
pub mod trouble;

mod verbs;
