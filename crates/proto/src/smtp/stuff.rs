//! Writes a message for the wire with dots doubled at the start of lines
//! (RFC 5321 §4.5.2, RFC 1939 §3): the work of SMTP's DATA and POP3's RETR.

use memchr::memchr2;

/// Where the writing of one message stands. Feed the message in slices of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stuffer {
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    Text,
    /// After a CR that is not written yet.
    Cr,
}

impl Default for Stuffer {
    fn default() -> Self {
        Self { at: At::Start }
    }
}

impl Stuffer {
    /// Appends `input` to `out`, dots doubled. A CR or LF that stands alone becomes CRLF:
    /// what leaves here can be read in one way only.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut rest = input;
        while let Some(&first) = rest.first() {
            let used = match (self.at, first) {
                (At::Cr, b'\n') => self.end_line(out),
                (At::Cr, _) => {
                    self.end_line(out);
                    0
                }
                (At::Start | At::Text, b'\r') => {
                    self.at = At::Cr;
                    1
                }
                (At::Start | At::Text, b'\n') => self.end_line(out),
                (At::Start | At::Text, _) => self.stretch(rest, out),
            };
            rest = rest.get(used..).unwrap_or(&[]);
        }
    }

    /// Ends the message: CRLF if the last line lacks it, then the line with the dot.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.at != At::Start {
            self.end_line(out);
        }
        out.extend_from_slice(b".\r\n");
    }

    fn end_line(&mut self, out: &mut Vec<u8>) -> usize {
        out.extend_from_slice(b"\r\n");
        self.at = At::Start;
        1
    }

    /// Copies lines in one go until one starts with a dot or a line end is odd: the hot
    /// path. Returns how much was copied, at least one octet.
    fn stretch(&mut self, rest: &[u8], out: &mut Vec<u8>) -> usize {
        if self.at == At::Start && rest.first() == Some(&b'.') {
            out.push(b'.');
        }
        let mut done = 0;
        while let Some(length) = rest.get(done..).and_then(|tail| memchr2(b'\r', b'\n', tail)) {
            let end = done + length;
            if !rest.get(end..).is_some_and(|end| end.starts_with(b"\r\n")) {
                out.extend_from_slice(rest.get(..end).unwrap_or(&[]));
                self.at = if end == 0 || rest.get(end - 1) == Some(&b'\n') { At::Start } else { At::Text };
                return end;
            }
            done = end + 2;
            if rest.get(done) == Some(&b'.') {
                break;
            }
        }
        let whole = if rest.get(done) == Some(&b'.') && done > 0 { done } else { rest.len() };
        let copied = rest.get(..whole).unwrap_or(&[]);
        out.extend_from_slice(copied);
        self.at = if copied.ends_with(b"\r\n") { At::Start } else { At::Text };
        whole
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::smtp::data::{Bounds, Decoder};
    use proptest::prelude::*;

    fn stuff(parts: &[&[u8]]) -> Vec<u8> {
        let mut stuffer = Stuffer::default();
        let mut out = Vec::new();
        parts.iter().for_each(|part| stuffer.push(part, &mut out));
        stuffer.finish(&mut out);
        out
    }

    fn text(parts: &[&[u8]]) -> String {
        String::from_utf8(stuff(parts)).unwrap()
    }

    #[test]
    fn dots_are_doubled_at_line_starts_only() {
        assert_eq!(text(&[b".a\r\n..b\r\nc.\r\n"]), "..a\r\n...b\r\nc.\r\n.\r\n");
        assert_eq!(text(&[b".", b"\r\n", b"."]), "..\r\n..\r\n.\r\n");
        assert_eq!(text(&[b"a\r", b"\n.b\r\n"]), "a\r\n..b\r\n.\r\n");
        assert_eq!(text(&[]), ".\r\n");
    }

    #[test]
    fn odd_line_ends_become_crlf() {
        assert_eq!(text(&[b"a\n.b\rc\r\r\nd"]), "a\r\n..b\r\nc\r\n\r\nd\r\n.\r\n");
        assert_eq!(text(&[b"a\r"]), "a\r\n.\r\n");
        assert_eq!(text(&[b"a\r\n\n.\r\n"]), "a\r\n\r\n..\r\n.\r\n");
        assert_eq!(text(&[b"a\n", b".\r", b".\n"]), "a\r\n..\r\n..\r\n.\r\n");
    }

    proptest! {
        #[test]
        fn unstuffing_undoes_stuffing(lines in proptest::collection::vec("[.a\u{e9} ]{0,5}", 0..20)) {
            let message: String = lines.iter().map(|l| format!("{l}\r\n")).collect();
            let wire = stuff(&[message.as_bytes()]);
            let mut decoder = Decoder::dotted(Bounds { message: 10_000, header: 10_000, line: 10_000 });
            let mut out = Vec::new();
            prop_assert_eq!(decoder.push(&wire, &mut out), (wire.len(), true));
            prop_assert_eq!(decoder.spoiled(), None);
            prop_assert_eq!(out, message.into_bytes());
        }

        #[test]
        fn chunking_changes_nothing(bytes in "[.a\r\n]{0,60}", at in 0_usize..60) {
            let bytes = bytes.as_bytes();
            let (head, tail) = bytes.split_at(at.min(bytes.len()));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(stuff(&[bytes]), stuff(&[head, tail]));
            prop_assert_eq!(stuff(&[bytes]), stuff(&single));
        }

        #[test]
        fn what_leaves_has_one_reading(bytes in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..80)) {
            let wire = stuff(&[&bytes]);
            let mut decoder = Decoder::dotted(Bounds { message: 10_000, header: 10_000, line: 10_000 });
            let (used, ended) = decoder.push(&wire, &mut Vec::new());
            prop_assert_eq!((used, ended, decoder.spoiled()), (wire.len(), true, None));
        }
    }
}
