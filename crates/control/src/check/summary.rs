//! The daily summary: one letter to those who look after the server.

use sekisho_message::{Language, Text, say};
use sekisho_store::account::{self, Role, State as AccountState};
use sekisho_store::{Result, Tx};

use super::tally::Of;
use super::{Check, State, hour_of, read_hour};
use crate::post::Letter;

/// Accounts that are looked through for administrators.
const MOST_ACCOUNTS: u32 = 1_000;

/// Who gets the summary: the addresses that the operator named, else every system administrator in his language.
///
/// # Errors
/// What the engine reports.
pub fn recipients(tx: &mut dyn Tx, named: &[String], language: Language) -> Result<Vec<(String, Language)>> {
    if !named.is_empty() {
        return Ok(named.iter().map(|address| (address.clone(), language)).collect());
    }
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = account::list(tx, None, &after, MOST_ACCOUNTS)?;
        let Some(last) = page.last() else { return Ok(found) };
        after.clone_from(&last.key);
        let admins = page.iter().filter(|one| one.role == Role::SystemAdmin && one.state == AccountState::Active);
        found.extend(admins.map(|one| (one.address.clone(), one.language)));
    }
}

/// The letter about `check`, and about the day that ended with it.
///
/// # Errors
/// What the engine reports.
pub fn letter(tx: &mut dyn Tx, check: &Check, host: &str) -> Result<Letter> {
    let hour = hour_of(check.at);
    let mut day = super::Tally::default();
    for at in hour - 23..=hour {
        day.merge(&read_hour(tx, at)?);
    }
    let (accepted, out, fail) = (day.n(Of::Accepted), day.n(Of::Out), day.n(Of::Fail));
    let (alarms, notices) = (count(check, State::Alarm), count(check, State::Notice));
    let head = match (alarms, notices) {
        (0, 0) => say!(ja: "異常なし", en: "all well"),
        (0, n) => say!(ja: "注意 {n} 件", en: "{n} notices"),
        (a, n) => say!(ja: "警報 {a} 件、注意 {n} 件", en: "{a} alarms, {n} notices"),
    };
    let (ja, en) = (&head.ja, &head.en);
    let subject = say!(ja: "[Sekisho] {host}：{ja}", en: "[Sekisho] {host}: {en}");
    let mut body = say!(
        ja: "{host} の一日のまとめです。\n\n24 時間に 受付 {accepted} 通、送信・配送 {out} 通、失敗 {fail} 通\n",
        en: "{host}: what the day was like.\n\nIn 24 hours: {accepted} accepted, {out} relayed or delivered, {fail} failed\n"
    );
    for sign in &check.signs {
        let (title, mark) = (title(&sign.id), mark(sign.state));
        body.ja.push_str(&format!("\n[{}] {}\n    {}\n", mark.ja, title.ja, sign.evidence.ja));
        body.en.push_str(&format!("\n[{}] {}\n    {}\n", mark.en, title.en, sign.evidence.en));
        if sign.state > State::Ok {
            body.ja.push_str(&format!("    → {}\n", sign.advice.ja));
            body.en.push_str(&format!("    -> {}\n", sign.advice.en));
        }
    }
    let foot = say!(
        ja: "\nいつでも同じものを見るには: sekisho check\n",
        en: "\nTo see this at any time: sekisho check\n"
    );
    body.ja.push_str(&foot.ja);
    body.en.push_str(&foot.en);
    Ok(Letter { subject, body })
}

/// What a sign is about, in the words of those who look for it.
#[must_use]
pub fn title(id: &str) -> Text {
    match id {
        "slow-line" => say!(ja: "回線が急に重い", en: "The line is suddenly slow"),
        "late-mail" => say!(ja: "メールの異常な遅れ", en: "Mail is unusually late"),
        "strange-server" => say!(ja: "サーバの動作がおかしい", en: "The server behaves strangely"),
        "complaints" => say!(ja: "見知らぬ所からの苦情", en: "Strangers complain"),
        "upstream-warning" => say!(ja: "上流プロバイダや受信側の警告", en: "The provider or receivers warn"),
        "bounce-flood" => say!(ja: "大量の不達通知", en: "Returned mail floods in"),
        "accept-in-growth" => say!(ja: "acceptlog・inlog の肥大化", en: "acceptlog and inlog grow"),
        "out-fail-growth" => say!(ja: "outlog・faillog の肥大化", en: "outlog and faillog grow"),
        "pop-imap-growth" => say!(ja: "pop3log・imap4log の肥大化", en: "pop3log and imap4log grow"),
        "spool-backlog" => say!(ja: "作業フォルダへのメールの滞留", en: "Mail piles up in the queue"),
        other => Text::new(other, other),
    }
}

/// The state in a word.
#[must_use]
pub fn mark(state: State) -> Text {
    match state {
        State::Ok => say!(ja: "正常", en: "ok"),
        State::Notice => say!(ja: "注意", en: "notice"),
        State::Alarm => say!(ja: "警報", en: "ALARM"),
    }
}

fn count(check: &Check, state: State) -> usize {
    check.signs.iter().filter(|sign| sign.state == state).count()
}
