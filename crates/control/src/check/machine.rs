//! The server behaves strangely.

use sekisho_message::{Text, say};

use super::tally::Of;
use super::traffic::nothing;
use super::{Facts, Sign, State, Vitals};

/// Starts in a day.
const STARTS_NOTICE: u64 = 4;
const STARTS_ALARM: u64 = 12;
/// Errors in an hour.
const ERRORS_NOTICE: u64 = 1;
const ERRORS_ALARM: u64 = 50;
/// Time of a commit, in microseconds.
const COMMIT_NOTICE: u64 = 2_000_000;
const COMMIT_ALARM: u64 = 10_000_000;
/// Percent of file descriptors in use.
const FILES_NOTICE: u64 = 75;
const FILES_ALARM: u64 = 92;
/// Percent of the machine's memory that the process uses.
const MEMORY_NOTICE: u64 = 60;
const MEMORY_ALARM: u64 = 85;
/// Percent of the disk that is free, and octets: a large disk may be rather full.
const DISK_NOTICE: (u64, u64) = (15, 4 << 30);
const DISK_ALARM: (u64, u64) = (5, 1 << 30);
/// A jump of the clock, in microseconds.
const CLOCK_NOTICE: u64 = 2_000_000;
const CLOCK_ALARM: u64 = 60_000_000;

/// Restarts, errors, file descriptors, memory, commits, clock, disk.
pub(super) fn strange(facts: &Facts) -> Sign {
    let Some(vitals) = &facts.vitals else {
        let evidence = say!(ja: "サーバは停止しています。", en: "The server is not running.");
        let advice = say!(ja: "sekisho serve で起動してください。", en: "Start it with sekisho serve.");
        return Sign::new("strange-server", State::Alarm, evidence, advice);
    };
    let found = findings(facts, vitals);
    let state = found.iter().map(|(state, ..)| *state).max().unwrap_or_default();
    if state == State::Ok {
        let (percent, ms) = (free(vitals), vitals.commit_micros / 1_000);
        let (files, mib) = (vitals.files, vitals.memory >> 20);
        let evidence = say!(
            ja: "エラーなし、ファイル {files} 個、メモリ {mib} MiB、書き込み {ms} ms、ディスクの空き {percent}%",
            en: "no errors, {files} files open, {mib} MiB of memory, a commit takes {ms} ms, {percent}% of the disk free"
        );
        return Sign::new("strange-server", state, evidence, nothing());
    }
    let wrong: Vec<_> = found.into_iter().filter(|(state, ..)| *state > State::Ok).collect();
    let join = |part: fn(&(State, Text, Text)) -> &Text| {
        let parts: Vec<&Text> = wrong.iter().map(part).collect();
        let of = |form: fn(&Text) -> &str, between: &str| {
            parts.iter().map(|text| form(text)).collect::<Vec<_>>().join(between)
        };
        Text::new(of(|text| &text.ja, "、"), of(|text| &text.en, "; "))
    };
    Sign::new("strange-server", state, join(|(_, evidence, _)| evidence), join(|(.., advice)| advice))
}

fn findings(facts: &Facts, vitals: &Vitals) -> Vec<(State, Text, Text)> {
    let starts = facts.day.n(Of::Start);
    let (errors, lost) = (vitals.errors, facts.day.n(Of::Lost));
    let ms = vitals.commit_micros / 1_000;
    let files = percent(vitals.files, vitals.files_limit);
    let memory = percent(vitals.memory, vitals.memory_total);
    let room = free(vitals);
    let jump = vitals.clock_jump_micros.unsigned_abs();
    let seconds = jump / 1_000_000;
    vec![
        (
            above(starts, STARTS_NOTICE, STARTS_ALARM),
            say!(ja: "24 時間に {starts} 回起動", en: "started {starts} times in 24 hours"),
            say!(ja: "サービスの記録（journalctl -u sekisho）で落ちた理由を調べてください。", en: "See why it ended in the service's log (journalctl -u sekisho)."),
        ),
        (
            above(errors, ERRORS_NOTICE, ERRORS_ALARM),
            say!(ja: "1 時間にエラー {errors} 件", en: "{errors} errors in an hour"),
            say!(ja: "標準エラー出力の記録（journalctl -u sekisho -p err）を読んでください。", en: "Read what it wrote on standard error (journalctl -u sekisho -p err)."),
        ),
        (
            above(lost, 1, 10),
            say!(ja: "ログの記録漏れ {lost} 回", en: "journal entries were lost {lost} times"),
            say!(ja: "ディスクが遅すぎます。書き込みの待ち時間を確かめてください。", en: "The disk is too slow for what comes in: look at its latency."),
        ),
        (
            above(vitals.commit_micros, COMMIT_NOTICE, COMMIT_ALARM),
            say!(ja: "書き込みに {ms} ms", en: "a commit takes {ms} ms"),
            say!(ja: "ディスクの負荷を確かめてください（iostat -x）。", en: "Look at the load of the disk (iostat -x)."),
        ),
        (
            above(files, FILES_NOTICE, FILES_ALARM),
            say!(ja: "ファイル記述子の {files}% を使用", en: "{files}% of the file descriptors are in use"),
            say!(ja: "LimitNOFILE を増やすか、[limits] connections を減らしてください。", en: "Raise LimitNOFILE, or lower connections in [limits]."),
        ),
        (
            above(memory, MEMORY_NOTICE, MEMORY_ALARM),
            say!(ja: "メモリの {memory}% を使用", en: "{memory}% of the memory is in use"),
            say!(ja: "接続数を確かめ、[limits] connections を減らしてください。", en: "See how many are connected, and lower connections in [limits]."),
        ),
        (
            below(vitals),
            say!(ja: "ディスクの空き {room}%", en: "{room}% of the disk is free"),
            say!(ja: "空きを作ってください。いっぱいになると受信は 452 で待たされます（失われません）。", en: "Make room: when it is full, mail is put off with 452 (nothing is lost)."),
        ),
        (
            above(jump, CLOCK_NOTICE, CLOCK_ALARM),
            say!(ja: "時計が {seconds} 秒飛びました", en: "the clock jumped by {seconds} s"),
            say!(ja: "NTP を確かめてください（timedatectl）。", en: "Look after NTP (timedatectl)."),
        ),
    ]
}

fn above(value: u64, notice: u64, alarm: u64) -> State {
    match value {
        n if n >= alarm => State::Alarm,
        n if n >= notice => State::Notice,
        _ => State::Ok,
    }
}

fn below(vitals: &Vitals) -> State {
    let less = |(percent, octets): (u64, u64)| free(vitals) < percent && vitals.disk_free < octets;
    match vitals.disk_total {
        0 => State::Ok,
        _ if less(DISK_ALARM) => State::Alarm,
        _ if less(DISK_NOTICE) => State::Notice,
        _ => State::Ok,
    }
}

fn free(vitals: &Vitals) -> u64 {
    percent(vitals.disk_free, vitals.disk_total)
}

fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(100) }
}
