//! How answers look on a terminal.

mod bar;
mod table;

pub use bar::Bar;
pub(crate) use sekisho_control::guard::story::print as story;
pub(crate) use sekisho_control::value::{items, number, text};
pub use table::Table;

use sekisho_message::Language;
use serde_json::Value;

/// A list of texts of an answer, in one line.
pub(crate) fn list(value: &Value, name: &str) -> String {
    items(value, name).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

/// `1.5 MiB`: three digits at most, binary units.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut value = bytes as f64;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match UNITS.get(unit) {
        Some(name) if unit > 0 && value < 9.95 => format!("{value:.1} {name}"),
        Some(name) => format!("{value:.0} {name}"),
        None => format!("{bytes} B"),
    }
}

/// `3m`, `5h`, `2d`: the largest unit alone.
pub(crate) fn span(seconds: u64, language: Language) -> String {
    let (n, en, ja) = match seconds {
        0..=119 => (seconds, "s", "秒"),
        120..=7_199 => (seconds / 60, "m", "分"),
        7_200..=172_799 => (seconds / 3_600, "h", "時間"),
        _ => (seconds / 86_400, "d", "日"),
    };
    match language {
        Language::Ja => format!("{n}{ja}"),
        Language::En => format!("{n}{en}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_spans_are_short() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1_000), "1.0 KiB");
        assert_eq!(size(1_536), "1.5 KiB");
        assert_eq!(size(50 << 20), "50 MiB");
        assert_eq!(size(u64::MAX), "16777216 TiB");
        assert_eq!(span(90, Language::En), "90s");
        assert_eq!(span(7_200, Language::Ja), "2時間");
        assert_eq!(span(200_000, Language::En), "2d");
    }
}
