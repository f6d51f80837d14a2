//! Content transfer encodings (RFC 2045 §6).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Decodes a body by the name of its Content-Transfer-Encoding. Unknown encodings are left as they are.
#[must_use]
pub fn decode<'a>(encoding: &[u8], body: &'a [u8]) -> Cow<'a, [u8]> {
    let encoding = encoding.trim_ascii();
    if encoding.eq_ignore_ascii_case(b"base64") {
        Cow::Owned(decode_base64(body))
    } else if encoding.eq_ignore_ascii_case(b"quoted-printable") {
        Cow::Owned(decode_quoted_printable(body))
    } else {
        Cow::Borrowed(body)
    }
}

/// Decodes base64 (RFC 2045 §6.8). Octets outside of the alphabet are passed over; padding ends a run, and another may follow.
#[must_use]
pub fn decode_base64(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 3);
    let mut bits = 0u32;
    let mut count = 0u32;
    for &b in body {
        let value = REVERSE.get(usize::from(b)).copied().unwrap_or(SKIP);
        if value < 64 {
            bits = bits << 6 | u32::from(value);
            count += 1;
            if count == 4 {
                let [_, a, b, c] = bits.to_be_bytes();
                out.extend_from_slice(&[a, b, c]);
                (bits, count) = (0, 0);
            }
        } else if b == b'=' {
            flush(&mut out, bits, count);
            (bits, count) = (0, 0);
        }
    }
    flush(&mut out, bits, count);
    out
}

/// Decodes quoted-printable (RFC 2045 §6.7). A broken escape stays as it is; white space at line ends is dropped.
#[must_use]
pub fn decode_quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|b| *b == b'\n') {
        let content = line.trim_ascii_end();
        let end: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        let soft = content.last() == Some(&b'=');
        let content = if soft { content.get(..content.len() - 1).unwrap_or_default() } else { content };
        unescape(&mut out, content, b'=');
        if !soft {
            out.extend_from_slice(end);
        }
    }
    out
}

/// Base64 with padding, on one line.
#[must_use]
pub fn encode_base64(octets: &[u8]) -> String {
    let mut out = String::with_capacity(octets.len().div_ceil(3) * 4);
    for chunk in octets.chunks(3) {
        let [a, b, c] = [chunk.first(), chunk.get(1), chunk.get(2)].map(|b| u32::from(b.copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            let letter = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            out.push(char::from(if place > chunk.len() { b'=' } else { letter }));
        }
    }
    out
}

/// Base64 in lines of 76 with CRLF, as a body (RFC 2045 §6.8).
#[must_use]
pub fn encode_base64_lines(octets: &[u8]) -> String {
    let mut out = String::with_capacity(octets.len() / 3 * 4 + octets.len() / 28 + 8);
    for chunk in octets.chunks(57) {
        out.push_str(&encode_base64(chunk));
        out.push_str("\r\n");
    }
    out
}

/// Quoted-printable text with CRLF line ends (RFC 2045 §6.7): for text that is ASCII but for a few octets.
#[must_use]
pub fn encode_quoted_printable(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive(|b| *b == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let mut width = 0;
        for (at, &b) in content.iter().enumerate() {
            let at_end = at + 1 == content.len();
            let plain = matches!(b, b'!'..=b'<' | b'>'..=b'~') || (matches!(b, b' ' | b'\t') && !at_end);
            let length = if plain { 1 } else { 3 };
            if width + length > 75 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += length;
            if plain {
                out.push(char::from(b));
            } else {
                out.push_str(&format!("={b:02X}"));
            }
        }
        if line.ends_with(b"\n") {
            out.push_str("\r\n");
        }
    }
    out
}

/// Appends `text` with escapes of the form `=3D` (or `%3D`) replaced by their octets.
pub(crate) fn unescape(out: &mut Vec<u8>, text: &[u8], mark: u8) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(mark, rest) {
        let (before, from) = rest.split_at(at);
        out.extend_from_slice(before);
        if let [_, high, low, after @ ..] = from
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(mark);
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
}

const SKIP: u8 = 255;

/// Value of each octet in base64.
const REVERSE: [u8; 256] = {
    let mut table = [SKIP; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        table[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    table
};

/// The octets of an incomplete group of four.
fn flush(out: &mut Vec<u8>, bits: u32, count: u32) {
    let [a, b, _, _] = (bits << (32 - 6 * count.clamp(1, 3))).to_be_bytes();
    match count {
        2 => out.push(a),
        3 => out.extend_from_slice(&[a, b]),
        _ => {}
    }
}

fn hex(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|v| u8::try_from(v).ok())
}
