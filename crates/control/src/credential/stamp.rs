//! What an open session stands on: it ends when that is taken away.

use sekisho_message::Time;
use sekisho_store::account::{self, Account, State};
use sekisho_store::{AccountId, AppPasswordId, Error, app_password};

use crate::Control;

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
}

impl Control {
    /// Why a session of `account` that was let in with `stamp` must end; none when it may go on.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn must_end(&self, account: AccountId, stamp: &Stamp) -> Result<Option<&'static str>, Error> {
        let stamp = stamp.clone();
        self.store()
            .read(move |tx| {
                let found = account::by_id(tx, account)?.filter(|found| found.state != State::Removed);
                let Some(found) = found else { return Ok(Some("The account is gone")) };
                Ok(match stamp.app {
                    // It goes on with its account's new password.
                    Some((id, _)) if !app_password::stands(tx, id)? => Some("The app password was taken away"),
                    None if found.password_changed != stamp.password_set => {
                        Some("The password was changed; log in again")
                    }
                    _ => None,
                })
            })
            .await
    }
}
