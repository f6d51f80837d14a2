//! `sekisho import` and `sekisho export`: coming from another server, and leaving.

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command, value_parser};
use sekisho_control::command::Secret;
use sekisho_message::say;
use sekisho_moving::{Move, epost, imap};
use serde_json::Value;

use super::unknown;
use crate::cli::{Words, given, text};
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

pub(super) fn import_command(words: &Words) -> Command {
    let path = |arg: clap::Arg| arg.value_parser(value_parser!(PathBuf));
    let place = |help| path(words.place("from", help)).required(true);
    let account = || {
        words
            .option("account", "ADDRESS", say!(ja: "取り込み先のアカウント", en: "Account that gets the mail"))
            .required(true)
    };
    let folder = || {
        words.option(
            "folder",
            "NAME",
            say!(ja: "取り込み先のフォルダ（既定: INBOX）", en: "Folder that gets it (default: INBOX)"),
        )
    };
    words.group(
        "import",
        say!(ja: "ほかのサーバから移行する", en: "Come from another server"),
        [
            words
                .verb("epost", say!(ja: "E-POST のアカウント、メール、設定", en: "Accounts, mail and rules of an E-POST server"))
                .args([
                    path(words.option(
                        "accounts",
                        "FILE",
                        say!(ja: "アカウントのエクスポートファイル（タブ区切り 10 列）", en: "The account export (ten columns, tab-separated)"),
                    ))
                    .required(true),
                    path(words.option(
                        "programs",
                        "DIR",
                        say!(ja: "プログラムフォルダ（effect.dat などのある場所）", en: "The program folder, where effect.dat is"),
                    )),
                    path(words.option("spool", "DIR", say!(ja: "メール作業フォルダ（inbox のある場所）", en: "The spool, where inbox is"))),
                    path(words.option(
                        "aliases",
                        "FILE",
                        say!(ja: "別名の一覧（1 行に「別名 宛先」）", en: "Aliases, an alias and its target a line"),
                    )),
                    words.switch("dry-run", say!(ja: "何も変更せず、結果の見込みだけ報告する", en: "Change nothing, report what would be done")),
                    words.switch(
                        "overwrite",
                        say!(ja: "すでにあるアカウントと設定も置き換える", en: "Replace accounts and rules that are here already"),
                    ),
                ]),
            words.verb("maildir", say!(ja: "Maildir のメール", en: "Mail of a Maildir")).args([
                place(say!(ja: "Maildir（cur と new のあるフォルダ）", en: "The Maildir, where cur and new are")),
                account(),
                folder(),
            ]),
            words.verb("mbox", say!(ja: "mbox ファイルのメール", en: "Mail of an mbox file")).args([
                place(say!(ja: "mbox ファイル", en: "The mbox file")),
                account(),
                folder(),
            ]),
            words
                .verb("imap", say!(ja: "ほかの IMAP サーバのメール。パスワードは標準入力から読む", en: "Mail of another IMAP server; the password is read from standard input"))
                .args([
                    words.option("host", "HOST", say!(ja: "相手のサーバ", en: "The other server")).required(true),
                    words
                        .option("port", "PORT", say!(ja: "ポート（既定: 993。starttls と none は 143）", en: "Its port (default: 993; 143 for starttls and none)"))
                        .value_parser(value_parser!(u16)),
                    words.option("user", "NAME", say!(ja: "相手でのログイン名", en: "Login name there")).required(true),
                    words
                        .option("tls", "HOW", say!(ja: "暗号化: implicit（既定）、starttls、none", en: "TLS: implicit (the default), starttls, none"))
                        .value_parser(["implicit", "starttls", "none"]),
                    words.switch("insecure", say!(ja: "相手の証明書を確かめない", en: "Do not verify the certificate")),
                    account(),
                    folder(),
                ]),
        ],
    )
}

pub(super) fn export_command(words: &Words) -> Command {
    let account =
        || words.option("account", "ADDRESS", say!(ja: "書き出すアカウント", en: "Account to take out")).required(true);
    let to = |help| words.option("to", "DIR", help).value_parser(value_parser!(PathBuf)).required(true);
    words.group(
        "export",
        say!(ja: "メールを標準の形式で書き出す", en: "Take mail out in standard forms"),
        [
            words.verb("maildir", say!(ja: "Maildir に書き出す", en: "Into a Maildir")).args([
                account(),
                to(say!(ja: "作る（または書き足す）Maildir", en: "The Maildir to make or complete")),
            ]),
            words
                .verb("mbox", say!(ja: "フォルダごとの mbox ファイルに書き出す", en: "Into mbox files, one a folder"))
                .args([account(), to(say!(ja: "mbox ファイルを置くフォルダ", en: "Folder for the mbox files"))]),
        ],
    )
}

pub(super) fn import(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("import")) };
    let account = || text(m, "account").to_owned();
    match verb {
        "epost" => epost(m, shell),
        "maildir" => {
            let wanted = Move::Maildir { from: absolute(m, "from")?, account: account(), folder: given(m, "folder") };
            carry(wanted, shell)
        }
        "mbox" => {
            let wanted = Move::Mbox { from: absolute(m, "from")?, account: account(), folder: given(m, "folder") };
            carry(wanted, shell)
        }
        "imap" => {
            let tls = match text(m, "tls") {
                "starttls" => imap::Tls::Starttls,
                "none" => imap::Tls::None,
                _ => imap::Tls::Implicit,
            };
            let usual = if tls == imap::Tls::Implicit { 993 } else { 143 };
            let wanted = imap::Wanted {
                host: text(m, "host").to_owned(),
                port: m.get_one::<u16>("port").copied().unwrap_or(usual),
                tls,
                verify: !m.get_flag("insecure"),
                user: text(m, "user").to_owned(),
                password: Secret(shell.input()?),
                account: account(),
                folder: given(m, "folder"),
            };
            carry(Move::Imap(wanted), shell)
        }
        _ => Err(unknown(verb)),
    }
}

pub(super) fn export(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let Some((verb, m)) = matches.subcommand() else { return Err(unknown("export")) };
    let (account, to) = (text(m, "account").to_owned(), absolute(m, "to")?);
    match verb {
        "maildir" => carry(Move::ToMaildir { account, to }, shell),
        "mbox" => carry(Move::ToMbox { account, to }, shell),
        _ => Err(unknown(verb)),
    }
}

fn epost(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let optional = |name: &str| m.contains_id(name).then(|| absolute(m, name)).transpose();
    let wanted = epost::Wanted {
        accounts: absolute(m, "accounts")?,
        programs: optional("programs")?,
        spool: optional("spool")?,
        aliases: optional("aliases")?,
        dry_run: m.get_flag("dry-run"),
        overwrite: m.get_flag("overwrite"),
    };
    carry(Move::Epost(wanted), shell)
}

fn carry(wanted: Move, shell: &mut Shell) -> Result<Exit, Trouble> {
    let done = shell.carry(wanted)?;
    shell.say_done(&done)?;
    Ok(if is_clean(&done.data) { Exit::Well } else { Exit::Found })
}

/// Whether nothing was left out that somebody should look at.
fn is_clean(data: &Value) -> bool {
    let none = |value: &Value| value.as_u64().unwrap_or(0) == 0 && value.as_array().is_none_or(Vec::is_empty);
    let counts = &data["counts"];
    ["holes", "unreadable", "faults"].iter().all(|name| none(&counts[*name])) && none(&data["unreadable"])
}

/// A path as the server sees it: it runs in another folder.
fn absolute(m: &ArgMatches, name: &str) -> Result<PathBuf, Trouble> {
    let path = m.get_one::<PathBuf>(name).map_or(Path::new(""), PathBuf::as_path);
    std::path::absolute(path).map_err(Trouble::from_io)
}
