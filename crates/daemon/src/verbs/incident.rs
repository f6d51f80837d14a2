//! `sekisho incident`.

use clap::{ArgMatches, Command};
use sekisho_control::command::{IncidentCommand, Secret};
use sekisho_message::{Language, say};
use serde_json::{Value, json};

use super::account::{password_of, say_password};
use super::{incident_report, unknown};
use crate::cli::{Words, text};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, Table, story};
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    let which = || {
        words
            .place("incident", say!(ja: "番号、またはアカウント", en: "Its number, or the account that it is about"))
            .required(true)
    };
    words.group(
        "incident",
        say!(ja: "不正利用のインシデント", en: "Incidents: hijacked accounts and abused origins"),
        [
            words.verb("list", say!(ja: "インシデントの一覧", en: "List the incidents")),
            words
                .verb("show", say!(ja: "経緯: どう侵入され、何が送られ、次に何をするか", en: "Its story: how they came in, what was sent, what to do next"))
                .arg(which()),
            words
                .verb(
                    "contain",
                    say!(ja: "封じ込める: 停止・保留・切断を一度に行う", en: "Suspend, hold and end the sessions, in one act"),
                )
                .arg(which())
                .arg(words.option("reason", "TEXT", say!(ja: "理由（記録に残る）", en: "Why, for the journal"))),
            words
                .verb("release", say!(ja: "本人のメールを送る（先に件数を示す）", en: "Send what the owner sent; says first how much"))
                .args([
                    which(),
                    words.switch("all", say!(ja: "誤検知だったので全部", en: "Everything: it was a false alarm")),
                    words.yes(),
                ]),
            words
                .verb("purge", say!(ja: "本人以外のメールを削除する（先に件数を示す）", en: "Destroy what the owner did not send; says first how much"))
                .args([
                    which(),
                    words.switch("all", say!(ja: "本人の分も", en: "The owner's mail too")),
                    words.yes(),
                ]),
            words
                .verb(
                    "resolve",
                    say!(ja: "新しいパスワードを設定し、送信を再開する", en: "Set a new password and let the owner send again"),
                )
                .args([
                    which(),
                    words.switch(
                        "password-stdin",
                        say!(ja: "パスワードを標準入力から読む", en: "Read the password from standard input"),
                    ),
                    words
                        .switch("generate", say!(ja: "パスワードを作って表示する", en: "Make a password and print it"))
                        .conflicts_with("password-stdin"),
                ]),
            words
                .verb("report", say!(ja: "報告書一式をフォルダに書く", en: "Write everything about it into a folder"))
                .arg(which())
                .arg(words.place("dir", say!(ja: "新しいフォルダ", en: "A folder to make")).required(true)),
        ],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Incident;
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("incident")) };
    let which = || text(m, "incident").to_owned();
    match verb {
        "list" => list(shell),
        "show" => show_one(which(), shell),
        "contain" => shell.act(Incident(IncidentCommand::Contain { which: which(), reason: text(m, "reason").into() })),
        "release" => super::confirmed(shell, m.get_flag("yes"), |confirmed| {
            Incident(IncidentCommand::Release { which: which(), all: m.get_flag("all"), confirmed })
        }),
        "purge" => super::confirmed(shell, m.get_flag("yes"), |confirmed| {
            Incident(IncidentCommand::Purge { which: which(), all: m.get_flag("all"), confirmed })
        }),
        "resolve" => resolve(m, shell),
        "report" => incident_report::run(&which(), text(m, "dir"), shell),
        _ => Err(unknown(verb)),
    }
}

fn resolve(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let wanted = m.get_flag("password-stdin") || m.get_flag("generate");
    let (password, made) = if wanted { password_of(m, shell)? } else { (String::new(), false) };
    let act = IncidentCommand::Resolve {
        which: text(m, "incident").into(),
        password: wanted.then(|| Secret(password.clone())),
    };
    let done = shell.run(sekisho_control::Command::Incident(act))?;
    shell.say_done(&done)?;
    say_password(made, &password, shell)
}

fn list(shell: &mut Shell) -> Result<Exit, Trouble> {
    let mut all: Vec<Value> = Vec::new();
    let mut before = None;
    loop {
        let page = shell.ask(Query::Incidents { before })?;
        all.extend(show::items(&page, "incidents").iter().cloned());
        match page.get("next").and_then(Value::as_i64) {
            Some(next) => before = Some(sekisho_store::IncidentId(next)),
            None => break,
        }
    }
    if shell.json {
        shell.print_json(&json!(all))?;
        return Ok(Exit::Well);
    }
    let mut table = Table::new(match shell.language {
        Language::Ja => ["番号", "状態", "発信元", "理由", "発生", "変更", "変更者"],
        Language::En => ["ID", "STATE", "ORIGIN", "REASON", "OPENED", "CHANGED", "BY"],
    });
    for one in &all {
        table.row([
            show::number(one, "id").to_string(),
            show::text(one, "state").into(),
            show::text(one, "origin").into(),
            show::text(one, "reason").into(),
            show::text(one, "opened").into(),
            show::text(one, "changed").into(),
            show::text(one, "changed_by").into(),
        ]);
    }
    shell.print(&table.print())?;
    // Something that is not dealt with is something found.
    let open = all.iter().any(|one| ["opened", "contained"].contains(&show::text(one, "state")));
    Ok(if open { Exit::Found } else { Exit::Well })
}

fn show_one(which: String, shell: &mut Shell) -> Result<Exit, Trouble> {
    let told = shell.ask(Query::Incident { which })?;
    if shell.json {
        shell.print_json(&told)?;
        return Ok(Exit::Well);
    }
    shell.print(&story::print(&told, shell.language, Some(story::SHORT)))?;
    Ok(Exit::Well)
}
