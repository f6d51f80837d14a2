#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

const NOON: i64 = 1_764_000_000; // 2025-11-24T16:00:00Z

#[test]
fn formats_with_the_zone_asked_for() {
    let time = Time::from_seconds(NOON);
    assert_eq!(format_rfc5322(time, 0), "Mon, 24 Nov 2025 16:00:00 +0000");
    assert_eq!(format_rfc5322(time, 540), "Tue, 25 Nov 2025 01:00:00 +0900");
    assert_eq!(format_rfc5322(time, -210), "Mon, 24 Nov 2025 12:30:00 -0330");
    assert_eq!(format_rfc5322(time, 99_999), "Mon, 24 Nov 2025 16:00:00 +0000");
    assert_eq!(format_internal(Time::from_seconds(837_596_665), -420), "17-Jul-1996 02:44:25 -0700");
    assert_eq!(format_internal(Time::EPOCH, 0), " 1-Jan-1970 00:00:00 +0000");
    assert_eq!(format_rfc5322(Time(i64::MIN), 0), format_rfc5322(Time(i64::MIN), 0));
}

#[test]
fn the_forms_of_the_world_are_read() {
    let forms = [
        "Mon, 24 Nov 2025 16:00:00 +0000",
        "Tue, 25 Nov 2025 01:00:00 +0900 (JST)",
        "25 Nov 2025 01:00:00 JST",
        "mon,24 nov 2025 16:00:00 GMT",
        "Mon, 24 Nov 25 16:00:00 GMT",
        "Mon, 24 Nov 125 16:00:00 GMT",
        "Mon, 24 Nov 2025 16:00 UT",
        "Mon, 24 Nov 2025 16:00:00",
        "Mon Nov 24 16:00:00 2025",
        "Mon Nov 24 11:00:00 EST 2025",
        "Mon, 24-Nov-2025 16:00:00 +0000",
        "Monday, 24 November 2025 04:00:00 PM +0000",
        "Mon, 24 Nov 2025 16:00:00.250 +0000",
        "Mon, 24 Nov 2025 16:00:00+0000",
        "Mon, 24 Nov 2025 (a (nested) comment) 16:00:00 +00:00",
        "(c) 24 Nov 2025 16:00:00 Z",
    ];
    for form in forms {
        assert_eq!(parse(form), Some(Time::from_seconds(NOON)), "{form}");
    }
    assert_eq!(parse_with_offset("Tue, 25 Nov 2025 01:00:00 +0900").unwrap().1, 540);
    assert_eq!(parse("Tue, 24 Nov 1970 00:00:60 +0000"), parse("Tue, 24 Nov 1970 00:00:59 +0000"));
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "",
        "yesterday",
        "24 Nov 2025",
        "32 Nov 2025 10:00:00",
        "31 Nov 2025 10:00",
        "29 Feb 2023 10:00",
        "1 Jan 2025 25:00:00",
        "1 Xyz 2025 10:00",
    ] {
        assert_eq!(parse(text), None, "{text:?}");
    }
}

#[test]
fn internal_dates_are_strict() {
    let (time, offset) = parse_internal("17-Jul-1996 02:44:25 -0700").unwrap();
    assert_eq!((time, offset), (Time::from_seconds(837_596_665), -420));
    for text in [
        "",
        "17-Jul-1996",
        "17-Jul-96 02:44:25 -0700",
        "1-Jul-1996 02:44:25 -0700",
        "17-July-996 02:44:25 -0700",
        "17-Jul-1996 2:44:25 -0700",
        "17-Jul-1996 02:44:25 GMT",
        "あ-Jul-1996 02:44:25 -0700",
    ] {
        assert_eq!(parse_internal(text), None, "{text:?}");
    }
}

#[test]
fn days_are_counted_where_the_reader_is() {
    let late = Time::from_seconds(NOON);
    assert_eq!(civil_day(late, 540), civil_day(late, 0) + 1);
    assert_eq!(civil_day(Time::EPOCH, -1), -1);
}

proptest! {
    #[test]
    fn formats_and_parses_back(seconds in -2_208_988_800i64..250_000_000_000, offset in -1439i32..=1439) {
        let time = Time::from_seconds(seconds);
        prop_assert_eq!(parse_with_offset(&format_rfc5322(time, offset)), Some((time, offset)));
        prop_assert_eq!(parse_internal(&format_internal(time, offset)), Some((time, offset)));
        prop_assert_eq!(Time::from_seconds(seconds).to_string().get(..10).map(str::to_owned),
            jiff::Timestamp::from_second(seconds).ok().map(|t| t.strftime("%Y-%m-%d").to_string()));
    }

    #[test]
    fn never_panics(text in "\\PC{0,60}", seconds in any::<i64>(), offset in any::<i32>()) {
        let _ = parse(&text);
        let _ = parse_internal(&text);
        let _ = format_rfc5322(Time(seconds), offset);
        let _ = civil_day(Time(seconds), offset);
    }
}
