//! LOGIN and AUTHENTICATE: who it is, and whether they may read mail here.

use sekisho_control::{Failure, Protocol, Verified, password};
use sekisho_proto::imap::{Done, Reply};
use sekisho_proto::sasl::Credential;
use sekisho_proto::sasl::scram::Secret;

use super::agent::{ImapAgent, Who};

impl ImapAgent {
    pub(super) async fn credential(&mut self, credential: Credential) -> Reply {
        if self.service.paused().await {
            return Reply::Bye("IMAP is paused by the operator".into());
        }
        let control = self.service.control().clone();
        let outcome = match credential {
            Credential::ScramUser { user } => return self.scram_secret(&user).await,
            Credential::Plain { authzid, user, password } if own(&authzid, &user) => {
                // Boxed: a session is idle far longer than it logs in.
                Box::pin(control.verify(&user, password.expose(), Protocol::Imap4, &self.client)).await
            }
            Credential::ScramDone { authzid, user } if own(&authzid, &user) => {
                control.scram_done(&user, true, Protocol::Imap4, &self.client).await
            }
            Credential::ScramFailed { user } => control.scram_done(&user, false, Protocol::Imap4, &self.client).await,
            // Nobody acts as somebody else.
            Credential::Plain { user, .. } | Credential::ScramDone { user, .. } => {
                self.note(&format!("AUTHENTICATE {user}"), "NO [AUTHORIZATIONFAILED]");
                return Reply::Done(Done::no("Authentication failed").code("AUTHORIZATIONFAILED"));
            }
        };
        Reply::Done(match outcome {
            Ok(verified) => self.admit(&verified),
            Err(failure) => refused(&failure),
        })
    }

    fn admit(&mut self, verified: &Verified) -> Done {
        let account = &verified.account;
        // The watch starts before anything is read, so that no change falls between.
        let watch = self.service.control().bus().watch(account.id);
        let password_set = account.password_changed;
        self.who = Some(Who { account: account.id, address: account.address.clone(), watch, password_set });
        Done::ok("Logged in")
    }

    async fn scram_secret(&self, user: &str) -> Reply {
        let control = self.service.control();
        let secret = match control.scram_secret(user).await {
            Ok(text) => Secret::parse(&text),
            Err(failure) => return Reply::Done(refused(&failure)),
        };
        match (secret, password::one_time()) {
            (Some(secret), Ok(nonce)) => Reply::Secret { secret, nonce },
            _ => Reply::Done(Done::no("Temporary authentication failure").code("UNAVAILABLE")),
        }
    }
}

fn own(authzid: &str, user: &str) -> bool {
    authzid.is_empty() || authzid.eq_ignore_ascii_case(user)
}

fn refused(failure: &Failure) -> Done {
    let code = if failure.is_temporary() { "UNAVAILABLE" } else { "AUTHENTICATIONFAILED" };
    Done::no(failure.peer_text()).code(code)
}
