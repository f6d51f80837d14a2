//! `sekisho logs`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use clap::{ArgMatches, Command, value_parser};
use jiff::tz::TimeZone;
use sekisho_control::logs::{Log, Style};
use sekisho_message::say;
use sekisho_store::journal::{Entry, EntryId, JournalFilter};
use serde_json::{Value, json};

use super::moment;
use super::queue_filter::now;
use crate::cli::{Words, given, text};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show;
use crate::trouble::{Exit, Trouble};

/// Entries in one answer.
const PAGE: u32 = 1_000;
/// How often a followed log is looked at.
const PAUSE: Duration = Duration::from_millis(300);
/// How long nobody may answer before following ends.
const SILENCE: Duration = Duration::from_secs(60);
/// Entries that a followed log begins with.
const BEGIN: usize = 10;

pub(super) fn command(words: &Words) -> Command {
    let names = Log::ALL.map(Log::as_str);
    words.verb("logs", say!(ja: "七つのログを表示する", en: "Print one of the seven logs")).args([
        words
            .place(
                "name",
                say!(
                    ja: "acceptlog、inlog、receivelog、outlog、faillog、pop3log、imap4log",
                    en: "acceptlog, inlog, receivelog, outlog, faillog, pop3log or imap4log"
                ),
            )
            .required(true)
            .value_parser(names),
        words.option("account", "ADDRESS", say!(ja: "このアカウントだけ", en: "Of this account")),
        words.option(
            "address",
            "ADDRESS",
            say!(ja: "このアドレス（差出人・宛先）だけ", en: "With this address (sender or recipient)"),
        ),
        words.option(
            "network",
            "NETWORK",
            say!(ja: "この接続元だけ（IP または CIDR）", en: "From this client (address or CIDR)"),
        ),
        words.option("message-id", "ID", say!(ja: "このメッセージ ID だけ", en: "About this message")),
        words.option(
            "since",
            "TIME",
            say!(ja: "この時刻から（例: 2h、2026-11-24）", en: "From this time on (such as 2h or 2026-11-24)"),
        ),
        words.option("until", "TIME", say!(ja: "この時刻まで", en: "Before this time")),
        words.switch("follow", say!(ja: "新しい行を待ち続ける", en: "Wait for new lines")),
        words
            .option("limit", "N", say!(ja: "最後の N 件だけ", en: "The last N entries alone"))
            .value_parser(value_parser!(usize)),
    ])
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let Some(log) = Log::parse(text(m, "name")) else { return Err(super::unknown(text(m, "name"))) };
    let zone = TimeZone::system();
    let time = |name: &str| given(m, name).map(|text| moment::parse(&text, now(), &zone)).transpose();
    let filter = JournalFilter {
        kinds: log.kinds().to_vec(),
        account: given(m, "account"),
        address: given(m, "address"),
        network: given(m, "network"),
        message: given(m, "message-id"),
        since: time("since")?,
        until: time("until")?,
    };
    let host = shell.settings()?.config.hostname.to_string();
    let printer = Printer { log, style: Style { host, zone } };
    let follow = m.get_flag("follow");
    let limit = m.get_one::<usize>("limit").copied();
    let limit = if follow && filter.since.is_none() { Some(limit.unwrap_or(BEGIN)) } else { limit };
    let after = past(&filter, limit, &printer, shell)?;
    if follow { new(&filter, after, &printer, shell) } else { Ok(Exit::Well) }
}

/// Prints what comes after `after`, until the terminal goes away. The server may start, stop and start again meanwhile.
fn new(filter: &JournalFilter, mut after: EntryId, printer: &Printer, shell: &mut Shell) -> Result<Exit, Trouble> {
    let mut heard = Instant::now();
    loop {
        let page = match shell.ask(Query::Logs { filter: filter.clone(), after, limit: PAGE }) {
            Ok(page) => page,
            Err(trouble) if heard.elapsed() > SILENCE => return Err(trouble),
            Err(_) => {
                shell.let_go();
                std::thread::sleep(PAUSE);
                continue;
            }
        };
        heard = Instant::now();
        after = page.get("next").and_then(Value::as_i64).unwrap_or(after).max(after);
        for one in show::items(&page, "entries") {
            printer.print(one, shell)?;
        }
        if page["end"] == true {
            shell.let_go();
            std::thread::sleep(PAUSE);
        }
    }
}

/// Prints what is there already, the last `limit` entries alone when there is a limit; where to go on.
fn past(
    filter: &JournalFilter,
    limit: Option<usize>,
    printer: &Printer,
    shell: &mut Shell,
) -> Result<EntryId, Trouble> {
    let mut last: VecDeque<Value> = VecDeque::new();
    let mut after = 0;
    loop {
        let page = shell.ask(Query::Logs { filter: filter.clone(), after, limit: PAGE })?;
        for one in show::items(&page, "entries") {
            let Some(limit) = limit else {
                printer.print(one, shell)?;
                continue;
            };
            last.push_back(one.clone());
            if last.len() > limit {
                last.pop_front();
            }
        }
        after = page.get("next").and_then(Value::as_i64).unwrap_or(after).max(after);
        if page["end"] == true {
            break;
        }
    }
    for one in &last {
        printer.print(one, shell)?;
    }
    Ok(after)
}

struct Printer {
    log: Log,
    style: Style,
}

impl Printer {
    fn print(&self, one: &Value, shell: &mut Shell) -> Result<(), Trouble> {
        let entry: Entry = serde_json::from_value(one["entry"].clone()).map_err(|error| {
            Trouble::could_not(say!(ja: "応答が壊れています: {error}", en: "The answer is damaged: {error}"))
        })?;
        if !shell.json {
            return shell.print(&self.style.lines(&entry));
        }
        shell.print_json(&json!({
            "id": one["id"],
            "time": stamp(&entry),
            "log": self.log,
            "kind": entry.kind,
            "account": entry.account,
            "address": entry.address,
            "network": entry.network,
            "message": entry.message,
            "detail": entry.detail,
        }))
    }
}

/// RFC 3339 with milliseconds.
fn stamp(entry: &Entry) -> String {
    jiff::Timestamp::from_microsecond(entry.at.micros())
        .map_or_else(|_| entry.at.to_string(), |stamp| format!("{stamp:.3}"))
}
