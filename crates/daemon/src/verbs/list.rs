//! `sekisho list`.

use clap::{ArgMatches, Command};
use sekisho_control::command::{ListChange, ListCommand};
use sekisho_message::say;
use sekisho_store::list::Posting;
use serde_json::{Value, json};

use super::unknown;
use crate::cli::{Words, given, text};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, Table};
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    let which =
        || words.place("list", say!(ja: "メーリングリストのアドレス", en: "Address of the list")).required(true);
    let owner = || {
        words.option("owner", "ADDRESS", say!(ja: "管理者（エラーメールの宛先）", en: "Owner, who gets its bounces"))
    };
    let settings = || {
        [
            words
                .option(
                    "posting",
                    "WHO",
                    say!(ja: "投稿できる人: members、anyone、owner", en: "Who may post: members, anyone or owner"),
                )
                .value_parser(["members", "anyone", "owner"]),
            words.option(
                "tag",
                "TEXT",
                say!(ja: "件名の前に付ける印（例: [team]）", en: "What goes before the subject, such as [team]"),
            ),
            words.option("description", "TEXT", say!(ja: "説明", en: "One line about the list")),
        ]
    };
    let members = || {
        words
            .place("member", say!(ja: "メンバーのアドレス（- で標準入力から一行ずつ）", en: "Addresses (- reads one a line from standard input)"))
            .required(true)
            .num_args(1..)
    };
    words.group(
        "list",
        say!(ja: "メーリングリスト", en: "Mailing lists"),
        [
            words
                .verb("add", say!(ja: "メーリングリストを追加する", en: "Add a list"))
                .arg(which())
                .arg(owner().required(true))
                .args(settings()),
            words.verb("list", say!(ja: "メーリングリストの一覧", en: "List the lists")),
            words.verb("show", say!(ja: "設定とメンバーを表示する", en: "Show settings and members")).arg(which()),
            words
                .verb("remove", say!(ja: "メーリングリストを削除する", en: "Remove a list"))
                .args([which(), words.yes()]),
            words
                .verb("set", say!(ja: "設定を変える", en: "Change settings"))
                .arg(which())
                .arg(owner())
                .args(settings()),
            words.group(
                "member",
                say!(ja: "メンバー", en: "Members"),
                [
                    words.verb("add", say!(ja: "メンバーを追加する", en: "Add members")).args([which(), members()]),
                    words.verb("remove", say!(ja: "メンバーを外す", en: "Remove members")).args([which(), members()]),
                ],
            ),
        ],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::List;
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("list")) };
    let address = || text(m, "list").to_owned();
    match verb {
        "add" => {
            let owner = text(m, "owner").to_owned();
            shell.act(List(ListCommand::Add { address: address(), owner, change: change(m) }))
        }
        "set" => {
            let change = ListChange { owner: given(m, "owner"), ..change(m) };
            shell.act(List(ListCommand::Set { address: address(), change }))
        }
        "remove" => super::confirmed(shell, m.get_flag("yes"), |confirmed| {
            List(ListCommand::Remove { address: address(), confirmed })
        }),
        "list" => list(shell),
        "show" => show_one(&address(), shell),
        "member" => member(m, shell),
        _ => Err(unknown(verb)),
    }
}

fn change(m: &ArgMatches) -> ListChange {
    let posting = match text(m, "posting") {
        "members" => Some(Posting::Members),
        "anyone" => Some(Posting::Anyone),
        "owner" => Some(Posting::Owner),
        _ => None,
    };
    ListChange { owner: None, posting, subject_tag: given(m, "tag"), description: given(m, "description") }
}

fn member(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::List;
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("list member")) };
    let address = text(m, "list").to_owned();
    let mut members: Vec<String> = m.get_many::<String>("member").unwrap_or_default().cloned().collect();
    if members.iter().any(|one| one == "-") {
        members.retain(|one| one != "-");
        members.extend(shell.input()?.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    shell.act(List(match verb {
        "add" => ListCommand::MemberAdd { address, members },
        _ => ListCommand::MemberRemove { address, members },
    }))
}

fn list(shell: &mut Shell) -> Result<Exit, Trouble> {
    let lists = shell.ask(Query::Lists)?;
    if shell.json {
        shell.print_json(&lists)?;
        return Ok(Exit::Well);
    }
    let mut table = Table::new(["LIST", "OWNER", "POSTING", "TAG", "DESCRIPTION"]);
    for one in lists.as_array().map_or(&[][..], Vec::as_slice) {
        table.row(["list", "owner", "posting", "subject_tag", "description"].map(|name| show::text(one, name).into()));
    }
    shell.print(&table.print())?;
    Ok(Exit::Well)
}

fn show_one(address: &str, shell: &mut Shell) -> Result<Exit, Trouble> {
    let mut members = Vec::new();
    let mut after = String::new();
    let mut shown = loop {
        let page = shell.ask(Query::List { address: address.to_owned(), after })?;
        members.extend(show::items(&page, "members").iter().cloned());
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = next.to_owned(),
            None => break page,
        }
    };
    shown["members"] = json!(members);
    if let Some(map) = shown.as_object_mut() {
        map.remove("next");
    }
    if shell.json {
        shell.print_json(&shown)?;
        return Ok(Exit::Well);
    }
    let mut table = Table::new(["LIST", show::text(&shown, "list")]);
    for name in ["owner", "posting", "subject_tag", "description", "created"] {
        table.row([name.replace('_', " "), show::text(&shown, name).into()]);
    }
    shell.print(&table.print())?;
    let mut table = Table::new(["MEMBER", "SINCE"]);
    for one in &members {
        table.row([show::text(one, "address").into(), show::text(one, "since").into()]);
    }
    shell.print("\n")?;
    shell.print(&table.print())?;
    Ok(Exit::Well)
}
