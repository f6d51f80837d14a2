//! ISO-2022-JP, the charset of Japanese mail (RFC 1468), with the sets that mailers add to it.
//!
//! It is turned into EUC-JP, which holds the same sets side by side. Unlike a web browser's decoder this one takes escapes
//! that follow each other directly, as they do where encoded words are joined.

const ESC: u8 = 0x1b;
const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;

/// The set that octets are read in.
#[derive(Clone, Copy, PartialEq)]
enum Set {
    Ascii,
    Katakana,
    Jis208,
    Jis212,
}

/// Whether there is an escape that only ISO-2022-JP has.
pub(super) fn has_escapes(octets: &[u8]) -> bool {
    memchr::memchr_iter(ESC, octets).any(|at| octets.get(at..).and_then(escape).is_some())
}

/// The same text in EUC-JP.
pub(super) fn to_euc(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len());
    let mut set = Set::Ascii;
    let mut rest = octets;
    while let Some((&first, after)) = rest.split_first() {
        if let Some((next, length)) = escape(rest) {
            set = next;
            rest = rest.get(length..).unwrap_or_default();
            continue;
        }
        rest = after;
        match (first, set) {
            (SHIFT_OUT, _) => set = Set::Katakana,
            (SHIFT_IN, _) => set = Set::Ascii,
            (0x21..=0x5f, Set::Katakana) => out.extend_from_slice(&[0x8e, first | 0x80]),
            (0x21..=0x7e, Set::Jis208 | Set::Jis212) => {
                let Some((&second @ 0x21..=0x7e, after)) = rest.split_first() else { continue };
                if set == Set::Jis212 {
                    out.push(0x8f);
                }
                out.extend_from_slice(&[first | 0x80, second | 0x80]);
                rest = after;
            }
            (other, _) => out.push(other),
        }
    }
    out
}

/// The set that an escape sequence chooses, and its length.
fn escape(bytes: &[u8]) -> Option<(Set, usize)> {
    match bytes {
        [ESC, b'(', b'B' | b'J' | b'H', ..] => Some((Set::Ascii, 3)),
        [ESC, b'(', b'I', ..] => Some((Set::Katakana, 3)),
        [ESC, b'$', b'@' | b'B', ..] => Some((Set::Jis208, 3)),
        [ESC, b'$', b'(', b'@' | b'B', ..] => Some((Set::Jis208, 4)),
        [ESC, b'$', b'(', b'D', ..] => Some((Set::Jis212, 4)),
        _ => None,
    }
}
