//! xtext: how ENVID and ORCPT travel in SMTP (RFC 3461 §4), and addresses in UTF-8 (RFC 6533 §3).

/// Decodes xtext: `+` and two upper-case hexadecimal digits are an octet. `None` when it is malformed, not UTF-8,
/// or has control characters in it, which no field may carry.
#[must_use]
pub fn decode_xtext(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        if b == b'+' {
            let (digits, after) = rest.split_at_checked(2)?;
            let upper = digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'A'..=b'F'));
            octets.push(u8::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| upper)?, 16).ok()?);
            rest = after;
        } else if matches!(b, b'!'..=b'<' | b'>'..=b'~') {
            octets.push(b);
        } else {
            return None;
        }
    }
    String::from_utf8(octets).ok().filter(|decoded| !decoded.chars().any(char::is_control))
}

/// Encodes a text as xtext.
#[must_use]
pub fn encode_xtext(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'+' | b'=' => out.push_str(&format!("+{b:02X}")),
            b'!'..=b'~' => out.push(char::from(b)),
            _ => out.push_str(&format!("+{b:02X}")),
        }
    }
    out
}

/// An address in ASCII for the address type `utf-8`: `\x{3042}@example.jp` (utf-8-addr-xtext).
pub(super) fn encode_utf8_address(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    for c in address.chars() {
        match c {
            '\\' | '+' | '=' => out.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
            c if c.is_ascii_graphic() => out.push(c),
            c => out.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    out
}
