//! Dates as mail writes them: RFC 5322 §3.3 and IMAP INTERNALDATE (RFC 3501 §9 `date-time`).

mod calendar;
mod parse;
#[cfg(test)]
mod tests;

use crate::Time;
use calendar::Civil;

pub use parse::{parse, parse_internal, parse_with_offset};

/// Largest distance from UTC that is written, in minutes: a day less a minute (RFC 5322 §3.3 allows `+9959`,
/// no place on Earth uses more than 14 hours).
pub const MAX_OFFSET_MINUTES: i32 = 23 * 60 + 59;

/// A date for a header field: `Mon, 24 Nov 2025 16:00:00 +0900` (RFC 5322 §3.3).
///
/// `offset_minutes` is the local time's distance from UTC, east positive; out of bounds means UTC.
#[must_use]
pub fn format_rfc5322(time: Time, offset_minutes: i32) -> String {
    let (civil, offset) = local(time, offset_minutes);
    let Civil { year, month, day, hour, minute, second, weekday } = civil;
    let (weekday, month) = (calendar::weekday_name(weekday), calendar::month_name(month));
    format!("{weekday}, {day} {month} {year:04} {hour:02}:{minute:02}:{second:02} {}", zone(offset))
}

/// An INTERNALDATE without its quotes: ` 4-Nov-2025 16:00:00 +0900` (RFC 3501 §9: the day is padded with a space).
#[must_use]
pub fn format_internal(time: Time, offset_minutes: i32) -> String {
    let (civil, offset) = local(time, offset_minutes);
    let Civil { year, month, day, hour, minute, second, .. } = civil;
    let month = calendar::month_name(month);
    format!("{day:>2}-{month}-{year:04} {hour:02}:{minute:02}:{second:02} {}", zone(offset))
}

/// The civil day that a time falls on at `offset_minutes`, as days since 1 January 1970: what IMAP SEARCH
/// SINCE, BEFORE and ON compare (RFC 3501 §6.4.4, "disregarding time and timezone").
#[must_use]
pub fn civil_day(time: Time, offset_minutes: i32) -> i64 {
    let offset = in_bounds(offset_minutes);
    time.seconds().saturating_add(i64::from(offset) * 60).div_euclid(86_400)
}

fn local(time: Time, offset_minutes: i32) -> (Civil, i32) {
    let offset = in_bounds(offset_minutes);
    (Civil::of_seconds(time.seconds().saturating_add(i64::from(offset) * 60)), offset)
}

fn in_bounds(offset_minutes: i32) -> i32 {
    if offset_minutes.abs() > MAX_OFFSET_MINUTES { 0 } else { offset_minutes }
}

fn zone(offset_minutes: i32) -> String {
    let sign = if offset_minutes < 0 { '-' } else { '+' };
    let minutes = offset_minutes.abs();
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}
