//! Signs that are growth: the line, and the logs.

use sekisho_message::{Text, say};

use super::growth::{Growth, growth};
use super::tally::{Counter, Of};
use super::{Culprit, Facts, Sign, State};

/// What an hour may have before anything is remarkable.
const CONNECTIONS: u64 = 2_000;
const OCTETS: u64 = 1 << 30;
const ACCEPTED: u64 = 200;
const DIALOGUE: u64 = 3_000;
const OUT: u64 = 200;
const FAIL: u64 = 40;
const ACCESS: u64 = 3_000;
/// Wrong passwords in two hours.
const WRONG_NOTICE: u64 = 50;
const WRONG_ALARM: u64 = 500;

const COUNT: fn(&Counter) -> u64 = |counter| counter.n;

/// The line is suddenly slow: connections and octets.
pub(super) fn slow_line(facts: &Facts) -> Sign {
    let connections = growth(facts, Of::Connections, CONNECTIONS, COUNT);
    let taken = growth(facts, Of::Accepted, OCTETS, |counter| counter.bytes);
    let given = growth(facts, Of::Out, OCTETS, |counter| counter.bytes);
    let state = connections.state.max(taken.state).max(given.state);
    let (n, Text { ja, en }) = (connections.now, usually(&connections));
    let (mib_in, mib_out) = (taken.now >> 20, given.now >> 20);
    let evidence = say!(
        ja: "1 時間の接続 {n} 件{ja}、受信 {mib_in} MiB、送信 {mib_out} MiB",
        en: "{n} connections in an hour{en}, {mib_in} MiB in, {mib_out} MiB out"
    );
    let about = [connections.culprit(), taken.culprit(), given.culprit()];
    let advice = match state {
        State::Ok => nothing(),
        _ => say!(
            ja: "sekisho logs acceptlog --since 1h で接続元を確かめ、心当たりがなければ sekisho lockout deny で拒否してください。",
            en: "See who connects with sekisho logs acceptlog --since 1h, and refuse strangers with sekisho lockout deny."
        ),
    };
    named(Sign::new("slow-line", state, evidence, advice).about(about.into_iter().flatten()))
}

/// acceptlog and inlog grow.
pub(super) fn accept_in(facts: &Facts) -> Sign {
    let accepted = growth(facts, Of::Accepted, ACCEPTED, COUNT);
    let connections = growth(facts, Of::Connections, CONNECTIONS, COUNT);
    let dialogue = growth(facts, Of::Dialogue, DIALOGUE, COUNT);
    let state = accepted.state.max(connections.state).max(dialogue.state);
    let (n, Text { ja, en }, c) = (accepted.now, usually(&accepted), connections.now);
    let evidence = say!(
        ja: "1 時間の受付 {n} 通{ja}、接続 {c} 件",
        en: "{n} messages accepted in an hour{en}, {c} connections"
    );
    let about = [accepted.culprit(), connections.culprit(), dialogue.culprit()];
    let advice = match state {
        State::Ok => nothing(),
        _ => say!(
            ja: "sekisho logs inlog --since 1h で誰が送っているかを確かめてください。覚えがなければ sekisho incident contain で止めます。",
            en: "See who sends with sekisho logs inlog --since 1h; if it is not the owner, stop it with sekisho incident contain."
        ),
    };
    named(Sign::new("accept-in-growth", state, evidence, advice).about(about.into_iter().flatten()))
}

/// outlog and faillog grow; and incidents that nobody has dealt with.
pub(super) fn out_fail(facts: &Facts) -> Sign {
    let out = growth(facts, Of::Out, OUT, COUNT);
    let fail = growth(facts, Of::Fail, FAIL, COUNT);
    let open = facts.incidents.len();
    let state = out.state.max(fail.state).max(if open > 0 { State::Alarm } else { State::Ok });
    let (n, Text { ja, en }, f) = (out.now, usually(&out), fail.now);
    let Text { ja: fja, en: fen } = usually(&fail);
    let mut evidence = say!(
        ja: "1 時間の送信 {n} 通{ja}、失敗 {f} 通{fja}",
        en: "{n} sent in an hour{en}, {f} failed{fen}"
    );
    let mut advice = match state {
        State::Ok => nothing(),
        _ => say!(
            ja: "sekisho logs faillog --since 1h で宛先と理由を確かめてください。",
            en: "See where it fails and why with sekisho logs faillog --since 1h."
        ),
    };
    if open > 0 {
        let more = say!(ja: "、未処理のインシデント {open} 件", en: ", {open} open incidents");
        evidence = joined(&evidence, &more);
        advice = say!(
            ja: "sekisho incident show で経緯を読み、示された手順（封じ込め、解放・削除、パスワード変更）を行ってください。",
            en: "Read the story with sekisho incident show and take the steps it names: contain, release or purge, resolve."
        );
    }
    let incidents = facts.incidents.iter().map(|one| Culprit::of(&one.origin, 1));
    let grown = [out.culprit(), fail.culprit()].into_iter().flatten();
    named(Sign::new("out-fail-growth", state, evidence, advice).about(incidents.chain(grown)))
}

/// pop3log and imap4log grow, or passwords are being guessed.
pub(super) fn access(facts: &Facts) -> Sign {
    let access = growth(facts, Of::Access, ACCESS, COUNT);
    let wrong = facts.recent(Of::Wrong);
    let guessing = match wrong.n {
        n if n >= WRONG_ALARM => State::Alarm,
        n if n >= WRONG_NOTICE => State::Notice,
        _ => State::Ok,
    };
    let state = access.state.max(guessing);
    let (n, Text { ja, en }, w) = (access.now, usually(&access), wrong.n);
    let evidence = say!(
        ja: "1 時間の POP3/IMAP 記録 {n} 行{ja}、2 時間のログイン失敗 {w} 回",
        en: "{n} POP3 and IMAP entries in an hour{en}, {w} failed logins in two hours"
    );
    let advice = match state {
        State::Ok => nothing(),
        _ => say!(
            ja: "sekisho lockout list で締め出しを、sekisho logs pop3log --account でその後の成功がないかを確かめてください。",
            en: "See what is locked with sekisho lockout list, and whether a guess succeeded with sekisho logs pop3log --account."
        ),
    };
    let tried = (guessing > State::Ok).then(|| wrong.first().map(|(name, n)| Culprit::of(name, n))).flatten();
    let about = [tried, access.culprit()];
    named(Sign::new("pop-imap-growth", state, evidence, advice).about(about.into_iter().flatten()))
}

/// `(usually 40)`, where that is known.
fn usually(growth: &Growth) -> Text {
    match growth.usual {
        Some(usual) => say!(ja: "（通常 {usual}）", en: " (usually {usual})"),
        None => say!(ja: "（通常値は学習中）", en: " (still learning what is usual)"),
    }
}

pub(super) fn nothing() -> Text {
    say!(ja: "何もする必要はありません。", en: "Nothing to do.")
}

pub(super) fn joined(one: &Text, more: &Text) -> Text {
    Text::new(format!("{}{}", one.ja, more.ja), format!("{}{}", one.en, more.en))
}

/// Puts the names of those behind the sign into its evidence.
pub(super) fn named(mut sign: Sign) -> Sign {
    if sign.state == State::Ok || sign.about.is_empty() {
        return sign;
    }
    let names: Vec<String> = sign.about.iter().take(3).map(|one| format!("{} ({})", one.name, one.count)).collect();
    let names = names.join(", ");
    sign.evidence = joined(&sign.evidence, &say!(ja: "。主に {names}", en: "; mostly {names}"));
    sign
}
