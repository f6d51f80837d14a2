//! App passwords: made here, shown once, and kept as a keyed hash.
//!
//! An app password has 118 random bits, so there is nothing to guess: a fast hash is as good as a slow one, and a login with one costs no
//! argon2id, however many an account has.

use std::net::IpAddr;
use std::time::Duration;

use sekisho_store::account::Account;
use sekisho_store::app_password::{self, AppPassword, Use};
use sekisho_store::{AccountId, Tx};

use super::{Failure, Key, Outcome, admit};
use crate::whence::Whence;
use crate::{Control, Protocol, password};

/// A login from the same network over the same protocol is noted again after this time.
const NOTE_EVERY: Duration = Duration::from_secs(3_600);

/// What is kept of an app password.
pub(crate) fn verifier(key: &Key, account: AccountId, letters: &str) -> [u8; 32] {
    key.tag(&[&account.0.to_be_bytes(), letters.as_bytes()])
}

impl Control {
    /// What comes of a password that is an app password of the account; none when it is not.
    pub(super) async fn compare_app(
        &self,
        account: Option<&Account>,
        typed: &str,
        protocol: Protocol,
        ip: Option<IpAddr>,
    ) -> Option<Outcome> {
        let account = account?;
        let letters = password::as_app_password(typed)?;
        let (id, verifier) = (account.id, verifier(&self.keys().app, account.id, &letters));
        let found = self.store().read(move |tx: &mut dyn Tx| app_password::find(tx, id, &verifier)).await;
        let found = match found {
            Ok(found) => found?,
            Err(error) => return Some(Err((Some(account.address.clone()), Failure::Store(error.to_string())))),
        };
        if let Some(reason) = self.objection(&found, protocol, ip) {
            return Some(Err((Some(account.address.clone()), Failure::Restricted(reason))));
        }
        self.note_app_use(&found, protocol, ip).await;
        let outcome = admit(account.clone(), protocol);
        Some(outcome.map(|mut verified| {
            verified.stamp = verified.stamp.with_app(found.id, &found.name);
            verified
        }))
    }

    /// Why an app password that is right does not open this door.
    fn objection(&self, found: &AppPassword, protocol: Protocol, ip: Option<IpAddr>) -> Option<&'static str> {
        if found.revoked.is_some() {
            return Some("revoked");
        }
        if found.expires.is_some_and(|until| until <= self.now()) {
            return Some("expired");
        }
        // The console can change passwords: it wants the person.
        let doors = &found.protocols;
        if protocol == Protocol::Console || !(doors.is_empty() || doors.split(',').any(|one| one == protocol.as_str()))
        {
            return Some("not for this protocol");
        }
        if found.networks.is_empty() {
            return None;
        }
        // What cannot be read opens nothing.
        let here = ip.zip(Whence::parse(&found.networks, "").ok()).is_some_and(|(ip, rule)| rule.permits(ip, None));
        (!here).then_some("not from this network")
    }

    async fn note_app_use(&self, found: &AppPassword, protocol: Protocol, ip: Option<IpAddr>) {
        let network = ip.map(|ip| ip.to_canonical().to_string()).unwrap_or_default();
        let used = Use { at: self.now(), network, protocol: protocol.as_str().to_owned() };
        let is_news = |last: &Use| {
            last.at + NOTE_EVERY <= used.at || last.network != used.network || last.protocol != used.protocol
        };
        if !found.used.as_ref().is_none_or(is_news) {
            return;
        }
        let id = found.id;
        if let Err(error) = self.store().write(move |tx| app_password::note_use(tx, id, &used)).await {
            tracing::warn!(%error, "the use of an app password was not noted");
        }
    }
}
