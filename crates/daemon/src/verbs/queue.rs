//! `sekisho queue`.

use clap::{ArgMatches, Command};
use sekisho_control::command::QueueCommand;
use sekisho_message::{Language, say};
use sekisho_store::RecipientId;
use serde_json::{Value, json};

use super::{queue_export, queue_filter as filter, unknown};
use crate::cli::{Words, text};
use crate::desk::{Query, QueueStatus};
use crate::shell::Shell;
use crate::show::{self, Table};
use crate::trouble::{Exit, Trouble};

/// Recipients that `queue list` shows unless told otherwise.
const LISTED: usize = 100;

pub(super) fn command(words: &Words) -> Command {
    let act = |name, about| filter::add(words, words.verb(name, about)).arg(filter::all(words));
    words.group(
        "queue",
        say!(ja: "キュー（配送待ちのメール）", en: "The queue"),
        [
            words.verb("status", say!(ja: "段階ごとの通数", en: "Counts by stage")),
            filter::add(words, words.verb("list", say!(ja: "待っている宛先の一覧", en: "List what waits"))).arg(
                words
                    .option(
                        "limit",
                        "N",
                        say!(ja: "最大の件数（既定 100、0 で全部）", en: "At most so many (default 100; 0: all)"),
                    )
                    .value_parser(clap::value_parser!(usize)),
            ),
            words
                .verb("show", say!(ja: "一通の詳細", en: "Show a message"))
                .arg(words.place("id", say!(ja: "メッセージ ID", en: "Message id")).required(true)),
            act("hold", say!(ja: "保留する", en: "Keep back")).arg(words.option(
                "reason",
                "TEXT",
                say!(ja: "理由", en: "Why, for whoever finds it"),
            )),
            act("release", say!(ja: "保留を解除する", en: "Let go")),
            act("retry", say!(ja: "今すぐ再試行する", en: "Try now")),
            act("purge", say!(ja: "削除する（誰の何通かを先に示す）", en: "Destroy; says first how many of whose"))
                .arg(words.yes()),
            queue_export::command(words),
        ],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Queue;
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("queue")) };
    match verb {
        "status" => status(shell),
        "list" => list(m, shell),
        "show" => show_one(text(m, "id"), shell),
        "hold" => {
            let filter = filter::for_act(m)?;
            shell.act(Queue(QueueCommand::Hold { filter, reason: text(m, "reason").into() }))
        }
        "release" => shell.act(Queue(QueueCommand::Release { filter: filter::for_act(m)? })),
        "retry" => shell.act(Queue(QueueCommand::Retry { filter: filter::for_act(m)? })),
        "purge" => {
            let filter = filter::for_act(m)?;
            super::confirmed(shell, m.get_flag("yes"), |confirmed| {
                Queue(QueueCommand::Purge { filter: filter.clone(), confirmed })
            })
        }
        "export" => queue_export::run(m, shell),
        _ => Err(unknown(verb)),
    }
}

fn status(shell: &mut Shell) -> Result<Exit, Trouble> {
    let status = shell.ask(Query::QueueStatus)?;
    if shell.json {
        // Through its type, so that the stages come in their order.
        let ordered = serde_json::from_value::<QueueStatus>(status.clone()).and_then(|s| serde_json::to_string(&s));
        shell.print(&format!("{}\n", ordered.unwrap_or_else(|_| status.to_string())))?;
        return Ok(Exit::Well);
    }
    let language = shell.language;
    let mut table = Table::new(match language {
        Language::Ja => ["段階", "通数", "宛先", "容量"],
        Language::En => ["STAGE", "MESSAGES", "RECIPIENTS", "SIZE"],
    });
    for stage in ["incoming", "lists", "domains", "holding"] {
        let counts = &status["stages"][stage];
        table.row([
            stage.into(),
            show::number(counts, "messages").to_string(),
            show::number(counts, "recipients").to_string(),
            show::size(show::number(counts, "bytes")),
        ]);
    }
    shell.print(&table.print())?;
    let oldest = show::number(&status, "oldest_seconds");
    if oldest > 0 {
        let age = show::span(oldest, language);
        shell.say(&say!(ja: "最も古いメール: {age}前", en: "Oldest: {age} ago"))?;
    }
    say_holds(shell)?;
    Ok(Exit::Well)
}

/// What keeps mail back: held origins and paused services.
fn say_holds(shell: &mut Shell) -> Result<(), Trouble> {
    let holds = shell.ask(Query::QueueHolds)?;
    for one in show::items(&holds, "held") {
        let (origin, since, reason) = (show::text(one, "origin"), show::text(one, "since"), show::text(one, "reason"));
        let (messages, recipients) = (show::number(one, "messages"), show::number(one, "recipients"));
        shell.say(&say!(
            ja: "保留中: {origin}（{since} から、{messages} 通、宛先 {recipients} 件）{reason}",
            en: "Held: {origin} (since {since}, {messages} messages, {recipients} recipients) {reason}"
        ))?;
    }
    for one in show::items(&holds, "paused") {
        let (service, since, reason) =
            (show::text(one, "service"), show::text(one, "since"), show::text(one, "reason"));
        shell.say(&say!(
            ja: "停止中: {service}（{since} から）{reason}",
            en: "Paused: {service} (since {since}) {reason}"
        ))?;
    }
    Ok(())
}

fn list(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let filter = filter::of(m)?;
    let most = match m.get_one::<usize>("limit") {
        Some(0) => usize::MAX,
        Some(n) => *n,
        None => LISTED,
    };
    let mut rows: Vec<Value> = Vec::new();
    let mut after: Option<RecipientId> = None;
    let more = loop {
        let left = most.saturating_sub(rows.len()).min(1_000);
        if left == 0 {
            break true;
        }
        let limit = u32::try_from(left).unwrap_or(1_000);
        let page = shell.ask(Query::Queue { filter: filter.clone(), after, limit })?;
        rows.extend(show::items(&page, "recipients").iter().cloned());
        match page.get("next").and_then(Value::as_i64) {
            Some(next) => after = Some(RecipientId(next)),
            None => break false,
        }
    };
    if shell.json {
        shell.print_json(&json!(rows))?;
        return Ok(Exit::Well);
    }
    let printed = table(&rows, shell.language).print();
    shell.print(&printed)?;
    if more {
        let n = rows.len();
        shell.say(&say!(ja: "（先頭の {n} 件。--limit 0 で全部）", en: "(the first {n}; --limit 0 shows all)"))?;
    }
    Ok(Exit::Well)
}

fn table(rows: &[Value], language: Language) -> Table {
    let mut table = Table::new(match language {
        Language::Ja => ["ID", "段階", "経過", "容量", "差出人", "宛先", "発信元", "回数", "応答"],
        Language::En => ["ID", "STAGE", "AGE", "SIZE", "FROM", "TO", "ORIGIN", "TRIES", "REPLY"],
    });
    for one in rows {
        table.row([
            show::text(one, "message").into(),
            show::text(one, "stage").into(),
            show::span(show::number(one, "age_seconds"), language),
            show::size(show::number(one, "size")),
            format!("<{}>", show::text(one, "from")),
            show::text(one, "to").into(),
            show::text(one, "origin").into(),
            show::number(one, "attempts").to_string(),
            show::text(one, "reply").into(),
        ]);
    }
    table
}

fn show_one(id: &str, shell: &mut Shell) -> Result<Exit, Trouble> {
    let shown = shell.ask(Query::Queued { message: id.to_owned() })?;
    if shell.json {
        shell.print_json(&shown)?;
        return Ok(Exit::Well);
    }
    let recipients = show::items(&shown, "recipients");
    let first = recipients.first().cloned().unwrap_or_default();
    let mut head = Table::new(["MESSAGE", show::text(&shown, "message")]);
    for (name, value) in [
        ("from", show::text(&first, "from")),
        ("header from", show::text(&shown, "header_from")),
        ("subject", show::text(&first, "subject")),
        ("message-id", show::text(&shown, "message_id")),
        ("account", show::text(&first, "account")),
        ("network", show::text(&first, "network")),
        ("helo", show::text(&shown, "helo")),
        ("received", show::text(&first, "received")),
        ("fingerprint", show::text(&first, "fingerprint")),
        ("held", show::text(&shown, "held")),
    ] {
        if !value.is_empty() {
            head.row([name.to_owned(), value.to_owned()]);
        }
    }
    head.row(["size".to_owned(), show::size(show::number(&shown, "size"))]);
    shell.print(&head.print())?;
    let mut table = Table::new(["TO", "STAGE", "DUE", "TRIES", "REPLY"]);
    for one in recipients {
        table.row([
            show::text(one, "to").into(),
            show::text(one, "stage").into(),
            show::text(one, "due").into(),
            show::number(one, "attempts").to_string(),
            show::text(one, "reply").into(),
        ]);
    }
    shell.print("\n")?;
    shell.print(&table.print())?;
    Ok(Exit::Well)
}
