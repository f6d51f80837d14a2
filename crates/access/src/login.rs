//! What POP3 and IMAP have in common when somebody logs in.

use sekisho_control::credential::{Digest, Peer, Proof, Scram, Shown};
use sekisho_control::{Control, Failure, Protocol, Verified, password};
use sekisho_net::tls::TlsInfo;
use sekisho_proto::sasl::scram::Secret;
use sekisho_proto::sasl::{Credential, DigestKind, Mismatch, Offer};

/// What a step of a login comes to.
pub(crate) enum Step {
    /// SCRAM goes on with this secret and this nonce.
    Secret(Secret, String),
    /// CRAM-MD5 goes on with this challenge.
    Challenge(String),
    /// It is who it says.
    Verified(Box<Verified>),
    /// It is not.
    Refused(Failure),
}

/// Takes one step.
pub(crate) async fn step(
    control: &Control,
    credential: &Credential,
    protocol: Protocol,
    peer: Peer<'_>,
    tls: Option<&TlsInfo>,
) -> Step {
    let proof = match credential {
        Credential::Plain { authzid, user, password } => {
            Proof::Password { authzid, login: user, password: password.expose() }
        }
        Credential::ScramUser { user } => return secret(control, user).await,
        Credential::ScramDone { authzid, user } => Proof::Scram { authzid, login: user, outcome: Scram::Proved },
        Credential::ScramFailed { user, why } => Proof::Scram { authzid: "", login: user, outcome: scram(*why) },
        Credential::Token { user, token } => Proof::Token { login: user, token: token.expose() },
        Credential::External { authzid } => {
            let Some(holder) = tls.and_then(|tls| tls.client.as_deref()) else {
                return Step::Refused(Failure::Certificate);
            };
            let (addresses, common_names) = (&holder.addresses[..], &holder.common_names[..]);
            Proof::Certificate { authzid, shown: Shown { addresses, common_names, fingerprint: &holder.fingerprint } }
        }
        Credential::Challenge => {
            return challenge(protocol.as_str()).map_or_else(|| Step::Refused(Failure::Busy), Step::Challenge);
        }
        Credential::Digest { user, challenge, digest, kind } => {
            Proof::Digest { login: user, challenge, digest, kind: digest_of(*kind) }
        }
    };
    // Boxed: a session is idle far longer than it logs in.
    match Box::pin(control.prove(proof, protocol, peer)).await {
        Ok(verified) => Step::Verified(Box::new(verified)),
        Err(failure) => Step::Refused(failure),
    }
}

/// What the listeners of a site offer beside passwords. `choice` is a number below [`CHOICES`].
pub(crate) fn offer(control: &Control, choice: usize) -> Offer {
    let credentials = &control.options().credentials;
    Offer {
        scram: choice & 1 != 0,
        tokens: control.token_discovery().map(Into::into),
        certificates: credentials.certificates.is_some(),
        digests: choice & 2 != 0,
        digests_without_tls: credentials.digests_without_tls,
    }
}

/// How many offers a site can change between while it runs.
pub(crate) const CHOICES: usize = 4;

/// The one that fits now.
pub(crate) fn choice(control: &Control) -> usize {
    let offered = control.offered();
    usize::from(offered.scram) | usize::from(offered.digests) << 1
}

/// A challenge that was never used before (RFC 1939 §7, RFC 2195 §2).
pub(crate) fn challenge(place: &str) -> Option<String> {
    password::one_time().ok().map(|unique| format!("<{unique}@{place}.sekisho>"))
}

async fn secret(control: &Control, user: &str) -> Step {
    let secret = match control.scram_secret(user).await {
        Ok(text) => Secret::parse(&text),
        Err(failure) => return Step::Refused(failure),
    };
    match (secret, password::one_time()) {
        (Some(secret), Ok(nonce)) => Step::Secret(secret, nonce),
        _ => Step::Refused(Failure::Busy),
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
