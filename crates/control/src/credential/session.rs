//! Whether somebody who reads may go on: sessions ask when the bus says that something about their account changed.

use sekisho_guard::place::Place;
use sekisho_message::Time;
use sekisho_store::account::{self, Account, State};
use sekisho_store::{AccountId, Result};

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
    /// The account is suspended because of abuse, and this is no network of its owner's.
    Strange,
}

impl Control {
    /// Whether a session of `id` from `client`, whose password was set at `password_set`, may go on.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn may_stay(&self, id: AccountId, password_set: Time, client: &str) -> Result<Stays> {
        let account = self.store().read(move |tx| account::by_id(tx, id)).await?;
        Ok(match account {
            None => Stays::Gone,
            Some(account) if account.state == State::Removed => Stays::Gone,
            Some(account) if account.password_changed != password_set => Stays::PasswordChanged,
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
