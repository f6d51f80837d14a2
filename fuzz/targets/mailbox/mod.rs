//! An agent that says yes to everything, for IMAP sessions that begin in a given state.

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_proto::imap::session::{Done, Event, ImapSession, Reply, Settings};
use sekisho_proto::sasl::Credential;

/// Most octets of one message; no session may hand on more.
const MESSAGE_MAX: u64 = 4 << 10;

/// Feeds `input` to a session after `before`, which brings it into a state. The first byte of `input` seeds the sizes of the pieces.
pub fn drive(before: &[u8], input: &[u8]) {
    let Some((seed, rest)) = input.split_first() else { return };
    let settings = Settings { login_without_tls: true, message_max: MESSAGE_MAX, ..Settings::default() };
    let session = ImapSession::new(Arc::new(settings), false, Time::from_seconds(1_800_000_000));
    let mut taken = 0;
    let said = super::agent::pump(session, &[&[*seed], before, rest].concat(), |event| answer(event, &mut taken));
    super::agent::well_formed(&said);
}

fn answer(event: Event, taken: &mut usize) -> Reply {
    match event {
        Event::Credential(Credential::Plain { .. }) => Reply::Done(Done::ok("in")),
        Event::Credential(Credential::Challenge) => Reply::Challenge("<1@fuzz>".into()),
        Event::Credential(_) => Reply::Done(Done::no("no")),
        Event::Chunk(bytes) => {
            *taken += bytes.len();
            assert!(*taken <= 64 << 10, "more than the limit was handed on");
            Reply::Continue
        }
        Event::AppendEnd | Event::AppendAbort => {
            *taken = 0;
            Reply::Done(Done::ok("done"))
        }
        Event::Command { .. } | Event::More | Event::IdleDone => Reply::Done(Done::ok("done")),
        _ => Reply::Continue,
    }
}
