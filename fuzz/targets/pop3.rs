//! A POP3 session that is fed any bytes in any pieces, before and after login.
#![no_main]

mod agent;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sekisho_message::Time;
use sekisho_proto::pop3::{Code, Event, Listed, Listing, PopSession, Reply, Settings, Trouble};
use sekisho_proto::sasl::Credential;
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    let mut settings = Settings::new("mx.example.test");
    settings.login_without_tls = true;
    settings.sasl.digests = true;
    settings.sasl.tokens = Some("https://id.example.test/".into());
    let session = PopSession::new(Arc::new(settings), false, Time::from_seconds(1_800_000_000));
    let said = agent::pump(session, input, |event| match event {
        Event::Auth(Credential::Plain { .. }) => {
            let messages = (1..4).map(|uid| Listed { uid, size: 30 }).collect();
            Reply::Opened(Listing { prefix: "7".into(), messages })
        }
        Event::Auth(Credential::Challenge) => Reply::Challenge("<1@fuzz>".into()),
        Event::Auth(_) => Reply::Refuse(Trouble::new(Code::Auth, "no")),
        Event::Retrieve { index, .. } => {
            assert!(index < 3, "message {index} of 3");
            Reply::Message(Bytes::from_static(b"Subject: x\r\n\r\n.dot\r\n..two\r\n"))
        }
        Event::Commit { deleted } => {
            assert!(deleted.iter().all(|index| *index < 3));
            Reply::Ok
        }
        _ => Reply::Ok,
    });
    agent::well_formed(&said);
});
