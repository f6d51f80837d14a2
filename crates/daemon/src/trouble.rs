//! Why a verb did not do what was asked, and the exit code that says so.

use sekisho_control::Refusal;
use sekisho_message::{Text, say};

use crate::config::ConfigError;

/// Exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All well.
    Well = 0,
    /// It found something: a refusal with its reason, a lint, damage.
    Found = 1,
    /// It could not do its work; or, from `check`, there is an alarm.
    CouldNot = 2,
}

/// A text for the person and an exit code for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub text: Text,
    /// How much.
    pub exit: Exit,
    /// Whether a yes would do it.
    pub question: bool,
}

impl Trouble {
    /// The verb could not do its work.
    #[must_use]
    pub fn could_not(text: Text) -> Self {
        Self { text, exit: Exit::CouldNot, question: false }
    }

    /// The verb found something.
    #[must_use]
    pub fn found(text: Text) -> Self {
        Self { text, exit: Exit::Found, question: false }
    }

    /// The system said no.
    #[must_use]
    pub fn from_io(error: std::io::Error) -> Self {
        Self::could_not(say!(ja: "入出力エラー: {error}", en: "Input or output failed: {error}"))
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.text().clone();
        match refusal {
            Refusal::Store { .. } => Self::could_not(text),
            Refusal::Invalid { .. } => Self::found(text),
            Refusal::Confirm { .. } => Self { question: true, ..Self::found(text) },
        }
    }
}

impl From<ConfigError> for Trouble {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Missing(path) => {
                let path = path.display();
                Self::could_not(say!(
                    ja: "{path} がありません。sekisho init か sekisho serve が作ります。別のフォルダなら --data で指定してください。",
                    en: "{path} does not exist. sekisho init or sekisho serve makes it; --data names another folder."
                ))
            }
            wrong => Self::could_not(say!(ja: "設定の誤り: {wrong}", en: "Configuration: {wrong}")),
        }
    }
}
