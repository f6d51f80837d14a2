//! `sekisho reputation`.

use clap::Command;
use sekisho_control::reputation::{Reputation, State};
use sekisho_message::{Language, say};
use sekisho_store::rounds::Listing;

use crate::cli::Words;
use crate::desk::Query;
use crate::shell::Shell;
use crate::show::Table;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    words
        .verb(
            "reputation",
            say!(
                ja: "当方のアドレスとドメインのブラックリスト掲載と、解除の手順",
                en: "Our own addresses and domains on block lists, and how to get off"
            ),
        )
        .arg(
            words
                .switch("last", say!(ja: "問い合わせず、前回の結果を示す", en: "Ask nobody; show what was found last")),
        )
}

pub(super) fn run(m: &clap::ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let answer = shell.ask(Query::Reputation { fresh: !m.get_flag("last") })?;
    let broken = |error: serde_json::Error| Trouble::from_io(error.into());
    let found: Reputation = serde_json::from_value(answer["found"].clone()).map_err(broken)?;
    let history: Vec<Listing> = serde_json::from_value(answer["history"].clone()).map_err(broken)?;
    let exit = if found.worst() == State::Listed { Exit::Found } else { Exit::Well };
    if shell.json {
        shell.print_json(&found.shape(&history, shell.language))?;
        return Ok(exit);
    }
    if found.subjects.is_empty() {
        shell.say(&say!(
            ja: "外から見えるアドレスやドメインがありません（[reputation] addresses で指定できます）。",
            en: "There is no address or domain that the world can see (name some in [reputation] addresses)."
        ))?;
        return Ok(exit);
    }
    let text = told(&found, &history, shell.language);
    shell.print(&text)?;
    Ok(exit)
}

fn told(found: &Reputation, history: &[Listing], language: Language) -> String {
    let ja = language == Language::Ja;
    let mut table = Table::new(if ja {
        ["対象", "リスト", "状態", "意味"]
    } else {
        ["SUBJECT", "LIST", "STATE", "MEANING"]
    });
    for entry in &found.entries {
        let state = match entry.state {
            State::Clean => say!(ja: "なし", en: "clean"),
            State::Unknown => say!(ja: "不明", en: "unknown"),
            State::Listed => say!(ja: "掲載", en: "LISTED"),
        };
        let meaning = entry.meaning.as_ref().map_or("", |text| text.get(language));
        table.row([entry.subject.clone(), entry.zone.clone(), state.get(language).to_owned(), meaning.to_owned()]);
    }
    let mut out = table.print();
    for zone in found.zones.iter().filter(|zone| zone.state != "alive") {
        let why = zone.why.as_ref().map_or("", |text| text.get(language));
        let (zone, state) = (&zone.zone, &zone.state);
        let line = say!(ja: "リスト {zone} は使えません（{state}）: {why}", en: "The list {zone} cannot be used ({state}): {why}");
        out.push_str(&format!("{}\n", line.get(language)));
    }
    for entry in found.entries.iter().filter(|entry| entry.state == State::Listed) {
        let advice = entry.advice.as_ref().map_or("", |text| text.get(language));
        out.push_str(&format!("\n{} / {}: {}\n{advice}\n", entry.subject, entry.zone, entry.words));
    }
    for one in history.iter().filter(|one| one.until.is_some()).take(10) {
        let (subject, zone, since) = (&one.subject, &one.zone, one.since);
        let until = one.until.map(|until| until.to_string()).unwrap_or_default();
        let line = say!(ja: "過去: {subject} は {since} から {until} まで {zone} に掲載", en: "past: {subject} was on {zone} from {since} to {until}");
        out.push_str(&format!("{}\n", line.get(language)));
    }
    out
}
