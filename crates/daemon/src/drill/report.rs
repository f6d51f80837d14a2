//! What a drill found, for programs, pages and people.

use std::fmt::Write as _;

use sekisho_guard::drill::world::{Held, Side};
use sekisho_guard::drill::{HonestSummary, Run, summarize};
use sekisho_message::{Language, Text, Time, say};
use serde_json::{Value, json};

use crate::show::{self, Table};

/// Everything.
pub struct Report {
    /// Seed of the runs that are told in detail.
    pub seed: u64,
    /// Runs of each class for the figures.
    pub runs: u32,
    /// The attacks.
    pub attacks: Vec<Drilled>,
    /// The honest senders.
    pub honest: Vec<HonestSummary>,
}

/// One class: the run that is told in detail, and all runs for the figures.
pub struct Drilled {
    /// The run that is told in detail.
    pub told: Run,
    /// Whether that run went through reception and queue.
    pub real: bool,
    /// All runs.
    pub all: Vec<Run>,
}

/// Seconds that people waited, of many runs.
struct Waits {
    recipients: u32,
    delayed: u32,
    /// Those who wait until a person has looked, with everything else of a held origin.
    held: u32,
    /// Median, 95 %, longest.
    seconds: [f32; 3],
}

impl Report {
    /// One without classes.
    #[must_use]
    pub fn new(seed: u64, runs: u32) -> Self {
        Self { seed, runs, attacks: Vec::new(), honest: Vec::new() }
    }

    /// For programs.
    #[must_use]
    pub fn json(&self, language: Language) -> Value {
        let told = || self.attacks.iter().map(|drilled| &drilled.told);
        let period = told().filter_map(|run| run.tally.period);
        let (from, to) = (period.clone().map(|p| p.0).min(), period.map(|p| p.1).max());
        json!({
            "period": { "from": from.map(Time::seconds), "to": to.map(Time::seconds) },
            "messages": told().map(Run::messages).sum::<u64>(),
            "recipients": told().map(Run::recipients).sum::<u64>(),
            "origins": told().map(|run| run.origins).sum::<usize>(),
            "incidents": self.attacks.iter().flat_map(|drilled| drilled.incidents(language)).collect::<Vec<_>>(),
            "seed": self.seed,
            "runs": self.runs,
            "attacks": self.attacks.iter().map(Drilled::json).collect::<Vec<_>>(),
            "honest": self.honest.iter().map(honest_json).collect::<Vec<_>>(),
        })
    }

    /// For a page: each class with its figures and the run that is told in detail, in both languages.
    #[must_use]
    pub fn told(&self) -> Value {
        let attacks: Vec<Value> = self.attacks.iter().map(Drilled::told).collect();
        json!({ "seed": self.seed, "runs": self.runs, "attacks": attacks })
    }

    /// For people.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let mut out = String::new();
        let mut put = |text: Text| {
            let _ = writeln!(out, "{}", text.get(language));
        };
        let (runs, seed) = (self.runs, self.seed);
        if !self.attacks.is_empty() {
            put(say!(
                ja: "攻撃: 種類ごとに {runs} 回。数字は中央値 / 95 % / 最大",
                en: "Attacks, {runs} runs each: median / 95 % / most"
            ));
            put(Text::new(self.attack_table(Language::Ja), self.attack_table(Language::En)));
            put(say!(
                ja: "種 {seed} の回（* は実際の受付とキューを通したもの）:",
                en: "The run of seed {seed} (* through real reception and queue):"
            ));
            for drilled in &self.attacks {
                put(drilled.sentence());
            }
        }
        if !self.honest.is_empty() {
            put(say!(ja: "\n正直な送信者: 種類ごとに {runs} 回", en: "\nHonest senders, {runs} runs each"));
            put(Text::new(self.honest_table(Language::Ja), self.honest_table(Language::En)));
        }
        out
    }

    fn attack_table(&self, language: Language) -> String {
        let head = match language {
            Language::Ja => [
                "",
                "攻撃",
                "居場所",
                "届いた宛先",
                "待機までの通数",
                "保留までの通数",
                "見逃し",
                "本人の待ち",
                "隣の待ち",
            ],
            Language::En => {
                ["", "attack", "from", "reached", "to dwell", "to hold", "missed", "owner waits", "neighbour waits"]
            }
        };
        let mut table = Table::new(head);
        for drilled in &self.attacks {
            let run = &drilled.told;
            let sum = drilled.summary();
            let [reached, dwell, hold] = [&sum.escaped[..], &sum.messages_to_dwell, &sum.messages_to_hold]
                .map(|numbers| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" / "));
            let [owner, neighbour] = [drilled.owner(), drilled.neighbour()].map(|waits| waits.short(language));
            table.row([
                run.attack.letter().to_string(),
                run.attack.name().to_owned(),
                run.from.name().to_owned(),
                reached,
                dwell,
                hold,
                sum.missed.to_string(),
                owner,
                neighbour,
            ]);
        }
        table.print()
    }

    fn honest_table(&self, language: Language) -> String {
        let head = match language {
            Language::Ja => ["送信者", "通数", "宛先", "保留", "待った宛先", "待ち時間"],
            Language::En => ["sender", "messages", "recipients", "holds", "waited", "for"],
        };
        let mut table = Table::new(head);
        for sum in &self.honest {
            table.row([
                sum.class.name().to_owned(),
                sum.messages.to_string(),
                sum.recipients.to_string(),
                sum.holds.to_string(),
                percent(sum.delayed, sum.recipients),
                spans(&sum.wait, language),
            ]);
        }
        table.print()
    }
}

impl Drilled {
    fn incidents(&self, language: Language) -> Vec<Value> {
        let mut told = self.told.incidents(language, &name);
        told.iter_mut().for_each(|one| one["path"] = json!(self.path()));
        told
    }

    /// What the run that is told in detail went through.
    fn path(&self) -> &'static str {
        if self.real { "acceptance" } else { "model" }
    }

    fn summary(&self) -> sekisho_guard::drill::AttackSummary {
        let tallies: Vec<_> = self.all.iter().map(|run| run.tally.clone()).collect();
        summarize(self.told.attack, self.told.from, &tallies)
    }

    fn owner(&self) -> Waits {
        Waits::of(self.all.iter().map(|run| &run.tally.honest))
    }

    fn neighbour(&self) -> Waits {
        Waits::of(self.all.iter().map(|run| &run.tally.neighbour))
    }

    fn json(&self) -> Value {
        let sum = self.summary();
        let [hold, dwell] =
            [sum.messages_to_hold, sum.messages_to_dwell].map(|[p50, p95]| json!({ "p50": p50, "p95": p95 }));
        json!({
            "attack": sum.attack,
            "letter": sum.attack.letter().to_string(),
            "from": sum.from,
            "runs": sum.runs,
            "path": self.path(),
            "missed": sum.missed,
            "recipients_escaped": { "p50": sum.escaped[0], "p95": sum.escaped[1], "max": sum.escaped[2] },
            "messages_to_dwell": dwell,
            "messages_to_hold": hold,
            "owner": self.owner().json(),
            "neighbour": self.neighbour().json(),
        })
    }

    fn told(&self) -> Value {
        let run = &self.told;
        let mut told = self.json();
        let held = run.tally.holds.first();
        told["name"] = json!(run.attack.text());
        told["sent"] = json!(run.tally.hostile.recipients);
        told["reached"] = json!(run.tally.hostile.reached);
        told["held_at_message"] = json!(held.map(|held| held.messages));
        told["why"] = json!(held.and_then(|held| held.signals.first()).map(sekisho_guard::signal::Signal::text));
        told
    }

    fn sentence(&self) -> Text {
        let run = &self.told;
        let (letter, what, from) = (run.attack.letter(), run.attack.text(), run.from.name());
        let mark = if self.real { '*' } else { ' ' };
        let Text { ja, en } = what;
        let (sent, reached) = (run.tally.hostile.recipients, run.tally.hostile.reached);
        let Some(held) = run.tally.holds.first() else {
            return say!(
                ja: " {mark}{letter} {ja}（{from}）: 気付きません。{sent} 件中 {reached} 件に届きます。",
                en: " {mark}{letter} {en} ({from}): not noticed; {reached} of {sent} recipients are reached."
            );
        };
        let messages = held.messages;
        let why = held.signals.first().map_or_else(|| Text::new("", ""), sekisho_guard::signal::Signal::text);
        let (why_ja, why_en) = (why.ja, why.en);
        say!(
            ja: " {mark}{letter} {ja}（{from}）: {messages} 通目で保留。{sent} 件中 {reached} 件に届きます。{why_ja}",
            en: " {mark}{letter} {en} ({from}): held at message {messages}; {reached} of {sent} recipients are reached. {why_en}"
        )
    }
}

impl Waits {
    fn of<'a>(sides: impl Iterator<Item = &'a Side>) -> Self {
        let (mut waits, mut sum) = (Vec::new(), Self { recipients: 0, delayed: 0, held: 0, seconds: [0.0; 3] });
        for side in sides {
            sum.recipients += side.recipients;
            sum.delayed += u32::try_from(side.waits.len()).unwrap_or(u32::MAX);
            sum.held += side.recipients.saturating_sub(side.reached);
            waits.extend_from_slice(&side.waits);
        }
        waits.sort_by(f32::total_cmp);
        let at = |percent: usize| {
            let rank = (waits.len() * percent).div_ceil(100).max(1) - 1;
            waits.get(rank).copied().unwrap_or_default()
        };
        sum.seconds = [at(50), at(95), at(100)];
        sum
    }

    fn json(&self) -> Value {
        let [p50, p95, max] = self.seconds;
        json!({
            "recipients": self.recipients,
            "delayed": self.delayed,
            "held": self.held,
            "wait_seconds": { "p50": p50, "p95": p95, "max": max },
        })
    }

    fn short(&self, language: Language) -> String {
        match percent(self.delayed, self.recipients) {
            none if self.delayed == 0 => none,
            share => format!("{share} ({})", spans(&self.seconds, language)),
        }
    }
}

fn honest_json(sum: &HonestSummary) -> Value {
    let [p50, p95, max] = sum.wait;
    json!({
        "class": sum.class,
        "runs": sum.runs,
        "messages": sum.messages,
        "recipients": sum.recipients,
        "holds": sum.holds,
        "delayed": sum.delayed,
        "wait_seconds": { "p50": p50, "p95": p95, "max": max },
    })
}

fn percent(part: u32, whole: u32) -> String {
    format!("{:.1} %", 100.0 * f64::from(part) / f64::from(whole.max(1)))
}

fn spans(seconds: &[f32; 3], language: Language) -> String {
    let span = |s: &f32| show::span(s.round() as u64, language);
    seconds.iter().map(span).collect::<Vec<_>>().join(" / ")
}

/// What an origin of the drill is called.
fn name(held: &Held) -> String {
    let kind = if held.authenticated { "account:drill" } else { "network:drill" };
    format!("{kind}{}", held.origin)
}
