//! `sekisho alias`.

use clap::{ArgMatches, Command};
use sekisho_control::command::AliasCommand;
use sekisho_message::say;

use super::unknown;
use crate::cli::{Words, given, text};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, Table};
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    let pattern = || {
        words
            .place(
                "alias",
                say!(ja: "local@domain、prefix*@domain、*@domain", en: "local@domain, prefix*@domain or *@domain"),
            )
            .required(true)
    };
    words.group(
        "alias",
        say!(ja: "別名（エイリアス）", en: "Aliases"),
        [
            words
                .verb("add", say!(ja: "別名を追加する", en: "Add an alias"))
                .arg(pattern())
                .arg(words.place("target", say!(ja: "届け先のアドレス", en: "Where its mail goes")).required(true)),
            words.verb("list", say!(ja: "別名の一覧", en: "List the aliases")).arg(words.option(
                "domain",
                "DOMAIN",
                say!(ja: "このドメインだけ", en: "Of this domain alone"),
            )),
            words.verb("remove", say!(ja: "別名を削除する", en: "Remove an alias")).arg(pattern()),
        ],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Alias;
    match matches.subcommand() {
        Some(("add", m)) => {
            shell.act(Alias(AliasCommand::Add { pattern: text(m, "alias").into(), target: text(m, "target").into() }))
        }
        Some(("remove", m)) => shell.act(Alias(AliasCommand::Remove { pattern: text(m, "alias").into() })),
        Some(("list", m)) => list(given(m, "domain"), shell),
        _ => Err(unknown("alias")),
    }
}

fn list(domain: Option<String>, shell: &mut Shell) -> Result<Exit, Trouble> {
    let aliases = shell.ask(Query::Aliases { domain })?;
    if shell.json {
        shell.print_json(&aliases)?;
        return Ok(Exit::Well);
    }
    let mut table = Table::new(["ALIAS", "TARGET", "SINCE"]);
    for one in aliases.as_array().map_or(&[][..], Vec::as_slice) {
        table.row([show::text(one, "alias").into(), show::text(one, "target").into(), super::domain::day(one)]);
    }
    shell.print(&table.print())?;
    Ok(Exit::Well)
}
