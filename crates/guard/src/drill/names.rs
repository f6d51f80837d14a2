//! What the classes are called.

use sekisho_message::{Text, say};

use super::{Attack, From, Honest};

impl Attack {
    /// Its letter.
    #[must_use]
    pub fn letter(self) -> char {
        let index = Self::ALL.iter().position(|&known| known == self).unwrap_or(0);
        char::from(b'A' + u8::try_from(index).unwrap_or(0))
    }

    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blast => "blast",
            Self::Botnet => "botnet",
            Self::LowAndSlow => "low-and-slow",
            Self::FatRecipients => "fat-recipients",
            Self::ContactPhish => "contact-phish",
            Self::InfectedPc => "infected-pc",
            Self::WebForm => "web-form",
            Self::OpenRelay => "open-relay",
            Self::ProbeThenFlood => "probe-then-flood",
            Self::FreshAccount => "fresh-account",
            Self::RoleAccount => "role-account",
            Self::SlowRise => "slow-rise",
            Self::ManyAccounts => "many-accounts",
        }
    }

    /// The class of a letter or name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| {
            class.name().eq_ignore_ascii_case(text)
                || text.eq_ignore_ascii_case(class.letter().encode_utf8(&mut [0; 4]))
        })
    }

    /// What it is.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Blast => say!(ja: "1 台から全速力で", en: "as fast as it goes, from one client"),
            Self::Botnet => say!(ja: "300 台から毎秒 1 通", en: "a message a second, from 300 clients"),
            Self::LowAndSlow => say!(ja: "毎時 2 通、毎回別の場所から", en: "two an hour, each from another network"),
            Self::FatRecipients => say!(ja: "1 通に 50 件の宛先", en: "50 recipients a message"),
            Self::ContactPhish => say!(ja: "本人の知人あて", en: "to the victim's own contacts"),
            Self::InfectedPc => {
                say!(ja: "感染した本人の PC から知人あて", en: "the same from the victim's own machine")
            }
            Self::WebForm => say!(ja: "Web フォームの悪用", en: "a web form whose visitors a robot chooses"),
            Self::OpenRelay => say!(ja: "広すぎる中継許可", en: "a trusted network that is too wide"),
            Self::ProbeThenFlood => say!(ja: "試し撃ち、沈黙、大量送信", en: "a probe, silence, a flood"),
            Self::FreshAccount => say!(ja: "履歴のないアカウント", en: "an account without a history"),
            Self::RoleAccount => say!(ja: "営業用のアカウント", en: "a sales account"),
            Self::SlowRise => say!(ja: "本人の場所から少しずつ増やす", en: "a slow rise from the victim's own network"),
            Self::ManyAccounts => say!(ja: "30 アカウントから数通ずつ", en: "30 accounts, a few messages each"),
        }
    }

    /// From where its intruders can come.
    #[must_use]
    pub const fn sources(self) -> &'static [From] {
        match self {
            Self::InfectedPc | Self::SlowRise | Self::WebForm | Self::OpenRelay => &[From::Own],
            Self::FreshAccount => &[From::Own, From::Foreign],
            Self::ManyAccounts => &[From::Foreign],
            _ => &[From::Foreign, From::Guessed, From::Own],
        }
    }
}

impl From {
    /// All.
    pub const ALL: [Self; 3] = [Self::Foreign, Self::Guessed, Self::Own];

    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Guessed => "guessed",
            Self::Own => "own",
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|from| from.name().eq_ignore_ascii_case(text))
    }
}

impl Honest {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Role => "role",
            Self::Application => "application",
            Self::Newsletter => "newsletter",
            Self::Employee => "employee",
            Self::Traveller => "traveller",
            Self::NewPhone => "new-phone",
            Self::PasswordChanged => "password-changed",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Person => say!(ja: "個人", en: "a person"),
            Self::Role => say!(ja: "営業用のアカウント", en: "a sales account"),
            Self::Application => say!(ja: "請求書などを送るアプリケーション", en: "an application that sends invoices"),
            Self::Newsletter => say!(ja: "ニュースレター", en: "a newsletter"),
            Self::Employee => say!(ja: "新入社員の最初の数週間", en: "a new employee's first weeks"),
            Self::Traveller => say!(ja: "海外出張中", en: "a traveller abroad"),
            Self::NewPhone => say!(ja: "新しい電話", en: "a new telephone"),
            Self::PasswordChanged => say!(ja: "パスワードを変えた直後", en: "a password that was just changed"),
        }
    }

    /// Of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn names_and_letters_are_those_of_json() {
        for (class, letter) in Attack::ALL.into_iter().zip('A'..='M') {
            assert_eq!(class.letter(), letter);
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
            assert_eq!(Attack::parse(class.name()), Some(class));
            assert_eq!(Attack::parse(&letter.to_lowercase().to_string()), Some(class));
            assert!(!class.sources().is_empty());
        }
        assert!(Attack::parse("").is_none() && Attack::parse("N").is_none());
        for from in From::ALL {
            assert_eq!(
                (serde_json::to_value(from).unwrap(), From::parse(from.name())),
                (from.name().into(), Some(from))
            );
        }
        for class in Honest::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
            assert_eq!(Honest::parse(class.name()), Some(class));
        }
    }
}
