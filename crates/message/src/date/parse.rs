//! Reading dates, tolerant of what is found in mail.

use super::calendar::{days_from_civil, days_in_month, month_number};
use crate::Time;

/// Longest text that is looked at, in octets: comments included.
const MAX_OCTETS: usize = 512;

/// The time of a date as found in a header field (RFC 5322 §3.3 and the obsolete forms of §4.3).
///
/// Taken too: a missing or wrong day of the week, two- and three-digit years, missing seconds, zone names,
/// comments anywhere, hyphens in the date, the year at the end as `ctime` and mbox put it, and no zone at all (UTC).
/// `None` when no time can be made of it.
#[must_use]
pub fn parse(text: &str) -> Option<Time> {
    parse_with_offset(text).map(|(time, _)| time)
}

/// Like [`parse`], with the zone's distance from UTC in minutes.
#[must_use]
pub fn parse_with_offset(text: &str) -> Option<(Time, i32)> {
    let words = words(text);
    let mut date = Fields::default();
    for word in &words {
        date.take(word);
    }
    date.finish()
}

/// The time and zone (minutes) of an INTERNALDATE without its quotes: ` 4-Nov-2025 16:00:00 +0900`
/// (RFC 3501 §9 `date-time`). Strict: it is what a client sends with APPEND.
#[must_use]
pub fn parse_internal(text: &str) -> Option<(Time, i32)> {
    let (date, rest) = text.split_at_checked(11)?;
    let rest = rest.strip_prefix(' ')?;
    let (time, zone) = rest.split_once(' ')?;
    let mut date = date.split('-');
    let (day, month, year) = (date.next()?, date.next()?, date.next()?);
    let well_formed =
        date.next().is_none() && month.len() == 3 && year.len() == 4 && time.len() == 8 && zone.len() == 5;
    let mut fields =
        Fields { day: number(day.trim_start()), month: month_number(month), year: number(year), ..Fields::default() };
    fields.take_time(time);
    if !zone.starts_with(['+', '-']) || !well_formed {
        return None;
    }
    fields.offset = Some(numeric_zone(zone)?);
    fields.finish()
}

/// What has been found so far.
#[derive(Default)]
struct Fields {
    day: Option<i64>,
    month: Option<i64>,
    year: Option<i64>,
    time: Option<(i64, i64, i64)>,
    offset: Option<i32>,
    half_day: Option<bool>,
}

impl Fields {
    fn take(&mut self, word: &str) {
        if word.contains(':') {
            return self.take_time(word);
        }
        if self.time.is_some() && self.offset.is_none() && word.starts_with(['+', '-']) {
            self.offset = numeric_zone(word);
            return;
        }
        if word.bytes().all(|b| b.is_ascii_digit()) {
            return self.take_number(word);
        }
        if self.month.is_none() && word.bytes().all(|b| b.is_ascii_alphabetic()) {
            self.month = month_number(word);
            if self.month.is_some() {
                return;
            }
        }
        if word.contains('-') || word.contains('/') {
            return word.split(['-', '/']).filter(|part| !part.is_empty()).for_each(|part| self.take(part));
        }
        match word.to_ascii_uppercase().as_str() {
            "AM" => self.half_day = Some(false),
            "PM" => self.half_day = Some(true),
            name if self.time.is_some() && self.offset.is_none() => self.offset = named_zone(name),
            _ => {}
        }
    }

    fn take_time(&mut self, word: &str) {
        // A zone may be glued to the time: 12:00:00+0900.
        let (clock, zone) = match word.find(['+', '-']) {
            Some(at) => word.split_at(at),
            None => (word, ""),
        };
        let mut parts = clock.split(':').map(|part| number(part.split('.').next().unwrap_or(part)));
        let (hour, minute, second) = (parts.next().flatten(), parts.next().flatten(), parts.next().unwrap_or(Some(0)));
        if let (Some(hour), Some(minute), Some(second), None) = (hour, minute, second, self.time) {
            self.time = Some((hour, minute, second));
        }
        if !zone.is_empty() && self.offset.is_none() {
            self.offset = numeric_zone(zone);
        }
    }

    fn take_number(&mut self, word: &str) {
        let Some(value) = number(word) else { return };
        if self.day.is_none() && word.len() <= 2 && (1..=31).contains(&value) {
            self.day = Some(value);
        } else if self.year.is_none() && matches!(word.len(), 2..=4) {
            self.year = Some(match word.len() {
                // RFC 5322 §4.3: 00-49 are 2000-2049, 50-99 and three digits count from 1900.
                2 if value < 50 => value + 2000,
                2 | 3 => value + 1900,
                _ => value,
            });
        }
    }

    fn finish(self) -> Option<(Time, i32)> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        let (mut hour, minute, second) = self.time?;
        match self.half_day {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let valid = day >= 1 && day <= days_in_month(year, month) && hour < 24 && minute < 60 && second <= 60;
        if !valid {
            return None;
        }
        let offset = self.offset.unwrap_or(0);
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second.min(59);
        Some((Time::from_seconds(seconds - i64::from(offset) * 60), offset))
    }
}

/// Splits into words at white space and commas, without comments. Bounded by [`MAX_OCTETS`].
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut depth = 0usize;
    for c in text.chars().take(MAX_OCTETS) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            c if depth == 0 && !c.is_whitespace() && c != ',' => {
                word.push(c);
                continue;
            }
            _ => {}
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// One to four digits.
fn number(text: &str) -> Option<i64> {
    let digits = matches!(text.len(), 1..=4) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// `+hhmm`, `-hhmm` and `+hh:mm`, in minutes.
fn numeric_zone(text: &str) -> Option<i32> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.chars().skip(1).filter(|c| *c != ':').collect();
    if digits.len() != 4 {
        return None;
    }
    let value = i32::try_from(number(&digits)?).ok()?;
    let minutes = value / 100 * 60 + value % 100;
    (value % 100 < 60 && minutes <= super::MAX_OFFSET_MINUTES).then_some(sign * minutes)
}

/// The zone names of RFC 5322 §4.3, and Japan's. Unknown names and military letters are UTC, as it says there.
fn named_zone(name: &str) -> Option<i32> {
    match name {
        "EDT" => Some(-4 * 60),
        "EST" | "CDT" => Some(-5 * 60),
        "CST" | "MDT" => Some(-6 * 60),
        "MST" | "PDT" => Some(-7 * 60),
        "PST" => Some(-8 * 60),
        "JST" | "KST" => Some(9 * 60),
        "CET" | "MET" | "BST" => Some(60),
        "CEST" => Some(2 * 60),
        name if name.bytes().all(|b| b.is_ascii_alphabetic()) => Some(0),
        _ => None,
    }
}
