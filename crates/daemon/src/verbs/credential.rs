//! `sekisho account app-password` and `sekisho account recoverable`.

use clap::{ArgMatches, Command};
use sekisho_control::Protocol;
use sekisho_control::command::CredentialCommand;
use sekisho_message::say;
use serde_json::{Value, json};

use super::unknown;
use crate::cli::{Words, given, text};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, Table};
use crate::trouble::{Exit, Trouble};

pub(super) fn app_password(words: &Words) -> Command {
    let who = || words.place("account", say!(ja: "メールアドレス", en: "Mail address")).required(true);
    let name =
        || words.place("name", say!(ja: "名前（例: iPhone）", en: "What it is called, such as iPhone")).required(true);
    words.group(
        "app-password",
        say!(ja: "アプリパスワード（端末やプログラムごとのパスワード）", en: "App passwords: one for each device or program"),
        [
            words.verb("add", say!(ja: "作る（パスワードは一度だけ表示する）", en: "Make one; it is shown once")).args([
                who(),
                name(),
                words.option(
                    "protocols",
                    "LIST",
                    say!(ja: "使える入口: smtp,pop3,imap4（既定は全部）", en: "Where it works: smtp,pop3,imap4 (all by default)"),
                ),
                words.option(
                    "networks",
                    "NETWORKS",
                    say!(ja: "使えるネットワーク（既定はどこからでも）", en: "From where it works (everywhere by default)"),
                ),
                words
                    .option("days", "DAYS", say!(ja: "期限（日数）", en: "Days until it ends"))
                    .value_parser(clap::value_parser!(u32)),
            ]),
            words.verb("list", say!(ja: "一覧と最後に使われた時", en: "List them with their last use")).arg(who()),
            words.verb("remove", say!(ja: "削除する", en: "Take one away")).args([who(), name()]),
        ],
    )
}

pub(super) fn recoverable(words: &Words) -> Command {
    words
        .verb(
            "recoverable",
            say!(
                ja: "復元できるパスワードの保存を許すか（APOP、CRAM-MD5 用）。引数なしで一覧",
                en: "Whether its password may be kept in a form that can be read (for APOP and CRAM-MD5); lists all without arguments"
            ),
        )
        .arg(words.place("account", say!(ja: "メールアドレス", en: "Mail address")).requires("state"))
        .arg(words.place("state", say!(ja: "on または off", en: "on or off")).value_parser(["on", "off"]))
}

pub(super) fn run_app_password(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let Some((verb, m)) = m.subcommand() else { return Err(unknown("app-password")) };
    let address = text(m, "account").to_owned();
    match verb {
        "add" => {
            let act = CredentialCommand::AddAppPassword {
                address,
                name: text(m, "name").to_owned(),
                protocols: protocols(&given(m, "protocols").unwrap_or_default())?,
                networks: given(m, "networks").unwrap_or_default(),
                days: m.get_one("days").copied(),
            };
            let done = shell.run(sekisho_control::Command::Credential(act))?;
            shell.say_done(&done)?;
            if !shell.json {
                let made = show::text(&done.data, "password");
                shell.say(&say!(ja: "アプリパスワード: {made}", en: "App password: {made}"))?;
            }
            Ok(Exit::Well)
        }
        "list" => list(address, shell),
        "remove" => {
            let act = CredentialCommand::RemoveAppPassword { address, name: text(m, "name").to_owned() };
            shell.act(sekisho_control::Command::Credential(act))
        }
        _ => Err(unknown(verb)),
    }
}

pub(super) fn run_recoverable(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    if given(m, "account").is_none() {
        let all = shell.ask(Query::Recoverable)?;
        if shell.json {
            shell.print_json(&all)?;
            return Ok(Exit::Well);
        }
        let mut table = Table::new(["ACCOUNT", "SINCE", "KEPT"]);
        for one in all.as_array().into_iter().flatten() {
            let kept = if one["kept"] == true { "yes" } else { "-" };
            table.row([show::text(one, "account").to_owned(), show::text(one, "since").to_owned(), kept.to_owned()]);
        }
        shell.print(&table.print())?;
        return Ok(Exit::Well);
    }
    let act = CredentialCommand::Recoverable { address: text(m, "account").into(), on: text(m, "state") == "on" };
    shell.act(sekisho_control::Command::Credential(act))
}

fn list(address: String, shell: &mut Shell) -> Result<Exit, Trouble> {
    let all = shell.ask(Query::AppPasswords { address })?;
    if shell.json {
        shell.print_json(&all)?;
        return Ok(Exit::Well);
    }
    let mut table =
        Table::new(["NAME", "STATE", "PROTOCOLS", "NETWORKS", "CREATED", "BY", "EXPIRES", "LAST USE", "FROM"]);
    for one in all.as_array().into_iter().flatten() {
        let of = |name: &str| or_dash(show::text(one, name));
        let protocols = one["protocols"].as_array().is_some_and(|all| !all.is_empty());
        table.row([
            show::text(one, "name").to_owned(),
            show::text(one, "state").to_owned(),
            if protocols { show::list(one, "protocols") } else { "*".to_owned() },
            or_dash(&show::list(one, "networks")),
            of("created"),
            of("created_by"),
            of("expires"),
            of("used"),
            match (show::text(one, "used_network"), show::text(one, "used_protocol")) {
                ("", _) => "-".to_owned(),
                (network, protocol) => format!("{network} {protocol}"),
            },
        ]);
    }
    shell.print(&table.print())?;
    Ok(Exit::Well)
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn protocols(list: &str) -> Result<Vec<Protocol>, Trouble> {
    list.split([',', ' '])
        .filter(|one| !one.is_empty())
        .map(|one| {
            let one = if one.eq_ignore_ascii_case("imap") { "imap4" } else { one };
            serde_json::from_value::<Protocol>(json!(one.to_ascii_lowercase())).map_err(|_| {
                Trouble::could_not(say!(
                    ja: "「{one}」は smtp、pop3、imap4 のどれでもありません。",
                    en: "\"{one}\" is none of smtp, pop3 and imap4."
                ))
            })
        })
        .collect()
}

/// How an account's line says that it keeps a recoverable password.
pub(super) fn recoverable_text(one: &Value) -> String {
    match one.get("recoverable").and_then(Value::as_str) {
        Some(state) => state.to_owned(),
        None => String::new(),
    }
}
