//! An SMTP client session whose server says anything: every transaction ends with an outcome for each recipient.
#![no_main]

mod agent;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sekisho_message::Time;
use sekisho_proto::smtp::client::{ClientSession, Event, Recipient, Reply, Settings, Transaction};

fuzz_target!(|input: &[u8]| {
    let session = ClientSession::new(Settings::new("mx.example.test"), false, Time::from_seconds(1_800_000_000));
    let mut sent = 0;
    let mut done = 0;
    let said = agent::pump(session, input, |event| match event {
        Event::Ready(_) if sent < 3 => {
            sent += 1;
            let recipient = |address: &str| Recipient { address: address.into(), ..Recipient::default() };
            Reply::Send(Box::new(Transaction {
                reverse_path: "a@example.test".into(),
                recipients: vec![recipient("b@outside.example"), recipient("c@outside.example")],
                body: Bytes::from_static(b"Subject: x\r\n\r\n.dot\r\n"),
                eight_bit: false,
                smtputf8: false,
                ret: None,
                envid: None,
            }))
        }
        Event::Ready(_) => Reply::Quit,
        Event::Done(report) => {
            done += 1;
            assert_eq!(report.outcomes.len(), 2);
            Reply::Ok
        }
        Event::Failed(_) => Reply::Ok,
    });
    assert_eq!(sent, done, "a transaction without an outcome");
    agent::well_formed(&said);
});
