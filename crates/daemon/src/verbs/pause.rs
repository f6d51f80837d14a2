//! `sekisho pause` and `sekisho resume`.

use clap::{ArgMatches, Command};
use sekisho_control::command::{Service, SwitchCommand};
use sekisho_message::say;

use super::unknown;
use crate::cli::{Words, text};
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

pub(super) fn pause_command(words: &Words) -> Command {
    words
        .verb("pause", say!(ja: "サービスを止める（届いたメールは失われない）", en: "Pause a service; nothing is lost"))
        .arg(service(words))
        .arg(words.option("reason", "TEXT", say!(ja: "理由", en: "Why, for whoever finds it")))
}

pub(super) fn resume_command(words: &Words) -> Command {
    words.verb("resume", say!(ja: "止めたサービスを再開する", en: "Resume a paused service")).arg(service(words))
}

fn service(words: &Words) -> clap::Arg {
    words
        .place(
            "service",
            say!(
                ja: "receive（受信、epstrd）、delivery（配送、epstdd）、pop3、imap4",
                en: "receive (epstrd), delivery (epstdd), pop3 or imap4"
            ),
        )
        .required(true)
        .value_parser(Service::ALL.map(Service::as_str))
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell, pause: bool) -> Result<Exit, Trouble> {
    use sekisho_control::Command::Switch;
    let name = text(m, "service");
    let service = Service::parse(name).ok_or_else(|| unknown(name))?;
    shell.act(Switch(if pause {
        SwitchCommand::Pause { service, reason: text(m, "reason").into() }
    } else {
        SwitchCommand::Resume { service }
    }))
}
