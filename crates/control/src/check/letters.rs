//! Signs that others send us: complaints, warnings, returned mail.

use sekisho_message::say;

use super::tally::{Counter, Of};
use super::traffic::{joined, named, nothing};
use super::{Culprit, Facts, Sign, State};

/// Letters to abuse@ and postmaster@ in a day.
const COMPLAINTS_ALARM: u64 = 10;
/// Replies that say that we are blocked or limited, in two hours, and their share of all outcomes in percent.
const WARNED_NOTICE: u64 = 3;
const WARNED_ALARM: (u64, u64) = (20, 10);
/// Returned mail of our own in two hours.
const BOUNCES_NOTICE: u64 = 10;
const BOUNCES_ALARM: u64 = 50;
/// Returned mail of forgeries in two hours.
const BACKSCATTER_NOTICE: u64 = 10;
const BACKSCATTER_ALARM: u64 = 500;

/// Strangers complain.
pub(super) fn complaints(facts: &Facts) -> Sign {
    let (own, letters) = (facts.day.of(Of::Feedback), facts.day.of(Of::Complaint));
    let state = if own.n > 0 || letters.n >= COMPLAINTS_ALARM {
        State::Alarm
    } else if letters.n > 0 {
        State::Notice
    } else {
        State::Ok
    };
    let (n, o) = (letters.n, own.n);
    let evidence = say!(
        ja: "24 時間に abuse@・postmaster@ 宛の手紙 {n} 通、当サーバのメールへの苦情報告（ARF）{o} 通",
        en: "in 24 hours {n} letters to abuse@ and postmaster@, {o} complaints (ARF) about mail of ours"
    );
    let advice = match state {
        State::Ok => nothing(),
        _ => say!(
            ja: "苦情のメールを保存して sekisho trace FILE.eml で調べてください。当方のものか、詐称かが分かります。",
            en: "Save the complaint and run sekisho trace FILE.eml: it tells whether the mail was ours or a forgery."
        ),
    };
    named(Sign::new("complaints", state, evidence, advice).about(first(&own).into_iter().chain(first(&letters))))
}

/// The provider warns, or receivers say that they block us, or we stand on block lists.
pub(super) fn upstream(facts: &Facts) -> Sign {
    let (warned, provider) = (facts.recent(Of::Warned), facts.day.of(Of::Provider));
    let all = facts.recent(Of::Out).n + facts.recent(Of::Fail).n + facts.recent(Of::Defer).n;
    let listed = facts.listings.len();
    let many = warned.n >= WARNED_ALARM.0 && warned.n * 100 >= all.max(1) * WARNED_ALARM.1;
    let state = if many || listed > 0 {
        State::Alarm
    } else if warned.n >= WARNED_NOTICE || provider.n > 0 {
        State::Notice
    } else {
        State::Ok
    };
    let (w, p) = (warned.n, provider.n);
    let mut evidence = say!(
        ja: "2 時間に受信側の拒否・制限 {w} 回、24 時間に警告らしい手紙 {p} 通",
        en: "receivers blocked or limited us {w} times in two hours; {p} letters in 24 hours look like warnings"
    );
    if listed > 0 {
        let names: Vec<String> =
            facts.listings.iter().take(3).map(|one| format!("{} ({})", one.zone, one.subject)).collect();
        let names = names.join(", ");
        let more = say!(ja: "、ブラックリスト掲載 {listed} 件: {names}", en: "; on {listed} block lists: {names}");
        evidence = joined(&evidence, &more);
    }
    let advice = match state {
        State::Ok => nothing(),
        _ if listed > 0 => say!(
            ja: "まず原因を止め、それから sekisho reputation の助言どおりに解除を申請してください。",
            en: "Stop the cause first, then get off the lists as sekisho reputation advises."
        ),
        _ => say!(
            ja: "sekisho logs faillog --since 2h で返答を読み、sekisho reputation で掲載の有無を確かめてください。",
            en: "Read the replies with sekisho logs faillog --since 2h, and see with sekisho reputation whether we are listed."
        ),
    };
    let receivers = warned.first().map(|(name, n)| Culprit::destination(name, n));
    named(Sign::new("upstream-warning", state, evidence, advice).about(receivers.into_iter().chain(first(&provider))))
}

/// Returned mail floods in.
pub(super) fn bounces(facts: &Facts) -> Sign {
    let (own, foreign) = (facts.recent(Of::Bounce), facts.recent(Of::Backscatter));
    let state = if own.n >= BOUNCES_ALARM || foreign.n >= BACKSCATTER_ALARM {
        State::Alarm
    } else if own.n >= BOUNCES_NOTICE || foreign.n >= BACKSCATTER_NOTICE {
        State::Notice
    } else {
        State::Ok
    };
    let (o, f) = (own.n, foreign.n);
    let evidence = say!(
        ja: "2 時間の不達通知: 当サーバが送ったメールのもの {o} 通、詐称されたメールのもの {f} 通",
        en: "returned mail in two hours: {o} of mail that we sent, {f} of mail that was forged in our name"
    );
    let advice = match state {
        State::Ok => nothing(),
        _ if own.n >= BOUNCES_NOTICE => say!(
            ja: "当方から出ています。sekisho incident list を確かめ、送ったアカウントを sekisho incident contain で止めてください。",
            en: "It left from here: look at sekisho incident list, and stop the account with sekisho incident contain."
        ),
        _ => say!(
            ja: "当方からは出ていません。SPF・DKIM・DMARC を整えると（sekisho audit）詐称は減ります。止める必要のあるものはありません。",
            en: "It did not leave from here. SPF, DKIM and DMARC (see sekisho audit) make forgeries rarer; there is nothing to stop."
        ),
    };
    named(Sign::new("bounce-flood", state, evidence, advice).about(first(&own).into_iter().chain(first(&foreign))))
}

fn first(counter: &Counter) -> Option<Culprit> {
    counter.first().map(|(name, n)| Culprit::of(name, n))
}
