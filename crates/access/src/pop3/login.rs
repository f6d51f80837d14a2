//! USER and PASS, APOP, AUTH: who it is, and the maildrop.

use sekisho_control::credential::Peer;
use sekisho_control::{Failure, Protocol, Verified};
use sekisho_proto::pop3::{Code, Reply, Trouble};
use sekisho_proto::sasl::Credential;

use super::agent::Pop3Agent;
use super::lease::Denied;
use super::maildrop;
use crate::login::{Step, step};

impl Pop3Agent {
    pub(super) async fn credential(&mut self, credential: Credential) -> Reply {
        if self.service.paused().await {
            return paused();
        }
        let control = self.service.control().clone();
        let peer = Peer { network: &self.client, tls: self.tls.is_some(), program: "" };
        match step(&control, &credential, Protocol::Pop3, peer, self.tls.as_deref()).await {
            Step::Secret(secret, nonce) => Reply::Secret { secret, nonce },
            Step::Challenge(text) => Reply::Challenge(text),
            Step::Verified(verified) => self.open(*verified).await,
            Step::Refused(failure) => refused(&failure),
        }
    }

    /// Opens the maildrop of an account that is who it says.
    async fn open(&mut self, verified: Verified) -> Reply {
        let Verified { account, stamp, .. } = verified;
        let (service, now) = (self.service.clone(), self.service.clock().now());
        let lease = match service.leases().take(account.id, now) {
            Ok(lease) => lease,
            Err(denied) => {
                let (code, text) = match denied {
                    Denied::InUse => (Code::InUse, "Another session has this maildrop"),
                    Denied::TooSoon => (Code::LoginDelay, "You logged in a moment ago; wait before you do it again"),
                };
                self.note_about(Some(&account.address), "LOGIN", text, "");
                return Reply::Refuse(Trouble::new(code, text));
            }
        };
        // The watch starts before anything is read, so that no change falls between.
        let watch = service.control().bus().attend(account.id, &self.client, true);
        match maildrop::snapshot(service.control().store(), account.id, service.most_messages()).await {
            Ok(snapshot) => {
                let listing = snapshot.listing();
                self.tls = None;
                self.maildrop = Some(snapshot.open(lease, watch, account.id, (account.address, stamp)));
                Reply::Opened(listing)
            }
            Err(error) => {
                tracing::error!(account = account.address, %error, "POP3: the maildrop cannot be read");
                Reply::Refuse(Trouble::new(Code::SysTemp, "The maildrop cannot be read now"))
            }
        }
    }
}

/// The answer while an operator has paused POP3.
pub(super) fn paused() -> Reply {
    Reply::Refuse(Trouble::new(Code::SysTemp, "POP3 is paused by the operator"))
}

fn refused(failure: &Failure) -> Reply {
    let code = if failure.is_temporary() { Code::SysTemp } else { Code::Auth };
    Reply::Refuse(Trouble::new(code, failure.peer_text()))
}
