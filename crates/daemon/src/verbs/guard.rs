//! `sekisho guard`: the guard's settings, tried on what has happened.

use std::collections::{BTreeMap, HashSet};
use std::io::{IsTerminal, stderr};
use std::time::Duration;

use clap::{ArgMatches, Command};
use jiff::tz::TimeZone;
use sekisho_control::logs::Log;
use sekisho_guard::inspect::{Clock, Format, Inspector, Settings, Source};
use sekisho_guard::policy::Policy;
use sekisho_message::{Time, say};
use sekisho_store::journal::{Entry, JournalFilter, Kind};
use serde_json::{Value, json};

use super::inspect::set_option;
use super::queue_filter::now;
use super::{drill, moment, unknown};
use crate::cli::{Words, given};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show;
use crate::trouble::{Exit, Trouble};

mod compare;
#[cfg(test)]
mod tests;

use compare::{Comparison, Known};

/// Entries in one answer.
const PAGE: u32 = 1_000;
/// From when on holds are told when nothing is said.
const SINCE: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn command(words: &Words) -> Command {
    words.group(
        "guard",
        say!(ja: "関守の設定", en: "The guard's settings"),
        [words
            .verb(
                "what-if",
                say!(
                    ja: "記録にある出来事を、別の設定で判定し直して比べる",
                    en: "Judge what the journal has again under other settings, and compare"
                ),
            )
            .args([
                words.option(
                    "since",
                    "TIME",
                    say!(
                        ja: "この時刻からの保留を比べる（例: 30d、2026-11-01。既定: 30d。それ以前は学習に使う）",
                        en: "Compare holds from this time on (such as 30d or 2026-11-01; default: 30d); what is older is learnt from"
                    ),
                ),
                set_option(words),
            ])],
    )
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    match m.subcommand() {
        Some(("what-if", m)) => what_if(m, shell),
        _ => Err(unknown("guard")),
    }
}

fn what_if(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let zone = TimeZone::system();
    let since = match given(m, "since") {
        Some(text) => moment::parse(&text, now(), &zone)?,
        None => now() - SINCE,
    };
    let configured = shell.settings()?.config.guard.policy;
    let changed = drill::policy(m, &configured)?;
    let mut replay = Replay::new(shell, [&configured, &changed], &zone)?;
    replay.read(shell)?;
    let Replay { judges: [as_it_is, as_it_were], known, .. } = replay;
    let settings = m.get_many::<String>("set").into_iter().flatten().cloned().collect();
    let comparison = Comparison { since, settings, now: as_it_is.finish(), then: as_it_were.finish(), known };
    if shell.json {
        shell.print_json(&comparison.json(shell.language))?;
    } else {
        shell.print(&comparison.text(shell.language, &zone))?;
    }
    Ok(Exit::Well)
}

/// The journal, judged twice at once.
struct Replay {
    judges: [Inspector; 2],
    source: Source,
    /// Accounts whose class was looked up.
    seen: HashSet<String>,
    /// What people said of holds.
    known: BTreeMap<String, Vec<(Time, Known)>>,
}

impl Replay {
    fn new(shell: &mut Shell, policies: [&Policy; 2], zone: &TimeZone) -> Result<Self, Trouble> {
        let domains = shell.ask(Query::Domains)?;
        let local_domains: Vec<String> = domains
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .map(|domain| show::text(domain, "domain").to_owned())
            .collect();
        let judges = policies.map(|policy| {
            let (policy, local_domains) = (policy.clone(), local_domains.clone());
            Inspector::new(Settings { policy, local_domains, zone: Some(zone.clone()), ..Settings::default() })
        });
        let source = Source::new(Format::Sekisho, Clock::new(zone.clone(), now()), "");
        Ok(Self { judges, source, seen: HashSet::new(), known: BTreeMap::new() })
    }

    /// Reads the journal from its beginning.
    fn read(&mut self, shell: &mut Shell) -> Result<(), Trouble> {
        let kinds = vec![Kind::In, Kind::Out, Kind::Fail, Kind::Receive, Kind::Pop3, Kind::Imap4, Kind::Act];
        let filter = JournalFilter { kinds, ..JournalFilter::default() };
        let (mut after, mut count) = (0, 0_u64);
        loop {
            let page = shell.ask(Query::Logs { filter: filter.clone(), after, limit: PAGE })?;
            for one in show::items(&page, "entries") {
                let entry: Entry = serde_json::from_value(one["entry"].clone()).map_err(|error| {
                    Trouble::could_not(say!(ja: "応答が壊れています: {error}", en: "The answer is damaged: {error}"))
                })?;
                count += 1;
                self.take(&entry, count, shell)?;
            }
            if stderr().is_terminal() {
                eprint!("\r{count}");
            }
            after = page.get("next").and_then(Value::as_i64).unwrap_or(after).max(after);
            if page["end"] == true {
                if stderr().is_terminal() {
                    eprintln!();
                }
                return Ok(());
            }
        }
    }

    fn take(&mut self, entry: &Entry, number: u64, shell: &mut Shell) -> Result<(), Trouble> {
        if entry.kind == Kind::Act {
            self.hear(entry);
            return Ok(());
        }
        let Some(log) = Log::of(entry.kind) else { return Ok(()) };
        if let Some(account) = entry.account.as_deref().filter(|_| entry.kind == Kind::In)
            && self.seen.insert(account.to_owned())
        {
            self.class_of(account, shell);
        }
        let line = json!({
            "time": entry.at.to_string(),
            "log": log,
            "account": entry.account,
            "address": entry.address,
            "network": entry.network,
            "message": entry.message,
            "detail": entry.detail,
        })
        .to_string();
        let mut source = self.source.clone();
        for judge in &mut self.judges {
            judge.line(&mut source, &line, "journal", number);
        }
        Ok(())
    }

    /// A class that somebody has set holds for the whole replay. Accounts that are gone have none.
    fn class_of(&mut self, account: &str, shell: &mut Shell) {
        let Ok(shown) = shell.ask(Query::Account { address: account.to_owned() }) else { return };
        if let Ok(class) = serde_json::from_value(shown["guard"]["class_set"].clone()) {
            let name = format!("account:{}", account.to_lowercase());
            self.judges.iter_mut().for_each(|judge| judge.set_class(&name, class));
        }
    }

    /// What somebody decided about an incident.
    fn hear(&mut self, entry: &Entry) {
        let detail = &entry.detail["detail"];
        let known = match show::text(&entry.detail, "act") {
            "incident.release" if detail["false_alarm"] == true => Known::FalseAlarm,
            "incident.resolve" | "incident.contain" => Known::Confirmed,
            _ => return,
        };
        let origin = match detail["origin"].as_str() {
            Some(origin) => origin.to_owned(),
            None => format!("account:{}", show::text(&entry.detail, "about")),
        };
        self.known.entry(origin.to_lowercase()).or_default().push((entry.at, known));
    }
}
