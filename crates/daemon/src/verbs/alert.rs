//! `sekisho alert`.

use clap::{ArgMatches, Command};
use sekisho_message::say;

use super::unknown;
use crate::cli::Words;
use crate::desk::Query;
use crate::shell::Shell;
use crate::show;
use crate::trouble::{Exit, Trouble};

pub(super) fn command(words: &Words) -> Command {
    words.group(
        "alert",
        say!(ja: "不正利用のお知らせ（guard.alert）", en: "Alerts about abuse (guard.alert)"),
        [words.verb(
            "test",
            say!(ja: "お知らせの宛先すべてに試しに送る", en: "Send a test to everybody who would be told"),
        )],
    )
}

pub(super) fn run(matches: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    match matches.subcommand() {
        Some(("test", _)) => test(shell),
        _ => Err(unknown("alert")),
    }
}

fn test(shell: &mut Shell) -> Result<Exit, Trouble> {
    let tried = shell.ask(Query::AlertTest)?;
    let all = tried.as_array().map_or(&[][..], Vec::as_slice);
    let well = !all.is_empty() && all.iter().all(|one| one["ok"] == true);
    if shell.json {
        shell.print_json(&tried)?;
    } else if all.is_empty() {
        shell.say(&say!(
            ja: "お知らせの宛先がありません。[guard.alert] を設定するか、システム管理者を作ってください。",
            en: "There is nobody to tell. Set [guard.alert], or add a system administrator."
        ))?;
    }
    if !shell.json {
        for one in all {
            let (channel, target, text) =
                (show::text(one, "channel"), show::text(one, "target"), show::text(one, "text"));
            let (ja, en) = if one["ok"] == true { ("送りました", "sent") } else { ("失敗", "failed") };
            shell.say(&say!(ja: "{channel} {target}: {ja}（{text}）", en: "{channel} {target}: {en} ({text})"))?;
        }
    }
    Ok(if well { Exit::Well } else { Exit::Found })
}
