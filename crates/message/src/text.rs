//! Texts that a person reads, always in both languages.
//!
//! A [`Text`] cannot be made without its Japanese and its English form, so a
//! missing translation is a compile error, not something a user finds.

use std::fmt;

/// The languages that Sekisho speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    #[default]
    En,
}

impl Language {
    /// The language that a locale name or language tag such as `ja_JP.UTF-8` asks for.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        if locale.get(..2).is_some_and(|l| l.eq_ignore_ascii_case("ja")) { Self::Ja } else { Self::En }
    }
}

/// One sentence or paragraph in Japanese and English.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Text {
    /// Japanese form.
    pub ja: String,
    /// English form.
    pub en: String,
}

impl Text {
    /// A text from both of its forms.
    pub fn new(ja: impl Into<String>, en: impl Into<String>) -> Self {
        Self { ja: ja.into(), en: en.into() }
    }

    /// Both texts one after the other.
    #[must_use]
    pub fn joined(self, more: &Self) -> Self {
        Self { ja: self.ja + &more.ja, en: self.en + " " + &more.en }
    }

    /// The form in `language`.
    #[must_use]
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Ja => &self.ja,
            Language::En => &self.en,
        }
    }
}

impl fmt::Display for Text {
    /// The English form, as logs want it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en)
    }
}

/// Makes a [`Text`] from two format strings: `say!(ja: "{n} 通", en: "{n} messages")`.
///
/// Inline captures only, so that both forms can use the same names.
#[macro_export]
macro_rules! say {
    (ja: $ja:literal, en: $en:literal $(,)?) => {
        $crate::text::Text { ja: format!($ja), en: format!($en) }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_kept() {
        let n = 3;
        let text = say!(ja: "{n} 通", en: "{n} messages");
        assert_eq!(text.get(Language::Ja), "3 通");
        assert_eq!(text.get(Language::En), "3 messages");
        assert_eq!(Language::of_locale("ja_JP.UTF-8"), Language::Ja);
        assert_eq!(Language::of_locale("C"), Language::En);
    }
}
