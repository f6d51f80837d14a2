//! Agents that say yes, and the pump that feeds any bytes in pieces of any size.

use sekisho_message::Time;
use sekisho_proto::session::{Session, Step};

/// Feeds `input` (whose first byte seeds the sizes of the pieces) to a session until it closes.
/// Returns everything that it said.
pub fn pump<S: Session>(mut session: S, input: &[u8], mut answer: impl FnMut(S::Event) -> S::Reply) -> Vec<u8> {
    let now = Time::from_seconds(1_800_000_000);
    let mut said = Vec::new();
    let (mut seed, mut rest) = match input.split_first() {
        Some((first, rest)) => (u32::from(*first) | 1, rest),
        None => (1, input),
    };
    let mut ended = false;
    for _ in 0..200_000 {
        match session.next(now) {
            Step::Send(bytes) => said.extend_from_slice(&bytes),
            Step::Event(event) => {
                let reply = answer(event);
                session.answer(now, reply);
            }
            Step::StartTls => session = session.into_tls(now),
            Step::Close => return said,
            Step::NeedInput if ended => return said,
            Step::NeedInput if rest.is_empty() => {
                session.receive_end(now);
                ended = true;
            }
            Step::NeedInput => {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let size = (seed >> 24) as usize % 64 + 1;
                let (piece, later) = rest.split_at(size.min(rest.len()));
                session.receive(now, piece);
                rest = later;
            }
        }
        assert!(session.deadline() > Time::EPOCH);
    }
    panic!("the session does not come to an end");
}

/// Every line that was said ends with CRLF and has no other control characters.
pub fn well_formed(said: &[u8]) {
    for line in said.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.ends_with(b"\r\n"), "unfinished line {:?}", String::from_utf8_lossy(line));
        let inner = &line[..line.len() - 2];
        assert!(!inner.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)), "{:?}", String::from_utf8_lossy(line));
    }
}
