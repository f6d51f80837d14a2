//! Header fields, address lists, dates and trace fields of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_message::{header, trace};

fuzz_target!(|message: &[u8]| {
    let headers = header::Headers::of(message);
    let _ = headers.check();
    for field in headers.iter() {
        let _ = field.unfolded();
    }
    let _ = headers.text("subject");
    let _ = header::from_addresses(message);
    let _ = trace::count_received(message);
    let (head, body) = header::split(message);
    assert!(head.len() + body.len() <= message.len());
});
