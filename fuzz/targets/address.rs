//! An address that parses prints as one that parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_message::address::Address;

fuzz_target!(|text: &str| {
    if let Ok(address) = Address::parse(text) {
        let printed = address.to_string();
        let again = Address::parse(&printed).expect("what was printed parses");
        assert_eq!(address.key(), again.key(), "{printed}");
        assert!(!printed.contains(['\r', '\n', '\0']));
    }
});
