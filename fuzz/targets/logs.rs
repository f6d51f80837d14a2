//! Logs of any bytes in every format: no panic, every line counted, and what is told holds together.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_guard::inspect::{Clock, Format, Inspector, Settings, Source};
use sekisho_message::{Language, Time};

fuzz_target!(|file: &[u8]| {
    let Some((kind, text)) = file.split_first() else { return };
    let (_, format) = Format::ALL[usize::from(*kind) % Format::ALL.len()];
    let text = String::from_utf8_lossy(text);
    let clock = Clock::new(jiff::tz::TimeZone::UTC, Time::from_seconds(1_800_000_000));
    let mut source = Source::new(format, clock, "imap4log");
    let mut inspector = Inspector::new(Settings::default());
    let mut count = 0;
    for (number, line) in text.lines().enumerate() {
        count += 1;
        inspector.line(&mut source, line, "log", number as u64 + 1);
    }
    let report = inspector.finish();
    assert_eq!(report.lines, count);
    assert!(report.bad_lines <= report.lines);
    for incident in &report.incidents {
        assert!(incident.first_evidence <= incident.held_at);
        assert!(incident.recipients_escaped <= incident.recipients_before_hold);
    }
    let _ = report.json(Language::Ja).to_string();
    let _ = report.story(Language::En, &jiff::tz::TimeZone::UTC);
});
