//! Random mail in all charsets, random searches: with signatures and without the answers are the same, and they are
//! what a plain look at the texts says. And SORT against a list that is sorted by hand.

use std::fmt::Write as _;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use sekisho_message::search::casemap;
use sekisho_message::transfer::{encode_base64, encode_quoted_printable};
use sekisho_store::{Engine, index};

use super::house::House;
use super::talk::Talk;

/// How a text is written.
#[derive(Clone, Copy, Debug)]
struct Coat {
    charset: usize,
    base64: bool,
    nested: bool,
}

const CHARSETS: [&str; 4] = ["utf-8", "iso-2022-jp", "shift_jis", "euc-jp"];

/// A message of a test.
#[derive(Clone, Debug)]
struct Sample {
    subject: String,
    body: String,
    from: usize,
    size: usize,
    day: i64,
    coat: Coat,
}

const SENDERS: [&str; 4] = ["zoe@example.org", "Anna@example.org", "bert@example.org", "carl@example.org"];

fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("東京"),
        Just("京都"),
        Just("都"),
        Just("メール"),
        Just("が"),
        Just("か"),
        Just("Report"),
        Just("port"),
        Just("zebra"),
        Just("é"),
    ];
    proptest::collection::vec((word, prop_oneof![Just(""), Just(" ")]), 0..6).prop_map(|words| {
        words.into_iter().flat_map(|(word, space)| [word, space]).collect::<String>().trim().to_owned()
    })
}

fn sample() -> impl Strategy<Value = Sample> {
    let coat = (0..CHARSETS.len(), any::<bool>(), any::<bool>()).prop_map(|(charset, base64, nested)| Coat {
        charset,
        base64,
        nested,
    });
    (words(), words(), 0..SENDERS.len(), 0..3usize, 1..6i64, coat)
        .prop_map(|(subject, body, from, size, day, coat)| Sample { subject, body, from, size, day, coat })
}

/// A text in a charset; characters that it does not have are left out, as a mailer would ask its user to.
fn octets(charset: usize, text: &str) -> (Vec<u8>, String) {
    let text: String = if charset == 0 { text.into() } else { text.chars().filter(|c| *c != 'é').collect() };
    let bytes = match charset {
        0 => text.clone().into_bytes(),
        1 => iso_2022_jp(&text),
        2 => encoding_rs::SHIFT_JIS.encode(&text).0.into_owned(),
        _ => encoding_rs::EUC_JP.encode(&text).0.into_owned(),
    };
    (bytes, text)
}

fn iso_2022_jp(text: &str) -> Vec<u8> {
    encoding_rs::ISO_2022_JP.encode(text).0.into_owned()
}

impl Sample {
    /// The message, and what a person reads as its subject and body.
    fn write(&self) -> (Vec<u8>, String, String) {
        let (subject, plain_subject) = octets(self.coat.charset, &self.subject);
        let (body, plain_body) = octets(self.coat.charset, &self.body);
        let charset = CHARSETS[self.coat.charset];
        let mut head = format!("From: {}\r\nTo: taro@example.jp\r\n", SENDERS[self.from]);
        let encoded = encode_base64(&subject);
        if plain_subject.is_ascii() {
            write!(head, "Subject: {plain_subject}\r\n").unwrap();
        } else if encoded.len() > 16 {
            // Cut where it falls, be it in the middle of a character.
            let (a, b) = encoded.split_at(8);
            write!(head, "Subject: =?{charset}?B?{a}?=\r\n =?{charset}?B?{b}?=\r\n").unwrap();
        } else {
            write!(head, "Subject: =?{charset}?B?{encoded}?=\r\n").unwrap();
        }
        write!(head, "Date: {} Feb 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n", self.day).unwrap();
        let (encoding, text) = if self.coat.base64 {
            ("base64", encode_base64(&body))
        } else {
            ("quoted-printable", encode_quoted_printable(&body))
        };
        let filler = "x".repeat(self.size * 40);
        let part = format!(
            "Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}\r\n"
        );
        let message = if self.coat.nested {
            format!(
                "{head}Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n{part}--o\r\n\
                 Content-Type: application/octet-stream\r\n\r\n{filler}\r\n--o--\r\n"
            )
        } else {
            format!("{head}X-Filler: {filler}\r\n{part}")
        };
        (message.into_bytes(), plain_subject, plain_body)
    }
}

#[test]
fn searches_are_exact_with_signatures_and_without_on_sqlite() {
    play(Engine::Sqlite, 40);
}

#[test]
fn searches_are_exact_with_signatures_and_without_on_postgresql() {
    play(Engine::Postgres, 3);
}

fn play(engine: Engine, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let house = runtime.block_on(House::new(engine));
    let case = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let given = (proptest::collection::vec(sample(), 1..12), proptest::collection::vec(words(), 1..6));
    let outcome = runner.run(&given, |(samples, needles)| {
        case.set(case.get() + 1);
        runtime.block_on(one_case(&house, case.get(), &samples, &needles));
        Ok(())
    });
    outcome.unwrap();
}

async fn one_case(house: &House, case: u32, samples: &[Sample], needles: &[String]) {
    let mut talk = house.logged_in().await;
    let mailbox = format!("Search{case}");
    talk.say(format!("c CREATE {mailbox}\r\n")).await;
    let mut texts = Vec::new();
    for sample in samples {
        let (message, subject, body) = sample.write();
        let mut command = format!("a APPEND {mailbox} {{{}+}}\r\n", message.len()).into_bytes();
        command.extend_from_slice(&message);
        command.extend_from_slice(b"\r\n");
        let said = talk.say(command).await;
        assert!(said.contains("a OK"), "{said}");
        texts.push((subject, body));
    }
    talk.say(format!("s SELECT {mailbox}\r\n")).await;
    let before = answers(&mut talk, &texts, needles).await;
    let (store, now) = (house.control.store().clone(), house.clock.now());
    tokio::task::spawn_blocking(move || while index::step(&store, now).unwrap() {}).await.unwrap();
    assert_eq!(before, answers(&mut talk, &texts, needles).await);
    sorting(&mut talk, samples, &texts).await;
    talk.say("q LOGOUT\r\n").await;
}

/// Asks for each text, checks the answers and gives them back.
async fn answers(talk: &mut Talk, texts: &[(String, String)], needles: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for needle in needles {
        for key in ["SUBJECT", "BODY", "TEXT", "NOT BODY"] {
            let command = format!("x SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{needle}\r\n", needle.len());
            let said = talk.say(command).await;
            let holds = |text: &str| casemap(text).contains(&casemap(needle));
            let expected = texts.iter().zip(1..).filter(|((subject, body), _)| match key {
                "SUBJECT" => holds(subject),
                "BODY" => holds(body),
                "TEXT" => holds(subject) || holds(body),
                _ => !holds(body),
            });
            let expected: String = expected.map(|(_, number)| format!(" {number}")).collect();
            // A space or nothing may be found in what is not of the test's making.
            if !needle.trim().is_empty() && needle != "port" {
                assert_eq!(
                    said,
                    format!("* SEARCH{expected}\r\nx OK SEARCH completed\r\n"),
                    "{key} {needle:?} {texts:?}"
                );
            }
            all.push(said);
        }
    }
    all
}

/// Sorts by hand and compares.
async fn sorting(talk: &mut Talk, samples: &[Sample], texts: &[(String, String)]) {
    type Order = fn(&Sample, &str) -> (String, i64);
    // White space outside does not count, and a run of it is one space (RFC 5256 §2.1).
    fn base(subject: &str) -> String {
        casemap(&subject.split_whitespace().collect::<Vec<_>>().join(" "))
    }
    let criteria: [(&str, Order); 4] = [
        ("SUBJECT DATE", |sample, subject| (base(subject), sample.day)),
        ("FROM", |sample, _| (SENDERS[sample.from].to_ascii_uppercase(), 0)),
        ("DATE", |sample, _| (String::new(), sample.day)),
        ("SUBJECT", |_, subject| (base(subject), 0)),
    ];
    for (criterion, key) in criteria {
        for reverse in [false, true] {
            // The base subject has no white space outside and one space between words (RFC 5256 §2.1).
            let spaced = |at: usize| texts[at].0.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut order: Vec<usize> = (0..samples.len()).collect();
            order.sort_by(|&a, &b| {
                let order = key(&samples[a], &spaced(a)).cmp(&key(&samples[b], &spaced(b)));
                if reverse { order.reverse() } else { order }
            });
            let expected: String = order.iter().map(|at| format!(" {}", at + 1)).collect();
            let asked: Vec<String> = criterion
                .split(' ')
                .map(|word| if reverse { format!("REVERSE {word}") } else { word.to_owned() })
                .collect();
            let said = talk.say(format!("x SORT ({}) UTF-8 ALL\r\n", asked.join(" "))).await;
            assert_eq!(said, format!("* SORT{expected}\r\nx OK SORT completed\r\n"), "{criterion} {texts:?}");
        }
    }
}
