//! Signs of the queue: mail that is late, and mail that piles up.

use sekisho_message::say;

use super::tally::Of;
use super::traffic::{joined, named, nothing};
use super::{Culprit, Facts, Sign, State};

/// Age of the oldest waiting message, in hours.
const OLD_NOTICE: u64 = 4;
const OLD_ALARM: u64 = 24;
/// Late deliveries in two hours, and their share of all in percent.
const LATE_NOTICE: (u64, u64) = (5, 5);
const LATE_ALARM: (u64, u64) = (20, 20);
/// Recipients that wait.
const WAITING_NOTICE: u64 = 1_000;
const WAITING_ALARM: u64 = 10_000;
/// Recipients in holding that nobody holds as a whole.
const KEPT_NOTICE: u64 = 50;

/// Mail is unusually late.
pub(super) fn late(facts: &Facts) -> Sign {
    let (late, out, put_off) = (facts.recent(Of::Late), facts.recent(Of::Out), facts.recent(Of::Defer));
    let hours = facts.oldest.map_or(0, |oldest| facts.now.since(oldest).as_secs() / 3_600);
    let share = late.n * 100 / out.n.max(1);
    let beyond = |(n, percent): (u64, u64)| late.n >= n && share >= percent;
    let state = if beyond(LATE_ALARM) || (hours >= OLD_ALARM && put_off.n >= 100) {
        State::Alarm
    } else if beyond(LATE_NOTICE) || hours >= OLD_NOTICE {
        State::Notice
    } else {
        State::Ok
    };
    let (n, all, d) = (late.n, out.n, put_off.n);
    let evidence = say!(
        ja: "待っている最も古いメールは {hours} 時間前、2 時間の配送 {all} 通のうち 15 分以上かかったもの {n} 通、延期 {d} 回",
        en: "the oldest waiting message is {hours} h old; of {all} delivered in two hours {n} took over 15 minutes; put off {d} times"
    );
    let advice = match state {
        State::Ok => nothing(),
        _ => say!(
            ja: "sekisho queue list --limit 50 で宛先と相手の返答を確かめ、相手が直っていれば sekisho queue retry で再送してください。",
            en: "See destinations and their replies with sekisho queue list --limit 50; when the peer is well again, sekisho queue retry."
        ),
    };
    let about = [late.first(), put_off.first()].into_iter().flatten();
    named(Sign::new("late-mail", state, evidence, advice).about(about.map(|(name, n)| Culprit::destination(name, n))))
}

/// Mail piles up.
pub(super) fn backlog(facts: &Facts) -> Sign {
    let queue = &facts.queue;
    let (i, l, d, h) =
        (queue.incoming.recipients, queue.lists.recipients, queue.domains.recipients, queue.holding.recipients);
    let waiting = i + l + d;
    let held = queue.held.iter().filter(|hold| hold.recipients > 0).count();
    let state = if held > 0 || waiting >= WAITING_ALARM {
        State::Alarm
    } else if waiting >= WAITING_NOTICE || h >= KEPT_NOTICE {
        State::Notice
    } else {
        State::Ok
    };
    let mut evidence = say!(
        ja: "キュー: incoming {i}、lists {l}、domains {d}、holding {h}（宛先数）",
        en: "queue: incoming {i}, lists {l}, domains {d}, holding {h} (recipients)"
    );
    if held > 0 {
        evidence = joined(&evidence, &say!(ja: "、保留中の発信元 {held} 件", en: ", {held} origins held"));
    }
    let advice = match state {
        State::Ok => nothing(),
        _ if held > 0 => say!(
            ja: "保留したメールは待っています。sekisho incident show で確かめ、sekisho incident release か purge で始末してください。",
            en: "What is held waits for you: look with sekisho incident show, then sekisho incident release or purge."
        ),
        _ => say!(
            ja: "sekisho queue list で誰のメールかを確かめ、不正なら sekisho queue hold --account で止めてください。",
            en: "See whose it is with sekisho queue list; if it is abuse, stop it with sekisho queue hold --account."
        ),
    };
    let first = queue.held.iter().map(|hold| Culprit::of(&hold.origin, hold.recipients));
    let rest = facts.heaviest.iter().map(|(origin, n, _)| Culprit::of(origin, *n));
    named(Sign::new("spool-backlog", state, evidence, advice).about(first.chain(rest)))
}
