//! `sekisho inspect`: judges the logs of this or another server, without a running server and without a data folder.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use jiff::tz::TimeZone;
use sekisho_guard::inspect::{Format, Inspector, Settings, adjust};
use sekisho_message::say;

use super::moment;
use super::queue_filter::now;
use crate::cli::{Words, given};
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

mod lines;
mod merge;
mod open;
mod progress;
#[cfg(test)]
mod tests;

use merge::Merge;
use progress::Progress;

pub(super) fn command(words: &Words) -> Command {
    let about = say!(
        ja: "Postfix などのログから、踏み台にされた送信元、始まり、手口を読み取る",
        en: "Tell from a mail server's logs who is or was abused, since when, and how it began"
    );
    words.verb("inspect", about).args([
        words
            .option(
                "format",
                "FORMAT",
                say!(
                    ja: "ログの種類: auto（既定）、postfix、dovecot、exim、sekisho、epost。繰り返せる",
                    en: "Whose logs: auto (the default), postfix, dovecot, exim, sekisho, epost; may be repeated"
                ),
            )
            .action(ArgAction::Append)
            .value_delimiter(',')
            .value_parser(Format::ALL.map(|(name, _)| name)),
        words
            .option(
                "domain",
                "DOMAIN",
                say!(ja: "自分のドメイン。繰り返せる", en: "A domain that is ours; may be repeated"),
            )
            .action(ArgAction::Append),
        words.option(
            "zone",
            "ZONE",
            say!(
                ja: "時差を書かないログのタイムゾーン（例: Asia/Tokyo。既定: このマシンのもの）",
                en: "Time zone of times without an offset (such as Asia/Tokyo; default: this machine's)"
            ),
        ),
        words.option(
            "until",
            "TIME",
            say!(
                ja: "この時刻までに書かれたログである。年を書かないログの年はこれで決まる（既定: ファイルの更新時刻）",
                en: "The logs were written before this time, which tells the year where they write none (default: when the file was changed)"
            ),
        ),
        set_option(words),
        Arg::new("files").value_name("FILES").required(true).num_args(1..).value_parser(value_parser!(PathBuf)).help(
            words.of(say!(
                ja: "ログファイル（そのまま、または gzip）。- は標準入力",
                en: "Log files, plain or gzip; - is standard input"
            )),
        ),
    ])
}

/// `--set key=value`: one number of the guard's settings.
pub(super) fn set_option(words: &Words) -> Arg {
    words
        .option(
            "set",
            "KEY=VALUE",
            say!(
                ja: "関守の設定を変えて判定する（例: person.home=12）。繰り返せる",
                en: "Judge under another setting of the guard (such as person.home=12); may be repeated"
            ),
        )
        .action(ArgAction::Append)
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let formats: Vec<Format> = texts(m, "format").filter_map(Format::parse).collect();
    // Several kinds in one stream: every line is looked at for what it is.
    let format = match formats.as_slice() {
        [one] => *one,
        _ => Format::Auto,
    };
    let zone = zone(m)?;
    let mut settings = Settings { zone: Some(zone.clone()), ..Settings::default() };
    settings.local_domains = texts(m, "domain").map(str::to_owned).collect();
    for assignment in texts(m, "set") {
        adjust(&mut settings.policy, assignment).map_err(Trouble::could_not)?;
    }
    let until = given(m, "until").map(|text| moment::parse(&text, now(), &zone)).transpose()?;
    let options = open::Options { format, zone: zone.clone(), until, now: now() };
    let files: Vec<PathBuf> = m.get_many::<PathBuf>("files").into_iter().flatten().cloned().collect();
    let mut progress = Progress::new(open::total(&files), shell.language);
    let mut inspector = Inspector::new(settings);
    let mut merge = Merge::open(&files, &options, &mut inspector, &progress)?;
    while merge.feed(&mut inspector)? {
        progress.tick(inspector.incidents());
    }
    progress.end();
    let report = inspector.finish();
    if shell.json {
        shell.print_json(&report.json(shell.language))?;
    } else {
        shell.print(&report.story(shell.language, &zone))?;
    }
    Ok(Exit::Well)
}

fn texts<'a>(m: &'a ArgMatches, name: &str) -> impl Iterator<Item = &'a str> {
    m.get_many::<String>(name).into_iter().flatten().map(String::as_str)
}

fn zone(m: &ArgMatches) -> Result<TimeZone, Trouble> {
    let Some(name) = given(m, "zone") else { return Ok(TimeZone::system()) };
    TimeZone::get(&name).map_err(|_| {
        Trouble::could_not(say!(ja: "タイムゾーン「{name}」がありません。", en: "There is no time zone “{name}”."))
    })
}
