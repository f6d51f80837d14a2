//! An IMAP session that is fed any bytes in any pieces, before and after login.
#![no_main]

mod agent;

use libfuzzer_sys::fuzz_target;
use sekisho_message::Time;
use sekisho_proto::imap::session::{Done, Event, ImapSession, Reply, Settings};
use sekisho_proto::sasl::Credential;
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    let settings = Settings { login_without_tls: true, message_max: 4 << 10, ..Settings::default() };
    let session = ImapSession::new(Arc::new(settings), false, Time::from_seconds(1_800_000_000));
    let mut taken = 0;
    let said = agent::pump(session, input, |event| match event {
        Event::Credential(Credential::Plain { .. }) => Reply::Done(Done::ok("in")),
        Event::Credential(Credential::Challenge) => Reply::Challenge("<1@fuzz>".into()),
        Event::Credential(_) => Reply::Done(Done::no("no")),
        Event::Chunk(bytes) => {
            taken += bytes.len();
            assert!(taken <= 64 << 10, "more than the limit was handed on");
            Reply::Continue
        }
        Event::AppendEnd | Event::AppendAbort => {
            taken = 0;
            Reply::Done(Done::ok("done"))
        }
        Event::Command { .. } | Event::More => Reply::Done(Done::ok("done")),
        Event::IdleDone => Reply::Done(Done::ok("done")),
        _ => Reply::Continue,
    });
    agent::well_formed(&said);
});
