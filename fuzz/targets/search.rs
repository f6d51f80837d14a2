//! The grammar of SEARCH, SORT, THREAD and ESEARCH, and what they do with texts: base subjects, threads, signatures.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_message::Time;
use sekisho_message::search::{Builder, Grams, Signature, casemap, folded_body};
use sekisho_message::subject::BaseSubject;
use sekisho_message::thread::{Facts, Forest, OrderedSubject, References};
use sekisho_proto::imap::lex::Cursor;
use sekisho_proto::imap::parse;

const VERBS: [&str; 6] = ["SEARCH ", "UID SEARCH RETURN (", "SORT (", "SORT RETURN (PARTIAL ", "THREAD REFERENCES ", "ESEARCH IN ("];

fuzz_target!(|input: &[u8]| {
    let Some((&first, rest)) = input.split_first() else { return };
    let mut command = VERBS[usize::from(first) % VERBS.len()].as_bytes().to_vec();
    command.extend_from_slice(rest);
    let _ = parse::command(&mut Cursor::new(&command));
    texts(rest);
    threads(rest);
});

/// A signature never denies what is there.
fn texts(message: &[u8]) {
    let text = String::from_utf8_lossy(message);
    let base = BaseSubject::of(&text);
    assert_eq!(BaseSubject::of(&base.text).text, base.text);
    let body = folded_body(message, 1 << 16);
    let stored = Builder::default().message(message, 1 << 16);
    let Some(signature) = Signature::read(&stored) else { panic!("a signature of our own is not read") };
    let middle = body.char_indices().nth(body.chars().count() / 2).map_or(0, |(at, _)| at);
    let part: String = body[middle..].chars().take(12).collect();
    assert!(signature.may_hold(&Grams::of(&part)), "{part:?} is denied");
    assert_eq!(casemap(&format!("{text}{text}")), casemap(&text).repeat(2));
}

/// Every message is in one thread, once.
fn threads(input: &[u8]) {
    let (mut references, mut ordered) = (References::default(), OrderedSubject::default());
    let mut count = 0;
    for line in input.split(|&b| b == b'\n').take(200) {
        let mut fields = line.split(|&b| b == b'\t');
        let mut field = || fields.next().unwrap_or_default();
        let (message_id, parents, in_reply_to) = (field(), field(), field());
        let subject = String::from_utf8_lossy(field()).into_owned();
        let sent = Time::from_seconds(i64::from(line.len() as u8));
        let facts = Facts { message_id, in_reply_to, references: parents, subject: &subject, sent };
        references.add(&facts);
        ordered.add(&facts);
        count += 1;
    }
    once_each(&references.finish(), count);
    once_each(&ordered.finish(), count);
}

fn once_each(forest: &Forest, count: usize) {
    let mut printed = Vec::new();
    forest.print(&mut printed, |message| u32::try_from(message).unwrap_or(u32::MAX));
    let text = String::from_utf8_lossy(&printed);
    let mut numbers: Vec<usize> = text.split(['(', ')', ' ']).filter_map(|number| number.parse().ok()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "{text}");
}
