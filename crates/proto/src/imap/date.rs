//! Dates of commands: `date` of SEARCH and `date-time` of APPEND (RFC 3501 §9).

use sekisho_message::Time;

use super::fault::{Parsed, syntax};
use super::lex::Cursor;

/// Month names as IMAP writes them.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day without time and zone: days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day of a point in time, in UTC.
    #[must_use]
    pub const fn of(time: Time) -> Self {
        Self(time.seconds().div_euclid(86_400))
    }
}

/// `"date"` or `date`: `1-Feb-1994`, quoted or not.
pub fn date(cursor: &mut Cursor<'_>) -> Parsed<Day> {
    let quoted = cursor.eat(b'"');
    let day = cursor.number()?;
    let days = rest_of_date(cursor, day)?;
    if quoted {
        cursor.expect(b'"', "a quoted date has no end")?;
    }
    Ok(Day(days))
}

/// `"17-Jul-1996 02:44:25 -0700"`, the day with a leading space or zero when it has one digit.
pub fn date_time(cursor: &mut Cursor<'_>) -> Parsed<Time> {
    cursor.expect(b'"', "a date must be quoted")?;
    cursor.eat(b' ');
    let day = cursor.number()?;
    let days = rest_of_date(cursor, day)?;
    cursor.space()?;
    let hours = two(cursor, 23)?;
    cursor.expect(b':', "a time needs colons")?;
    let minutes = two(cursor, 59)?;
    cursor.expect(b':', "a time needs colons")?;
    let seconds = two(cursor, 60)?;
    cursor.space()?;
    let west = match cursor.peek() {
        Some(b'-') => true,
        Some(b'+') => false,
        _ => return syntax("a time needs a zone"),
    };
    cursor.eat(if west { b'-' } else { b'+' });
    let zone = two(cursor, 23)? * 3600 + two(cursor, 59)? * 60;
    cursor.expect(b'"', "a quoted date has no end")?;
    let local = days * 86_400 + hours * 3600 + minutes * 60 + seconds;
    Ok(Time::from_seconds(if west { local + zone } else { local - zone }))
}

/// Days since 1970-01-01 of a civil date (proleptic Gregorian).
#[must_use]
pub const fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month (1 to 12) and day (1 to 31) of a count of days since 1970-01-01.
#[must_use]
pub fn civil(days: i64) -> (i64, u8, u8) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(1), u8::try_from(day).unwrap_or(1))
}

fn rest_of_date(cursor: &mut Cursor<'_>, day: u32) -> Parsed<i64> {
    cursor.expect(b'-', "a date needs hyphens")?;
    let name = cursor.run(|b| b.is_ascii_alphabetic());
    let Some(month) = MONTHS.iter().position(|m| m.as_bytes().eq_ignore_ascii_case(name)) else {
        return syntax("no such month");
    };
    cursor.expect(b'-', "a date needs hyphens")?;
    let year = cursor.number()?;
    let month = i64::try_from(month).unwrap_or(0) + 1;
    let year = i64::from(year);
    if !(1..=9999).contains(&year) || day == 0 || i64::from(day) > days_in(year, month) {
        return syntax("no such day");
    }
    Ok(days_of(year, month, i64::from(day)))
}

const fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_of(next_year, next_month, 1) - days_of(year, month, 1)
}

fn two(cursor: &mut Cursor<'_>, largest: i64) -> Parsed<i64> {
    let Some((&[a @ b'0'..=b'9', b @ b'0'..=b'9'], _)) = cursor.rest().split_first_chunk::<2>() else {
        return syntax("a time needs two digits each");
    };
    cursor.skip(2);
    let n = i64::from(a - b'0') * 10 + i64::from(b - b'0');
    if n > largest { syntax("no such time") } else { Ok(n) }
}
