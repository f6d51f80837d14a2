//! Encoded words in header values (RFC 2047), as they are found rather than as they should be.

use crate::transfer;

/// An encoded word, decoded to octets.
struct Word<'a> {
    charset: &'a str,
    octets: Vec<u8>,
    /// What follows the word.
    rest: &'a [u8],
}

/// Decodes an unfolded header value: encoded words, and raw 8-bit text as a guess.
///
/// Neighbouring words of one charset are joined before they are decoded, since some mailers cut characters in two.
#[must_use]
pub fn decode_header(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    let mut pending: Option<(&str, Vec<u8>)> = None;
    let mut rest = value;
    let mut plain = value;
    while let Some(at) = memchr::memmem::find(rest, b"=?") {
        let (_, from) = rest.split_at(at);
        let Some(word) = word(from) else {
            rest = from.get(2..).unwrap_or_default();
            continue;
        };
        let before = plain.get(..plain.len() - from.len()).unwrap_or_default();
        match &mut pending {
            // White space between encoded words is not part of the text (RFC 2047 §6.2).
            Some((charset, octets)) if before.trim_ascii().is_empty() && charset.eq_ignore_ascii_case(word.charset) => {
                octets.extend_from_slice(&word.octets);
            }
            _ => {
                let between = pending.is_some() && before.trim_ascii().is_empty();
                flush(&mut out, pending.take());
                if !between {
                    out.push_str(&super::decode("", before));
                }
                pending = Some((word.charset, word.octets));
            }
        }
        rest = word.rest;
        plain = word.rest;
    }
    flush(&mut out, pending);
    out.push_str(&super::decode("", plain));
    out
}

fn flush(out: &mut String, pending: Option<(&str, Vec<u8>)>) {
    if let Some((charset, octets)) = pending {
        // Line ends in an encoded word would look like a header's end.
        out.extend(super::decode(charset, &octets).chars().map(|c| if c.is_control() { ' ' } else { c }));
    }
}

/// Reads `=?charset?B?text?=`. Each piece ends at the next question mark, so that a scan over many broken words is linear.
fn word(bytes: &[u8]) -> Option<Word<'_>> {
    let inner = bytes.strip_prefix(b"=?")?;
    let (charset, inner) = until_question_mark(inner)?;
    let (encoding, inner) = until_question_mark(inner)?;
    let charset = std::str::from_utf8(charset).ok()?;
    // The language after the charset is of no use here (RFC 2231 §5).
    let charset = charset.split('*').next().unwrap_or(charset);
    if charset.is_empty() || !charset.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let mut end = memchr::memchr(b'?', inner)?;
    // A question mark should be encoded, but some mailers leave it, where it mostly ends the text: `what??=`.
    while inner.get(end + 1) == Some(&b'?') {
        end += 1;
    }
    if inner.get(end + 1) != Some(&b'=') {
        return None;
    }
    let text = inner.get(..end)?;
    let octets = match encoding {
        b"B" | b"b" => transfer::decode_base64(text),
        b"Q" | b"q" => q_text(text),
        _ => return None,
    };
    Some(Word { charset, octets, rest: inner.get(end + 2..).unwrap_or_default() })
}

fn until_question_mark(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'?', bytes)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

/// The Q encoding (RFC 2047 §4.2).
fn q_text(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'_' { b' ' } else { *b }).collect();
    let mut out = Vec::with_capacity(spaced.len());
    transfer::unescape(&mut out, &spaced, b'=');
    out
}
