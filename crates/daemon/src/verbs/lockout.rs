//! `sekisho lockout`.

use clap::{Arg, ArgMatches, Command};
use sekisho_control::Protocol;
use sekisho_control::command::LockoutCommand;
use sekisho_message::{Language, say};
use serde_json::Value;

use super::unknown;
use crate::cli::{Words, text};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, Table};
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    let network =
        || words.place("network", say!(ja: "アドレスかネットワーク", en: "An address or network")).required(true);
    words.group(
        "lockout",
        say!(ja: "ロックアウトと接続拒否の表", en: "Lockouts and the reject tables"),
        [
            words.verb("list", say!(ja: "今のロックと表の行", en: "Locks in force and rows of the tables")),
            words.verb("unlock", say!(ja: "ロックを解除する", en: "Lift locks")).arg(
                words
                    .place("what", say!(ja: "アドレス、ネットワーク、アカウント", en: "An address, network or account"))
                    .required(true),
            ),
            words
                .verb("allow", say!(ja: "このネットワークは決してロックしない", en: "Never lock this network out"))
                .args([network(), protocol(words)]),
            words
                .verb("deny", say!(ja: "このネットワークの接続を拒否し続ける", en: "Refuse this network for good"))
                .args([network(), protocol(words)]),
            words
                .verb("forget", say!(ja: "このネットワークの行を表から消す", en: "Take all rows of this network away"))
                .args([network(), protocol(words)]),
        ],
    )
}

fn protocol(words: &Words) -> Arg {
    words
        .option(
            "protocol",
            "PROTOCOL",
            say!(ja: "smtp、pop3、imap4 のどれか（既定: 全部）", en: "Only smtp, pop3 or imap4"),
        )
        .value_parser(["smtp", "pop3", "imap4"])
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Lockout;
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("lockout")) };
    if verb == "list" {
        return list(shell);
    }
    if verb == "unlock" {
        return shell.act(Lockout(LockoutCommand::Unlock { what: text(m, "what").into() }));
    }
    let (network, protocol) = (text(m, "network").to_owned(), protocol_of(text(m, "protocol")));
    shell.act(Lockout(match verb {
        "allow" => LockoutCommand::Allow { network, protocol },
        "deny" => LockoutCommand::Deny { network, protocol },
        "forget" => LockoutCommand::Forget { network, protocol },
        _ => return Err(unknown(verb)),
    }))
}

fn protocol_of(name: &str) -> Option<Protocol> {
    [Protocol::Smtp, Protocol::Pop3, Protocol::Imap4].into_iter().find(|protocol| protocol.as_str() == name)
}

fn list(shell: &mut Shell) -> Result<Exit, Trouble> {
    let found = shell.ask(Query::Lockouts)?;
    if shell.json {
        shell.print_json(&found)?;
        return Ok(Exit::Well);
    }
    let (locks, rows) = (show::items(&found, "locks"), show::items(&found, "rows"));
    let mut table = Table::new(["UNTIL", "KIND", "LOCKED", "WHY"]);
    for one in locks {
        let why = match shell.language {
            Language::Ja => &one["text"]["ja"],
            Language::En => &one["text"]["en"],
        };
        table.row([
            show::text(one, "until").into(),
            show::text(one, "kind").into(),
            show::text(one, "about").into(),
            why.as_str().unwrap_or_default().into(),
        ]);
    }
    if !locks.is_empty() {
        shell.print(&table.print())?;
    }
    if !rows.is_empty() {
        let mut table = Table::new(["TABLE", "LINE", "NETWORK", "SAYS"]);
        for one in rows {
            table.row([
                show::text(one, "file").into(),
                show::number(one, "line").to_string(),
                show::text(one, "network").into(),
                says(one, shell.language),
            ]);
        }
        shell.print(&table.print())?;
    }
    if locks.is_empty() && rows.is_empty() {
        shell.say(&say!(ja: "ロックはありません。", en: "Nothing is locked."))?;
    }
    Ok(Exit::Well)
}

fn says(row: &Value, language: Language) -> String {
    let until = show::text(row, "until");
    let text = match show::text(row, "kind") {
        "allowed" => say!(ja: "ロックしない", en: "never locked"),
        "permanent" => say!(ja: "拒否", en: "refused"),
        _ if row["by_connections"] == true => say!(ja: "{until} まで（接続数）", en: "until {until} (connections)"),
        _ => say!(ja: "{until} まで", en: "until {until}"),
    };
    text.get(language).to_owned()
}
