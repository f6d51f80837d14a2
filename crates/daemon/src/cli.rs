//! The command line: one place that knows all verbs, in the language of whoever asks.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use nix::sys::stat::{Mode, umask};
use sekisho_message::{Language, Text, say};

use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};
use crate::{locale, verbs};

#[cfg(test)]
mod tests;

/// Data folder when none is named.
const DEFAULT_DATA: &str = "sekisho-data";

/// Runs the verb of `args` (the program's name first) to its end.
#[must_use]
pub fn main(args: Vec<OsString>) -> Exit {
    // Whatever this program writes is its owner's alone.
    umask(Mode::from_bits_truncate(0o077));
    let language = locale::language(&args, |name| std::env::var(name).ok());
    let matches = match command(language).try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version come this way too; clap knows where each goes.
            let _ = error.print();
            return if error.use_stderr() { Exit::CouldNot } else { Exit::Well };
        }
    };
    let dir = matches.get_one::<PathBuf>("data").cloned().unwrap_or_else(|| PathBuf::from(DEFAULT_DATA));
    let mut shell = Shell::new(language, matches.get_flag("json"), dir);
    match run(&matches, &mut shell) {
        Ok(exit) => exit,
        Err(trouble) => {
            if !trouble.text.en.is_empty() {
                eprintln!("sekisho: {}", trouble.text.get(language));
            }
            if trouble.question {
                let hint = say!(ja: "実行するには --yes を付けてください。", en: "Add --yes to do it.");
                eprintln!("{}", hint.get(language));
            }
            trouble.exit
        }
    }
}

/// Every verb with its help.
#[must_use]
pub fn command(language: Language) -> Command {
    let words = Words(language);
    let command = Command::new("sekisho")
        .version(env!("CARGO_PKG_VERSION"))
        .about(words.of(say!(
            ja: "Sekisho: 踏み台にされないメールサーバ",
            en: "Sekisho: the mail server that is never left standing as a spam springboard"
        )))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .arg(Arg::new("data").long("data").value_name("DIR").global(true).value_parser(value_parser!(PathBuf)).help(
            words.of(say!(
                ja: "データフォルダ（既定: ./sekisho-data）",
                en: "Data folder (default: ./sekisho-data)"
            )),
        ))
        .arg(Arg::new("lang").long("lang").value_name("LANG").global(true).value_parser(["ja", "en"]).help(words.of(
            say!(
                ja: "表示する言語（既定: 環境のロケール）",
                en: "Language of the output (default: the locale)"
            ),
        )))
        .arg(words.switch("json", say!(ja: "JSON で出力する", en: "Print JSON")).global(true));
    verbs::all(&words).into_iter().fold(command, |command, verb| command.subcommand(localized(verb, language)))
}

fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    match matches.subcommand() {
        Some((name, matches)) => verbs::run(name, matches, shell),
        None => Err(Trouble::could_not(say!(ja: "コマンドがありません。", en: "There is no command."))),
    }
}

/// Headings of help pages in Japanese.
fn localized(command: Command, language: Language) -> Command {
    if language == Language::En {
        return command;
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command =
        names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |sub| localized(sub, language)));
    command
        .subcommand_help_heading("コマンド")
        .help_template("{about-with-newline}\n使い方: {usage}\n\n{all-args}{after-help}")
}

/// Makes commands and arguments whose help is in one language.
#[derive(Clone, Copy, Debug)]
pub struct Words(pub Language);

impl Words {
    /// `text` in this language.
    #[must_use]
    pub fn of(&self, text: Text) -> String {
        match self.0 {
            Language::Ja => text.ja,
            Language::En => text.en,
        }
    }

    /// A verb.
    #[must_use]
    pub fn verb(&self, name: &'static str, about: Text) -> Command {
        Command::new(name).about(self.of(about)).disable_help_subcommand(true)
    }

    /// A verb that has verbs of its own.
    #[must_use]
    pub fn group(&self, name: &'static str, about: Text, verbs: impl IntoIterator<Item = Command>) -> Command {
        self.verb(name, about).subcommand_required(true).arg_required_else_help(true).subcommands(verbs)
    }

    /// An argument by place.
    #[must_use]
    pub fn place(&self, name: &'static str, help: Text) -> Arg {
        Arg::new(name).value_name(name.to_uppercase()).help(self.of(help))
    }

    /// An option with a value.
    #[must_use]
    pub fn option(&self, name: &'static str, value: &'static str, help: Text) -> Arg {
        Arg::new(name).long(name).value_name(value).help(self.of(help))
    }

    /// An option without a value.
    #[must_use]
    pub fn switch(&self, name: &'static str, help: Text) -> Arg {
        Arg::new(name).long(name).action(ArgAction::SetTrue).help(self.of(help))
    }

    /// `--yes`.
    #[must_use]
    pub fn yes(&self) -> Arg {
        self.switch("yes", say!(ja: "確認せずに実行する", en: "Do it without asking"))
    }
}

/// The text of an argument, or empty.
pub(crate) fn text<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

/// The text of an argument, if it was given.
pub(crate) fn given(matches: &ArgMatches, name: &str) -> Option<String> {
    matches.get_one::<String>(name).cloned()
}
