//! Coming from another server, and leaving for one.
//!
//! | module | what it does |
//! |---|---|
//! | [`epost`] | a whole E-POST installation: accounts with their passwords, mailboxes of both layouts, rule files |
//! | [`maildir`], [`mbox`] | one account's mail from files |
//! | [`imap`] | one account's mail from another server |
//! | [`export`] | one account's mail into files |
//! | [`intake`] | puts messages into folders, each once, however often an import is interrupted or repeated |
//!
//! Everything runs where the store is: in the server, or in the command line call when the server is stopped. Paths are
//! those of that machine, read and written by the server's user.

pub mod epost;
pub mod export;
pub mod imap;
pub mod intake;
pub mod maildir;
pub mod mbox;

mod files;
mod fresh;
mod text;

use std::path::PathBuf;

use sekisho_control::{Actor, Control, Done, Refusal};
use serde::{Deserialize, Serialize};

/// How far a long act has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Done so far.
    pub done: u64,
    /// In all; 0 when that is not known.
    pub total: u64,
}

/// Hears how far an act has come.
pub type Tell<'a> = &'a mut (dyn FnMut(Portion) + Send);

/// What to bring here, or take away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "move", rename_all = "snake_case")]
pub enum Move {
    /// An E-POST installation.
    Epost(epost::Wanted),
    /// A Maildir into an account.
    Maildir {
        /// The Maildir.
        from: PathBuf,
        /// Whose it becomes.
        account: String,
        /// Folder for what lies in the Maildir itself; INBOX when none is said.
        folder: Option<String>,
    },
    /// An mbox file into an account.
    Mbox {
        /// The file.
        from: PathBuf,
        /// Whose it becomes.
        account: String,
        /// Folder; INBOX when none is said.
        folder: Option<String>,
    },
    /// A mailbox of another server into an account.
    Imap(imap::Wanted),
    /// An account into a Maildir.
    ToMaildir {
        /// Whose.
        account: String,
        /// The Maildir to make or to complete.
        to: PathBuf,
    },
    /// An account into mbox files, one a folder.
    ToMbox {
        /// Whose.
        account: String,
        /// The folder for the files.
        to: PathBuf,
    },
}

/// Does it.
///
/// # Errors
/// Why it was not done. What was done before stays, and a second call goes on from there.
pub async fn run(control: &Control, wanted: Move, actor: &Actor, tell: Tell<'_>) -> Result<Done, Refusal> {
    match wanted {
        Move::Epost(wanted) => epost::run(control, wanted, actor, tell).await,
        Move::Maildir { from, account, folder } => {
            maildir::run(control, &from, &account, folder.as_deref(), actor, tell).await
        }
        Move::Mbox { from, account, folder } => {
            mbox::run(control, &from, &account, folder.as_deref(), actor, tell).await
        }
        Move::Imap(wanted) => imap::run(control, &wanted, actor, tell).await,
        Move::ToMaildir { account, to } => export::maildir(control, &account, &to, actor, tell).await,
        Move::ToMbox { account, to } => export::mbox(control, &account, &to, actor, tell).await,
    }
}
