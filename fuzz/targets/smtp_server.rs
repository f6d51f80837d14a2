//! An SMTP server session that is fed any bytes in any pieces: it never panics, says well-formed lines,
//! and hands on no bare CR or LF.
#![no_main]

mod agent;

use libfuzzer_sys::fuzz_target;
use sekisho_message::Time;
use sekisho_proto::sasl::Credential;
use sekisho_proto::smtp::server::{Event, Reply, ServerSession, Settings};
use sekisho_proto::smtp::Response;
use std::sync::Arc;

fuzz_target!(|input: &[u8]| {
    let mut settings = match input.first() {
        Some(byte) if byte % 2 == 0 => Settings::submission("mx.example.test"),
        _ => Settings::exchange("mx.example.test"),
    };
    settings.auth_without_tls = true;
    settings.sasl.digests = true;
    settings.sasl.tokens = Some("https://id.example.test/".into());
    settings.limits.message = 8 << 10;
    settings.limits.header = 1 << 10;
    let session = ServerSession::new(Arc::new(settings), false, Time::from_seconds(1_800_000_000));
    let mut body: Vec<u8> = Vec::new();
    let said = agent::pump(session, input, |event| match event {
        Event::Auth(Credential::Plain { .. }) => Reply::Ok,
        Event::Auth(Credential::Challenge) => Reply::Challenge("<1@fuzz>".into()),
        Event::Auth(_) => Reply::Refuse(Response::new(535, (5, 7, 8), "Authentication failed")),
        Event::Body(bytes) => {
            body.extend_from_slice(&bytes);
            assert!(body.len() <= 64 << 10, "more than the limit was handed on");
            Reply::Ok
        }
        Event::EndOfData { .. } => {
            for (at, byte) in body.iter().enumerate() {
                match byte {
                    b'\n' => assert!(at > 0 && body[at - 1] == b'\r', "bare LF handed on"),
                    b'\r' => assert!(body.get(at + 1) == Some(&b'\n'), "bare CR handed on"),
                    _ => {}
                }
            }
            body.clear();
            Reply::Accept(Response::new(250, (2, 0, 0), "queued"))
        }
        Event::Data | Event::Reset => {
            body.clear();
            Reply::Ok
        }
        _ => Reply::Ok,
    });
    agent::well_formed(&said);
});
