//! Acts on an account's own rules: forwarding, automatic reply, send hours.
//!
//! The guard hears of a forward to outside, because that is how an intruder stays after the password was changed. At the
//! console the browser's network is the place that it is judged by; a shell is nobody's strange place.

use sekisho_guard::event::Change;
use sekisho_guard::rules::hours::SendHours;
use sekisho_message::{Address, Text, say};
use sekisho_store::personal::{self, AutoReply, Forward, MOST_TARGETS};
use sekisho_store::{Tx, domain};
use serde_json::json;

use super::{account_with, address_of};
use crate::command::PersonalCommand;
use crate::control::{Acted, Fault};
use crate::{Actor, BusEvent, Control, Done, Refusal};

#[cfg(test)]
mod tests;

/// Longest text of an automatic reply, in octets.
const LONGEST_REPLY: usize = 16 << 10;
/// Longest subject of one, in characters.
const LONGEST_SUBJECT: usize = 200;
/// Most patterns of a rule.
const MOST_PATTERNS: usize = 1_000;
/// Longest pattern.
const LONGEST_PATTERN: usize = 320;

pub(super) async fn run(control: &Control, act: PersonalCommand, actor: &Actor) -> Result<Done, Refusal> {
    match act {
        PersonalCommand::Forward { address, forward } => set_forward(control, &address, forward, actor).await,
        PersonalCommand::Reply { address, reply } => set_reply(control, &address, reply, actor).await,
        PersonalCommand::Hours { address, hours } => set_hours(control, &address, hours, actor).await,
    }
}

async fn set_forward(
    control: &Control,
    address: &str,
    forward: Option<Forward>,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let address = address_of(address)?;
    let forward = forward.map(|forward| checked_forward(&address, forward)).transpose()?;
    let key = address.key();
    let (name, began) = (key.clone(), forward.is_some());
    let done = control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            personal::set_forward(tx, account.id, forward.as_ref())?;
            let outside = match &forward {
                Some(forward) => is_outside(tx, forward)?,
                None => false,
            };
            Ok(Acted {
                act: if forward.is_some() { "account.forward" } else { "account.forward.end" },
                about: Some(key.clone()),
                detail: json!({ "forward": &forward, "before": &account.personal.forward, "outside": outside }),
                done: Done::with(forward_text(&key, forward.as_ref()), json!({ "account": &key, "outside": outside })),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await?;
    if began && done.data["outside"] == true {
        control.tell_change(&name, Change::Forward, actor).await;
    }
    Ok(done)
}

async fn set_reply(control: &Control, address: &str, reply: Option<AutoReply>, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let reply = reply.map(checked_reply).transpose()?;
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            personal::set_reply(tx, account.id, reply.as_ref())?;
            let text = match &reply {
                Some(AutoReply { days, .. }) => say!(
                    ja: "{key} の自動返信を始めました（同じ相手には {days} 日に 1 回）。",
                    en: "{key} answers by itself now (each sender once in {days} days)."
                ),
                None => say!(ja: "{key} の自動返信をやめました。", en: "{key} answers by itself no more."),
            };
            Ok(Acted {
                act: if reply.is_some() { "account.reply" } else { "account.reply.end" },
                about: Some(key.clone()),
                detail: json!({ "days": reply.as_ref().map(|reply| reply.days), "before": &account.personal.reply }),
                done: Done::with(text, json!({ "account": &key })),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

async fn set_hours(control: &Control, address: &str, hours: Option<String>, actor: &Actor) -> Result<Done, Refusal> {
    let key = address_of(address)?.key();
    let hours = match hours {
        Some(text) => Some(SendHours::parse(&text).map_err(Refusal::invalid)?.to_string()),
        None => None,
    };
    control
        .transact(actor, move |tx| {
            let account = account_with(tx, &key)?;
            personal::set_hours(tx, account.id, hours.as_deref())?;
            let text = match &hours {
                Some(hours) => say!(
                    ja: "{key} から外部へのメールは {hours} にだけ送信されます（それ以外の時間は保留されます）。",
                    en: "Mail of {key} for others leaves at {hours}; at other times it waits in holding."
                ),
                None => say!(ja: "{key} の送信時間の制限をなくしました。", en: "Mail of {key} may leave at any time."),
            };
            Ok(Acted {
                act: "account.hours",
                about: Some(key.clone()),
                detail: json!({ "hours": &hours }),
                done: Done::with(text, json!({ "account": &key, "hours": &hours })),
                events: vec![BusEvent::DirectoryChanged],
            })
        })
        .await
}

/// Whether a forward leads to an address that is not here.
fn is_outside(tx: &mut dyn Tx, forward: &Forward) -> Result<bool, Fault> {
    for to in &forward.to {
        if let Ok(address) = Address::parse(to)
            && domain::get(tx, address.domain().ascii())?.is_none()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn forward_text(key: &str, forward: Option<&Forward>) -> Text {
    let Some(forward) = forward else {
        return say!(ja: "{key} の転送をやめました。", en: "{key} is forwarded no more.");
    };
    let to = forward.to.join(", ");
    if forward.keep {
        say!(
            ja: "{key} あてのメールを {to} にも転送します。",
            en: "Mail for {key} goes to {to} too."
        )
    } else {
        say!(
            ja: "{key} あてのメールを {to} に転送します（メールボックスには残しません）。",
            en: "Mail for {key} goes to {to} instead of its mailbox."
        )
    }
}

/// A forward whose addresses are addresses, to somebody else.
///
/// # Errors
/// What is wrong.
pub fn checked_forward(own: &Address, forward: Forward) -> Result<Forward, Refusal> {
    let mut to = Vec::with_capacity(forward.to.len());
    for text in &forward.to {
        let address = address_of(text)?;
        if address.key() == own.key() {
            return Err(Refusal::invalid(say!(
                ja: "自分自身への転送はできません。",
                en: "An account cannot be forwarded to itself."
            )));
        }
        to.push(address.to_string());
    }
    to.dedup();
    if to.is_empty() || to.len() > MOST_TARGETS {
        return Err(Refusal::invalid(say!(
            ja: "転送先は 1 件から {MOST_TARGETS} 件までです。それ以上はメーリングリストをお使いください。",
            en: "A forward has 1 to {MOST_TARGETS} addresses. Use a mailing list for more."
        )));
    }
    Ok(Forward { to, permit: patterns(forward.permit)?, ..forward })
}

/// A reply that says something, not too long, once in a day or more.
///
/// # Errors
/// What is wrong.
pub fn checked_reply(reply: AutoReply) -> Result<AutoReply, Refusal> {
    let (text, subject) = (reply.text.trim_end().to_owned(), reply.subject.trim().to_owned());
    if text.trim().is_empty() || text.len() > LONGEST_REPLY || subject.chars().count() > LONGEST_SUBJECT {
        return Err(Refusal::invalid(say!(
            ja: "自動返信の本文は 1 文字以上 {LONGEST_REPLY} バイトまで、件名は {LONGEST_SUBJECT} 文字までです。",
            en: "An automatic reply has a text of up to {LONGEST_REPLY} bytes and a subject of up to {LONGEST_SUBJECT} characters."
        )));
    }
    Ok(AutoReply { subject, text, days: reply.days.clamp(1, 365), except: patterns(reply.except)? })
}

/// Patterns in the form of address keys: `*@example.jp`, `@example.jp` and `example.jp` are the same.
fn patterns(all: Vec<String>) -> Result<Vec<String>, Refusal> {
    if all.len() > MOST_PATTERNS {
        return Err(Refusal::invalid(say!(
            ja: "パターンは {MOST_PATTERNS} 件までです。",
            en: "There may be at most {MOST_PATTERNS} patterns."
        )));
    }
    all.into_iter()
        .map(|text| {
            sekisho_guard::rules::sender_pattern(&text).filter(|pattern| pattern.len() <= LONGEST_PATTERN).ok_or_else(
                || {
                    Refusal::invalid(say!(
                        ja: "「{text}」は差出人のパターン（例: *@example.jp）ではありません。",
                        en: "“{text}” is not a pattern of senders (such as *@example.jp)."
                    ))
                },
            )
        })
        .collect()
}
