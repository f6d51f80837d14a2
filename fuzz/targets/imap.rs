//! An IMAP session that is fed any bytes in any pieces from its greeting on.
#![no_main]

mod agent;
mod mailbox;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mailbox::drive(b"", input));
