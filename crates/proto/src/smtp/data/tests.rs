#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;

const WIDE: Bounds = Bounds { message: 1 << 20, header: 1 << 20, line: 1 << 20 };

struct Result {
    text: Vec<u8>,
    used: usize,
    ended: bool,
    spoiled: Option<Spoiled>,
}

fn decode(bounds: Bounds, parts: &[&[u8]]) -> Result {
    let mut decoder = Decoder::dotted(bounds);
    let mut text = Vec::new();
    let (mut used, mut ended) = (0, false);
    for part in parts {
        if ended {
            break;
        }
        let (more, end) = decoder.push(part, &mut text);
        used += more;
        ended = end;
    }
    Result { text, used, ended, spoiled: decoder.spoiled() }
}

fn whole(input: &[u8]) -> Result {
    decode(WIDE, &[input])
}

#[test]
fn dots_are_removed_and_the_end_is_found() {
    let result = whole(b"Subject: x\r\n\r\n..a\r\n.b\r\n.\r\nQUIT\r\n");
    assert_eq!(result.text, b"Subject: x\r\n\r\n.a\r\nb\r\n");
    assert!(result.ended && result.spoiled.is_none());
    assert_eq!(result.used, b"Subject: x\r\n\r\n..a\r\n.b\r\n.\r\n".len());
    let empty = whole(b".\r\n");
    assert!(empty.ended && empty.text.is_empty());
}

#[test]
fn no_smuggled_end() {
    // Each of these has been taken for the end of a message by some server.
    for (bytes, why) in [
        (&b"a\n.\nQUIT\r\n"[..], Spoiled::BareLf),
        (b"a\n.\r\nQUIT\r\n", Spoiled::BareLf),
        (b"a\r\n.\nQUIT\r\n", Spoiled::BareLf),
        (b"a\r.\r\nQUIT\r\n", Spoiled::BareCr),
        (b"a\r.\rQUIT\r\n", Spoiled::BareCr),
        (b"a\r\n.\rQUIT\r\n", Spoiled::BareCr),
        (b"a\r\n.\r\r\nQUIT\r\n", Spoiled::BareCr),
        (b"a\r\n.\r.\r\nQUIT\r\n", Spoiled::BareCr),
        (b"a\n\n.\n\nQUIT\r\n", Spoiled::BareLf),
        (b"a\r\r\nb\r\n", Spoiled::BareCr),
        (b"a\n\rb\r\n", Spoiled::BareLf),
        (b"\n.\r\n", Spoiled::BareLf),
    ] {
        let result = whole(bytes);
        assert!(!result.ended, "{bytes:?}");
        assert_eq!(result.spoiled, Some(why), "{bytes:?}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        let result = decode(WIDE, &single);
        assert_eq!((result.ended, result.spoiled), (false, Some(why)), "{bytes:?} octet by octet");
    }
}

#[test]
fn a_spoiled_message_still_ends_at_the_true_end() {
    let result = whole(b"a\nb\r\n.\r\nNOOP\r\n");
    assert!(result.ended);
    assert_eq!(result.used, b"a\nb\r\n.\r\n".len());
    assert!(result.text.is_empty());
}

#[test]
fn bounds() {
    let bounds = Bounds { message: 40, header: 12, line: 20 };
    let why = |bytes: &[u8]| decode(bounds, &[bytes]).spoiled;
    assert_eq!(why(b"A: b\r\n\r\nbody body\r\n.\r\n"), None);
    assert_eq!(why(b"A: b\r\nC: 567\r\n\r\n.\r\n"), Some(Spoiled::LargeHeader));
    assert_eq!(why(b"\r\n0123456789012345678901\r\n.\r\n"), Some(Spoiled::LongLine));
    assert_eq!(why(b"\r\n0123456789\r\n0123456789\r\n0123456789\r\n012345\r\n.\r\n"), Some(Spoiled::Large));
}

#[test]
fn an_endless_line_is_not_kept() {
    let mut decoder = Decoder::dotted(Bounds { line: 5000, ..WIDE });
    let mut out = Vec::new();
    for _ in 0..100 {
        decoder.push(&[b'x'; 1000], &mut out);
    }
    assert_eq!(decoder.spoiled(), Some(Spoiled::LongLine));
    assert!(out.len() <= 5000);
}

#[test]
fn chunks_keep_dots_and_get_their_last_line_end() {
    let mut decoder = Decoder::chunked(WIDE);
    let mut out = Vec::new();
    assert_eq!(decoder.push(b".\r\n..\r", &mut out), (6, false));
    assert_eq!(decoder.push(b"\n.\r\nx\xe9", &mut out), (6, false));
    decoder.finish(&mut out);
    assert_eq!(out, b".\r\n..\r\n.\r\nx\xe9\r\n");
    assert_eq!(decoder.spoiled(), None);
    assert_eq!(decoder.size(), out.len() as u64);
    assert!(decoder.eight_bit());
    let mut decoder = Decoder::chunked(WIDE);
    decoder.push(b"a\r", &mut out);
    decoder.finish(&mut out);
    assert_eq!(decoder.spoiled(), Some(Spoiled::BareCr));
}

/// The grammar again, octet by octet and without care for speed.
fn reference(input: &[u8]) -> (Option<usize>, bool, Vec<u8>) {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut odd = false;
    let mut at = 0;
    while at < input.len() {
        match input[at] {
            b'\r' if input.get(at + 1) == Some(&b'\n') => {
                let line = &input[start..at];
                at += 2;
                start = at;
                if line == b"." {
                    return (Some(at), odd, lines.concat());
                }
                lines.push([line.strip_prefix(b".").unwrap_or(line), b"\r\n"].concat());
                continue;
            }
            // A CR at the very end may still get its LF.
            b'\r' if at + 1 == input.len() => {}
            b'\r' | b'\n' => odd = true,
            _ => {}
        }
        at += 1;
    }
    (None, odd, lines.concat())
}

proptest! {
    #[test]
    fn agrees_with_the_reference(input in "[.a\r\n]{0,40}|([.a]{0,4}\r\n){0,12}") {
        let input = input.as_bytes();
        let (end, odd, text) = reference(input);
        let result = whole(input);
        prop_assert_eq!(result.ended, end.is_some());
        prop_assert_eq!(result.used, end.unwrap_or(input.len()));
        prop_assert_eq!(result.spoiled.is_some(), odd);
        if end.is_some() && !odd {
            prop_assert_eq!(result.text, text);
        }
    }

    #[test]
    fn chunking_changes_nothing(input in "[.a\r\n]{0,40}|([.a]{0,4}\r\n){0,12}", size in 1_usize..7) {
        let input = input.as_bytes();
        let parts: Vec<&[u8]> = input.chunks(size).collect();
        let (one, many) = (whole(input), decode(WIDE, &parts));
        prop_assert_eq!((one.ended, one.used, one.spoiled), (many.ended, many.used, many.spoiled));
        if one.spoiled.is_none() {
            let tail = if one.ended { 0 } else { 3 };
            prop_assert!(one.text.starts_with(&many.text[..many.text.len().saturating_sub(tail)]));
            prop_assert_eq!(one.text, many.text);
        }
    }
}
