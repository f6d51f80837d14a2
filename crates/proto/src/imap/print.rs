//! How values are written in responses (RFC 3501 §9).

use sekisho_message::Time;

use super::date::{self, MONTHS};
use super::flag::Flag;
use super::lex::is_atom_char;
use super::utf7;

/// Appends a number in decimal.
pub fn number(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(n % 10).unwrap_or(0);
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a string: quoted when it is short and plain, else as a literal.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let plain = bytes.len() <= 1000 && bytes.iter().all(|&b| (b' '..0x7f).contains(&b) || b == b'\t');
    if plain {
        out.push(b'"');
        for &b in bytes {
            if b == b'"' || b == b'\\' {
                out.push(b'\\');
            }
            out.push(b);
        }
        out.push(b'"');
    } else {
        literal(out, bytes);
    }
}

/// Appends `NIL` or a string.
pub fn nstring(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Appends an astring: an atom where that is possible.
pub fn astring(out: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() && bytes.iter().all(|&b| is_atom_char(b)) && !bytes.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(bytes);
    } else {
        string(out, bytes);
    }
}

/// Appends a literal with its size.
pub fn literal(out: &mut Vec<u8>, bytes: &[u8]) {
    literal_header(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends `{n}` and the line end; the caller appends the `n` bytes.
pub fn literal_header(out: &mut Vec<u8>, size: usize) {
    out.push(b'{');
    number(out, size as u64);
    out.extend_from_slice(b"}\r\n");
}

/// Appends a mailbox name in modified UTF-7 (RFC 3501 §5.1.3), always quoted, as old clients expect.
pub fn mailbox(out: &mut Vec<u8>, name: &str) {
    string(out, utf7::encode(name).as_bytes());
}

/// Appends a mailbox name as UTF-8, quoted, for clients that said that they understand it.
pub fn mailbox_utf8(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    for &b in name.as_bytes() {
        if b == b'"' || b == b'\\' {
            out.push(b'\\');
        }
        out.push(b);
    }
    out.push(b'"');
}

/// Appends a text: quoted where it is plain or the client understands UTF-8 in quoted strings, else as a literal.
pub fn text(out: &mut Vec<u8>, text: &str, utf8: bool) {
    if utf8 && text.len() <= 1000 && !text.chars().any(char::is_control) {
        mailbox_utf8(out, text);
    } else {
        string(out, text.as_bytes());
    }
}

/// Appends flags in parentheses.
pub fn flags<'a>(out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'a Flag>) {
    out.push(b'(');
    for (i, flag) in flags.into_iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(flag.as_str().as_bytes());
    }
    out.push(b')');
}

/// Appends a date-time in UTC: `"17-Jul-1996 02:44:25 +0000"`.
pub fn date_time(out: &mut Vec<u8>, time: Time) {
    let seconds = time.seconds();
    let (year, month, day) = date::civil(seconds.div_euclid(86_400));
    let of_day = u64::try_from(seconds.rem_euclid(86_400)).unwrap_or(0);
    out.push(b'"');
    two(out, u64::from(day), b' ');
    out.push(b'-');
    out.extend_from_slice(MONTHS[usize::from(month.clamp(1, 12)) - 1].as_bytes());
    out.push(b'-');
    let year = u64::try_from(year.clamp(0, 9999)).unwrap_or(0);
    two(out, year / 100, b'0');
    two(out, year % 100, b'0');
    out.push(b' ');
    two(out, of_day / 3600, b'0');
    out.push(b':');
    two(out, of_day / 60 % 60, b'0');
    out.push(b':');
    two(out, of_day % 60, b'0');
    out.extend_from_slice(b" +0000\"");
}

fn two(out: &mut Vec<u8>, n: u64, pad: u8) {
    if n < 10 {
        out.push(pad);
    }
    number(out, n);
}
