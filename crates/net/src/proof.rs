//! Whether a message is from whom it says: SPF, DKIM and DMARC, asked of the name service.
//!
//! The rules of these standards are `mail-auth`'s; here is what it leaves to its user: bounds on what a stranger's message
//! may cost, the same cache as everything else, and line ends as they were on the wire.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use mail_auth::dkim::DkimError;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{AuthenticatedMessage, DkimOutput, DkimResult, DmarcResult, Error, MessageAuthenticator, SpfResult};
use sekisho_message::proof::{Dmarc, Letter, Proof, Proven, Signature, Spf, is_spf, spf_terms};

use crate::resolver::{DnsError, Resolver};

/// Signatures of one message that are looked at; each costs a question and a verification.
const SIGNATURES: usize = 8;
/// How long all questions about one message may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Octets of a message that are looked at.
const LARGEST: usize = 32 << 20;

impl Resolver {
    /// What the SPF record of `mail_from`'s domain (else of `helo`) says of `ip` (RFC 7208 §4). `local` is the name of the
    /// host that asks, for macros.
    pub async fn spf(&self, ip: IpAddr, helo: &str, mail_from: &str, local: &str) -> Spf {
        let (helo, from, local) = (helo.to_owned(), mail_from.to_owned(), local.to_owned());
        let resolver = self.clone();
        bounded(async move { resolver.spf_output(ip, &helo, &from, &local).await.0 }).await.unwrap_or(Spf::TempError)
    }

    /// Everything that can be proven about a message.
    pub async fn prove(&self, letter: Letter, local: &str) -> Proof {
        let (resolver, local) = (self.clone(), local.to_owned());
        bounded(async move { resolver.proof(&letter, &local).await }).await.unwrap_or_default()
    }

    async fn proof(&self, letter: &Letter, local: &str) -> Proof {
        let Letter { ip, helo, mail_from, message } = letter;
        let spf_domain = domain_of(mail_from).unwrap_or(helo).to_ascii_lowercase();
        let (spf, output) = match ip {
            Some(ip) => self.spf_output(*ip, helo, mail_from, local).await,
            None => (Spf::Unknown, mail_auth::SpfOutput::default()),
        };
        let mut proof = Proof { spf, spf_domain, ..Proof::default() };
        if message.len() > LARGEST {
            return proof;
        }
        let wire = with_crlf(message);
        let Some(mut parsed) = AuthenticatedMessage::parse(&wire) else { return proof };
        parsed.dkim_headers.truncate(SIGNATURES);
        let asker = self.authenticator();
        let signatures = asker.verify_dkim(&parsed).await;
        proof.signatures = signatures.iter().filter_map(signature).collect();
        let parameters = DmarcParameters {
            message: &parsed,
            dkim_output: &signatures,
            dkim2_output: None,
            rfc5321_mail_from_domain: &proof.spf_domain,
            spf_output: &output,
        };
        let dmarc = asker.verify_dmarc(parameters).await;
        if !dmarc.domain().is_empty() {
            let policy = match dmarc.policy() {
                _ if dmarc.dmarc_record().is_none() => "",
                Policy::None | Policy::Unspecified => "none",
                Policy::Quarantine => "quarantine",
                Policy::Reject => "reject",
            };
            let result = dmarc_result(&dmarc.result());
            proof.dmarc = Some(Dmarc { domain: dmarc.domain().to_owned(), result, policy: policy.to_owned() });
        }
        proof
    }

    async fn spf_output(&self, ip: IpAddr, helo: &str, from: &str, local: &str) -> (Spf, mail_auth::SpfOutput) {
        let domain = domain_of(from).unwrap_or(helo);
        // More than one record, or a mechanism that nobody knows, is an error (RFC 7208 §4.5, §4.6); the library takes the
        // first, and passes over the other.
        match self.txt(domain).await {
            Ok(texts) => {
                let mut records = texts.iter().filter(|text| is_spf(text));
                let one = records.next().is_none_or(|one| spf_terms(one).all(|term| term.is_known()));
                if !one || records.next().is_some() {
                    return (Spf::PermError, mail_auth::SpfOutput::default());
                }
            }
            Err(DnsError::Temporary(_)) => return (Spf::TempError, mail_auth::SpfOutput::default()),
            Err(_) => {}
        }
        let parameters = SpfParameters::verify_mail_from(ip.to_canonical(), helo, local, from);
        let output = self.authenticator().verify_spf(parameters).await;
        let result = match output.result() {
            SpfResult::Pass => Spf::Pass,
            SpfResult::Fail => Spf::Fail,
            SpfResult::SoftFail => Spf::SoftFail,
            SpfResult::Neutral => Spf::Neutral,
            SpfResult::TempError => Spf::TempError,
            SpfResult::PermError => Spf::PermError,
            SpfResult::None => Spf::None,
        };
        (result, output)
    }

    fn authenticator(&self) -> MessageAuthenticator {
        MessageAuthenticator(self.wire().clone())
    }
}

/// Runs on a task of its own, so that neither a slow name server nor a message made to break a parser harms the one who asks.
async fn bounded<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let mut task = tokio::spawn(work);
    match tokio::time::timeout(PATIENCE, &mut task).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err(error)) => {
            tracing::warn!(%error, "SPF, DKIM and DMARC of a message could not be judged");
            None
        }
        Err(_) => {
            task.abort();
            None
        }
    }
}

fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

fn signature(output: &DkimOutput<'_>) -> Option<Signature> {
    let signed = output.signature()?;
    let (result, detail) = match output.result() {
        DkimResult::Pass => (Proven::Pass, String::new()),
        // The body is not the one that was signed: that is a failure (RFC 8601 §2.7.1), whatever the library calls it.
        DkimResult::Fail(why) | DkimResult::Neutral(why @ Error::Dkim(DkimError::FailedBodyHashMatch)) => {
            (Proven::Fail, why.to_string())
        }
        DkimResult::Neutral(why) => (Proven::Neutral, why.to_string()),
        DkimResult::TempError(why) => (Proven::TempError, why.to_string()),
        DkimResult::PermError(why) => (Proven::PermError, why.to_string()),
        DkimResult::None => (Proven::None, String::new()),
    };
    Some(Signature { domain: signed.d.to_ascii_lowercase(), selector: signed.s.clone(), result, detail })
}

fn dmarc_result(result: &DmarcResult) -> Proven {
    match result {
        DmarcResult::Pass => Proven::Pass,
        DmarcResult::Fail(_) => Proven::Fail,
        DmarcResult::TempError(_) => Proven::TempError,
        DmarcResult::PermError(_) => Proven::PermError,
        DmarcResult::None => Proven::None,
    }
}

/// Signatures are over CRLF (RFC 6376 §3.4); files have what their system writes.
fn with_crlf(message: &[u8]) -> Cow<'_, [u8]> {
    let bare = |at: usize| at == 0 || message.get(at - 1) != Some(&b'\r');
    let missing = memchr::memchr_iter(b'\n', message).filter(|at| bare(*at)).count();
    if missing == 0 {
        return Cow::Borrowed(message);
    }
    let mut out = Vec::with_capacity(message.len() + missing);
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', message).filter(|at| bare(*at)) {
        out.extend_from_slice(message.get(from..at).unwrap_or_default());
        out.extend_from_slice(b"\r\n");
        from = at + 1;
    }
    out.extend_from_slice(message.get(from..).unwrap_or_default());
    Cow::Owned(out)
}
