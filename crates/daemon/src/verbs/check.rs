//! `sekisho check`.

use clap::Command;
use sekisho_control::check::{Check, State, mark, title};
use sekisho_message::say;

use crate::cli::Words;
use crate::desk::Query;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    words.verb(
        "check",
        say!(
            ja: "毎日の点検: 十の兆候（終了コード 0 正常、1 注意、2 警報）",
            en: "The daily look at ten signs (exit code 0 ok, 1 notice, 2 alarm)"
        ),
    )
}

pub(super) fn run(shell: &mut Shell) -> Result<Exit, Trouble> {
    let answer = shell.ask(Query::Check)?;
    let check: Check = serde_json::from_value(answer).map_err(|error| Trouble::from_io(error.into()))?;
    let exit = match check.worst() {
        State::Ok => Exit::Well,
        State::Notice => Exit::Found,
        State::Alarm => Exit::CouldNot,
    };
    if shell.json {
        shell.print_json(&check.shape(shell.language))?;
        return Ok(exit);
    }
    let language = shell.language;
    let mut lines = String::new();
    for sign in &check.signs {
        let (mark, title) = (mark(sign.state), title(&sign.id));
        let evidence = sign.evidence.get(language);
        lines.push_str(&format!("[{}] {}: {} — {evidence}\n", mark.get(language), sign.id, title.get(language)));
        if sign.state > State::Ok {
            lines.push_str(&format!("    → {}\n", sign.advice.get(language)));
        }
    }
    shell.print(&lines)?;
    Ok(exit)
}
