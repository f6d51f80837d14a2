//! LOGIN and AUTHENTICATE: who it is, and whether they may read mail here.

use sekisho_control::credential::Peer;
use sekisho_control::{Failure, Protocol, Verified};
use sekisho_proto::imap::{Done, Reply};
use sekisho_proto::sasl::Credential;

use super::agent::{ImapAgent, Who};
use crate::login::{Step, step};

impl ImapAgent {
    pub(super) async fn credential(&mut self, credential: Credential) -> Reply {
        if self.service.paused().await {
            return Reply::Bye("IMAP is paused by the operator".into());
        }
        let control = self.service.control().clone();
        let peer = Peer { network: &self.client, tls: self.tls.is_some(), program: &self.program };
        match step(&control, &credential, Protocol::Imap4, peer, self.tls.as_deref()).await {
            Step::Secret(secret, nonce) => Reply::Secret { secret, nonce },
            Step::Challenge(text) => Reply::Challenge(text),
            Step::Verified(verified) => Reply::Done(self.admit(*verified)),
            Step::Refused(failure) => Reply::Done(refused(&failure)),
        }
    }

    fn admit(&mut self, verified: Verified) -> Done {
        let Verified { account, stamp, .. } = verified;
        // The watch starts before anything is read, so that no change falls between.
        let watch = self.service.control().bus().attend(account.id, &self.client, true);
        (self.tls, self.program) = (None, Box::default());
        self.who = Some(Who { account: account.id, address: account.address, watch, stamp });
        Done::ok("Logged in")
    }
}

fn refused(failure: &Failure) -> Done {
    let code = match failure {
        failure if failure.is_temporary() => "UNAVAILABLE",
        Failure::ActsForOther => "AUTHORIZATIONFAILED",
        _ => "AUTHENTICATIONFAILED",
    };
    Done::no(failure.peer_text()).code(code)
}
