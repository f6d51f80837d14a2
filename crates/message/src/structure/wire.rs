//! Strings as IMAP writes them (RFC 3501 §4.3 and §9).

/// `NIL`, a quoted string, or a literal.
pub(super) fn nstring(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => string(out, text),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// A quoted string where the text is visible ASCII, else a literal. NUL cannot be sent and is left out.
pub(super) fn string(out: &mut Vec<u8>, text: &[u8]) {
    if !text.iter().all(|b| matches!(b, b' '..=b'~' | b'\t')) {
        return literal(out, text);
    }
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.extend_from_slice(from.get(..1).unwrap_or_default());
        rest = from.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// A decimal number.
pub(super) fn number(out: &mut Vec<u8>, value: usize) {
    // RFC 3501 §9: number is 32 bits.
    let value = u32::try_from(value).unwrap_or(u32::MAX);
    out.extend_from_slice(value.to_string().as_bytes());
}

fn literal(out: &mut Vec<u8>, text: &[u8]) {
    let nuls = memchr::memchr_iter(0, text).count();
    out.push(b'{');
    number(out, text.len() - nuls);
    out.extend_from_slice(b"}\r\n");
    out.extend(text.iter().filter(|b| **b != 0));
}
