//! The grammars of FETCH, STORE, LIST and the like: the label of an item is read as the same item, and sections of any message
//! that one names are where they should be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_message::structure::{SectionItem, SectionPath, section};
use sekisho_proto::imap::command::Command;
use sekisho_proto::imap::fetch::{Item, Part, What};
use sekisho_proto::imap::lex::Cursor;
use sekisho_proto::imap::{append, parse};

const VERBS: [&str; 12] = [
    "FETCH 1:* (",
    "FETCH 1 BODY[",
    "UID FETCH ",
    "FETCH 2,4:* BINARY.PEEK[",
    "UID STORE 1:* (",
    "LIST (",
    "STATUS box (",
    "NOTIFY SET (",
    "GETMETADATA (",
    "SELECT box (QRESYNC (",
    "SETACL ",
    "APPEND box ",
];

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let (line, message) = match rest.iter().position(|byte| *byte == 0) {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, b"Subject: x\r\n\r\nbody\r\n".as_slice()),
    };
    let mut command = VERBS[usize::from(choice) % VERBS.len()].as_bytes().to_vec();
    command.extend_from_slice(line);
    let cursor = Cursor::new(&command).utf8(choice & 0x80 != 0);
    if append::is_append(cursor) {
        let _ = append::first(&mut cursor.clone());
    }
    if let Ok(Command::Fetch(fetch)) = parse::command(&mut cursor.clone()) {
        for item in &fetch.items {
            if let Item::Part(part) = item {
                read_again(part);
                bounded(part, message);
            }
        }
    }
});

/// What names a part in an answer is read as the same part.
fn read_again(part: &Part) {
    let label = part.label.split('<').next().filter(|_| part.partial.is_some()).unwrap_or(&part.label);
    if part.label.contains("{") || part.label.matches('<').count() > 1 {
        return; // header names that are written as literals, or hold the sign of a partial
    }
    let line = format!("FETCH 1 {label}");
    let Ok(Command::Fetch(again)) = parse::command(&mut Cursor::new(line.as_bytes())) else { panic!("{line}") };
    let [Item::Part(again)] = again.items.as_slice() else { panic!("{line}") };
    assert_eq!((&again.path, &again.what), (&part.path, &part.what), "{line}");
}

/// No section is longer than the message and the empty line that a selection of fields ends with.
fn bounded(part: &Part, message: &[u8]) {
    let item = match &part.what {
        What::All | What::Binary | What::BinarySize => SectionItem::Whole,
        What::Header => SectionItem::Header,
        What::HeaderFields(names) => SectionItem::Fields(names),
        What::HeaderFieldsNot(names) => SectionItem::FieldsNot(names),
        What::Text => SectionItem::Text,
        What::Mime => SectionItem::Mime,
    };
    let found = section(message, SectionPath { part: &part.path, item });
    assert!(found.is_none_or(|octets| octets.len() <= message.len() + 4));
}
