//! Passwords in one spelling, whichever keyboard they come from.
//!
//! Hashes are made of the OpaqueString form (RFC 8265 §4.2): every space is U+0020, composed characters (NFC), nothing else changes. SCRAM
//! secrets are made of the SASLprep form (RFC 4013), because that is what its clients compute. ASCII is the same in both.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// The OpaqueString form.
pub(super) fn opaque(password: &str) -> Cow<'_, str> {
    let odd_space = |c: char| c != ' ' && is_space(c);
    if password.is_ascii() || (is_nfc(password) && !password.chars().any(odd_space)) {
        return Cow::Borrowed(password);
    }
    Cow::Owned(password.chars().map(|c| if odd_space(c) { ' ' } else { c }).nfc().collect())
}

/// The SASLprep form. What SASLprep forbids stays as it is: its owner has no other way to write it.
pub(super) fn saslprep(password: &str) -> Cow<'_, str> {
    match stringprep::saslprep(password) {
        Ok(prepared) if !prepared.is_empty() => prepared,
        _ => Cow::Borrowed(password),
    }
}

/// General category Zs.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_password_in_one_spelling() {
        assert_eq!(opaque("correct horse"), "correct horse");
        assert_eq!(opaque("ひみつ　の合い言葉"), "ひみつ の合い言葉");
        assert_eq!(opaque("か\u{3099}き"), "がき");
        assert_eq!(opaque("ｶﾞ Ａ"), "ｶﾞ Ａ", "widths are kept");
        assert_eq!(opaque("Pass"), "Pass", "case is kept");
    }

    #[test]
    fn the_examples_of_rfc_4013() {
        assert_eq!(saslprep("I\u{AD}X"), "IX");
        assert_eq!(saslprep("USER"), "USER");
        assert_eq!(saslprep("\u{AA}"), "a");
        assert_eq!(saslprep("\u{2168}"), "IX");
        assert_eq!(saslprep("\u{7}"), "\u{7}", "forbidden: as it is");
        assert_eq!(saslprep("\u{627}1"), "\u{627}1", "forbidden: as it is");
    }
}
