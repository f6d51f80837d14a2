//! Whether somebody who reads may go on: sessions ask when the bus says that something about their account changed.

use sekisho_guard::place::Place;
use sekisho_store::account::{self, Account, State};
use sekisho_store::{AccountId, Result, app_password};

use super::Stamp;
use crate::Control;

/// How a reading session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// It may go on.
    Yes,
    /// There is no such account any more.
    Gone,
    /// The password is another one now.
    PasswordChanged,
    /// The app password was taken away.
    Revoked,
    /// The account is suspended because of abuse, and this is no network of its owner's.
    Strange,
}

impl Stays {
    /// What the client reads when the session may not go on.
    #[must_use]
    pub const fn last_words(self) -> Option<&'static str> {
        match self {
            Self::Yes => None,
            Self::PasswordChanged => Some("The password was changed; log in again"),
            Self::Revoked => Some("The app password was taken away"),
            Self::Gone => Some("The account is gone"),
            // He hears no more than anybody who must log in.
            Self::Strange => Some("Log in again"),
        }
    }
}

impl Control {
    /// Whether a session of `id` from `client`, which was let in with `stamp`, may go on.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn may_stay(&self, id: AccountId, stamp: &Stamp, client: &str) -> Result<Stays> {
        let app = stamp.app();
        let (account, app_stands) = self
            .store()
            .read(move |tx| {
                let stands = app.map(|app| app_password::stands(tx, app)).transpose()?;
                Ok((account::by_id(tx, id)?, stands))
            })
            .await?;
        Ok(match account {
            None => Stays::Gone,
            Some(account) if account.state == State::Removed => Stays::Gone,
            Some(_) if app_stands == Some(false) => Stays::Revoked,
            // Who came with an app password goes on with the account's new password.
            Some(account) if app_stands.is_none() && !stamp.is_of(&account) => Stays::PasswordChanged,
            Some(account) if self.is_stranger(&account, client).await? => Stays::Strange,
            Some(_) => Stays::Yes,
        })
    }

    /// Whether `client` must not read an account that the guard holds and that is suspended: whoever guessed the password
    /// knows it still. The owner reads on from the networks that are his.
    pub(super) async fn is_stranger(&self, account: &Account, client: &str) -> Result<bool> {
        if account.state != State::Suspended {
            return Ok(false);
        }
        let (control, place, now) = (self.clone(), Place::parse(client), self.now());
        let origin = format!("account:{}", account.key);
        self.store().read(move |tx| control.guard().is_stranger(tx, &origin, place, now)).await
    }
}
