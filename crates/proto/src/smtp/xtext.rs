//! `xtext` of delivery status notifications and `AUTH=` (RFC 3461 §4).

/// Whether `text` is well-formed xtext: printable ASCII without `+` and `=`, or `+HH`
/// with upper-case hexadecimal digits.
#[must_use]
pub fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'+' if bytes.get(at + 1..at + 3).is_some_and(|h| h.iter().all(|b| hex(*b).is_some())) => 3,
            b'+' | b'=' => return false,
            b'!'..=b'~' => 1,
            _ => return false,
        };
    }
    true
}

/// The octets that `text` stands for, as text; `None` when it is not xtext or does not
/// decode to UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    if !is_valid(text) {
        return None;
    }
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'+' {
            let high = hex(bytes.next()?)?;
            let low = hex(bytes.next()?)?;
            out.push(high << 4 | low);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

/// `text` as xtext.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'+' | b'=' => push_hex(&mut out, byte),
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => push_hex(&mut out, byte),
        }
    }
    out
}

fn push_hex(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('+');
    for nibble in [byte >> 4, byte & 15] {
        out.push(char::from(DIGITS[usize::from(nibble)]));
    }
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_upper_case_hexadecimal() {
        assert_eq!(decode("a+2Bb+3D").as_deref(), Some("a+b="));
        for bad in ["a+2", "+", "+2b", "a=b", "a b", "é", "+GG"] {
            assert!(!is_valid(bad), "{bad}");
            assert_eq!(decode(bad), None);
        }
        assert_eq!(decode("+FF"), None, "not UTF-8");
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding(text in any::<String>()) {
            let coded = encode(&text);
            prop_assert!(is_valid(&coded));
            prop_assert_eq!(decode(&coded), Some(text));
        }
    }
}
