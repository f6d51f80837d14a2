//! AUTH: who it is, and what the listeners offer.

use sekisho_control::credential::{Digest, Peer, Proof, Scram, Shown};
use sekisho_control::{Control, Protocol, Verified, password};
use sekisho_message::Address;
use sekisho_proto::sasl::scram::Secret;
use sekisho_proto::sasl::{Credential, DigestKind, Mismatch, Offer};
use sekisho_proto::smtp::server::Reply;

use super::agent::{Login, SmtpAgent};
use super::reply;

/// How many offers a site can change between while it runs.
pub(super) const CHOICES: usize = 4;

/// What the listeners of a site offer beside passwords. `choice` is a number below [`CHOICES`].
pub(super) fn offer(control: &Control, choice: usize) -> Offer {
    let credentials = &control.options().credentials;
    Offer {
        scram: choice & 1 != 0,
        tokens: control.token_discovery().map(Into::into),
        certificates: credentials.certificates.is_some(),
        digests: choice & 2 != 0,
        digests_without_tls: credentials.digests_without_tls,
    }
}

/// The one that fits now.
pub(super) fn choice(control: &Control) -> usize {
    let offered = control.offered();
    usize::from(offered.scram) | usize::from(offered.digests) << 1
}

impl SmtpAgent {
    pub(super) async fn authenticate(&mut self, credential: &Credential) -> Reply {
        let control = self.site.control.clone();
        let tls = self.tls.clone();
        let proof = match credential {
            Credential::Plain { authzid, user, password } => {
                Proof::Password { authzid, login: user, password: password.expose() }
            }
            Credential::ScramUser { user } => return self.scram_secret(user).await,
            Credential::ScramDone { authzid, user } => Proof::Scram { authzid, login: user, outcome: Scram::Proved },
            Credential::ScramFailed { user, why } => Proof::Scram { authzid: "", login: user, outcome: scram(*why) },
            Credential::Token { user, token } => Proof::Token { login: user, token: token.expose() },
            Credential::External { authzid } => {
                let Some(holder) = tls.as_ref().and_then(|tls| tls.client.as_deref()) else {
                    return self.refused("AUTH", reply::login_failed(), "no certificate was shown");
                };
                let (addresses, common_names) = (&holder.addresses[..], &holder.common_names[..]);
                let shown = Shown { addresses, common_names, fingerprint: &holder.fingerprint };
                Proof::Certificate { authzid, shown }
            }
            Credential::Challenge => {
                return match password::one_time() {
                    Ok(unique) => Reply::Challenge(format!("<{unique}@{}>", self.site.hostname())),
                    Err(error) => self.refused("AUTH", reply::login_later(), &error.to_string()),
                };
            }
            Credential::Digest { user, challenge, digest, kind } => {
                Proof::Digest { login: user, challenge, digest, kind: digest_of(*kind) }
            }
        };
        let peer = Peer { network: &self.client, tls: tls.is_some(), program: &self.hello.name };
        match control.prove(proof, Protocol::Smtp, peer).await {
            Ok(Verified { origin, account, .. }) => {
                let Ok(address) = Address::parse(&account.address) else {
                    return self.refused("AUTH", reply::login_later(), "the account's address cannot be read");
                };
                let watch = control.bus().attend(account.id, &self.client, false);
                self.login = Some(Box::new(Login { origin, account, address, watch, ended: false }));
                Reply::Ok
            }
            // The journal has the reason; control wrote it.
            Err(failure) => {
                self.summary.refusal = failure.to_string();
                let temporary = failure.is_temporary();
                Reply::Refuse(if temporary { reply::login_later() } else { reply::login_failed() })
            }
        }
    }

    async fn scram_secret(&mut self, user: &str) -> Reply {
        let secret = match self.site.control.scram_secret(user).await {
            Ok(text) => Secret::parse(&text),
            Err(failure) => return self.refused("AUTH", reply::login_later(), &failure.to_string()),
        };
        match (secret, password::one_time()) {
            (Some(secret), Ok(nonce)) => Reply::Secret { secret, nonce },
            _ => self.refused("AUTH", reply::login_later(), "no SCRAM secret or nonce could be made"),
        }
    }
}

const fn scram(why: Mismatch) -> Scram {
    match why {
        Mismatch::Proof => Scram::WrongProof,
        Mismatch::Binding => Scram::OtherChannel,
        Mismatch::Downgrade => Scram::Downgraded,
    }
}

const fn digest_of(kind: DigestKind) -> Digest {
    match kind {
        DigestKind::CramMd5 => Digest::CramMd5,
        DigestKind::Apop => Digest::Apop,
    }
}
