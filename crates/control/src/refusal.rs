//! Why an act was not done.

use sekisho_message::{Text, say};
use serde::{Deserialize, Serialize};

/// Why an act was not done. Nothing was changed, except by a long act that had done some steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refused", rename_all = "snake_case")]
pub enum Refusal {
    /// What was asked for cannot be done; the reason.
    #[error("{reason}")]
    Invalid {
        /// What is wrong, and what would be right.
        reason: Text,
    },
    /// It would destroy something, and nobody has said yes.
    #[error("{question}")]
    Confirm {
        /// What would be done to how much of whose.
        question: Text,
        /// The same as data.
        detail: serde_json::Value,
    },
    /// The store could not do it.
    #[error("{reason}")]
    Store {
        /// What the operator must know.
        reason: Text,
        /// Whether it may work later.
        temporary: bool,
    },
}

impl Refusal {
    /// A refusal with its reason.
    #[must_use]
    pub fn invalid(reason: Text) -> Self {
        Self::Invalid { reason }
    }

    /// The text for the person who asked.
    #[must_use]
    pub fn text(&self) -> &Text {
        match self {
            Self::Invalid { reason } | Self::Store { reason, .. } => reason,
            Self::Confirm { question, .. } => question,
        }
    }
}

impl From<sekisho_store::Error> for Refusal {
    fn from(error: sekisho_store::Error) -> Self {
        use sekisho_store::Error;
        let temporary = error.is_temporary();
        let reason = match &error {
            Error::Full => say!(
                ja: "ディスク（またはデータベース）に空きがありません。何も変更していません。",
                en: "No space is left in the store. Nothing was changed."
            ),
            Error::Unavailable(why) => say!(
                ja: "ストアに接続できません: {why}",
                en: "The store cannot be reached: {why}"
            ),
            Error::NotFound(what) => say!(
                ja: "見つかりません（{what}）。",
                en: "No such {what}."
            ),
            Error::Conflict(why) => say!(
                ja: "保存されている内容と矛盾します: {why}",
                en: "This contradicts what is stored: {why}"
            ),
            Error::OverQuota => say!(
                ja: "容量の上限を超えます。",
                en: "This would exceed the quota."
            ),
            Error::Corrupt(why) => say!(
                ja: "ストアが壊れています: {why}（sekisho store check を実行してください）",
                en: "The store is damaged: {why} (run sekisho store check)"
            ),
            Error::Engine(why) => say!(
                ja: "ストアのエラー: {why}",
                en: "Store error: {why}"
            ),
        };
        Self::Store { reason, temporary }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// For the person who asked.
    pub text: Text,
    /// For programs; the shape is part of each command's documentation.
    pub data: serde_json::Value,
}

impl Done {
    /// Done, with a text and nothing else to say.
    #[must_use]
    pub fn said(text: Text) -> Self {
        Self { text, data: serde_json::Value::Null }
    }

    /// Done, with a text and data.
    #[must_use]
    pub fn with(text: Text, data: serde_json::Value) -> Self {
        Self { text, data }
    }
}
