//! Who somebody is: passwords verified, and the only place where an authenticated origin is made.
//!
//! Every failure looks the same to the peer and costs the same: an unknown user's password is hashed against a decoy.
//! What differs is written to the journal for the operator. The initial one-time password of an account logs in
//! everywhere like any other; the console asks for a new one first. That is deliberate: a mail program cannot ask.

use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::Instant;

use sekisho_guard::origin::Origin;
use sekisho_message::Address;
use sekisho_store::account::{self, Account, State};
use sekisho_store::{AccountId, Tx, login, meta};

use crate::guard::{Attempt, Known};
use crate::lockout::{Found, Seeker};
use crate::{Control, Protocol, entry, password};

mod cache;
mod gate;
mod hash;
mod keyed;
mod scram;
mod session;

#[cfg(test)]
mod tests;

pub(crate) use cache::Cache;
pub(crate) use gate::{Checked, Gate};
pub(crate) use hash::nobody;
pub use hash::{HashError, hash};
pub(crate) use keyed::Key;
pub use scram::ITERATIONS as SCRAM_ITERATIONS;
pub(crate) use scram::{decoy, wanted as scram_wanted, wants as set_scram_wanted};
pub use session::Stays;

/// Somebody who proved who they are.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Answers for what they send; the only kind of origin that may reach outside without an explicit rule.
    pub origin: Origin,
    /// The account as it stood when it was verified.
    pub account: Account,
}

/// Why a login failed. The peer hears only [`Failure::peer_text`]; the reason is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No account has this name, or it is removed, or a bare name fits several.
    #[error("unknown user")]
    UnknownUser,
    /// The password is not the account's.
    #[error("wrong password")]
    WrongPassword,
    /// The account may not send.
    #[error("account is suspended")]
    Suspended,
    /// The account is suspended because of abuse, and this is no network of its owner's.
    #[error("account is suspended, and this is not a network of its owner")]
    Strange,
    /// A lockout stands in the way; which.
    #[error("locked out: {0}")]
    Locked(String),
    /// The password may not be used from here.
    #[error("login from outside the allowed networks or countries")]
    Elsewhere,
    /// Too many logins at once; try again.
    #[error("too many logins at once")]
    Busy,
    /// The store did not answer.
    #[error("store: {0}")]
    Store(String),
}

impl Failure {
    /// Whether the same login may succeed later: SMTP 454, IMAP `NO [UNAVAILABLE]`, POP3 `-ERR [SYS/TEMP]`.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Store(_))
    }

    /// What the peer may read: the same for every permanent failure.
    #[must_use]
    pub const fn peer_text(&self) -> &'static str {
        if self.is_temporary() { "Temporary authentication failure" } else { "Authentication failed" }
    }
}

impl Control {
    /// Verifies `password` for `login` and notes the result in the journal.
    ///
    /// `login` is the full address, or the bare account name when exactly one account has it. `network` is the
    /// client's address. A suspended account fails at [`Protocol::Smtp`]; it may read, from its owner's networks alone when the
    /// guard holds its mail.
    ///
    /// # Errors
    /// Why not; see [`Failure`].
    pub async fn verify(
        &self,
        login: &str,
        password: &str,
        protocol: Protocol,
        network: &str,
    ) -> Result<Verified, Failure> {
        // Boxed: a session that is idle shall not carry the room that a login takes.
        let outcome = Box::pin(self.judge_login(login, password, protocol, address_of(network))).await;
        self.tell_guard(&outcome, Known::Password(password), protocol, network).await;
        self.note_login(login, protocol, network, outcome)
    }

    /// The stored SCRAM-SHA-256 secret for `login`, as `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`; for
    /// everybody else a decoy that is always the same for the same name.
    ///
    /// # Errors
    /// [`Failure::Store`] alone.
    pub async fn scram_secret(&self, login: &str) -> Result<String, Failure> {
        let account = self.find(login, None).await?.account;
        Ok(account.and_then(|account| account.scram).unwrap_or_else(|| decoy(&self.keys().decoy, login)))
    }

    /// The end of a SCRAM exchange: `proved` says whether the client's proof fitted [`Control::scram_secret`].
    ///
    /// # Errors
    /// As [`Control::verify`].
    pub async fn scram_done(
        &self,
        login: &str,
        proved: bool,
        protocol: Protocol,
        network: &str,
    ) -> Result<Verified, Failure> {
        let outcome = Box::pin(self.judge_proof(login, proved, protocol, address_of(network))).await;
        self.tell_guard(&outcome, Known::Proof, protocol, network).await;
        self.note_login(login, protocol, network, outcome)
    }

    /// Whether SCRAM is worth offering: some domain asked for it.
    #[must_use]
    pub fn scram_offered(&self) -> bool {
        self.keys().scram_offered.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Passwords hashed since the start: what logins cost. Remembered passwords cost none.
    #[must_use]
    pub fn passwords_hashed(&self) -> u64 {
        self.gate().done()
    }

    async fn judge_login(&self, login: &str, password: &str, protocol: Protocol, ip: Option<IpAddr>) -> Outcome {
        let begun = Instant::now();
        if password.len() > password::MAX_BYTES || login.len() > 320 {
            return Err((None, Failure::WrongPassword));
        }
        let found = self.find(login, ip).await.map_err(|failure| (None, failure))?;
        let seeker = self.seeker(login, &found, protocol, ip).await;
        if let Err(failure) = self.may_try(&seeker).await {
            // Nothing is hashed, and nobody can tell by the time that it takes.
            self.seem_to_hash(begun).await;
            if failure == Failure::Elsewhere {
                self.learn_wrong(&seeker, password.as_bytes()).await;
            }
            return Err((found.account.map(|account| account.address), failure));
        }
        let compared = Instant::now();
        let outcome = self.compare(found.account, password, protocol).await;
        match outcome {
            Err((_, Failure::WrongPassword | Failure::UnknownUser)) => {
                self.lockout().took(compared.elapsed());
                self.learn_wrong(&seeker, password.as_bytes()).await;
                outcome
            }
            outcome => self.learn(&seeker, outcome).await,
        }
    }

    /// The last word on a password or proof that was not wrong.
    async fn learn(&self, seeker: &Seeker, outcome: Outcome) -> Outcome {
        let verified = outcome?;
        let account = &verified.account;
        match self.is_stranger(account, &seeker.address()).await {
            Ok(false) => {}
            Ok(true) => return Err((Some(account.address.clone()), Failure::Strange)),
            Err(error) => return Err((Some(account.address.clone()), Failure::Store(error.to_string()))),
        }
        match self.learn_right(seeker).await {
            Ok(()) => Ok(verified),
            Err(failure) => Err((Some(verified.account.address), failure)),
        }
    }

    async fn judge_proof(&self, login: &str, proved: bool, protocol: Protocol, ip: Option<IpAddr>) -> Outcome {
        let found = self.find(login, ip).await.map_err(|failure| (None, failure))?;
        let seeker = self.seeker(login, &found, protocol, ip).await;
        let allowed = self.may_try(&seeker).await;
        let address = found.account.as_ref().map(|account| account.address.clone());
        let wrong = match (allowed, proved, found.account) {
            (Err(Failure::Elsewhere), _, _) => Failure::Elsewhere,
            (Err(failure), ..) => return Err((address, failure)),
            (Ok(()), true, Some(account)) if account.scram.is_some() => {
                return self.learn(&seeker, admit(account, protocol)).await;
            }
            (Ok(()), _, None) => Failure::UnknownUser,
            (Ok(()), _, Some(_)) => Failure::WrongPassword,
        };
        // A proof does not tell equal wrong passwords from different ones, so each counts.
        self.learn_wrong(&seeker, &self.lockout().unlike()).await;
        Err((address, wrong))
    }

    async fn compare(&self, found: Option<Account>, password: &str, protocol: Protocol) -> Outcome {
        let Some(account) = found else {
            // The decoy costs what a real hash costs; whatever comes out, nobody has this name.
            self.gate().check(password, self.keys().nobody.clone()).await.map_err(|_| (None, Failure::Busy))?;
            return Err((None, Failure::UnknownUser));
        };
        let tag =
            self.keys().cache.tag(&[&account.id.0.to_be_bytes(), account.password.as_bytes(), password.as_bytes()]);
        if self.cache().lock().unwrap_or_else(PoisonError::into_inner).knows(&tag, self.now()) {
            return admit(account, protocol);
        }
        match self.gate().check(password, account.password.clone()).await {
            Err(_) => Err((Some(account.address), Failure::Busy)),
            Ok(Checked::Wrong) => Err((Some(account.address), Failure::WrongPassword)),
            Ok(Checked::Right { outdated }) => {
                // The lock ends with the statement, so that nobody holds it while the store is asked.
                self.cache().lock().unwrap_or_else(PoisonError::into_inner).remember(tag, account.id, self.now());
                self.refresh(&account, password, outdated).await;
                self.note_weakness(&account, password).await;
                admit(account, protocol)
            }
        }
    }

    /// Makes what can only be made while the password is at hand: a hash with today's parameters, and a SCRAM
    /// secret when the domain asks for one. Failing costs nothing but doing it at the next login.
    async fn refresh(&self, account: &Account, password: &str, outdated: bool) {
        let id = account.id;
        let old = account.password.clone();
        if outdated && let Ok(new) = self.gate().hash(password).await {
            let done = self.store().write(move |tx| login::replace_hash(tx, id, &old, &new)).await;
            if let Err(error) = done {
                tracing::warn!(%error, account = account.address, "password hash not renewed");
            }
        }
        if account.scram.is_none() && self.scram_offered() {
            self.add_scram(account, password).await;
        }
    }

    /// Notes whether the password that was right is easy to guess: the audit tells, the password is kept nowhere. A new
    /// password makes the note void.
    async fn note_weakness(&self, account: &Account, password: &str) {
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

    pub(crate) async fn find(&self, login: &str, ip: Option<IpAddr>) -> Result<Found, Failure> {
        let login = login.to_owned();
        let found = self.store().read(move |tx| {
            let account = find(tx, &login)?;
            Found::read(tx, account, ip)
        });
        found.await.map_err(|error| {
            tracing::error!(%error, "login could not be looked up");
            Failure::Store(error.to_string())
        })
    }

    /// The key of the account that `login` names.
    pub(crate) async fn account_key(&self, login: &str) -> Result<Option<String>, sekisho_store::Error> {
        let login = login.to_owned();
        Ok(self.store().read(move |tx| find(tx, &login)).await?.map(|account| account.key))
    }

    /// Remembered passwords of `account` count no longer.
    pub(crate) fn forget(&self, account: AccountId) {
        self.cache().lock().unwrap_or_else(PoisonError::into_inner).forget(account);
    }

    /// Tells the guard of a login at an account that exists.
    async fn tell_guard(&self, outcome: &Outcome, tried: Known<'_>, protocol: Protocol, network: &str) {
        let (address, wrong) = match outcome {
            Ok(verified) => (&verified.account.address, None),
            Err((Some(address), Failure::WrongPassword)) => (address, Some(tried)),
            // The password was right.
            Err((Some(address), Failure::Suspended | Failure::Strange)) => (address, None),
            Err(_) => return,
        };
        let Some(account) = Address::parse(address).ok().map(|address| address.key()) else { return };
        self.tell_login(&Attempt { account: &account, protocol, network, wrong }).await;
    }

    fn note_login(
        &self,
        login: &str,
        protocol: Protocol,
        network: &str,
        outcome: Outcome,
    ) -> Result<Verified, Failure> {
        let (account, reason) = match &outcome {
            Ok(verified) => (Some(verified.account.address.as_str()), String::new()),
            Err((account, failure)) => (account.as_deref(), failure.to_string()),
        };
        self.journal().note(entry::login(self.now(), protocol, network, account, login, &reason));
        outcome.map_err(|(_, failure)| failure)
    }
}

/// A client's address as sessions tell it.
fn address_of(network: &str) -> Option<IpAddr> {
    network.parse().ok()
}

/// A failure keeps the account's address, if there is one, for the journal.
type Outcome = Result<Verified, (Option<String>, Failure)>;

/// The last word on an account whose secret was proved.
fn admit(account: Account, protocol: Protocol) -> Outcome {
    if account.state == State::Suspended && protocol == Protocol::Smtp {
        return Err((Some(account.address), Failure::Suspended));
    }
    Ok(Verified { origin: Origin::authenticated(&account.key), account })
}

/// The account that `login` names: its address, or a bare name that only one account has.
fn find(tx: &mut dyn Tx, login: &str) -> sekisho_store::Result<Option<Account>> {
    let found = if login.contains('@') {
        match Address::parse(login) {
            Ok(address) => account::get(tx, &address.key())?,
            Err(_) => None,
        }
    } else {
        match Address::parse(&format!("{login}@bare.invalid")) {
            Ok(address) => {
                let key = address.key();
                let local = key.rsplit_once('@').map_or(key.as_str(), |(local, _)| local);
                login::only_with_local(tx, local)?
            }
            Err(_) => None,
        }
    };
    Ok(found.filter(|account| account.state != State::Removed))
}
