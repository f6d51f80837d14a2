//! `sekisho trace`.

use std::io::Read;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgMatches, Command, value_parser};
use sekisho_control::trace::{Traced, Verdict};
use sekisho_message::{Text, say};

use crate::cli::Words;
use crate::desk::Query;
use crate::shell::Shell;
use crate::trouble::{Exit, Trouble};

/// Octets of a file that are looked at: header and text come first.
const MOST: u64 = 8 << 20;

pub(super) fn command(words: &Words) -> Command {
    words
        .verb(
            "trace",
            say!(
                ja: "苦情のメールは当方のものか: 誰が、いつ、どこから送ったか。または詐称か",
                en: "Is a complaint about us? Who sent it, when and from where; or is it a forgery"
            ),
        )
        .arg(
            words
                .place("file", say!(ja: "メール（.eml）。- は標準入力", en: "The message (.eml); - is standard input"))
                .required(true)
                .value_parser(value_parser!(PathBuf)),
        )
}

pub(super) fn run(m: &ArgMatches, shell: &mut Shell) -> Result<Exit, Trouble> {
    let path = m.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    let bytes = read(&path).map_err(|error| {
        let path = path.display();
        Trouble::could_not(say!(ja: "{path} を読めません: {error}", en: "{path} cannot be read: {error}"))
    })?;
    let answer = shell.ask(Query::Trace { base64: STANDARD.encode(bytes) })?;
    let traced: Traced = serde_json::from_value(answer).map_err(|error| Trouble::from_io(error.into()))?;
    if shell.json {
        shell.print_json(&traced.shape(shell.language))?;
    } else {
        let text = told(&traced, shell);
        shell.print(&text)?;
    }
    Ok(Exit::Well)
}

fn read(path: &PathBuf) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MOST).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn told(traced: &Traced, shell: &Shell) -> String {
    let language = shell.language;
    let who = traced.account.as_deref().or(traced.origin.as_deref()).unwrap_or("?");
    let network = traced.network.as_deref().unwrap_or("?");
    let time = traced.time.map_or_else(|| "?".to_owned(), |time| time.to_string());
    let head = match traced.verdict {
        Verdict::Submitted => say!(
            ja: "当方のメールです。アカウント {who} が {network} から {time} に送りました。",
            en: "It is ours: the account {who} sent it from {network} at {time}."
        ),
        Verdict::Relayed => say!(
            ja: "当方が中継したメールです。発信元 {who}、{network} から {time}。",
            en: "We relayed it for {who}, from {network} at {time}."
        ),
        Verdict::Received => say!(
            ja: "外（{network}）から {time} に当方が受け取ったメールです。",
            en: "It came to us from outside ({network}) at {time}."
        ),
        Verdict::Forged => say!(
            ja: "当方のメールではありません（詐称）。止めるべきものはありません。",
            en: "It is not ours: it only claims to be. There is nothing to stop here."
        ),
        Verdict::Unknown => say!(ja: "分かりません。", en: "It cannot be told."),
    };
    let mut out = format!("{}\n", head.get(language));
    let mut add = |text: &Text| out.push_str(&format!("  {}\n", text.get(language)));
    if let Some(id) = &traced.message_id {
        let to = traced.recipients.join(", ");
        add(&say!(ja: "メッセージ ID {id}、宛先: {to}", en: "Message id {id}; recipients: {to}"));
    }
    if let Some(source) = &traced.source {
        add(&source.text());
    }
    traced.reasons.iter().for_each(&mut add);
    out
}
