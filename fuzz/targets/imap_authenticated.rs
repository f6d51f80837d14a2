//! An IMAP session of somebody who is logged in, that is fed any bytes in any pieces.
#![no_main]

mod agent;
mod mailbox;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| mailbox::drive(b"a LOGIN you secret\r\n", input));
