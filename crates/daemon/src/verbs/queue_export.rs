//! `sekisho queue export`: queued messages as files, for evidence and for taking them elsewhere.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgMatches, Command, value_parser};
use sekisho_message::say;
use sekisho_store::RecipientId;
use serde_json::{Value, json};

use super::queue_filter as filter;
use crate::cli::{Words, given};
use crate::desk::Query;
use crate::shell::Shell;
use crate::show;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    filter::add(words, words.verb("export", say!(ja: "メールをファイルに書き出す", en: "Write messages to files")))
        .arg(filter::all(words))
        .arg(words.place(
            "id",
            say!(ja: "メッセージ ID（--to がなければ標準出力へ）", en: "Message id (to standard output without --to)"),
        ))
        .arg(
            words
                .option(
                    "to",
                    "DIR",
                    say!(ja: "書き出すフォルダ（ID.eml として）", en: "Folder for the files, each ID.eml"),
                )
                .value_parser(value_parser!(PathBuf)),
        )
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let to = m.get_one::<PathBuf>("to");
    if let Some(id) = given(m, "id") {
        match to {
            None => return print(&id, shell),
            Some(folder) => {
                write(&id, folder, shell)?;
                return said(1, folder, shell);
            }
        }
    }
    let Some(folder) = to else {
        return Err(Trouble::could_not(say!(
            ja: "書き出すフォルダを --to で指定してください。",
            en: "Say with --to which folder to write to."
        )));
    };
    std::fs::create_dir_all(folder).map_err(Trouble::from_io)?;
    let filter = filter::for_act(m)?;
    let (mut after, mut count, mut last) = (None, 0_u64, String::new());
    loop {
        let page = shell.ask(Query::Queue { filter: filter.clone(), after, limit: 1_000 })?;
        for one in show::items(&page, "recipients") {
            let id = show::text(one, "message");
            // Recipients of a message come one after the other.
            if id != last {
                last = id.to_owned();
                count += u64::from(write(id, folder, shell)?);
            }
        }
        match page.get("next").and_then(Value::as_i64) {
            Some(next) => after = Some(RecipientId(next)),
            None => return said(count, folder, shell),
        }
    }
}

fn said(count: u64, folder: &Path, shell: &mut Shell) -> Result<Exit, Trouble> {
    if shell.json {
        shell.print_json(&json!({ "messages": count, "folder": folder }))?;
    } else {
        let folder = folder.display();
        shell.say(&say!(ja: "{count} 通を {folder} に書き出しました。", en: "Wrote {count} messages to {folder}."))?;
    }
    Ok(Exit::Well)
}

fn print(id: &str, shell: &mut Shell) -> Result<Exit, Trouble> {
    let mut offset = 0;
    loop {
        let (bytes, next) = piece(id, offset, shell)?;
        shell.print_bytes(&bytes)?;
        match next {
            Some(next) => offset = next,
            None => return Ok(Exit::Well),
        }
    }
}

/// Writes one message; false when it left the queue meanwhile.
fn write(id: &str, folder: &Path, shell: &mut Shell) -> Result<bool, Trouble> {
    let path = folder.join(format!("{id}.eml"));
    let mut file: Option<File> = None;
    let mut offset = 0;
    loop {
        let (bytes, next) = match piece(id, offset, shell) {
            Ok(piece) => piece,
            Err(trouble) if trouble.exit == Exit::Found && file.is_none() => return Ok(false),
            Err(trouble) => return Err(trouble),
        };
        let out = match &mut file {
            Some(out) => out,
            None => {
                let opened = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
                file.insert(opened.map_err(Trouble::from_io)?)
            }
        };
        out.write_all(&bytes).map_err(Trouble::from_io)?;
        match next {
            Some(next) => offset = next,
            None => return Ok(true),
        }
    }
}

fn piece(id: &str, offset: usize, shell: &mut Shell) -> Result<(Vec<u8>, Option<usize>), Trouble> {
    let answer = shell.ask(Query::QueuedContent { message: id.to_owned(), offset })?;
    let bytes = STANDARD.decode(show::text(&answer, "base64")).map_err(|error| {
        Trouble::could_not(say!(ja: "応答が壊れています: {error}", en: "The answer is damaged: {error}"))
    })?;
    let next = answer.get("next").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    Ok((bytes, next))
}
