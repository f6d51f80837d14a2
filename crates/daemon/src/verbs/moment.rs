//! Points in time as people type them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use sekisho_message::{Time, say};

use crate::config::Span;
use crate::trouble::Trouble;

/// `2h` (ago), `2026-11-24`, `2026-11-24 10:00`, `2026-11-24T10:00:00+09:00`; without an offset in `zone`.
pub(super) fn parse(text: &str, now: Time, zone: &TimeZone) -> Result<Time, Trouble> {
    let text = text.trim();
    if let Ok(span) = Span::parse(text) {
        return Ok(now - span.0);
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Ok(Time(stamp.as_microsecond()));
    }
    let local = match text.parse::<DateTime>() {
        Ok(local) => Some(local),
        Err(_) => text.parse::<Date>().ok().map(|date| date.to_datetime(civil::Time::midnight())),
    };
    let stamp = local.and_then(|local| zone.to_ambiguous_timestamp(local).compatible().ok());
    stamp.map(|stamp| Time(stamp.as_microsecond())).ok_or_else(|| {
        Trouble::could_not(say!(
            ja: "「{text}」は時刻（例: 2h、2026-11-24、\"2026-11-24 10:00\"）ではありません。",
            en: "“{text}” is not a time (such as 2h for two hours ago, 2026-11-24 or \"2026-11-24 10:00\")."
        ))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_form_is_understood() {
        let now = Time::from_seconds(1_764_000_000);
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let of = |text: &str| parse(text, now, &zone).unwrap().to_string();
        assert_eq!(of("2h"), "2025-11-24T14:00:00Z");
        assert_eq!(of("2025-11-24"), "2025-11-23T15:00:00Z");
        assert_eq!(of("2025-11-24 10:00"), "2025-11-24T01:00:00Z");
        assert_eq!(of("2025-11-24T10:00:00+00:00"), "2025-11-24T10:00:00Z");
        assert_eq!(of("2025-11-24T10:00:00Z"), "2025-11-24T10:00:00Z");
        assert!(parse("yesterday", now, &zone).is_err());
    }
}
