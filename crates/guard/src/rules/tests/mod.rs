#![allow(clippy::unwrap_used, clippy::expect_used)]

mod effect;
mod filter;
mod properties;
mod reject;
mod sender;

use std::net::IpAddr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn globs_match_runs_and_nothing_else() {
    let cases = [
        ("*", "", true),
        ("*", "abc", true),
        ("a*c", "abbc", true),
        ("a*c", "abcd", false),
        ("*@example.jp", "x@example.jp", true),
        ("*@example.jp", "x@example.jp.evil.test", false),
        ("*.example.jp", "example.jp", false),
        ("a*b*c", "aXbYc", true),
        ("a*b*c", "acb", false),
        ("", "", true),
        ("", "a", false),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
    }
    let (pattern, text) = ("*a".repeat(400), "a".repeat(399) + "b");
    assert!(!glob(&pattern, &text), "long patterns end, too");
}

#[test]
fn networks_are_read_as_the_manuals_write_them() {
    let inside = [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("192.168.1.*", "192.168.1.77"),
        ("192.168.*.*", "192.168.200.1"),
        ("10.*", "10.1.2.3"),
        ("10.*.5.*", "10.9.5.1"),
        ("192.168.1.1*", "192.168.1.123"),
        ("192.168.1.0/28", "192.168.1.15"),
        ("192.168.1.5/28", "192.168.1.1"),
        ("*.*.*.*", "203.0.113.9"),
        ("*.*.*.*", "2001:db8::1"),
        ("*", "2001:db8::1"),
        ("0.0.0.0/0", "1.2.3.4"),
        ("2001:db8::/32", "2001:db8:1::5"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.0/120", "192.0.2.9"),
    ];
    for (network, address) in inside {
        assert!(network::Network::parse(network).unwrap().contains(ip(address)), "{network} {address}");
    }
    let outside = [
        ("192.168.1.*", "192.168.2.1"),
        ("10.*.5.*", "10.9.6.1"),
        ("192.168.1.1*", "192.168.1.2"),
        ("192.168.1.0/28", "192.168.1.16"),
        ("192.168.1.*", "2001:db8::1"),
    ];
    for (network, address) in outside {
        assert!(!network::Network::parse(network).unwrap().contains(ip(address)), "{network} {address}");
    }
    for bad in
        ["192.168.1", "256.1.1.1", "1.2.3.4.5", "10.0.0.500", "192.168.1.0/33", "1..2.3", "", ".", "10.*.", ":::"]
    {
        assert!(network::Network::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn only_networks_that_can_be_somebodys_own_may_be_trusted() {
    let trusted = [
        "127.0.0.1",
        "127.*",
        "10.*.*.*",
        "192.168.1.0/24",
        "203.0.113.0/8",
        "2001:db8::/32",
        "fc00::/7",
        "::1",
        "10.*.1.*",
    ];
    let never = [
        "*",
        "*.*.*.*",
        "0.0.0.0/0",
        "0.0.0.0/1",
        "128.0.0.0/2",
        "::/0",
        "2000::/3",
        "2001::/16",
        "*.0.0.1",
        "1*.0.0.1",
    ];
    for text in trusted {
        assert!(network::Network::parse(text).unwrap().may_be_trusted(), "{text}");
    }
    for text in never {
        assert!(!network::Network::parse(text).unwrap().may_be_trusted(), "{text}");
    }
}

#[test]
fn lines_survive_every_editor() {
    let numbers = |bytes: &[u8]| lines::read(bytes).lines;
    let expected = vec![(1, "a true".to_owned()), (3, "b false".to_owned())];
    assert_eq!(numbers(b"a true\n\nb false"), expected);
    assert_eq!(numbers(b"a true\r\n\r\nb false\r\n\x1a"), expected);
    assert_eq!(numbers(b"a true\r\rb false\r"), expected);
    assert_eq!(numbers(b"\xEF\xBB\xBFa true \n\t\n b false"), expected);
    let utf16: Vec<u8> = "\u{FEFF}a true\n\nb false".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(numbers(&utf16), expected);
    let sjis = lines::read(b"a true\n# \x8E\xD0\x93\xE0\x83\x5C\nb false");
    assert_eq!(sjis.lines.len(), 3);
    assert_eq!(sjis.findings.iter().map(|f| (f.line, f.severity)).collect::<Vec<_>>(), [(2, Severity::Note)]);
    let long = lines::read(format!("{}\nb false", "x".repeat(lines::MAX_LINE + 1)).as_bytes());
    assert_eq!((long.lines.len(), long.findings.len()), (1, 1));
    let many = lines::read("a\n".repeat(lines::MAX_LINES + 5).as_bytes());
    assert_eq!((many.lines.len(), many.findings.len()), (lines::MAX_LINES, 1));
}
