//! Every SASL mechanism fed any responses, and the tokens and keys of an issuer: nothing panics, and nobody is let in whom the agent
//! did not let in.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/control/src/credential/jwt.rs"]
mod jwt;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use sekisho_proto::sasl::scram::Secret;
use sekisho_proto::sasl::{Channel, Credential, Exchange, Mechanism, Offer, Progress};

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let mechanism = Mechanism::ALL[usize::from(choice) % Mechanism::ALL.len()];
    let bound = Channel { exporter: Some([7; 32]), end_point: Some(Box::new([9; 32])), certificate: true };
    let channel = (choice & 0x40 != 0).then(|| Arc::new(bound));
    let offer = Offer { tokens: Some("https://id.example.test/".into()), ..Offer::default() };
    let mut responses = rest.split(|byte| *byte == 0xFF);
    let initial = (choice & 0x80 != 0).then(|| responses.next().unwrap_or_default());
    let (mut exchange, mut progress) = Exchange::start(mechanism, initial, &offer, channel.as_ref());
    let mut granted = false;
    for _ in 0..12 {
        progress = match progress {
            Progress::Challenge(_) => exchange.receive(responses.next().unwrap_or_default()),
            Progress::Ask(Credential::ScramUser { .. }) => exchange.secret(Secret::derive("pencil", b"0123456789abcdef", 1), "nonce"),
            Progress::Ask(Credential::Challenge) => exchange.challenge("<1@fuzz>".into()),
            Progress::Ask(Credential::ScramFailed { .. }) => {
                let _ = exchange.refused();
                exchange.granted()
            }
            Progress::Ask(_) => {
                granted = true;
                exchange.granted()
            }
            Progress::Done => {
                assert!(granted, "somebody was let in by nobody");
                break;
            }
            Progress::Malformed => {
                assert_eq!(exchange.receive(b""), Progress::Malformed, "nothing goes on after that");
                break;
            }
        };
    }
    if let Ok(text) = std::str::from_utf8(rest) {
        let keys = jwt::Key::read_set(rest).unwrap_or_default();
        if let Ok(token) = jwt::Token::parse(text) {
            let _ = (token.text("iss"), token.seconds("exp"), token.is_for(&["a".to_owned()]));
            assert!(!token.candidates(&keys).any(|key| token.is_signed_by(key)));
        }
    }
});
