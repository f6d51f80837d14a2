//! What notifications say to people, in both languages.

use super::{Action, DsnRecipient, DsnRequest};
use crate::{Text, say};

/// The subject for the gravest of the actions.
pub(super) fn subject(request: &DsnRequest<'_>) -> &'static str {
    match gravest(request) {
        Action::Failed => "Undelivered mail / メールを配信できませんでした",
        Action::Delayed => "Delayed mail (still being retried) / メールの配信が遅れています",
        _ => "Successful mail delivery report / メール配信のお知らせ",
    }
}

/// The text for people: Japanese first, English after it.
pub(super) fn body(request: &DsnRequest<'_>) -> String {
    let mut ja = Vec::new();
    let mut en = Vec::new();
    let host = request.host;
    let id = request.message_id;
    let mut say = |text: Text| {
        ja.push(text.ja);
        en.push(text.en);
    };
    say(say!(
        ja: "{host} のメールサーバーからの自動のお知らせです。このメールには返信できません。",
        en: "This is an automatic notice from the mail server at {host}. You cannot reply to it."
    ));
    for action in [Action::Failed, Action::Delayed, Action::Relayed, Action::Delivered, Action::Expanded] {
        let of_action = || request.recipients.iter().filter(|r| r.action == action);
        if of_action().next().is_some() {
            say(opening(action));
            of_action().for_each(|recipient| say(entry(recipient)));
        }
    }
    say(say!(
        ja: "管理者に問い合わせるときは、この番号を伝えてください: {id}",
        en: "If you contact the administrator, please give this number: {id}"
    ));
    format!("{}\n\n{}\n\n{}\n", ja.join("\n\n"), "-".repeat(60), en.join("\n\n"))
}

/// What a status means, in words (RFC 3463 §3).
#[must_use]
pub fn explain(status: &str) -> Text {
    let (class, detail) = status.split_once('.').unwrap_or((status, ""));
    match detail {
        "1.1" | "1.3" | "1.6" => {
            say!(ja: "その宛先は存在しません。綴りを確かめてください。", en: "There is no such recipient. Please check the spelling.")
        }
        "1.2" | "4.4" if class == "5" => {
            say!(ja: "宛先のドメインが見つかりません。", en: "The recipient's domain was not found.")
        }
        "1.10" => {
            say!(ja: "宛先のドメインはメールを受け取らないと宣言しています。", en: "The recipient's domain says that it takes no mail.")
        }
        "2.1" => say!(ja: "宛先のメールボックスは使えません。", en: "The recipient's mailbox is disabled."),
        "2.2" => say!(ja: "宛先のメールボックスがいっぱいです。", en: "The recipient's mailbox is full."),
        "2.3" | "3.4" => say!(ja: "メールが大きすぎます。", en: "The message is too large."),
        "4.1" | "4.2" | "4.3" | "4.4" => {
            say!(ja: "相手のサーバーに接続できませんでした。", en: "The recipient's server could not be reached.")
        }
        "4.6" => say!(ja: "メールが同じところを回っています。", en: "The message goes round in a loop."),
        "4.7" => say!(ja: "期限までに届けられませんでした。", en: "It could not be delivered in time."),
        "6.7" | "6.8" | "6.9" => {
            say!(ja: "相手のサーバーは国際化されたアドレスを扱えません。", en: "The recipient's server cannot take internationalised addresses.")
        }
        detail if detail.starts_with("7.") => {
            say!(ja: "相手のサーバーの方針により拒否されました。", en: "The recipient's server refused it by its policy.")
        }
        _ => match class {
            "2" => say!(ja: "届きました。", en: "It was delivered."),
            "4" => {
                say!(ja: "相手のサーバーが一時的に受け取れません。", en: "The recipient's server cannot take it for now.")
            }
            _ => say!(ja: "相手のサーバーが受け取りを断りました。", en: "The recipient's server refused it."),
        },
    }
}

fn gravest(request: &DsnRequest<'_>) -> Action {
    let has = |action: Action| request.recipients.iter().any(|r| r.action == action);
    [Action::Failed, Action::Delayed].into_iter().find(|action| has(*action)).unwrap_or(Action::Relayed)
}

fn opening(action: Action) -> Text {
    match action {
        Action::Failed => say!(
            ja: "次の宛先にはメールを届けられませんでした。もう送り直しません。",
            en: "Your message could not be delivered to the following recipients. It will not be tried again."
        ),
        Action::Delayed => say!(
            ja: "次の宛先にはまだメールを届けられていません。送り直しを続けていますので、再送は不要です。",
            en: "Your message has not been delivered to the following recipients yet. It is being retried: please do not send it again."
        ),
        Action::Relayed => say!(
            ja: "次の宛先へのメールは、配信の結果を知らせないサーバーに渡しました。",
            en: "Your message to the following recipients was handed to a server that sends no delivery reports."
        ),
        Action::Delivered => say!(
            ja: "次の宛先のメールボックスに届きました。",
            en: "Your message was delivered to the mailboxes of the following recipients."
        ),
        Action::Expanded => say!(
            ja: "次の宛先はメーリングリストなどで、メンバーに配りました。",
            en: "The following recipients are lists or the like: your message was sent on to their members."
        ),
    }
}

/// A recipient with reason, remote host and its reply, indented.
fn entry(recipient: &DsnRecipient<'_>) -> Text {
    let address = recipient.address;
    let reason = recipient.reason.cloned().unwrap_or_else(|| explain(recipient.status));
    let good = matches!(recipient.action, Action::Relayed | Action::Delivered | Action::Expanded);
    let mut ja = format!("  <{address}>");
    let mut en = ja.clone();
    if !good {
        ja.push_str(&format!("\n    理由: {}", one_line(&reason.ja)));
        en.push_str(&format!("\n    Reason: {}", one_line(&reason.en)));
    }
    if let Some(host) = recipient.remote_mta {
        ja.push_str(&format!("\n    相手のサーバー: {}", one_line(host)));
        en.push_str(&format!("\n    Remote server: {}", one_line(host)));
    }
    if let Some(reply) = recipient.diagnostic {
        ja.push_str(&format!("\n    応答: {}", one_line(reply)));
        en.push_str(&format!("\n    Reply: {}", one_line(reply)));
    }
    Text { ja, en }
}

/// A stranger's words on one line, so that they cannot pass for ours.
fn one_line(text: &str) -> String {
    text.chars().take(1_000).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
