//! An IMAP session with an open mailbox, that is fed any bytes in any pieces, with the names of RFC 3501 or of RFC 9051.
#![no_main]

mod agent;
mod mailbox;

use libfuzzer_sys::fuzz_target;

const REV1: &[u8] = b"a LOGIN you secret\r\nb SELECT INBOX\r\n";
const REV2: &[u8] = b"a LOGIN you secret\r\nb ENABLE IMAP4rev2 UTF8=ACCEPT\r\nc SELECT INBOX\r\n";

fuzz_target!(|input: &[u8]| {
    let before = if input.first().is_some_and(|first| first & 0x80 != 0) { REV2 } else { REV1 };
    mailbox::drive(before, input);
});
