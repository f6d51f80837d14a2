//! What an open session stands on: it ends when that is taken away.

use sekisho_message::Time;
use sekisho_store::AppPasswordId;
use sekisho_store::account::Account;

/// The credential that let a session in, as far as it can be taken away again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When the password was set.
    password_set: Time,
    app: Option<(AppPasswordId, Box<str>)>,
}

impl Stamp {
    pub(super) fn of(account: &Account) -> Self {
        Self { password_set: account.password_changed, app: None }
    }

    pub(super) fn with_app(self, id: AppPasswordId, name: &str) -> Self {
        Self { app: Some((id, name.into())), ..self }
    }

    /// The name of the app password that was used, if one was.
    #[must_use]
    pub fn app_name(&self) -> Option<&str> {
        self.app.as_ref().map(|(_, name)| &**name)
    }

    pub(super) fn app(&self) -> Option<AppPasswordId> {
        self.app.as_ref().map(|(id, _)| *id)
    }

    /// Whether the account's password is the one that it was.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        account.password_changed == self.password_set
    }
}
