//! `sekisho domain`.

use clap::{ArgMatches, Command};
use sekisho_control::command::DomainCommand;
use sekisho_message::say;
use sekisho_store::domain::Claims;
use serde_json::Value;

use super::{nothing, unknown, whence};
use crate::cli::{Words, text};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, Table};
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    let name = || words.place("domain", say!(ja: "ドメイン名", en: "Name of the domain")).required(true);
    words.group(
        "domain",
        say!(ja: "このサーバのドメイン", en: "Domains of this server"),
        [
            words.verb("add", say!(ja: "ドメインを追加する", en: "Add a domain")).arg(name()),
            words.verb("list", say!(ja: "ドメインの一覧", en: "List the domains")),
            words.verb("remove", say!(ja: "ドメインを削除する", en: "Remove a domain")).arg(name()),
            words
                .verb("set", say!(ja: "ログイン元の制限を変える", en: "Set from where its accounts may log in"))
                .arg(name())
                .args(whence::options(words)),
            words
                .verb(
                    "claims",
                    say!(
                        ja: "認証なしでこのドメインを名乗る外からのメールの扱い",
                        en: "What becomes of mail from outside that claims to be from it without AUTH"
                    ),
                )
                .arg(name())
                .arg(
                    words
                        .place(
                            "what",
                            say!(ja: "refuse（拒否）、mark（印を付ける）、off（そのまま）", en: "refuse, mark or off"),
                        )
                        .required(true)
                        .value_parser(["refuse", "mark", "off"]),
                ),
            words
                .verb("scram", say!(ja: "SCRAM 認証用の秘密を作るかどうか", en: "Whether SCRAM secrets are made"))
                .arg(name())
                .arg(
                    words
                        .place("state", say!(ja: "on か off", en: "on or off"))
                        .required(true)
                        .value_parser(["on", "off"]),
                ),
        ],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Domain;
    match matches.subcommand() {
        Some(("add", m)) => shell.act(Domain(DomainCommand::Add { name: text(m, "domain").into() })),
        Some(("remove", m)) => shell.act(Domain(DomainCommand::Remove { name: text(m, "domain").into() })),
        Some(("scram", m)) => {
            let on = text(m, "state") == "on";
            shell.act(Domain(DomainCommand::Scram { name: text(m, "domain").into(), on }))
        }
        Some(("claims", m)) => {
            let claims = match text(m, "what") {
                "mark" => Claims::Mark,
                "off" => Claims::Off,
                _ => Claims::Refuse,
            };
            shell.act(Domain(DomainCommand::Claims { name: text(m, "domain").into(), claims }))
        }
        Some(("set", m)) => {
            let rule = whence::rule(m).ok_or_else(nothing)?;
            shell.act(Domain(DomainCommand::Whence { name: text(m, "domain").into(), rule }))
        }
        Some(("list", _)) => list(shell),
        _ => Err(unknown("domain")),
    }
}

fn list(shell: &mut Shell) -> Result<Exit, Trouble> {
    let domains = shell.ask(Query::Domains)?;
    if shell.json {
        shell.print_json(&domains)?;
        return Ok(Exit::Well);
    }
    let mut table = Table::new(["DOMAIN", "SINCE"]);
    for one in domains.as_array().map_or(&[][..], Vec::as_slice) {
        table.row([show::text(one, "domain").into(), day(one)]);
    }
    shell.print(&table.print())?;
    Ok(Exit::Well)
}

/// The day of `created`.
pub(super) fn day(one: &Value) -> String {
    show::text(one, "created").get(..10).unwrap_or_default().to_owned()
}
