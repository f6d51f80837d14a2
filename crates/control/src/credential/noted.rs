//! What is told and written down of a login: to the guard, to the journal, and in which way it was.

use sekisho_message::Address;
use sekisho_store::login::{self, Way};
use serde_json::json;

use super::{Failure, Outcome, Peer, Proof, Verified};
use crate::guard::Attempt;
use crate::lockout::NOTE_EVERY;
use crate::{Control, Protocol, entry};

impl Control {
    /// Tells the guard of a login at an account that exists.
    pub(super) async fn tell_guard(&self, outcome: &Outcome, proof: &Proof<'_>, protocol: Protocol, network: &str) {
        let (address, wrong) = match outcome {
            Ok(verified) => (&verified.account.address, None),
            Err((Some(address), failure)) if failure.is_guess() => (address, Some(proof.tried())),
            // The password was right.
            Err((Some(address), Failure::Suspended | Failure::Strange)) => (address, None),
            Err(_) => return,
        };
        let Some(account) = Address::parse(address).ok().map(|address| address.key()) else { return };
        let legacy = matches!(proof, Proof::Digest { .. });
        let (lockout, place) = (self.lockout(), sekisho_guard::place::Place::parse(network));
        let attempt = Attempt {
            account: &account,
            protocol,
            network,
            wrong,
            legacy,
            failed_on_others: lockout.failed_on_others(network, &account, self.now()),
            live_elsewhere: outcome.as_ref().ok().map(|known| self.bus().elsewhere(known.account.id, place)),
        };
        self.tell_login(&attempt).await;
    }

    /// Notes once a day in which way an account logs in.
    pub(super) async fn note_way(&self, verified: &Verified, proof: &Proof<'_>, protocol: Protocol, peer: Peer<'_>) {
        let (account, now) = (verified.account.id, self.now());
        let way = Way {
            door: protocol.as_str().to_owned(),
            proof: proof.kind(verified.stamp.app_name()).to_owned(),
            wire: peer.wire(),
            last: now,
        };
        let known = self.store().look(move |tx| login::ways(tx, account)).await.unwrap_or_default();
        let same = |one: &Way| one.door == way.door && one.proof == way.proof && one.wire == way.wire;
        if known.iter().any(|one| same(one) && one.last + NOTE_EVERY > now) {
            return;
        }
        if let Err(error) = self.store().write(move |tx| login::note_way(tx, account, &way)).await {
            tracing::warn!(%error, "the way of a login was not noted");
        }
    }

    pub(super) fn note_login(
        &self,
        proof: &Proof<'_>,
        protocol: Protocol,
        peer: Peer<'_>,
        outcome: Outcome,
    ) -> Result<Verified, Failure> {
        let (account, reason, how) = match &outcome {
            Ok(verified) => {
                (Some(verified.account.address.as_str()), String::new(), proof.how(verified.stamp.app_name()))
            }
            Err((account, failure)) => (account.as_deref(), failure.to_string(), proof.how(None)),
        };
        let login = proof.login();
        let login = if login.is_empty() { account.unwrap_or_default() } else { login };
        let mut entry = entry::login(self.now(), protocol, peer.network, account, login, &reason);
        entry.detail["wire"] = json!(peer.wire());
        if let Some(how) = how {
            entry.detail["how"] = how.into();
        }
        if !peer.program.is_empty() {
            entry.detail["program"] = entry::cut(peer.program, entry::LONGEST_PROGRAM).into();
        }
        self.journal().note(entry);
        outcome.map_err(|(_, failure)| failure)
    }
}
