//! Answers of many lines, written in pieces so that none of them fills the memory.

use std::io::Write as _;

use bytes::Bytes;
use memchr::{memchr, memmem};

use super::maildrop::Maildrop;
use crate::smtp::stuff::Stuffer;

/// Size of one piece in octets.
const PIECE: usize = 64 << 10;

/// What is being written.
#[derive(Debug)]
pub(super) enum Output {
    /// LIST, from this place on.
    Sizes(usize),
    /// UIDL, from this place on.
    UniqueIds(usize),
    /// A message.
    Message {
        /// What is left of it.
        rest: Bytes,
        /// Doubles the dots.
        stuffer: Stuffer,
    },
}

impl Output {
    pub(super) fn message(body: Bytes) -> Self {
        Self::Message { rest: body, stuffer: Stuffer::default() }
    }

    /// Writes the next piece; whether it was the last.
    pub(super) fn write(&mut self, maildrop: &Maildrop, out: &mut Vec<u8>) -> bool {
        match self {
            Self::Sizes(at) => lines(at, maildrop, out, |index, size, _, out| {
                // Writing to memory cannot fail.
                let _ = write!(out, "{index} {size}\r\n");
            }),
            Self::UniqueIds(at) => lines(at, maildrop, out, |index, _, id, out| {
                let _ = write!(out, "{index} {}\r\n", id());
            }),
            Self::Message { rest, stuffer } => {
                let piece = rest.split_to(PIECE.min(rest.len()));
                out.reserve(piece.len() + piece.len() / 32 + 8);
                stuffer.push(&piece, out);
                if rest.is_empty() {
                    stuffer.finish(out);
                }
                rest.is_empty()
            }
        }
    }
}

fn lines(
    at: &mut usize,
    maildrop: &Maildrop,
    out: &mut Vec<u8>,
    line: impl Fn(usize, u64, &dyn Fn() -> String, &mut Vec<u8>),
) -> bool {
    while *at < maildrop.len() {
        if out.len() >= PIECE {
            return false;
        }
        if let Some(message) = maildrop.get(*at) {
            line(*at + 1, message.size, &|| maildrop.unique_id(message), out);
        }
        *at += 1;
    }
    out.extend_from_slice(b".\r\n");
    true
}

/// What TOP sends of a message: its header, the empty line, and `lines` lines of its body
/// (RFC 1939 §7).
pub(super) fn top(message: &Bytes, lines: u32) -> Bytes {
    let body = match memmem::find(message, b"\r\n\r\n") {
        _ if message.starts_with(b"\r\n") => 2,
        Some(at) => at + 4,
        None => return message.clone(),
    };
    let mut end = body;
    for _ in 0..lines {
        match message.get(end..).and_then(|rest| memchr(b'\n', rest)) {
            Some(length) => end += length + 1,
            None => return message.clone(),
        }
    }
    message.slice(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_cuts_after_the_lines_of_the_body() {
        let message = Bytes::from_static(b"A: b\r\nC: d\r\n\r\none\r\ntwo\r\nthree\r\n");
        assert_eq!(top(&message, 0), &b"A: b\r\nC: d\r\n\r\n"[..]);
        assert_eq!(top(&message, 2), &b"A: b\r\nC: d\r\n\r\none\r\ntwo\r\n"[..]);
        assert_eq!(top(&message, 3), message);
        assert_eq!(top(&message, 4_000_000_000), message);
        let headless = Bytes::from_static(b"\r\nbody\r\n\r\nmore\r\n");
        assert_eq!(top(&headless, 1), &b"\r\nbody\r\n"[..]);
        let bodiless = Bytes::from_static(b"A: b\r\n");
        assert_eq!(top(&bodiless, 1), bodiless);
    }
}
