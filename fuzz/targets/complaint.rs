//! Complaints of any bytes: what is within is taken out, and every trace field is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_message::header::Headers;
use sekisho_message::trace::parse_received;
use sekisho_message::{arf, dsn, within};

fuzz_target!(|file: &[u8]| {
    let levels = within::levels(file);
    assert!(!levels.is_empty() && levels.len() <= 6);
    for level in &levels {
        for field in Headers::of(&level.message).all("Received").take(100) {
            let received = parse_received(field.value());
            assert!(received.mark.is_none_or(|mark| mark.len() <= 600));
        }
        let _ = arf::parse(&level.message);
        let _ = dsn::parse(&level.message);
    }
});
