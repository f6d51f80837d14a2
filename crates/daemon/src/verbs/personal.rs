//! `sekisho account forward`, `reply` and `hours`.

use clap::{ArgAction, ArgMatches, Command};
use sekisho_control::command::PersonalCommand;
use sekisho_message::say;
use sekisho_store::personal::{AutoReply, Forward};

use super::nothing;
use crate::cli::{Words, given, text};
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

/// A sender hears an automatic reply once in so many days.
const DAYS: u32 = 7;

/// The verbs below `sekisho account`.
pub(super) fn commands(words: &Words) -> [Command; 3] {
    let who = || words.place("account", say!(ja: "アカウント", en: "Account")).required(true);
    let off = |help| words.switch("off", help);
    [
        words
            .verb("forward", say!(ja: "転送を設定する", en: "Forward its mail"))
            .args([
                who(),
                words
                    .option("to", "ADDRESS", say!(ja: "転送先（カンマ区切り、繰り返し可）", en: "Where to (commas, may be repeated)"))
                    .action(ArgAction::Append)
                    .value_delimiter(','),
                words.switch("no-keep", say!(ja: "メールボックスに残さない", en: "Keep no copy in the mailbox")),
                words
                    .option("permit", "PATTERN", say!(ja: "この差出人だけ転送する（例: *@example.jp）", en: "Only mail of these senders (such as *@example.jp)"))
                    .action(ArgAction::Append)
                    .value_delimiter(','),
                off(say!(ja: "転送をやめる", en: "Forward no more")).conflicts_with("to"),
            ]),
        words.verb("reply", say!(ja: "自動返信を設定する", en: "Answer its mail automatically")).args([
            who(),
            words.switch("text-stdin", say!(ja: "本文を標準入力から読む", en: "Read the text from standard input")),
            words.option("subject", "TEXT", say!(ja: "件名（既定: 「Auto: 」と元の件名）", en: "Subject (default: \"Auto: \" and that of the message)")),
            words
                .option("days", "DAYS", say!(ja: "同じ差出人には何日に 1 回か（既定: 7）", en: "Once in so many days for each sender (default: 7)"))
                .value_parser(clap::value_parser!(u32).range(1..=365)),
            words
                .option("except", "PATTERN", say!(ja: "返信しない差出人（カンマ区切り、繰り返し可）", en: "Senders who get no answer (commas, may be repeated)"))
                .action(ArgAction::Append)
                .value_delimiter(','),
            off(say!(ja: "自動返信をやめる", en: "Answer no more")).conflicts_with("text-stdin"),
        ]),
        words
            .verb("hours", say!(ja: "外部へ送信できる時間帯を決める", en: "Set when its mail for others may leave"))
            .args([
                who(),
                words
                    .place("hours", say!(ja: "例: \"mon-fri 08:00-19:00, sat 09:00-12:00\"、制限なしは any", en: "Such as \"mon-fri 08:00-19:00, sat 09:00-12:00\"; any lifts it"))
                    .required(true),
            ]),
    ]
}

pub(super) fn run(verb: &str, m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let address = text(m, "account").to_owned();
    let act = match verb {
        "forward" => PersonalCommand::Forward { address, forward: forward(m)? },
        "reply" => PersonalCommand::Reply { address, reply: reply(m, shell)? },
        _ => PersonalCommand::Hours { address, hours: given(m, "hours").filter(|hours| hours != "any") },
    };
    shell.act(sekisho_control::Command::Personal(act))
}

fn forward(m: &ArgMatches) -> Result<Option<Forward>, Trouble> {
    if m.get_flag("off") {
        return Ok(None);
    }
    let to = many(m, "to");
    if to.is_empty() {
        return Err(nothing());
    }
    Ok(Some(Forward { to, keep: !m.get_flag("no-keep"), permit: many(m, "permit") }))
}

fn reply(m: &ArgMatches, shell: &Shell) -> Result<Option<AutoReply>, Trouble> {
    if m.get_flag("off") {
        return Ok(None);
    }
    if !m.get_flag("text-stdin") {
        return Err(nothing());
    }
    let days = m.get_one::<u32>("days").copied().unwrap_or(DAYS);
    let subject = given(m, "subject").unwrap_or_default();
    Ok(Some(AutoReply { subject, text: shell.input()?, days, except: many(m, "except") }))
}

fn many(m: &ArgMatches, name: &str) -> Vec<String> {
    let all = m.get_many::<String>(name).into_iter().flatten();
    all.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}
