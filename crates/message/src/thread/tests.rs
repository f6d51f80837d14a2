#![allow(clippy::unwrap_used, clippy::expect_used)]

mod naive;

use proptest::prelude::*;

use super::{Facts, Forest, OrderedSubject, References};
use crate::Time;

/// A message of a test: its fields as they are written.
#[derive(Clone, Debug, Default)]
struct Sample {
    id: String,
    reply: String,
    references: String,
    subject: String,
    sent: i64,
}

impl Sample {
    fn new(id: &str, references: &str, subject: &str, sent: i64) -> Self {
        Self { id: id.into(), references: references.into(), subject: subject.into(), sent, ..Self::default() }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            message_id: self.id.as_bytes(),
            in_reply_to: self.reply.as_bytes(),
            references: self.references.as_bytes(),
            subject: &self.subject,
            sent: Time::from_seconds(self.sent),
        }
    }
}

fn references(samples: &[Sample]) -> String {
    let mut threads = References::default();
    samples.iter().for_each(|sample| threads.add(&sample.facts()));
    printed(&threads.finish())
}

fn ordered(samples: &[Sample]) -> String {
    let mut threads = OrderedSubject::default();
    samples.iter().for_each(|sample| threads.add(&sample.facts()));
    printed(&threads.finish())
}

fn printed(forest: &Forest) -> String {
    let mut out = Vec::new();
    forest.print(&mut out, |message| u32::try_from(message).unwrap() + 1);
    String::from_utf8(out).unwrap()
}

#[test]
fn answers_stand_below_what_they_answer() {
    let samples = [
        Sample::new("<a@x>", "", "one", 1),
        Sample::new("<b@x>", "<a@x>", "Re: one", 2),
        Sample::new("<c@x>", "<a@x> <b@x>", "Re: one", 3),
        Sample::new("<d@x>", "<a@x>", "Re: one", 2),
        Sample::new("<e@x>", "", "two", 0),
    ];
    assert_eq!(references(&samples), "(5)(1 (2 3)(4))");
    assert_eq!(ordered(&samples), "(5)(1 (2)(4)(3))");
}

#[test]
fn lost_messages_hold_their_answers_together() {
    let samples = [
        Sample::new("<b@x>", "<a@x>", "b", 2),
        Sample::new("<c@x>", "<a@x>", "c", 1),
        Sample::new("<e@x>", "<gone@x> <d@x>", "e", 5),
    ];
    assert_eq!(references(&samples), "((2)(1))(3)");
}

#[test]
fn subjects_gather_what_was_not_linked() {
    let same = [Sample::new("", "", "Hello", 2), Sample::new("", "", "hello", 1), Sample::new("", "", "Re: HELLO", 3)];
    assert_eq!(references(&same), "((2)(1)(3))");
    let reply = [Sample::new("", "", "Re: hello", 1), Sample::new("", "", "hello", 2)];
    assert_eq!(references(&reply), "(2 1)");
    let empty = [Sample::new("", "", "", 1), Sample::new("", "", "Re:", 2)];
    assert_eq!(references(&empty), "(1)(2)");
    assert_eq!(ordered(&empty), "(1 2)");
}

#[test]
fn loops_and_doubles_do_no_harm() {
    let samples = [
        Sample::new("<a@x>", "<b@x>", "a", 1),
        Sample::new("<b@x>", "<a@x>", "b", 2),
        Sample::new("<a@x>", "", "c", 3),
        Sample::new("<d@x>", "<d@x>", "d", 4),
    ];
    assert_eq!(references(&samples), "(2 1)(3)(4)");
}

#[test]
fn in_reply_to_stands_in_for_references() {
    let mut answer = Sample::new("<b@x>", "", "other", 2);
    answer.reply = "Your letter of <Monday> \"<a@x>\" <z@x>".into();
    assert_eq!(references(&[Sample::new("<a@x>", "", "a", 1), answer]), "(1 2)");
}

#[test]
fn deep_and_wide_threads_take_linear_time() {
    let start = std::time::Instant::now();
    let count = 50_000;
    let deep: Vec<Sample> =
        (0..count).map(|n| Sample::new(&format!("<{n}@x>"), &format!("<{}@x>", n - 1), &format!("s{n}"), n)).collect();
    assert!(references(&deep).starts_with("(1 2 3 4 "));
    let backwards: Vec<Sample> = deep.iter().rev().cloned().collect();
    assert!(references(&backwards).starts_with("(50000 49999 "));
    let same: Vec<Sample> = (0..count).map(|n| Sample::new("", "", "same", n)).collect();
    assert_eq!(references(&same).len(), ordered(&same).len() + 1);
    let pairs: Vec<Sample> = (0..count).map(|n| Sample::new("", "", &format!("s{}", n / 2), n)).collect();
    assert!(references(&pairs).starts_with("((1)(2))((3)(4))"));
    assert!(start.elapsed().as_secs() < 60);
}

fn sample() -> impl Strategy<Value = Sample> {
    let id = prop_oneof![4 => (0..9u8).prop_map(|n| format!("<{n}@x>")), 1 => Just(String::new())];
    let list = proptest::collection::vec((0..9u8).prop_map(|n| format!("<{n}@x>")), 0..4);
    let reply = prop_oneof![3 => Just(String::new()), 1 => (0..9u8).prop_map(|n| format!("<{n}@x>"))];
    (id, reply, list, "(Re: )?(a|b|c|d|e|)( \\(fwd\\))?", 0..6i64).prop_map(|(id, reply, list, subject, sent)| Sample {
        id,
        reply,
        references: list.join(" "),
        subject,
        sent,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn as_the_naive_model(samples in proptest::collection::vec(sample(), 0..14)) {
        prop_assert_eq!(references(&samples), naive::references(&samples), "{:?}", samples);
        prop_assert_eq!(ordered(&samples), naive::ordered(&samples), "{:?}", samples);
    }
}
