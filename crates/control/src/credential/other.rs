//! Proofs that are no passwords: tokens, certificates, and answers to challenges.

use std::net::IpAddr;

use sekisho_store::account::Account;
use sekisho_store::recoverable;

use super::certificate::Shown;
use super::issuer::Fault;
use super::jwt::Token;
use super::{Failure, Outcome, admit};
use crate::{Control, Protocol};

/// Most accounts that one certificate is tried for.
const MOST_NAMES: usize = 8;

impl Control {
    pub(super) async fn judge_token(
        &self,
        login: &str,
        token: &str,
        protocol: Protocol,
        ip: Option<IpAddr>,
    ) -> Outcome {
        let Some(issuer) = self.issuer() else { return Err((None, Failure::Token("tokens are not taken"))) };
        if token.is_empty() {
            return Err((None, Failure::Token("the client asks what is wanted")));
        }
        let parsed = Token::parse(token);
        let named = parsed.as_ref().ok().and_then(|token| issuer.named(token)).unwrap_or(login);
        let found = self.find(named, ip).await.map_err(|failure| (None, failure))?;
        let seeker = self.seeker(named, &found, protocol, ip).await;
        let account = found.account;
        let address = account.as_ref().map(|account| account.address.clone());
        if let Err(failure) = self.may_try(&seeker).await {
            return Err((address, failure));
        }
        let checked = match &parsed {
            Ok(token) => issuer.check(token, self.now()).await,
            Err(reason) => Err(Fault::Bad(reason)),
        };
        let wrong = match (checked, account) {
            (Ok(()), Some(account)) if self.is_account(&account, login).await? => {
                return self.learn(&seeker, admit(account, protocol)).await;
            }
            (Ok(()), Some(_)) => Failure::ActsForOther,
            (Ok(()), None) => Failure::UnknownUser,
            // A program that did not renew its token in time guesses nothing.
            (Err(Fault::Expired), _) => return Err((address, Failure::Expired)),
            (Err(Fault::Unreachable(reason)), _) => return Err((address, Failure::Issuer(reason))),
            (Err(Fault::Bad(reason)), _) => Failure::Token(reason),
        };
        self.learn_wrong(&seeker, token.as_bytes()).await;
        Err((address, wrong))
    }

    pub(super) async fn judge_certificate(
        &self,
        authzid: &str,
        shown: Shown<'_>,
        protocol: Protocol,
        ip: Option<IpAddr>,
    ) -> Outcome {
        let Some(certificates) = &self.options().credentials.certificates else {
            return Err((None, Failure::Certificate));
        };
        let mut chosen = None;
        for name in certificates.logins(&shown).into_iter().take(MOST_NAMES) {
            let found = self.find(&name, ip).await.map_err(|failure| (None, failure))?;
            if let Some(account) = found.account.clone()
                && self.is_account(&account, authzid).await?
            {
                chosen = Some((name, found, account));
                break;
            }
        }
        let Some((name, found, account)) = chosen else {
            let failure = if authzid.is_empty() { Failure::Certificate } else { Failure::ActsForOther };
            return Err((None, failure));
        };
        let seeker = self.seeker(&name, &found, protocol, ip).await;
        if let Err(failure) = self.may_try(&seeker).await {
            return Err((Some(account.address), failure));
        }
        self.learn(&seeker, admit(account, protocol)).await
    }

    pub(super) async fn judge_digest(
        &self,
        login: &str,
        fits: &(dyn Fn(&str) -> bool + Sync),
        protocol: Protocol,
        ip: Option<IpAddr>,
    ) -> Outcome {
        let found = self.find(login, ip).await.map_err(|failure| (None, failure))?;
        let seeker = self.seeker(login, &found, protocol, ip).await;
        if let Err(failure) = self.may_try(&seeker).await {
            return Err((found.account.map(|account| account.address), failure));
        }
        let Some(account) = found.account else {
            self.learn_wrong(&seeker, &self.lockout().unlike()).await;
            return Err((None, Failure::UnknownUser));
        };
        let Some(password) = self.recoverable_password(&account).await? else {
            // There is nothing that could be guessed.
            return Err((Some(account.address), Failure::NotRecoverable));
        };
        if fits(&password) {
            return self.learn(&seeker, admit(account, protocol)).await;
        }
        // A digest does not tell equal wrong passwords from different ones, so each counts.
        self.learn_wrong(&seeker, &self.lockout().unlike()).await;
        Err((Some(account.address), Failure::WrongPassword))
    }

    /// Keeps the password of an account that has the permission, now that it is at hand.
    pub(super) async fn keep_recoverable(&self, account: &Account, password: &str) {
        let id = account.id;
        let kept = match self.store().read(move |tx| recoverable::get(tx, id)).await {
            Ok(Some(kept)) if kept.sealed.is_none() || kept.hash != account.password => kept,
            _ => return,
        };
        let (hash, sealed) = match self.vault().seal(kept.account, password) {
            Ok(sealed) => (account.password.clone(), sealed),
            Err(error) => return tracing::error!(%error, "a recoverable password cannot be encrypted"),
        };
        if let Err(error) = self.store().write(move |tx| recoverable::seal(tx, id, &hash, &sealed)).await {
            tracing::warn!(%error, account = account.address, "recoverable password not stored");
        }
    }

    /// The password that was kept for the account, while it still is its password.
    async fn recoverable_password(&self, account: &Account) -> Result<Option<String>, (Option<String>, Failure)> {
        let id = account.id;
        let kept = self.store().read(move |tx| recoverable::get(tx, id)).await;
        let kept = kept.map_err(|error| (Some(account.address.clone()), Failure::Store(error.to_string())))?;
        let sealed = kept.filter(|kept| kept.hash == account.password).and_then(|kept| kept.sealed);
        Ok(sealed.and_then(|sealed| self.vault().unseal(id, &sealed)))
    }

    /// Whether `name` is a name of the account; an empty one leaves it open.
    async fn is_account(&self, account: &Account, name: &str) -> Result<bool, (Option<String>, Failure)> {
        if name.is_empty() {
            return Ok(true);
        }
        let key = self.account_key(name).await;
        let key = key.map_err(|error| (Some(account.address.clone()), Failure::Store(error.to_string())))?;
        Ok(key.as_deref() == Some(account.key.as_str()))
    }
}
