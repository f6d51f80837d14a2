#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

/// A database in which addresses below 128.0.0.0 are in `low` and all others in `high`.
pub(crate) fn database(low: &str, high: &str) -> Vec<u8> {
    let data = |code: &str| map(&[("country", map(&[("iso_code", text(code))]))]);
    of(data(low), data(high))
}

/// A database with the record `first` for addresses below 128.0.0.0 and `second` for all others.
fn of(first: Vec<u8>, second: Vec<u8>) -> Vec<u8> {
    // One node of two 24-bit records: numbers beyond the node count point into the data, 16 octets after the tree.
    let pointer = |offset: usize| u32::try_from(1 + 16 + offset).unwrap().to_be_bytes()[1..].to_vec();
    let mut file = [pointer(0), pointer(first.len())].concat();
    file.extend([0; 16]);
    file.extend(first);
    file.extend(second);
    file.extend(b"\xAB\xCD\xEFMaxMind.com");
    file.extend(map(&[
        ("node_count", number(6, 1)),
        ("record_size", number(5, 24)),
        ("ip_version", number(5, 4)),
        ("database_type", text("Test-Country")),
        ("languages", vec![0, 4]),
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        ("build_epoch", number(9, 1)),
        ("description", map(&[])),
    ]));
    file
}

#[test]
fn a_system_is_found_as_number_or_name() {
    let dir = sekisho_testkit::TempDir::new("systems").unwrap();
    let path = dir.path().join("asn.mmdb");
    let (first, second) = (map(&[("autonomous_system_number", number(6, 77))]), map(&[("asn", text("AS64496"))]));
    std::fs::write(&path, of(first, second)).unwrap();
    let systems = Countries::open(&path).unwrap();
    assert_eq!(systems.system("27.1.2.3".parse().unwrap()), Some(77));
    assert_eq!(systems.system("203.0.113.9".parse().unwrap()), Some(64_496));
    assert_eq!((systems.of("27.1.2.3".parse().unwrap()), systems.system("2001:db8::1".parse().unwrap())), (None, None));
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    assert!(length < 29);
    [&[0x40 | length], text.as_bytes()].concat()
}

fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![0xE0 | u8::try_from(pairs.len()).unwrap()];
    for (name, value) in pairs {
        out.extend(text(name));
        out.extend(value);
    }
    out
}

/// Type 5: 16 bits, 6: 32 bits, 9 (extended): 64 bits; the number takes one octet, or none when it is zero.
fn number(kind: u8, value: u8) -> Vec<u8> {
    let octets: &[u8] = if value == 0 { &[] } else { &[value] };
    let length = u8::try_from(octets.len()).unwrap();
    let head = if kind > 7 { vec![length, kind - 7] } else { vec![kind << 5 | length] };
    [&head, octets].concat()
}

#[test]
fn a_country_is_found_and_a_bad_file_is_an_error() {
    let dir = sekisho_testkit::TempDir::new("countries").unwrap();
    let path = dir.path().join("country.mmdb");
    std::fs::write(&path, database("jp", "US")).unwrap();
    let countries = Countries::open(&path).unwrap();
    assert_eq!(countries.of("27.1.2.3".parse().unwrap()), Some(*b"JP"));
    assert_eq!(countries.of("::ffff:203.0.113.9".parse().unwrap()), Some(*b"US"));
    assert_eq!(countries.of("2001:db8::1".parse().unwrap()), None, "the database knows IPv4 only");
    for rubbish in [&b""[..], b"rubbish", &database("JP", "US")[..60]] {
        std::fs::write(&path, rubbish).unwrap();
        assert!(Countries::open(&path).unwrap_err().en.contains("country.mmdb"));
    }
    for text in ["", "J", "JPN", "日", "j1"] {
        assert_eq!(parse(text), None);
    }
}
