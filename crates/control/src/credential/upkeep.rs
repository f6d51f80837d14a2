//! What is done for an account while its password is at hand.

use sekisho_store::account::Account;
use sekisho_store::{login, meta};

use super::scram_wanted;
use crate::{Control, password};

impl Control {
    /// Makes what can only be made while the password is at hand: a hash with today's parameters, and a SCRAM
    /// secret when the domain asks for one. Failing costs nothing but doing it at the next login.
    pub(super) async fn refresh(&self, account: &Account, password: &str, outdated: bool) {
        let id = account.id;
        let old = account.password.clone();
        if outdated && let Ok(new) = self.gate().hash(password).await {
            let done = self.store().write(move |tx| login::replace_hash(tx, id, &old, &new)).await;
            if let Err(error) = done {
                tracing::warn!(%error, account = account.address, "password hash not renewed");
            }
            // What belongs to the hash is made at the next login.
            return;
        }
        if self.offered().digests {
            self.keep_recoverable(account, password).await;
        }
        if account.scram.is_none() && self.scram_offered() {
            self.add_scram(account, password).await;
        }
    }

    /// Notes whether the password that was right is easy to guess: the audit tells, the password is kept nowhere. A new
    /// password makes the note void.
    pub(super) async fn note_weakness(&self, account: &Account, password: &str) {
        let (account, password, policy) = (account.clone(), password.to_owned(), self.options().password);
        let judged = tokio::task::spawn_blocking(move || {
            let (local, domain) = account.key.rsplit_once('@').unwrap_or((&account.key, ""));
            let person = password::Person { account: local, domain, full_name: &account.full_name };
            (password::judge(&password, &person, policy).is_err(), account)
        });
        let Ok((true, account)) = judged.await else { return };
        let (name, value) = (crate::audit::weak_name(&account), account.password_changed.micros().to_string());
        let known = {
            let name = name.clone();
            self.store().read(move |tx| meta::get(tx, &name)).await
        };
        if known.ok().flatten().as_deref() != Some(value.as_str()) {
            let done = self.store().write(move |tx| meta::set(tx, &name, Some(&value))).await;
            if let Err(error) = done {
                tracing::warn!(%error, "a weak password could not be noted");
            }
        }
    }

    async fn add_scram(&self, account: &Account, password: &str) {
        let (id, hash, domain) = (account.id, account.password.clone(), account.domain);
        let wanted = self.store().read(move |tx| scram_wanted(tx, domain)).await;
        if !matches!(wanted, Ok(true)) {
            return;
        }
        let Ok(secret) = self.gate().scram(password).await else { return };
        let done = self.store().write(move |tx| login::set_scram(tx, id, &hash, &secret)).await;
        if let Err(error) = done {
            tracing::warn!(%error, account = account.address, "SCRAM secret not stored");
        }
    }
}
