//! Send hours: when an account's mail for others may leave.
//!
//! `mon-fri 08:00-19:00, sat 09:00-12:00`: days and spans of local time, separated by commas. Without a day every day is
//! meant; a span that ends before it begins goes on past midnight. Mail that is submitted outside the hours is accepted
//! and waits for the next opening.

use std::fmt;
use std::time::Duration;

use sekisho_message::{Text, Time, say};

/// Most spans.
const MOST: usize = 50;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTES: u32 = 24 * 60;
const WEEK: u32 = 7 * MINUTES;

/// Hours of a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendHours {
    /// Spans of minutes since Monday 00:00, the end not included; the end may lie in the next week.
    spans: Vec<(u32, u32)>,
    text: String,
}

impl SendHours {
    /// Reads hours.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn parse(text: &str) -> Result<Self, Text> {
        let mut spans = Vec::new();
        let lower = text.trim().to_ascii_lowercase();
        for part in lower.split(',') {
            let part = part.trim();
            let bad = || {
                say!(
                    ja: "「{part}」は時間帯ではありません（例: mon-fri 08:00-19:00, sat 09:00-12:00）。",
                    en: "\"{part}\" is not a span of time (such as mon-fri 08:00-19:00, sat 09:00-12:00)."
                )
            };
            let (days, span) = match part.rsplit_once(' ') {
                Some((days, span)) => (days_of(days.trim()).ok_or_else(bad)?, span),
                None => ((0..7).collect(), part),
            };
            let (from, to) = span.split_once('-').ok_or_else(bad)?;
            let (from, to) = (minute(from).ok_or_else(bad)?, minute(to).ok_or_else(bad)?);
            if from == to || from == MINUTES {
                return Err(bad());
            }
            let to = if to < from { to + MINUTES } else { to };
            spans.extend(days.into_iter().map(|day| (day * MINUTES + from, day * MINUTES + to)));
            if spans.len() > MOST {
                return Err(bad());
            }
        }
        Ok(Self { spans, text: lower })
    }

    /// When mail that is submitted at `now` may leave: none when at once. `offset_minutes` is local time's distance from
    /// UTC.
    #[must_use]
    pub fn opening(&self, now: Time, offset_minutes: i32) -> Option<Time> {
        let local = now.0.div_euclid(60_000_000) + i64::from(offset_minutes);
        // The epoch was a Thursday.
        let minute = u32::try_from((local + 3 * i64::from(MINUTES)).rem_euclid(i64::from(WEEK))).unwrap_or(0);
        let inside = |at: u32| self.spans.iter().any(|(from, to)| (*from..*to).contains(&at));
        if inside(minute) || inside(minute + WEEK) {
            return None;
        }
        let wait = self.spans.iter().map(|(from, _)| (from + WEEK - minute) % WEEK).min()?;
        let begun = Time(now.0.div_euclid(60_000_000) * 60_000_000);
        Some(begun + Duration::from_secs(u64::from(wait) * 60))
    }
}

impl fmt::Display for SendHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn days_of(text: &str) -> Option<Vec<u32>> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name.trim()).and_then(|at| u32::try_from(at).ok());
    match text.split_once('-') {
        None => day(text).map(|day| vec![day]),
        Some((from, to)) => {
            let (from, to) = (day(from)?, day(to)?);
            Some((0..=(to + 7 - from) % 7).map(|n| (from + n) % 7).collect())
        }
    }
}

fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.trim().split_once(':')?;
    let digits = |text: &str| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= MINUTES).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// Minutes from Monday 5 January 2026, 00:00 in Japan.
    fn at(day: i64, hour: i64, minute: i64) -> Time {
        Time::from_seconds(1_767_571_200 - 9 * 3_600 + ((day * 24 + hour) * 60 + minute) * 60)
    }

    fn opening(text: &str, now: Time) -> Option<Time> {
        SendHours::parse(text).unwrap().opening(now, 540)
    }

    #[test]
    fn mail_waits_for_the_next_opening() {
        let office = "Mon-Fri 08:00-19:00, sat 09:00-12:00";
        assert_eq!(opening(office, at(0, 8, 0)), None);
        assert_eq!(opening(office, at(4, 18, 59)), None);
        assert_eq!(opening(office, at(0, 7, 59)), Some(at(0, 8, 0)));
        assert_eq!(opening(office, at(0, 19, 0)), Some(at(1, 8, 0)));
        assert_eq!(opening(office, at(4, 23, 0)), Some(at(5, 9, 0)));
        assert_eq!(opening(office, at(6, 12, 0)), Some(at(7, 8, 0)), "Sunday waits for Monday");
    }

    #[test]
    fn spans_may_pass_midnight_and_the_end_of_the_week() {
        assert_eq!(opening("22:00-06:00", at(2, 3, 0)), None);
        assert_eq!(opening("22:00-06:00", at(2, 6, 0)), Some(at(2, 22, 0)));
        assert_eq!(opening("sun 22:00-02:00", at(7, 1, 59)), None);
        assert_eq!(opening("fri-mon 00:00-24:00", at(0, 12, 0)), None);
        assert_eq!(opening("fri-mon 00:00-24:00", at(1, 12, 0)), Some(at(4, 0, 0)));
    }

    #[test]
    fn what_is_not_a_span_is_refused() {
        for bad in [
            "",
            "mon",
            "08:00",
            "08:00-08:00",
            "25:00-26:00",
            "8-9",
            "xyz 08:00-09:00",
            "mon-fri 24:00-08:00",
            "08:+1-09:00",
        ] {
            assert!(SendHours::parse(bad).is_err(), "{bad}");
        }
    }
}
