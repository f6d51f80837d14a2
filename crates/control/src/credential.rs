//! Who somebody is: passwords, proofs, tokens and certificates verified, and the only place where an authenticated origin is made.
//!
//! | proof | what it costs | see |
//! |---|---|---|
//! | password | one argon2id, or nothing while it is remembered | [`hash`] |
//! | app password | one keyed hash and a look-up | `app` |
//! | SCRAM | what the client computes | `scram` |
//! | token | a signature, and now and then the issuer's keys | [`jwt`], `issuer` |
//! | certificate | nothing beyond the TLS handshake | `certificate` |
//! | APOP, CRAM-MD5 | an MD5 | `recoverable` |
//!
//! All of them ask the lockouts before, and tell them and the guard after.
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
use sekisho_store::{AccountId, Tx, login};

use crate::lockout::{Found, Seeker};
use crate::{Control, Protocol, password};

mod app;
mod cache;
mod certificate;
mod gate;
mod hash;
mod issuer;
pub mod jwt;
mod keyed;
mod noted;
mod other;
mod prepare;
mod proof;
mod recoverable;
mod scram;
mod session;
mod stamp;
mod upkeep;

#[cfg(test)]
mod tests;

pub(crate) use app::verifier as app_verifier;
pub(crate) use cache::Cache;
pub use certificate::{Certificates, NamedBy, Shown};
pub(crate) use gate::{Checked, Gate};
pub(crate) use hash::nobody;
pub use hash::{HashError, hash};
pub(crate) use issuer::Issuer;
pub use issuer::{Document, Fetch, IssuerSettings};
pub(crate) use keyed::Key;
pub use proof::{Peer, Proof, Scram};
pub use recoverable::Digest;
pub(crate) use recoverable::Vault;
pub use scram::ITERATIONS as SCRAM_ITERATIONS;
pub(crate) use scram::{decoy, wanted as scram_wanted, wants as set_scram_wanted};
pub use stamp::Stamp;

/// What an operator can set about credentials beyond passwords.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whose tokens open accounts. Default nobody's.
    pub issuer: Option<IssuerSettings>,
    /// To whom certificates of clients belong, where an authority for them is set. Default none.
    pub certificates: Option<Certificates>,
    /// File of the key under which recoverable passwords are encrypted; made when it is needed. None in tests.
    pub recoverable_key: Option<std::path::PathBuf>,
    /// Whether APOP and CRAM-MD5 are taken without TLS. Default `false`.
    pub digests_without_tls: bool,
}

/// What is worth offering to clients now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// SCRAM: some domain asked for it.
    pub scram: bool,
    /// APOP and CRAM-MD5: some account may keep a recoverable password.
    pub digests: bool,
}
pub use session::Stays;

/// Somebody who proved who they are.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Answers for what they send; the only kind of origin that may reach outside without an explicit rule.
    pub origin: Origin,
    /// The account as it stood when it was verified.
    pub account: Account,
    /// What the session stands on.
    pub stamp: Stamp,
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
    /// The app password is right, but not for this, or not any more; why.
    #[error("app password: {0}")]
    Restricted(&'static str),
    /// SCRAM found that client and server are at the ends of different connections, or that somebody took a mechanism away.
    #[error("somebody may sit between client and server: {0}")]
    Intercepted(&'static str),
    /// The token is not good; why.
    #[error("token: {0}")]
    Token(&'static str),
    /// The token was good once.
    #[error("the token has expired")]
    Expired,
    /// The issuer's keys cannot be fetched; why.
    #[error("the issuer of tokens does not answer: {0}")]
    Issuer(String),
    /// The certificate is nobody's.
    #[error("the certificate belongs to no account")]
    Certificate,
    /// The account has no password that APOP or CRAM-MD5 could use.
    #[error("the account keeps no recoverable password")]
    NotRecoverable,
    /// Who proved who they are wants to act as somebody else.
    #[error("asks to act as somebody else")]
    ActsForOther,
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
        matches!(self, Self::Busy | Self::Store(_) | Self::Issuer(_))
    }

    /// Whether it was a guess that missed, as the guard counts them.
    const fn is_guess(&self) -> bool {
        matches!(self, Self::WrongPassword | Self::Restricted(_) | Self::Intercepted(_) | Self::Token(_))
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
    /// `login` is the full address, or the bare account name when exactly one account has it. A suspended account fails
    /// at [`Protocol::Smtp`]; it may read, from its owner's networks alone when the guard holds its mail.
    ///
    /// # Errors
    /// Why not; see [`Failure`].
    pub async fn verify(
        &self,
        login: &str,
        password: &str,
        protocol: Protocol,
        peer: impl Into<Peer<'_>>,
    ) -> Result<Verified, Failure> {
        self.prove(Proof::Password { authzid: "", login, password }, protocol, peer).await
    }

    /// Looks at a proof of whatever kind, tells the lockouts and the guard, and notes the result in the journal.
    ///
    /// # Errors
    /// As [`Control::verify`].
    pub async fn prove(
        &self,
        proof: Proof<'_>,
        protocol: Protocol,
        peer: impl Into<Peer<'_>>,
    ) -> Result<Verified, Failure> {
        // Boxed: a session that is idle shall not carry the room that a login takes.
        let (begun, peer) = (Instant::now(), peer.into());
        let outcome = Box::pin(self.judge_proof(&proof, protocol, address_of(peer.network))).await;
        self.tell_guard(&outcome, &proof, protocol, peer.network).await;
        if let Ok(verified) = &outcome {
            self.note_way(verified, &proof, protocol, peer).await;
        }
        self.latencies().login.observe(begun.elapsed());
        self.note_login(&proof, protocol, peer, outcome)
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
        let outcome = if proved { Scram::Proved } else { Scram::WrongProof };
        self.prove(Proof::Scram { authzid: "", login, outcome }, protocol, network).await
    }

    /// Whether SCRAM is worth offering: some domain asked for it.
    #[must_use]
    pub fn scram_offered(&self) -> bool {
        self.keys().scram_offered.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// What is worth offering now.
    #[must_use]
    pub fn offered(&self) -> Offered {
        let digests = self.keys().digests_offered.load(std::sync::atomic::Ordering::Relaxed);
        Offered { scram: self.scram_offered(), digests }
    }

    /// Where the issuer of tokens describes itself, if there is one.
    #[must_use]
    pub fn token_discovery(&self) -> Option<String> {
        self.issuer().map(Issuer::discovery)
    }

    /// Passwords hashed since the start: what logins cost. Remembered passwords cost none.
    #[must_use]
    pub fn passwords_hashed(&self) -> u64 {
        self.gate().done()
    }

    async fn judge_proof(&self, proof: &Proof<'_>, protocol: Protocol, ip: Option<IpAddr>) -> Outcome {
        if proof.acts_for_other() {
            return Err((None, Failure::ActsForOther));
        }
        match *proof {
            Proof::Password { login, password, .. } => self.judge_login(login, password, protocol, ip).await,
            Proof::Scram { login, outcome, .. } => self.judge_scram(login, outcome, protocol, ip).await,
            Proof::Token { login, token } => self.judge_token(login, token, protocol, ip).await,
            Proof::Certificate { authzid, shown } => self.judge_certificate(authzid, shown, protocol, ip).await,
            Proof::Digest { login, challenge, digest, kind } => {
                let fits = |password: &str| kind.fits(challenge, password, digest);
                self.judge_digest(login, &fits, protocol, ip).await
            }
        }
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
        let outcome = match self.compare_app(found.account.as_ref(), password, protocol, ip).await {
            Some(outcome) => outcome,
            None => self.compare(found.account, password, protocol).await,
        };
        match outcome {
            Err((_, Failure::Restricted(_))) => {
                // A program that was taken away from its owner looks like this, too.
                self.seem_to_hash(begun).await;
                self.learn_wrong(&seeker, password.as_bytes()).await;
                outcome
            }
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

    async fn judge_scram(&self, login: &str, outcome: Scram, protocol: Protocol, ip: Option<IpAddr>) -> Outcome {
        let found = self.find(login, ip).await.map_err(|failure| (None, failure))?;
        let seeker = self.seeker(login, &found, protocol, ip).await;
        let allowed = self.may_try(&seeker).await;
        let address = found.account.as_ref().map(|account| account.address.clone());
        let wrong = match (allowed, outcome, found.account) {
            (Err(Failure::Elsewhere), _, _) => Failure::Elsewhere,
            (Err(failure), ..) => return Err((address, failure)),
            (Ok(()), Scram::Proved, Some(account)) if account.scram.is_some() => {
                return self.learn(&seeker, admit(account, protocol)).await;
            }
            (Ok(()), _, None) => Failure::UnknownUser,
            (Ok(()), Scram::OtherChannel, _) => Failure::Intercepted("the channel binding does not fit"),
            (Ok(()), Scram::Downgraded, _) => {
                Failure::Intercepted("the client was not shown that channel binding is offered")
            }
            (Ok(()), Scram::Proved | Scram::WrongProof, Some(_)) => Failure::WrongPassword,
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
    Ok(Verified { origin: Origin::authenticated(&account.key), stamp: Stamp::of(&account), account })
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
