//! What would have been held under other settings, beside what is held under these.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use sekisho_guard::inspect::{Report, Trouble};
use sekisho_message::{Language, Text, Time, say};
use serde::Serialize;
use serde_json::{Value, json};

use crate::show::Table;

/// How long after a hold somebody's decision is about it, in seconds.
const DECIDED: i64 = 14 * 86_400;

/// What people said of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Known {
    /// Its mail was let go as a false alarm.
    FalseAlarm,
    /// It was contained or cleaned up.
    Confirmed,
}

/// Both verdicts.
pub(super) struct Comparison {
    pub(super) since: Time,
    pub(super) settings: Vec<String>,
    pub(super) now: Report,
    pub(super) then: Report,
    pub(super) known: BTreeMap<String, Vec<(Time, Known)>>,
}

impl Comparison {
    pub(super) fn json(&self, language: Language) -> Value {
        json!({
            "since": self.since.seconds(),
            "settings": self.settings,
            "now": self.sums(&self.now),
            "then": self.sums(&self.then),
            "differences": self.differences().into_iter().map(|(origin, now, then)| json!({
                "origin": origin,
                "known": self.decision(origin, now.or(then)),
                "now": now.map(|one| one.json(language)),
                "then": then.map(|one| one.json(language)),
            })).collect::<Vec<_>>(),
        })
    }

    fn sums(&self, report: &Report) -> Value {
        let held: Vec<&Trouble> = self.held(report).collect();
        let decided = |known| held.iter().filter(|one| self.decision(&one.origin, Some(one)) == Some(known)).count();
        json!({
            "holds": held.len(),
            "false_holds": decided(Known::FalseAlarm),
            "confirmed": decided(Known::Confirmed),
            "recipients_escaped": held.iter().map(|one| u64::from(one.recipients_escaped)).sum::<u64>(),
            "messages": report.messages,
            "recipients": report.recipients,
            "recipients_delayed": report.delayed,
        })
    }

    fn held<'a>(&self, report: &'a Report) -> impl Iterator<Item = &'a Trouble> {
        let since = self.since.seconds();
        report.incidents.iter().chain(&report.notices).filter(move |one| one.held_at >= since)
    }

    /// What people said of a hold, if anything.
    fn decision(&self, origin: &str, held: Option<&Trouble>) -> Option<Known> {
        let at = held?.held_at;
        let said = self.known.get(&origin.to_lowercase())?;
        said.iter().find(|(when, _)| (at - 3_600..at + DECIDED).contains(&when.seconds())).map(|(_, known)| *known)
    }

    /// Origins with their first hold under each setting, where they are not the same.
    fn differences(&self) -> Vec<(&str, Option<&Trouble>, Option<&Trouble>)> {
        let first = |report| {
            let mut by_origin: BTreeMap<&str, &Trouble> = BTreeMap::new();
            for one in self.held(report) {
                by_origin.entry(&one.origin).or_insert(one);
            }
            by_origin
        };
        let (now, then) = (first(&self.now), first(&self.then));
        let origins: BTreeSet<&str> = now.keys().chain(then.keys()).copied().collect();
        let pair = |origin: &str| (now.get(origin).copied(), then.get(origin).copied());
        let same = |a: Option<&Trouble>, b: Option<&Trouble>| match (a, b) {
            (Some(a), Some(b)) => {
                (a.held_at, a.recipients_escaped, a.rung) == (b.held_at, b.recipients_escaped, b.rung)
            }
            _ => false,
        };
        origins
            .into_iter()
            .map(|origin| (origin, pair(origin)))
            .filter(|(_, (now, then))| !same(*now, *then))
            .map(|(origin, (now, then))| (origin, now, then))
            .collect()
    }

    pub(super) fn text(&self, language: Language, zone: &TimeZone) -> String {
        let mut out = String::new();
        let mut put = |text: Text| {
            let _ = writeln!(out, "{}", text.get(language));
        };
        let (since, settings) = (stamp(self.since.seconds(), zone), self.settings.join(" "));
        put(say!(ja: "{since} からの記録。変更: {settings}", en: "The journal since {since}. Changed: {settings}"));
        let head = match language {
            Language::Ja => ["", "保留", "うち誤検知と判断済み", "うち確認済み", "保留前に届いた宛先", "待った宛先"],
            Language::En => ["", "holds", "called false", "confirmed", "reached before", "waited"],
        };
        let mut table = Table::new(head);
        for (report, name) in
            [(&self.now, say!(ja: "今の設定", en: "as it is")), (&self.then, say!(ja: "変更後", en: "as it would be"))]
        {
            let sums = self.sums(report);
            let number = |field: &str| sums[field].to_string();
            table.row([
                name.get(language).to_owned(),
                number("holds"),
                number("false_holds"),
                number("confirmed"),
                number("recipients_escaped"),
                number("recipients_delayed"),
            ]);
        }
        put(Text::new(table.print(), table.print()));
        let differences = self.differences();
        if differences.is_empty() {
            put(say!(ja: "保留に違いはありません。", en: "The holds are the same."));
        }
        for (origin, now, then) in differences {
            let [a, b] = [now, then].map(|one| one.map(|one| stamp(one.held_at, zone)));
            put(match (a, b) {
                (Some(a), Some(b)) => {
                    say!(ja: "* {origin}: 保留は {a} から {b} に変わります。", en: "* {origin}: held at {b} instead of {a}.")
                }
                (Some(a), None) => {
                    say!(ja: "* {origin}: {a} の保留がなくなります。", en: "* {origin}: no longer held (now: {a}).")
                }
                (None, b) => {
                    let b = b.unwrap_or_default();
                    say!(ja: "* {origin}: {b} に新しく保留されます。", en: "* {origin}: newly held at {b}.")
                }
            });
            match self.decision(origin, now.or(then)) {
                Some(Known::FalseAlarm) => {
                    put(say!(ja: "    誤検知と判断されたものです。", en: "    Somebody called it a false alarm."))
                }
                Some(Known::Confirmed) => {
                    put(say!(ja: "    乗っ取りと確認されたものです。", en: "    Somebody confirmed it."))
                }
                None => {}
            }
        }
        out
    }
}

fn stamp(seconds: i64, zone: &TimeZone) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| format!("@{seconds}"),
        |stamp| stamp.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
