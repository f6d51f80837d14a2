//! `sekisho incident report`: everything about an incident in a folder, to be given to somebody.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::fs::{DirBuilder, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use jiff::tz::TimeZone;
use sekisho_control::logs::{Log, Style};
use sekisho_message::{Language, say};
use sekisho_store::journal::{Entry, JournalFilter};
use serde_json::{Value, json};

use crate::desk::Query;
use crate::shell::Shell;
use crate::show::{self, story};
use crate::trouble::{Exit, Trouble};

/// Journal entries in one answer.
const PAGE: u32 = 1_000;

pub(super) fn run(which: &str, dir: &str, shell: &mut Shell) -> Result<Exit, Trouble> {
    let told = shell.ask(Query::Incident { which: which.to_owned() })?;
    let dir = Path::new(dir);
    // Addresses and what was said: for its owner's eyes.
    DirBuilder::new().mode(0o700).create(dir).map_err(Trouble::from_io)?;
    for (name, language) in [("report.ja.md", Language::Ja), ("report.en.md", Language::En)] {
        write(&dir.join(name), story::print(&told, language, None).as_bytes())?;
    }
    let pretty = serde_json::to_vec_pretty(&told).unwrap_or_else(|_| told.to_string().into_bytes());
    write(&dir.join("incident.json"), &pretty)?;
    write(&dir.join("recipients.csv"), recipients(&told).as_bytes())?;
    let lines = log(&told, dir, shell)?;
    let reached = show::items(&told, "reached").len();
    let place = dir.display();
    if shell.json {
        shell.print_json(&json!({ "folder": dir, "reached": reached, "entries": lines }))?;
    } else {
        shell.say(&say!(
            ja: "{place} に書きました（届いた宛先 {reached} 件、記録 {lines} 行）。",
            en: "Wrote {place} ({reached} recipients reached, {lines} journal entries)."
        ))?;
    }
    Ok(Exit::Well)
}

/// Everybody who got, or was meant to get, a suspicious message, as a comma-separated table.
fn recipients(told: &Value) -> String {
    let mut out = String::from("address,result,time,message,host,reply\r\n");
    for (list, result) in [("reached", "reached"), ("failed", "failed")] {
        for one in show::items(told, list) {
            let fields = ["address", "", "at", "message", "host", "reply"];
            let cells = fields.map(|name| quoted(if name.is_empty() { result } else { show::text(one, name) }));
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
    }
    out
}

/// A cell. What a spreadsheet would take for a formula is made text.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\"").replace(['\r', '\n'], " "))
}

/// The journal entries behind the story, one JSON object a line in `journal.jsonl`, and as lines of the seven logs in
/// `inlog.txt` and its kin.
fn log(told: &Value, dir: &Path, shell: &mut Shell) -> Result<u64, Trouble> {
    let create = |name: &str| File::create(dir.join(name)).map(BufWriter::new).map_err(Trouble::from_io);
    let style = Style { host: shell.settings()?.config.hostname.to_string(), zone: TimeZone::system() };
    let mut out = create("journal.jsonl")?;
    let mut logs: BTreeMap<&'static str, BufWriter<File>> = BTreeMap::new();
    let mut lines = 0;
    for filter in show::items(told, "log") {
        let Ok(filter) = serde_json::from_value::<JournalFilter>(filter.clone()) else { continue };
        let mut after = 0;
        loop {
            let page = shell.ask(Query::Logs { filter: filter.clone(), after, limit: PAGE })?;
            for one in show::items(&page, "entries") {
                writeln!(out, "{one}").map_err(Trouble::from_io)?;
                lines += 1;
                let Ok(entry) = serde_json::from_value::<Entry>(one["entry"].clone()) else { continue };
                let Some(log) = Log::of(entry.kind).map(Log::as_str) else { continue };
                let file = match logs.entry(log) {
                    Slot::Occupied(file) => file.into_mut(),
                    Slot::Vacant(slot) => slot.insert(create(&format!("{log}.txt"))?),
                };
                file.write_all(style.lines(&entry).as_bytes()).map_err(Trouble::from_io)?;
            }
            if page["end"] == true {
                break;
            }
            after = page["next"].as_i64().unwrap_or(i64::MAX);
        }
    }
    for mut file in logs.into_values().chain([out]) {
        file.flush().map_err(Trouble::from_io)?;
    }
    Ok(lines)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Trouble> {
    std::fs::write(path, bytes).map_err(Trouble::from_io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_a_table_that_no_spreadsheet_runs() {
        let told = json!({
            "reached": [{ "address": "=cmd()@x.test", "at": "t", "message": "B1", "host": "h", "reply": "250 \"ok\"" }],
            "failed": [{ "address": "b@x.test", "at": "t", "message": "B1", "host": "", "reply": "550\r\nno" }],
        });
        let text = recipients(&told);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[1], "\"'=cmd()@x.test\",\"reached\",\"t\",\"B1\",\"h\",\"250 \"\"ok\"\"\"");
        assert!(lines[2].contains("\"failed\"") && lines[2].contains("550  no"));
        assert_eq!(lines.len(), 4);
    }
}
