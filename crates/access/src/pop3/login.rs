//! USER and PASS, AUTH: who it is, and the maildrop.

use sekisho_control::{Failure, Protocol, Verified, password};
use sekisho_proto::pop3::{Code, Reply, Trouble};
use sekisho_proto::sasl::Credential;
use sekisho_proto::sasl::scram::Secret;

use super::agent::Pop3Agent;
use super::lease::Denied;
use super::maildrop;

impl Pop3Agent {
    pub(super) async fn credential(&mut self, credential: Credential) -> Reply {
        if self.service.paused().await {
            return paused();
        }
        let control = self.service.control().clone();
        let outcome = match credential {
            Credential::ScramUser { user } => return self.scram_secret(&user).await,
            Credential::Plain { authzid, user, password } if own(&authzid, &user) => {
                control.verify(&user, password.expose(), Protocol::Pop3, &self.client).await
            }
            Credential::ScramDone { authzid, user } if own(&authzid, &user) => {
                control.scram_done(&user, true, Protocol::Pop3, &self.client).await
            }
            Credential::ScramFailed { user } => control.scram_done(&user, false, Protocol::Pop3, &self.client).await,
            // Nobody acts as somebody else.
            Credential::Plain { user, .. } | Credential::ScramDone { user, .. } => {
                let trouble = Trouble::new(Code::Auth, "Authentication failed");
                self.note(&format!("AUTH {user}"), &trouble.text, "asks to act as somebody else");
                return Reply::Refuse(trouble);
            }
        };
        match outcome {
            Ok(verified) => self.open(verified).await,
            Err(failure) => refused(&failure),
        }
    }

    /// Opens the maildrop of an account that is who it says.
    async fn open(&mut self, verified: Verified) -> Reply {
        let account = verified.account;
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
        let watch = service.control().bus().watch(account.id);
        match maildrop::snapshot(service.control().store(), account.id, service.most_messages()).await {
            Ok(snapshot) => {
                let listing = snapshot.listing();
                let who = (account.address, account.password_changed);
                self.maildrop = Some(snapshot.open(lease, watch, account.id, who));
                Reply::Opened(listing)
            }
            Err(error) => {
                tracing::error!(account = account.address, %error, "POP3: the maildrop cannot be read");
                Reply::Refuse(Trouble::new(Code::SysTemp, "The maildrop cannot be read now"))
            }
        }
    }

    async fn scram_secret(&self, user: &str) -> Reply {
        let control = self.service.control();
        let secret = match control.scram_secret(user).await {
            Ok(text) => Secret::parse(&text),
            Err(failure) => return refused(&failure),
        };
        match (secret, password::one_time()) {
            (Some(secret), Ok(nonce)) => Reply::Secret { secret, nonce },
            _ => Reply::Refuse(Trouble::new(Code::SysTemp, "Temporary authentication failure")),
        }
    }
}

/// The answer while an operator has paused POP3.
pub(super) fn paused() -> Reply {
    Reply::Refuse(Trouble::new(Code::SysTemp, "POP3 is paused by the operator"))
}

fn own(authzid: &str, user: &str) -> bool {
    authzid.is_empty() || authzid.eq_ignore_ascii_case(user)
}

fn refused(failure: &Failure) -> Reply {
    let code = if failure.is_temporary() { Code::SysTemp } else { Code::Auth };
    Reply::Refuse(Trouble::new(code, failure.peer_text()))
}
