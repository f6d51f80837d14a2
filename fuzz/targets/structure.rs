//! MIME structure, sections, searchable text, DSN and ARF of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_message::{arf, dsn, search, structure};

fuzz_target!(|message: &[u8]| {
    let summary = structure::summarize(message);
    assert!(summary.header_len as usize <= message.len());
    let _ = search::extract(message, 64 * 1024);
    let _ = dsn::parse(message);
    let _ = arf::parse(message);
});
