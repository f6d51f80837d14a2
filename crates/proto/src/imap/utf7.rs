//! Modified UTF-7 of mailbox names (RFC 3501 §5.1.3).
//!
//! Inside Sekisho a mailbox name is UTF-8; only the wire knows this encoding.

use base64::Engine as _;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::fault::{Fault, Parsed};

/// Largest length of a mailbox name in octets of UTF-8.
pub const NAME_MAX: usize = 1000;

/// Decodes a name from the wire. Names that are UTF-8 already are taken as they are, for the many clients that
/// send them without asking.
///
/// # Errors
/// [`Fault::Name`] when the name is not valid in either form, is too long or holds control characters.
pub fn decode(wire: &[u8]) -> Parsed<String> {
    let text = std::str::from_utf8(wire).map_err(|_| Fault::Name)?;
    if text.len() > NAME_MAX * 4 || text.chars().any(char::is_control) {
        return Err(Fault::Name);
    }
    let name = if text.is_ascii() { decode_ascii(text)? } else { text.to_owned() };
    if name.len() > NAME_MAX || name.chars().any(char::is_control) { Err(Fault::Name) } else { Ok(name) }
}

/// A name that is UTF-8 on the wire (RFC 9051 §5.1, RFC 6855 §3).
///
/// # Errors
/// [`Fault::Name`] when it is not UTF-8, is too long or holds control characters.
pub fn plain(wire: &[u8]) -> Parsed<String> {
    match std::str::from_utf8(wire) {
        Ok(name) if name.len() <= NAME_MAX && !name.chars().any(char::is_control) => Ok(name.to_owned()),
        _ => Err(Fault::Name),
    }
}

/// Encodes a name for the wire.
#[must_use]
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut pending: Vec<u8> = Vec::new();
    for c in name.chars() {
        if (' '..='~').contains(&c) {
            flush(&mut out, &mut pending);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0u16; 2];
            for unit in c.encode_utf16(&mut units) {
                pending.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    flush(&mut out, &mut pending);
    out
}

fn decode_ascii(text: &str) -> Parsed<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('&') {
        out.push_str(plain);
        let (coded, tail) = after.split_once('-').ok_or(Fault::Name)?;
        if coded.is_empty() {
            out.push('&');
        } else {
            let bytes = engine().decode(coded).map_err(|_| Fault::Name)?;
            if bytes.len() % 2 != 0 {
                return Err(Fault::Name);
            }
            let units = bytes.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]]));
            for c in char::decode_utf16(units) {
                let c = c.map_err(|_| Fault::Name)?;
                if (' '..='~').contains(&c) {
                    return Err(Fault::Name); // printable characters have one form only
                }
                out.push(c);
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

fn flush(out: &mut String, pending: &mut Vec<u8>) {
    if !pending.is_empty() {
        out.push('&');
        engine().encode_string(&pending, out);
        out.push('-');
        pending.clear();
    }
}

const fn engine() -> GeneralPurpose {
    GeneralPurpose::new(&ALPHABET, NO_PAD)
}

/// Base64 with `,` in place of `/`.
const ALPHABET: Alphabet = match Alphabet::new("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,") {
    Ok(alphabet) => alphabet,
    Err(_) => base64::alphabet::STANDARD,
};
