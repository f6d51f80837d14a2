//! The conditions that queue verbs share.

use clap::{Arg, ArgMatches, Command};
use jiff::Timestamp;
use sekisho_message::{Time, say};
use sekisho_store::MessageId;
use sekisho_store::queue::Filter;

use crate::cli::{Words, given};
use crate::config::Span;
use crate::desk::stage;
use crate::trouble::Trouble;

/// Adds every condition to `command`.
pub(super) fn add(words: &Words, command: Command) -> Command {
    let option = |name, value, help| words.option(name, value, help);
    command.args([
        option("account", "ADDRESS", say!(ja: "送信したアカウント", en: "Account that submitted it")),
        option("address", "ADDRESS", say!(ja: "差出人または宛先", en: "Envelope sender or recipient")),
        option(
            "network",
            "NETWORK",
            say!(ja: "接続元（192.0.2.1 または 192.0.2.0/24）", en: "Client (192.0.2.1 or 192.0.2.0/24)"),
        ),
        option("domain", "DOMAIN", say!(ja: "宛先のドメイン", en: "Domain of the recipient")),
        option(
            "origin",
            "KEY",
            say!(ja: "発信元（account:a@b、network:…、inbound）", en: "Origin (account:a@b, network:… or inbound)"),
        ),
        option(
            "stage",
            "STAGE",
            say!(ja: "incoming、lists、domains、holding", en: "incoming, lists, domains or holding"),
        )
        .value_parser(["incoming", "lists", "domains", "holding"]),
        option(
            "older-than",
            "SPAN",
            say!(ja: "これより前に届いたもの（例: 4h）", en: "Received longer ago than this (such as 4h)"),
        ),
        option("message", "ID", say!(ja: "メッセージ ID", en: "Message id")),
        option("fingerprint", "HEX", say!(ja: "本文の指紋", en: "Content fingerprint")),
    ])
}

/// `--all`, for acts: without any condition they want to be sure.
pub(super) fn all(words: &Words) -> Arg {
    words.switch("all", say!(ja: "条件なし（キュー全体）", en: "Without conditions: the whole queue"))
}

/// The filter that was given.
pub(super) fn of(m: &ArgMatches) -> Result<Filter, Trouble> {
    let message = match given(m, "message") {
        Some(text) => Some(MessageId::parse(&text).ok_or_else(|| bad("message", &text))?),
        None => None,
    };
    let fingerprint = match given(m, "fingerprint") {
        Some(text) => Some(u64::from_str_radix(&text, 16).map_err(|_| bad("fingerprint", &text))?.cast_signed()),
        None => None,
    };
    let older_than = match given(m, "older-than") {
        Some(text) => Some(now() - Span::parse(&text).map_err(|_| bad("older-than", &text))?.0),
        None => None,
    };
    Ok(Filter {
        account: given(m, "account"),
        address: given(m, "address"),
        network: given(m, "network"),
        domain: given(m, "domain"),
        origin: given(m, "origin"),
        origin_kind: None,
        stage: given(m, "stage").and_then(|name| stage(&name)),
        older_than,
        message,
        fingerprint,
    })
}

/// The filter of an act: some condition, or `--all`.
pub(super) fn for_act(m: &ArgMatches) -> Result<Filter, Trouble> {
    let filter = of(m)?;
    if filter == Filter::default() && !m.get_flag("all") {
        return Err(Trouble::could_not(say!(
            ja: "条件（--account など）か --all を指定してください。",
            en: "Give a condition (such as --account) or --all."
        )));
    }
    Ok(filter)
}

/// The time at this terminal.
pub(super) fn now() -> Time {
    Time(Timestamp::now().as_microsecond())
}

fn bad(name: &str, text: &str) -> Trouble {
    Trouble::could_not(say!(
        ja: "--{name} の値「{text}」が正しくありません。",
        en: "“{text}” is not a value for --{name}."
    ))
}
