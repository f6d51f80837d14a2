//! The collation `i;unicode-casemap` (RFC 5051), by which IMAP searches and sorts (RFC 5255 §4).

use unicode_normalization::char::decompose_compatible;

/// A text as `i;unicode-casemap` compares it, octet by octet: each character in title case, then taken apart as far as
/// Unicode can (RFC 5051 §2). A substring of the text is a substring of what comes out, for each character stands for
/// itself.
#[must_use]
pub fn casemap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    push_casemap(&mut out, text);
    out
}

/// Appends [`casemap`] of `text`.
pub(super) fn push_casemap(out: &mut String, text: &str) {
    let mut rest = text;
    while !rest.is_empty() {
        let plain = rest.bytes().position(|b| !b.is_ascii()).unwrap_or(rest.len());
        let (ascii, other) = rest.split_at(plain);
        let start = out.len();
        out.push_str(ascii);
        if let Some(copy) = out.get_mut(start..) {
            copy.make_ascii_uppercase();
        }
        let foreign = other.bytes().position(|b| b.is_ascii()).unwrap_or(other.len());
        let (foreign, after) = other.split_at(foreign);
        for c in foreign.chars() {
            push_char(out, c);
        }
        rest = after;
    }
}

fn push_char(out: &mut String, c: char) {
    match c {
        // Hiragana, Katakana and Han have no case; few of them can be taken apart. Hangul syllables have no
        // decomposition of their own in the character data, which is what the RFC goes by.
        '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' | '\u{3400}'..='\u{4DBF}' => out.push(c),
        _ => decompose_compatible(title(c), |d| out.push(d)),
    }
}

/// The simple title case mapping of a character.
fn title(c: char) -> char {
    let near = |base: u32, step: u32| char::from_u32(base + step).unwrap_or(c);
    match u32::from(c) {
        0x01C4..=0x01C6 => near(0x01C5, 0),
        0x01C7..=0x01C9 => near(0x01C8, 0),
        0x01CA..=0x01CC => near(0x01CB, 0),
        0x01F1..=0x01F3 => near(0x01F2, 0),
        // Georgian has capitals, but no title case.
        0x10D0..=0x10FF => c,
        // Greek with iota below: one title case letter, two capitals.
        n @ (0x1F80..=0x1F87 | 0x1F90..=0x1F97 | 0x1FA0..=0x1FA7) => near(n, 8),
        n @ (0x1FB3 | 0x1FC3 | 0x1FF3) => near(n, 9),
        _ => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(single), None) => single,
                _ => c,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use proptest::prelude::*;

    use super::casemap;

    #[test]
    fn equal_to_the_eye_is_equal() {
        for (a, b) in [
            ("Straße", "STRAßE"),
            ("café", "CAFE\u{301}"),
            ("ＡＢＣ", "abc"),
            ("ﾒｰﾙ", "メール"),
            ("ｶﾞ", "ガ"),
            ("ǆ", "ǅ"),
            ("ǆ", "Ǆ"),
            ("ᾳ", "ᾼ"),
            ("ά", "Ά"),
            ("привет", "ПРИВЕТ"),
        ] {
            assert_eq!(casemap(a), casemap(b), "{a} {b}");
        }
        for (a, b) in [("東京", "京都"), ("か", "カ"), ("ა", "ბ"), ("한", "글")] {
            assert_ne!(casemap(a), casemap(b), "{a} {b}");
        }
        assert_eq!(casemap("Hello, World"), "HELLO, WORLD");
        assert_eq!(casemap("한글"), "한글");
        assert!(casemap("が").starts_with('か'));
    }

    proptest! {
        #[test]
        fn characters_stand_for_themselves(a in "\\PC{0,20}", b in "\\PC{0,20}") {
            prop_assert_eq!(casemap(&format!("{a}{b}")), format!("{}{}", casemap(&a), casemap(&b)));
        }
    }
}
