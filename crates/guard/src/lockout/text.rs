//! The sentences.

use sekisho_message::{Text, say};

use super::{Lock, Rule, Subject};
use crate::event::Protocol;

pub(super) fn of(lock: &Lock, name: &str) -> Text {
    let (count, until) = (lock.count, lock.until);
    let (at, door) = subject(lock.subject);
    let mut text = match lock.rule {
        Rule::Failures => say!(
            ja: "{at} からの {door} ログインが {count} 回失敗しました。{until} まで受け付けません。",
            en: "{count} {door} logins from {at} failed; it is locked until {until}."
        ),
        Rule::Connections => say!(
            ja: "{at} からの {door} 接続が {count} 回に達しました。{until} まで受け付けません。",
            en: "{count} {door} connections came from {at}; it is locked until {until}."
        ),
        Rule::Pair => say!(
            ja: "{at} から「{name}」に {count} 種類の誤ったパスワードが試されました。このネットワークからのログインを {until} まで止めます。",
            en: "{count} different wrong passwords were tried for \"{name}\" from {at}; logins to it from there are locked until {until}."
        ),
        Rule::Account => say!(
            ja: "「{name}」に {count} 種類の誤ったパスワードが試されました。{until} まで、最近使われたネットワークからのみログインできます。",
            en: "{count} different wrong passwords were tried for \"{name}\"; until {until} only networks that it used lately may log in."
        ),
        Rule::Scattered => say!(
            ja: "「{name}」のパスワードが {count} 個のネットワークから少しずつ試されています。{until} まで、最近使われたネットワークからのみログインできます。",
            en: "The password of \"{name}\" is being guessed from {count} networks, a try or two from each; until {until} only networks that it used lately may log in."
        ),
        Rule::Harvest => say!(
            ja: "{at} から存在しない宛先 {count} 件へ送ろうとしました。{until} まで {door} で受け付けません。",
            en: "{at} wrote to {count} recipients that do not exist; it is locked out of {door} until {until}."
        ),
        Rule::Spraying => say!(
            ja: "{at} から {count} 個のアカウントへのログインが失敗しました。{until} まで受け付けません。",
            en: "Logins to {count} accounts failed from {at}; it is locked until {until}."
        ),
    };
    if lock.spares_owners && matches!(lock.rule, Rule::Failures | Rule::Spraying) {
        let spared = say!(
            ja: "このネットワークを最近使った利用者は、引き続きログインできます。",
            en: "Those who used this network lately may still log in."
        );
        text = Text::new(format!("{}{}", text.ja, spared.ja), format!("{} {}", text.en, spared.en));
    }
    text
}

fn subject(subject: Subject) -> (String, &'static str) {
    match subject {
        Subject::Address(protocol, ip) => (ip.to_string(), protocol.name()),
        Subject::Place(place) | Subject::Login(_, place) => (place.to_string(), Protocol::default().name()),
        Subject::Account(_) => (String::new(), ""),
    }
}
