#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use sekisho_message::Language;
use sekisho_testkit::TempDir;
use serde_json::Value;

use super::super::tests::sekisho;
use crate::trouble::Exit;

/// What the verb says of files of these contents, as JSON. There is no data folder.
fn inspect(files: &[(&str, Vec<u8>)], options: &[&str]) -> (TempDir, Value) {
    let dir = TempDir::new("inspect").unwrap();
    let mut args = vec!["inspect", "--json", "--zone", "UTC"];
    args.extend_from_slice(options);
    let paths: Vec<String> = files
        .iter()
        .map(|(name, bytes)| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path.display().to_string()
        })
        .collect();
    args.extend(paths.iter().map(String::as_str));
    let (printed, outcome) = sekisho(&dir.path().join("nowhere"), Language::En, &args);
    assert_eq!(outcome, Ok(Exit::Well), "{printed}");
    (dir, serde_json::from_str(&printed).unwrap())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

/// A message of taro's from `ip`, at a time of day, to somebody, as Postfix logs it.
fn message(stamp: &str, n: usize, ip: &str, to: &str) -> String {
    format!(
        "{stamp} mx postfix/submission/smtpd[7]: AB{n:05X}: client=unknown[{ip}], sasl_method=PLAIN, sasl_username=taro@example.jp\n\
         {stamp} mx postfix/cleanup[8]: AB{n:05X}: message-id=<{n}@pc>\n\
         {stamp} mx postfix/qmgr[9]: AB{n:05X}: from=<taro@example.jp>, size=900, nrcpt=1 (queue active)\n\
         {stamp} mx postfix/smtp[10]: AB{n:05X}: to=<{to}>, relay=mx.example.com[203.0.113.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 ok)\n\
         {stamp} mx postfix/qmgr[9]: AB{n:05X}: removed\n"
    )
}

/// Sixty days of ordinary mail; on the last day strangers guess his password over POP3 and send.
fn story(stamp: impl Fn(usize, usize) -> String) -> (String, String) {
    let (mut mail, mut access) = (String::new(), String::new());
    let mut n = 0;
    for day in 0..60 {
        for hour in 0..3 {
            n += 1;
            mail.push_str(&message(&stamp(day, hour * 3_600), n, "192.0.2.7", &format!("friend{}@d.example", n % 20)));
        }
    }
    for n in 0..40 {
        access.push_str(&format!(
            "{} mx dovecot: pop3-login: Aborted login (auth failed, 1 attempts in 2 secs): user=<taro@example.jp>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.1\n",
            stamp(59, 20_000 + n * 20)
        ));
    }
    access.push_str(&format!(
        "{} mx dovecot: pop3-login: Login: user=<taro@example.jp>, method=PLAIN, rip=198.51.100.9, lip=192.0.2.1, mpid=4\n",
        stamp(59, 20_820)
    ));
    for spam in 0..50 {
        let ip = format!("198.18.{}.9", spam % 7);
        mail.push_str(&message(&stamp(59, 40_000 + spam), 900 + spam, &ip, &format!("v{spam}@x{spam}.example")));
    }
    (mail, access)
}

fn iso(day: usize, second: usize) -> String {
    let start = jiff::civil::date(2026, 1, 5).to_datetime(jiff::civil::Time::midnight());
    let at = start.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    let at = at.timestamp() + jiff::SignedDuration::from_secs((day * 86_400 + second) as i64);
    at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

const FIRST: i64 = 1_767_571_200 + 59 * 86_400;

#[test]
fn several_files_are_one_story_plain_or_packed_in_any_order() {
    let (mail, access) = story(iso);
    let middle = mail.match_indices('\n').nth(400).unwrap().0 + 1;
    let (old, new) = mail.split_at(middle);
    let files = [("mail.log", new.as_bytes().to_vec()), ("mail.log.1.gz", gzip(old)), ("dovecot.log", access.into())];
    for options in [&["--format", "postfix"][..], &["--format", "postfix", "--format", "dovecot"], &[]] {
        let (_dir, told) = inspect(&files, options);
        assert_eq!(told["period"]["from"], FIRST - 59 * 86_400);
        assert_eq!((&told["messages"], &told["bad_lines"]), (&230.into(), &0.into()));
        let [incident] = told["incidents"].as_array().unwrap().as_slice() else { panic!("{told}") };
        assert_eq!((&incident["origin"], &incident["rung"]), (&"account:taro@example.jp".into(), &"suspend".into()));
        assert_eq!(incident["login"]["protocol"], "pop3");
        assert_eq!(incident["login"]["guessed"], true);
        assert_eq!(incident["login"]["first_failure"], FIRST + 20_000);
        assert_eq!(incident["login"]["success"], FIRST + 20_820);
        assert_eq!(incident["login"]["network"], "198.51.100.0/24");
        let before = incident["messages_before_hold"].as_i64().unwrap();
        assert!((1..=8).contains(&before) && incident["recipients_escaped"] == 0, "{incident}");
        assert_eq!(before + incident["messages_after"].as_i64().unwrap(), 50);
        assert!(incident["held_at"].as_i64().unwrap() < FIRST + 40_010, "{incident}");
        assert!(!incident["signals"].as_array().unwrap().is_empty());
    }
}

#[test]
fn years_that_are_not_written_are_found() {
    // From November on, over New Year.
    let stamp = |day: usize, second: usize| {
        let at = jiff::Timestamp::from_second(1_762_300_800 + (day * 86_400 + second) as i64).unwrap();
        at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%b %e %H:%M:%S").to_string()
    };
    let (mail, access) = story(stamp);
    let files = [("mail.log", mail.into_bytes()), ("dovecot.log", access.into_bytes())];
    let (_dir, told) = inspect(&files, &["--until", "2026-02-01"]);
    assert_eq!(told["period"]["from"], 1_762_300_800_i64);
    assert_eq!(told["incidents"][0]["login"]["success"], 1_762_300_800_i64 + 59 * 86_400 + 20_820);
    let (_dir, told) = inspect(&files, &[]);
    let from = jiff::Timestamp::from_second(told["period"]["from"].as_i64().unwrap()).unwrap();
    let (now, year) = (jiff::Timestamp::now(), jiff::SignedDuration::from_hours(366 * 24));
    assert!(from <= now && now.duration_since(from) <= year + year, "{from}");
    assert_eq!(told["incidents"].as_array().unwrap().len(), 1);
}

#[test]
fn what_cannot_be_read_is_counted_shown_and_left_out() {
    let (mail, access) = story(iso);
    let mut hostile = mail.into_bytes();
    hostile.extend_from_slice(b"\xff\xfe\x00\x01 not a line\n\x1b[31mred\n");
    hostile.extend_from_slice("x".repeat(200_000).as_bytes());
    hostile.extend_from_slice(b"\n2026-99-99T00:00:00Z mx postfix/smtpd[1]: AB: client=\n");
    let mut torn = gzip(&access);
    torn.truncate(torn.len() - 4);
    let (_dir, told) = inspect(&[("mail.log", hostile), ("dovecot.log.gz", torn)], &[]);
    assert_eq!(told["bad_lines"], 5, "{told}");
    let shown = told["bad"].as_array().unwrap();
    assert!(shown.iter().all(|bad| !bad["text"].as_str().unwrap().contains('\u{1b}')), "{shown:?}");
    assert_eq!(told["incidents"][0]["login"]["guessed"], true);
}

#[test]
fn what_is_wrong_with_the_question_is_said() {
    let dir = TempDir::new("inspect").unwrap();
    let packed = dir.path().join("mail.log.xz");
    std::fs::write(&packed, b"\xfd7zXZ\0\0").unwrap();
    let wrong = |args: &[&str]| sekisho(Path::new("nowhere"), Language::En, args).1.unwrap_err();
    assert!(wrong(&["inspect", "no/such/file"]).text.en.contains("no/such/file"));
    assert!(wrong(&["inspect", &packed.display().to_string()]).text.en.contains("xz"));
    assert!(wrong(&["inspect", "--zone", "Mars/Base", "x"]).text.en.contains("Mars/Base"));
    let set = wrong(&["inspect", "--set", "person.home=hot", "x"]);
    assert_eq!(set.exit, Exit::CouldNot);
    assert!(set.text.ja.contains("person.home"));
}

#[test]
fn people_read_a_story_in_their_language() {
    let (mail, access) = story(iso);
    let dir = TempDir::new("inspect").unwrap();
    let path = dir.path().join("mail.log");
    let log = format!("{mail}{access}");
    let mut lines: Vec<&str> = log.split_inclusive('\n').collect();
    lines.sort_by_key(|line| &line[..19]);
    std::fs::write(&path, lines.concat()).unwrap();
    let path = path.display().to_string();
    for (language, says) in [
        (Language::En, ["taro@example.jp", "guessed over POP3", "What to do"]),
        (Language::Ja, ["taro@example.jp", "POP3 で推測", "するべきこと"]),
    ] {
        let (told, _) = sekisho(dir.path(), language, &["inspect", &path]);
        assert!(says.iter().all(|part| told.contains(part)), "{told}");
    }
}
