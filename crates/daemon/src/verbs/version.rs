//! `sekisho version`.

use clap::Command;
use sekisho_message::say;
use serde_json::json;

use crate::cli::Words;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    words.verb("version", say!(ja: "バージョンを表示する", en: "Print the version"))
}

pub(super) fn run(shell: &mut Shell) -> Result<Exit, Trouble> {
    let version = env!("CARGO_PKG_VERSION");
    if shell.json {
        shell.print_json(&json!({ "version": version }))?;
    } else {
        shell.print(&format!("sekisho {version}\n"))?;
    }
    Ok(Exit::Well)
}
