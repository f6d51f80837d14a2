//! `sekisho store`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, value_parser};
use sekisho_control::Refusal;
use sekisho_message::{Text, say};
use sekisho_store::{Store, backup, copy};
use serde_json::{Value, json};

use super::unknown;
use crate::cli::{Words, text};
use crate::config::{self, Settings};
use crate::desk::Query;
use crate::lock::Lock;
use crate::server::privileges;
use crate::shell::Shell;
use crate::show;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    let folder = |help| words.place("folder", help).required(true).value_parser(value_parser!(PathBuf));
    words.group(
        "store",
        say!(ja: "保存データの点検、バックアップ、復元、移行", en: "Check, back up, restore and move the store"),
        [
            words.verb("check", say!(ja: "データが正しいか点検する", en: "Does everything fit together?")),
            words
                .verb("backup", say!(ja: "運用中のままバックアップを取る", en: "Back up, while the server runs or not"))
                .arg(folder(say!(ja: "新しく作るフォルダ", en: "Folder to make"))),
            words
                .verb("restore", say!(ja: "バックアップから復元する（停止中に）", en: "Restore a backup; the server must be stopped"))
                .arg(folder(say!(ja: "バックアップのフォルダ", en: "Folder of the backup"))),
            words
                .verb("copy", say!(ja: "別のデータベースへ移す（停止中に）", en: "Copy to another database; the server must be stopped"))
                .arg(
                    words
                        .option("to", "URL", say!(ja: "postgres://… または sqlite:ファイル", en: "postgres://… or sqlite:FILE"))
                        .required(true),
                )
                .arg(
                    words
                        .option("blobs", "DIR", say!(ja: "大きな本文のフォルダ（既定: 今と同じ）", en: "Folder for large bodies (default: the present one)"))
                        .value_parser(value_parser!(PathBuf)),
                ),
        ],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    match matches.subcommand() {
        Some(("check", _)) => check(shell),
        Some(("backup", m)) => back_up(path(m, "folder")?, shell),
        Some(("restore", m)) => restore(path(m, "folder")?, shell),
        Some(("copy", m)) => copy_to(text(m, "to"), m.get_one::<PathBuf>("blobs"), shell),
        _ => Err(unknown("store")),
    }
}

fn path<'a>(m: &'a ArgMatches, name: &str) -> Result<&'a PathBuf, Trouble> {
    m.get_one::<PathBuf>(name).ok_or_else(|| unknown(name))
}

fn check(shell: &mut Shell) -> Result<Exit, Trouble> {
    let report = shell.ask(Query::StoreCheck)?;
    let exit = if report["well"] == true { Exit::Well } else { Exit::Found };
    if shell.json {
        shell.print_json(&report)?;
        return Ok(exit);
    }
    for problem in show::items(&report, "problems") {
        if let Ok(text) = serde_json::from_value::<Text>(problem.clone()) {
            shell.say(&text)?;
        }
    }
    let (found, more) = (show::items(&report, "problems").len() as u64, show::number(&report, "more"));
    let (found, hashed) = (found + more, show::number(&report, "hashed"));
    let rows: u64 = show::items(&report, "rows").iter().filter_map(|row| row.get(1).and_then(Value::as_u64)).sum();
    shell.say(&if exit == Exit::Well {
        say!(
            ja: "問題はありません（{rows} 行、本文 {hashed} 件を照合）。",
            en: "All is well ({rows} rows, {hashed} bodies verified)."
        )
    } else {
        say!(ja: "{found} 件の問題が見つかりました。", en: "Found {found} problems.")
    })?;
    Ok(exit)
}

fn back_up(folder: &Path, shell: &mut Shell) -> Result<Exit, Trouble> {
    // The server may have another working folder.
    let folder = std::path::absolute(folder).map_err(Trouble::from_io)?;
    let made = shell.ask(Query::StoreBackup { to: folder.display().to_string() })?;
    let (files, bytes, shown) =
        (show::number(&made, "files"), show::size(show::number(&made, "bytes")), folder.display());
    say_made(
        shell,
        &made,
        &say!(
            ja: "バックアップを {shown} に作りました（{bytes}、本文ファイル {files} 件）。sekisho.toml、effect.dat、tls は含みません。",
            en: "Made a backup in {shown} ({bytes}, {files} body files). sekisho.toml, effect.dat and tls are not in it."
        ),
    )
}

fn restore(folder: &Path, shell: &mut Shell) -> Result<Exit, Trouble> {
    let folder = std::path::absolute(folder).map_err(Trouble::from_io)?;
    let settings = shell.settings()?;
    let _lock = alone(&settings)?;
    let made = backup::restore(&folder, &store_settings(&settings)).map_err(Refusal::from)?;
    let at = made.made;
    say_made(shell, &json!(made), &say!(ja: "{at} のバックアップを復元しました。", en: "Restored the backup of {at}."))
}

fn copy_to(url: &str, blobs: Option<&PathBuf>, shell: &mut Shell) -> Result<Exit, Trouble> {
    let settings = shell.settings()?;
    let _lock = alone(&settings)?;
    let mut wanted = settings.clone();
    wanted.config.store.url = url.to_owned();
    if let Some(blobs) = blobs {
        let blobs = std::path::absolute(blobs).map_err(Trouble::from_io)?;
        wanted.config.store.blobs = format!("file:{}", blobs.display());
    }
    let source = Store::open(&store_settings(&settings)).map_err(Refusal::from)?;
    let target = Store::open(&store_settings(&wanted)).map_err(Refusal::from)?;
    let terminal = std::io::stderr().is_terminal();
    let mut progress = |table: &str, rows: u64| {
        if terminal {
            eprint!("\r{table}: {rows}        ");
        }
    };
    let copied = copy::copy(&source, &target, &mut progress);
    if terminal {
        eprintln!();
    }
    source.close_blocking();
    target.close_blocking();
    let copied = copied.map_err(Refusal::from)?;
    let (rows, files, file) = (copied.rows, copied.files, config::FILE);
    say_made(
        shell,
        &json!(copied),
        &say!(
            ja: "{rows} 行と本文ファイル {files} 件を移しました。{file} の [store] url を新しい値にしてから起動してください。",
            en: "Copied {rows} rows and {files} body files. Put the new url into [store] of {file} before you start the server."
        ),
    )
}

fn say_made(shell: &mut Shell, made: &Value, text: &Text) -> Result<Exit, Trouble> {
    if shell.json {
        shell.print_json(made)?
    } else {
        shell.say(text)?
    }
    Ok(Exit::Well)
}

/// The data folder for this call alone: nothing may write meanwhile.
fn alone(settings: &Settings) -> Result<Lock, Trouble> {
    if let Some(owner) = privileges::owner(&settings.dir) {
        privileges::become_identity(owner)?;
    }
    Lock::take(&settings.dir).map_err(Trouble::from_io)?.ok_or_else(|| {
        Trouble::could_not(say!(
            ja: "サーバが動いています。先に停止してください。",
            en: "The server is running. Stop it first."
        ))
    })
}

fn store_settings(settings: &Settings) -> sekisho_store::Settings {
    sekisho_store::Settings { url: settings.store_url(), blobs: settings.blobs(), node: settings.node() }
}
