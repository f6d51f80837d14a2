#![allow(clippy::unwrap_used, clippy::expect_used)]

use encoding_rs::{EUC_JP, ISO_2022_JP, SHIFT_JIS};
use proptest::prelude::*;

use super::*;
use crate::transfer::encode_base64;

const TEXT: &str = "日本語のメールです。カタカナ";

#[test]
fn japanese_charsets_are_read_by_name_and_by_guess() {
    for (label, encoding) in [("Shift_JIS", SHIFT_JIS), ("EUC-JP", EUC_JP), ("ISO-2022-JP", ISO_2022_JP)] {
        let octets = encoding.encode(TEXT).0;
        assert_eq!(decode(label, &octets), TEXT, "{label}");
        assert_eq!(decode("", &octets), TEXT, "guess {label}");
        assert_eq!(decode("us-ascii", &octets), TEXT, "guess {label}");
        assert_eq!(decode("no-such-charset", &octets), TEXT, "guess {label}");
    }
    assert_eq!(decode("cp932", &SHIFT_JIS.encode("①髙").0), "①髙");
    assert_eq!(decode("", TEXT.as_bytes()), TEXT);
    assert_eq!(decode("utf-8", b"\xEF\xBB\xBFa"), "a");
}

#[test]
fn iso_2022_jp_has_its_relatives() {
    // Half-width kana, JIS X 0212, escapes next to each other, and 8-bit junk.
    assert_eq!(decode("iso-2022-jp", b"\x1b(I1\x1b(B"), "ｱ");
    assert_eq!(decode("iso-2022-jp-1", b"\x1b$(D\x30\x21\x1b(B"), "丂");
    assert_eq!(decode("iso-2022-jp", b"\x1b$B$\"\x1b(B\x1b$B$$\x1b(B"), "あい");
    assert_eq!(decode("iso-2022-jp", b"plain"), "plain");
    assert_eq!(decode("iso-2022-jp", b"\x1b$B$\"\r\n$$\x1b(B"), "あ\r\nい");
    assert_eq!(decode("iso-2022-jp", b"\x1b$B$"), "");
    // A mailer that lies about the charset.
    assert_eq!(decode("iso-2022-jp", "うそ".as_bytes()), "うそ");
}

#[test]
fn western_text_is_not_taken_for_japanese() {
    assert_eq!(decode("", b"caf\xe9 cr\xe8me"), "café crème");
    assert_eq!(decode("iso-8859-1", b"\x93quoted\x94"), "“quoted”");
    assert_eq!(decode("", b"\xfcber"), "über");
    assert_eq!(decode("koi8-r", b"\xf0\xd2\xc9"), "При");
    assert!(is_known("ISO-8859-15") && is_known("ascii") && is_known("iso-2022-jp") && !is_known("x-unknown"));
}

#[test]
fn encoded_words_are_decoded() {
    let cases: [(&str, &str); 14] = [
        ("plain text", "plain text"),
        ("=?utf-8?B?5pel5pys?=", "日本"),
        ("=?UTF-8*ja?q?=E6=97=A5_x?= y", "日 x y"),
        ("a =?utf-8?Q?b?= =?utf-8?Q?c?= d", "a bc d"),
        ("=?utf-8?B?5pel?=\t =?iso-8859-1?Q?=E9?=", "日é"),
        ("=?utf-8?B?5pel5p==?= =?utf-8?B?nKw=?=", "日本"),
        ("=?iso-8859-1?Q?a=20?= =?utf-8?Q?b?=", "a b"),
        ("x=?utf-8?Q?y?=z", "xyz"),
        ("=?utf-8?Q?What's_up??=", "What's up?"),
        ("=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        ("=?utf-8?Q?unfinished", "=?utf-8?Q?unfinished"),
        ("=??Q?x?=", "=??Q?x?="),
        ("=?utf-8?Q?a=0D=0AEvil:_b?=", "a  Evil: b"),
        ("=?=?utf-8?Q?a?=", "=?a"),
    ];
    for (raw, text) in cases {
        // One of the cases cuts a character in two; its words are joined as octets, padding and all.
        assert_eq!(decode_header(raw.as_bytes()), text, "{raw}");
    }
}

#[test]
fn words_that_cut_characters_are_joined() {
    let octets = ISO_2022_JP.encode(TEXT).0;
    let (a, b) = octets.split_at(9);
    let raw = format!("=?ISO-2022-JP?B?{}?= =?iso-2022-jp?B?{}?=", encode_base64(a), encode_base64(b));
    assert_eq!(decode_header(raw.as_bytes()), TEXT);
    assert_eq!(decode_header(&SHIFT_JIS.encode("件名のてすと").0), "件名のてすと");
}

#[test]
fn a_header_of_broken_words_takes_linear_time() {
    let start = std::time::Instant::now();
    let _ = decode_header("=?x?q?".repeat(100_000).as_bytes());
    let _ = decode_header("=?".repeat(100_000).as_bytes());
    let _ = decode_header("=?utf-8?q?a?= ".repeat(50_000).as_bytes());
    assert!(start.elapsed().as_secs() < 20);
}

proptest! {
    #[test]
    fn never_panics(octets in proptest::collection::vec(any::<u8>(), 0..200), label in "\\PC{0,20}") {
        let _ = decode(&label, &octets);
        let _ = decode("iso-2022-jp", &octets);
        let _ = decode_header(&octets);
    }

    #[test]
    fn words_never_panic(value in "[=?bBqQ_ a-c0-9*-]{0,80}") {
        let _ = decode_header(value.as_bytes());
    }

    #[test]
    fn japanese_survives_iso_2022_jp(text in "[ぁ-んァ-ヶ亜-熙a-z 0-9]{0,60}") {
        let (octets, _, lossy) = ISO_2022_JP.encode(&text);
        if !lossy {
            prop_assert_eq!(decode("iso-2022-jp", &octets), text);
        }
    }
}
