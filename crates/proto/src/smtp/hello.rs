//! The name that a client gives with EHLO or HELO (RFC 5321 §4.1.1.1, §4.1.3).

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest name in octets (RFC 5321 §4.5.3.1.2).
const NAME_MAX: usize = 255;

/// Whether `name` is a domain name or an address literal as a mail exchanger gives it.
///
/// An underscore is let through: machines whose names carry one are common and harmless.
#[must_use]
pub fn is_domain_or_literal(name: &str) -> bool {
    if name.is_empty() || name.len() > NAME_MAX {
        return false;
    }
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(is_literal),
        None => name.strip_suffix('.').unwrap_or(name).split('.').all(is_label),
    }
}

/// What a mail program's name must satisfy on submission (RFC 6409 §4): printable, no
/// space, and nothing that could confuse a trace line.
#[must_use]
pub fn is_harmless(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_MAX
        && name.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"<>()\"\\,;@".contains(c))
}

fn is_label(label: &str) -> bool {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let bytes = label.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_literal(text: &str) -> bool {
    let six = text.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    if six { text[5..].parse::<Ipv6Addr>().is_ok() } else { text.parse::<Ipv4Addr>().is_ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in
            ["mx.example.jp", "localhost", "a-b.c_d", "[192.0.2.1]", "[IPv6:2001:db8::1]", "xn--wgv71a.jp", "m."]
        {
            assert!(is_domain_or_literal(good), "{good}");
            assert!(is_harmless(good), "{good}");
        }
        for bad in
            ["", "a..b", "-a", "a b", "[300.1.1.1]", "[IPv6:1.2.3.4]", "[192.0.2.1", "日本.jp", "a\0b", "<x>", "."]
        {
            assert!(!is_domain_or_literal(bad), "{bad}");
        }
        assert!(is_harmless("太郎のPC.local"));
        assert!(!is_harmless("a)b") && !is_harmless("a\u{3000}b") && !is_harmless(&"a".repeat(256)));
    }
}
