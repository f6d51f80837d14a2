//! Times of log lines: RFC 3339, syslog without a year, Exim's and E-POST's.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sekisho_message::Time;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
/// A stamp may lie so far ahead of now: clocks differ, and zones are set wrongly.
const AHEAD: i64 = 2 * 86_400;
/// Lines in a row that must agree before a year turns.
const TURN: u8 = 3;

/// Reads the times of one file.
///
/// Years that a log does not write are inferred: the first stamp is the last such day before `now`, and a month that
/// falls back, for some lines in a row, is a new year.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    now: Time,
    year: Option<i16>,
    month: u8,
    /// Years to go back, because an earlier reading ended in the future.
    back: i16,
    ahead: i16,
    /// Lines in a row that say that a new year has begun.
    turned: u8,
    /// Whether the last stamp had its year.
    whole: bool,
    /// The hour last read, as it was written, and what it is.
    hour: Option<((i16, u8, u8, u8), i64)>,
}

/// The fields of a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields {
    year: Option<i16>,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    micros: u32,
    /// Seconds east of Greenwich, if it is written.
    offset: Option<i32>,
}

impl Clock {
    /// A clock for a file that was written until `now`, with times in `zone` where they do not say.
    #[must_use]
    pub fn new(zone: TimeZone, now: Time) -> Self {
        Self { zone, now, year: None, month: 0, back: 0, ahead: 0, turned: 0, whole: false, hour: None }
    }

    /// The same, with the first year so many years earlier: see [`Clock::years_ahead`].
    #[must_use]
    pub fn back(mut self, years: i16) -> Self {
        self.back = years;
        self
    }

    /// Whether the last stamp had a year of its own.
    #[must_use]
    pub fn writes_years(&self) -> bool {
        self.whole
    }

    /// By how many years the file, read as it was, ends in the future. Then it must be read again from so many years earlier.
    #[must_use]
    pub fn years_ahead(&self) -> i16 {
        self.ahead
    }

    /// The time at the start of a line, and where the rest begins.
    pub fn leading(&mut self, line: &str) -> Option<(Time, usize)> {
        let bytes = line.as_bytes();
        let (fields, rest) = match bytes.first()? {
            b'0'..=b'9' => iso(bytes)?,
            b'A'..=b'Z' => syslog(bytes)?,
            _ => return None,
        };
        Some((self.time(fields)?, rest))
    }

    /// An RFC 3339 time that fills `text`.
    pub fn iso(&mut self, text: &str) -> Option<Time> {
        let (fields, _) = iso(text.as_bytes())?;
        self.time(fields)
    }

    /// `30/Nov/2017:08:20:44`, or with a space, at the start of `text`.
    pub fn epost(&mut self, text: &str) -> Option<Time> {
        let bytes = text.as_bytes();
        let (day, at) = digits(bytes, 0, 2)?;
        let month = month(bytes.get(at + 1..at + 4)?)?;
        let (year, next) = digits(bytes, at + 5, 4)?;
        if bytes.get(at) != Some(&b'/')
            || bytes.get(at + 4) != Some(&b'/')
            || !matches!(bytes.get(next), Some(b':' | b' '))
        {
            return None;
        }
        let (hour, minute, second, _) = clock(bytes, next + 1)?;
        let year = i16::try_from(year).ok()?;
        let day = u8::try_from(day).ok()?;
        self.time(Fields { year: Some(year), month, day, hour, minute, second, micros: 0, offset: None })
    }

    fn time(&mut self, fields: Fields) -> Option<Time> {
        let year = match fields.year {
            Some(year) => year,
            None => self.infer(&fields)?,
        };
        self.whole = fields.year.is_some();
        let key = (year, fields.month, fields.day, fields.hour);
        let hour = match (self.hour, fields.offset) {
            (Some((known, base)), None) if known == key => base,
            _ => {
                let civil = civil(year, &fields)?;
                let base = match fields.offset {
                    Some(offset) => seconds_utc(civil)? - i64::from(offset),
                    None => self.zone.to_ambiguous_timestamp(civil).compatible().ok()?.as_second(),
                };
                if fields.offset.is_none() {
                    self.hour = Some((key, base));
                }
                base
            }
        };
        let seconds = hour + i64::from(fields.minute) * 60 + i64::from(fields.second);
        Some(Time(seconds * 1_000_000 + i64::from(fields.micros)))
    }

    fn infer(&mut self, fields: &Fields) -> Option<i16> {
        let Some(year) = self.year else {
            let newest = Timestamp::from_second(self.now.seconds() + AHEAD).ok()?.to_zoned(self.zone.clone()).year();
            // 29 February asks for up to eight years back.
            let fitting = (0..9).map(|n| newest - n).find(|&year| fits(year, fields, self.now).is_some());
            let year = fitting?.checked_sub(self.back)?;
            (self.year, self.month) = (Some(year), fields.month);
            return Some(year);
        };
        if fields.month == 12 && self.month == 1 {
            // Written before New Year, and late.
            return year.checked_sub(1);
        }
        if self.month < fields.month + 2 {
            self.turned = 0;
            self.month = fields.month;
            return Some(year);
        }
        // The month falls back: a new year, if more than a stray line says so.
        self.turned += 1;
        let next = year.checked_add(1)?;
        let ahead = fits(next, fields, self.now).is_none();
        if self.turned < TURN {
            return Some(if ahead { year } else { next });
        }
        self.ahead = self.ahead.saturating_add(i16::from(ahead));
        (self.year, self.month, self.turned) = (Some(next), fields.month, 0);
        Some(next)
    }
}

fn fits(year: i16, fields: &Fields, now: Time) -> Option<()> {
    (seconds_utc(civil(year, fields)?)? <= now.seconds() + AHEAD).then_some(())
}

/// The full hour.
fn civil(year: i16, fields: &Fields) -> Option<DateTime> {
    let sign = |n: u8| i8::try_from(n).ok();
    DateTime::new(year, sign(fields.month)?, sign(fields.day)?, sign(fields.hour)?, 0, 0, 0).ok()
}

fn seconds_utc(civil: DateTime) -> Option<i64> {
    TimeZone::UTC.to_timestamp(civil).ok().map(Timestamp::as_second)
}

/// `2026-11-24T10:00:00.123456+09:00`, with a space for T, and any of fraction and offset missing; the rest begins after it.
fn iso(bytes: &[u8]) -> Option<(Fields, usize)> {
    let (year, at) = digits(bytes, 0, 4)?;
    let (month, _) = digits(bytes, at + 1, 2)?;
    let (day, at) = digits(bytes, at + 4, 2)?;
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') || !matches!(bytes.get(at), Some(b'T' | b' ')) {
        return None;
    }
    let (hour, minute, second, mut at) = clock(bytes, at + 1)?;
    let mut micros = 0;
    if matches!(bytes.get(at), Some(b'.' | b',')) {
        let mut unit = 100_000;
        at += 1;
        while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
            micros += u32::from(digit - b'0') * unit;
            unit /= 10;
            at += 1;
        }
    }
    let zone = if bytes.get(at) == Some(&b' ') && matches!(bytes.get(at + 1), Some(b'+' | b'-')) { at + 1 } else { at };
    let offset = match offset(bytes, zone) {
        Some((offset, next)) => {
            at = next;
            Some(offset)
        }
        None => None,
    };
    let [month, day] = [month, day].map(|n| u8::try_from(n).unwrap_or(0));
    let year = i16::try_from(year).ok()?;
    Some((Fields { year: Some(year), month, day, hour, minute, second, micros, offset }, skip_spaces(bytes, at)))
}

/// `Nov  4 10:00:00`.
fn syslog(bytes: &[u8]) -> Option<(Fields, usize)> {
    let month = month(bytes.get(..3)?)?;
    let tens = match bytes.get(4)? {
        b' ' => 0,
        digit @ b'0'..=b'3' => digit - b'0',
        _ => return None,
    };
    let ones = bytes.get(5).filter(|b| b.is_ascii_digit())? - b'0';
    if bytes.get(3) != Some(&b' ') || bytes.get(6) != Some(&b' ') {
        return None;
    }
    let (hour, minute, second, at) = clock(bytes, 7)?;
    let day = tens * 10 + ones;
    (1..=31).contains(&day).then_some(())?;
    Some((Fields { year: None, month, day, hour, minute, second, micros: 0, offset: None }, skip_spaces(bytes, at)))
}

fn clock(bytes: &[u8], at: usize) -> Option<(u8, u8, u8, usize)> {
    let (hour, minute) = (digits(bytes, at, 2)?.0, digits(bytes, at + 3, 2)?.0);
    let (second, end) = digits(bytes, at + 6, 2)?;
    let well = bytes.get(at + 2) == Some(&b':') && bytes.get(at + 5) == Some(&b':');
    let [hour, minute, second] = [hour, minute, second].map(|n| u8::try_from(n).unwrap_or(255));
    (well && hour < 24 && minute < 60 && second < 61).then_some((hour, minute, second, end))
}

fn offset(bytes: &[u8], at: usize) -> Option<(i32, usize)> {
    let sign = match bytes.get(at)? {
        b'Z' => return Some((0, at + 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, next) = digits(bytes, at + 1, 2)?;
    let next = if bytes.get(next) == Some(&b':') { next + 1 } else { next };
    let (minutes, end) = digits(bytes, next, 2)?;
    (hours < 24 && minutes < 60).then_some((sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60), end))
}

fn digits(bytes: &[u8], at: usize, count: usize) -> Option<(u16, usize)> {
    let text = bytes.get(at..at.checked_add(count)?)?;
    let mut number = 0_u16;
    for byte in text {
        number = number * 10 + u16::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some((number, at + count))
}

fn month(name: &[u8]) -> Option<u8> {
    let index = MONTHS.iter().position(|m| m.as_slice() == name)?;
    u8::try_from(index + 1).ok()
}

fn skip_spaces(bytes: &[u8], at: usize) -> usize {
    at + bytes.iter().skip(at).take_while(|&&b| b == b' ').count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// 2027-02-10 00:00 UTC.
    const NOW: Time = Time::from_seconds(1_802_217_600);

    fn read(clock: &mut Clock, text: &str) -> String {
        clock.leading(text).map_or_else(|| "-".into(), |(time, at)| format!("{time} {}", &text[at..]))
    }

    #[test]
    fn every_form_is_read() {
        let clock = || Clock::new(TimeZone::fixed(jiff::tz::offset(9)), NOW);
        for (text, is) in [
            ("2026-11-24T10:00:00.123456+09:00 mx p: x", "2026-11-24T01:00:00Z mx p: x"),
            ("2026-11-24T10:00:00Z mx", "2026-11-24T10:00:00Z mx"),
            ("2026-11-24T10:00:00+0900 mx", "2026-11-24T01:00:00Z mx"),
            ("2026-11-24 10:00:00 1abc <= x", "2026-11-24T01:00:00Z 1abc <= x"),
            ("2026-11-24 10:00:00 -0100 1abc", "2026-11-24T11:00:00Z 1abc"),
            ("Nov  4 10:00:00 mx p: x", "2026-11-04T01:00:00Z mx p: x"),
            ("Nov 24 25:00:00 mx", "-"),
            ("Nov 44 10:00:00 mx", "-"),
            ("2026-13-24T10:00:00Z mx", "-"),
            ("2026", "-"),
            ("Nov", "-"),
        ] {
            assert_eq!(read(&mut clock(), text), is, "{text}");
        }
        assert_eq!(clock().epost("30/Nov/2017:17:20:44] x").unwrap().to_string(), "2017-11-30T08:20:44Z");
        assert_eq!(clock().epost("30/Nov/2017 17:20:44").unwrap().to_string(), "2017-11-30T08:20:44Z");
        assert_eq!(clock().epost("30-Nov-2017 17:20:44"), None);
        assert_eq!(clock().epost("3"), None);
    }

    #[test]
    fn years_are_inferred_and_turn() {
        let mut clock = Clock::new(TimeZone::UTC, NOW);
        assert!(read(&mut clock, "Dec 31 23:59:59 ").starts_with("2026-12-31"));
        assert!(read(&mut clock, "Jan  1 00:00:00 ").starts_with("2027-01-01"));
        assert!(read(&mut clock, "Dec 31 23:59:59 ").starts_with("2026-12-31"), "a line that comes late");
        assert!(read(&mut clock, "Feb  9 00:00:00 ").starts_with("2027-02-09"));
        assert!(read(&mut clock, "Feb  9 00:00:00 ").starts_with("2027-02-09"));
        assert_eq!(clock.years_ahead(), 0);

        let mut clock = Clock::new(TimeZone::UTC, NOW);
        assert!(read(&mut clock, "Nov  1 00:00:00 ").starts_with("2026-11-01"));
        assert!(read(&mut clock, "Apr  1 00:00:00 ").starts_with("2026-04-01"), "one stray line");
        assert!(read(&mut clock, "Nov  1 00:00:00 ").starts_with("2026-11-01"));
        assert_eq!(clock.years_ahead(), 0);
        let mut clock = Clock::new(TimeZone::UTC, NOW);
        assert!(read(&mut clock, "Mar  1 00:00:00 ").starts_with("2026-03-01"));
        assert!(Clock::new(TimeZone::UTC, NOW).leading("Feb 29 00:00:00 x").unwrap().0.to_string().starts_with("2024"));
    }

    #[test]
    fn a_log_of_several_years_is_noticed_and_read_again() {
        let lines = ["Jan  5 00:00:00 ", "Jul  5 00:00:00 ", "Dec 30 00:00:00 "];
        let lines: Vec<&str> = lines.into_iter().chain(["Feb  3 00:00:00 "; 4]).collect();
        let mut clock = Clock::new(TimeZone::UTC, NOW);
        lines.iter().for_each(|line| drop(read(&mut clock, line)));
        assert_eq!(clock.years_ahead(), 1);
        let mut again = Clock::new(TimeZone::UTC, NOW).back(clock.years_ahead());
        let read: Vec<String> = lines.iter().map(|line| read(&mut again, line)).collect();
        assert!(read[0].starts_with("2026-01-05") && read[6].starts_with("2027-02-03"), "{read:?}");
        assert_eq!(again.years_ahead(), 0);
    }
}
