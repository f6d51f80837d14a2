#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::*;

#[test]
fn base64_is_tolerant() {
    assert_eq!(decode_base64(b"aGVsbG8="), b"hello");
    assert_eq!(decode_base64(b"aGVs\r\nbG8"), b"hello");
    assert_eq!(decode_base64(b"a*G V-s_bG8=\0"), b"hello");
    assert_eq!(decode_base64(b"aGk=aGk="), b"hihi");
    assert_eq!(decode_base64(b"===="), b"");
    assert_eq!(decode_base64(b"a"), b"");
    assert_eq!(encode_base64(b""), "");
    assert_eq!(encode_base64(b"f"), "Zg==");
    assert_eq!(encode_base64(b"fo"), "Zm8=");
    assert_eq!(encode_base64(b"foo"), "Zm9v");
}

#[test]
fn quoted_printable_is_tolerant() {
    assert_eq!(decode_quoted_printable(b"a=3Db=\r\nc  \r\nd=zz=4\n="), b"a=bc\r\nd=zz=4\n");
    assert_eq!(decode_quoted_printable(b"=e3=81=82"), "あ".as_bytes());
    assert_eq!(decode(b"Quoted-Printable", b"=41"), &b"A"[..]);
    assert_eq!(decode(b" BASE64 ", b"QQ=="), &b"A"[..]);
    assert_eq!(decode(b"x-uuencode", b"=41"), &b"=41"[..]);
}

proptest! {
    #[test]
    fn base64_round_trips(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(&decode_base64(encode_base64(&octets).as_bytes()), &octets);
        let lines = encode_base64_lines(&octets);
        prop_assert!(lines.lines().all(|line| line.len() <= 76));
        prop_assert_eq!(&decode_base64(lines.as_bytes()), &octets);
        let _ = decode_base64(&octets);
    }

    #[test]
    fn quoted_printable_round_trips(text in "([ -~あ-ん\t]{0,120}\r\n){0,4}", octets in proptest::collection::vec(any::<u8>(), 0..100)) {
        let encoded = encode_quoted_printable(text.as_bytes());
        prop_assert!(encoded.is_ascii() && encoded.lines().all(|line| line.len() <= 76));
        prop_assert_eq!(decode_quoted_printable(encoded.as_bytes()), text.as_bytes());
        let _ = decode_quoted_printable(&octets);
    }
}
