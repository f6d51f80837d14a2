//! The verbs, one file for each group.

use clap::{ArgMatches, Command};
use sekisho_message::say;

use crate::cli::Words;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

mod account;
mod alert;
mod alias;
mod audit;
mod check;
mod domain;
mod drill;
mod guard;
mod incident;
mod incident_report;
mod init;
mod inspect;
mod list;
mod lockout;
mod logs;
mod moment;
mod moving;
mod pause;
mod personal;
mod queue;
mod queue_export;
mod queue_filter;
mod reputation;
mod rules;
mod serve;
mod store;
mod trace;
mod version;
mod whence;

#[cfg(test)]
mod tests;

/// Every verb.
pub(crate) fn all(words: &Words) -> Vec<Command> {
    vec![
        serve::command(words),
        init::command(words),
        domain::command(words),
        account::command(words),
        alias::command(words),
        list::command(words),
        queue::command(words),
        lockout::command(words),
        incident::command(words),
        alert::command(words),
        check::command(words),
        audit::command(words),
        trace::command(words),
        reputation::command(words),
        pause::pause_command(words),
        pause::resume_command(words),
        logs::command(words),
        rules::command(words),
        moving::import_command(words),
        moving::export_command(words),
        inspect::command(words),
        drill::command(words),
        guard::command(words),
        store::command(words),
        version::command(words),
    ]
}

/// Runs the verb `name`.
pub(crate) fn run(name: &str, matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    match name {
        "serve" => serve::run(matches, shell),
        "init" => init::run(matches, shell),
        "domain" => domain::run(matches, shell),
        "account" => account::run(matches, shell),
        "alias" => alias::run(matches, shell),
        "list" => list::run(matches, shell),
        "queue" => queue::run(matches, shell),
        "lockout" => lockout::run(matches, shell),
        "incident" => incident::run(matches, shell),
        "alert" => alert::run(matches, shell),
        "check" => check::run(shell),
        "reputation" => reputation::run(matches, shell),
        "audit" => audit::run(matches, shell),
        "trace" => trace::run(matches, shell),
        "pause" => pause::run(matches, shell, true),
        "resume" => pause::run(matches, shell, false),
        "logs" => logs::run(matches, shell),
        "rules" => rules::run(matches, shell),
        "import" => moving::import(matches, shell),
        "export" => moving::export(matches, shell),
        "guard" => guard::run(matches, shell),
        "drill" => drill::run(matches, shell),
        "inspect" => inspect::run(matches, shell),
        "store" => store::run(matches, shell),
        "version" => version::run(shell),
        _ => Err(unknown(name)),
    }
}

/// Runs an act that wants a yes: says what it would do, asks at a terminal, or takes `--yes`.
fn confirmed(shell: &mut Shell, yes: bool, act: impl Fn(bool) -> sekisho_control::Command) -> Result<Exit, Trouble> {
    if yes {
        return shell.act(act(true));
    }
    match shell.run(act(false)) {
        // Nothing was there to ask about.
        Ok(done) => shell.say_done(&done).map(|()| Exit::Well),
        Err(trouble) if trouble.exit == Exit::Found && trouble.question && shell.confirm(&trouble.text)? => {
            shell.act(act(true))
        }
        Err(trouble) => Err(trouble),
    }
}

/// A verb that sets something was told nothing to set.
fn nothing() -> Trouble {
    Trouble::could_not(say!(ja: "変えるものを指定してください。", en: "Say what to set."))
}

/// The verb is declared and not handled: a fault of ours.
fn unknown(name: &str) -> Trouble {
    Trouble::could_not(say!(ja: "コマンド {name} はありません。", en: "There is no command {name}."))
}
