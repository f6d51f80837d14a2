//! Encoded words (RFC 2047 §2).

use crate::transfer;

/// Octets of text in one encoded word: 39 make 52 of base64 and a word of 64, which fits a line of 76 behind `Subject: `.
const CHUNK: usize = 39;

/// Words longer than this are encoded even when they are ASCII, so that lines can be folded (RFC 5322 §2.1.1).
const LONG_WORD: usize = 200;

/// Text for an unstructured field: as it is when it is plain ASCII, else with the part that is not as encoded words in UTF-8.
///
/// Control characters become spaces; outer white space is dropped.
#[must_use]
pub fn encode_text(text: &str) -> String {
    let text = plain(text);
    let text = text.trim();
    if !needs_encoding(text) {
        return text.to_owned();
    }
    // Words before and after the part in question stay readable, unless one of them looks like an encoded word.
    let (Some(first), Some(last)) = (text.find(|c: char| !c.is_ascii()), text.rfind(|c: char| !c.is_ascii())) else {
        return encode_words(text);
    };
    let (head, rest) = text.split_at(text.get(..first).and_then(|t| t.rfind(' ')).map_or(0, |at| at + 1));
    let after = text.get(last..).and_then(|t| t.find(' ')).map_or(text.len(), |at| last + at);
    let (middle, tail) = rest.split_at(after - head.len());
    if needs_encoding(head) || needs_encoding(tail) {
        return encode_words(text);
    }
    format!("{head}{}{tail}", encode_words(middle))
}

/// The whole text as encoded words, separated by spaces, which readers drop (RFC 2047 §6.2).
#[must_use]
pub fn encode_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(CHUNK);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (chunk, after) = rest.split_at(end);
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str("=?utf-8?B?");
        out.push_str(&transfer::encode_base64(chunk.as_bytes()));
        out.push_str("?=");
        rest = after;
    }
    out
}

/// The text with every control character and line separator as a space.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn needs_encoding(text: &str) -> bool {
    !text.is_ascii() || text.contains("=?") || text.split(' ').any(|word| word.len() > LONG_WORD)
}
