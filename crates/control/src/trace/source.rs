//! Where a forgery really came from, what can be proven of it, and who should hear of it.

use std::net::IpAddr;

use sekisho_message::header::Headers;
use sekisho_message::proof::{Dmarc, Letter, Proven, Signature, Spf};
use sekisho_message::{Language, Text, say};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hops::organisation;
use crate::outside::Outside;

/// Signatures that are told.
const MOST: usize = 8;
/// Longest domain that is told.
const LONGEST: usize = 255;

/// The real source of a forgery, as far as it can be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The address that a server of the complaining side saw.
    pub ip: Option<IpAddr>,
    /// Its name; a name that does not lead back to the address is left out, for anybody may claim it.
    pub name: Option<String>,
    /// The domain of ours that it claimed.
    pub domain: String,
    /// What the claimed domain's SPF says of the address.
    pub spf: Spf,
    /// The domain of the envelope sender, where that is another one, and its SPF.
    pub envelope: Option<(String, Spf)>,
    /// Domains that signed it (DKIM): verified here where the whole message is there, else with what the receiver says
    /// (`Authentication-Results`).
    pub signatures: Vec<Signature>,
    /// What DMARC says of its From.
    pub dmarc: Option<Dmarc>,
    /// Whom to tell.
    pub tell: Option<String>,
    /// What is to be proven.
    #[serde(skip)]
    letter: Letter,
}

impl Source {
    /// Of a message that claims `domain` and that `letter.ip` sent; `whole`: its body is there too.
    pub(super) fn new(domain: &str, mut letter: Letter, whole: bool) -> Self {
        let signatures = told_signatures(Headers::of(&letter.message).raw());
        if !whole {
            letter.message.clear();
        }
        Self { ip: letter.ip, domain: domain.to_owned(), signatures, letter, ..Self::default() }
    }

    /// Asks what the name service says.
    pub(super) async fn look_up(&mut self, outside: &dyn Outside) {
        let letter = std::mem::take(&mut self.letter);
        let helo = letter.helo.clone();
        let whole = !letter.message.is_empty();
        let proof = outside.prove(letter).await;
        if whole {
            self.verified(proof.signatures);
            self.dmarc = proof.dmarc;
        }
        if let Some(ip) = self.ip {
            if !self.domain.is_empty() {
                self.spf = outside.spf(ip, &helo, &self.domain).await;
            }
            if !proof.spf_domain.is_empty() && proof.spf_domain != self.domain {
                self.envelope = Some((proof.spf_domain, proof.spf));
            }
            self.name = confirmed_name(outside, ip).await;
        }
        // RFC 2142 §4: abuse@ at the organisation whose machine it is, or that signed it.
        let signer = self.signatures.iter().find(|one| one.result == Proven::Pass && one.domain != self.domain);
        let whose = self.name.as_deref().or(signer.map(|one| one.domain.as_str()));
        self.tell = whose.map(|name| format!("abuse@{}", organisation(name)));
    }

    /// What we found ourselves counts; where it fails, what the receiver found on the way in is worth a word.
    fn verified(&mut self, found: Vec<Signature>) {
        let told = std::mem::take(&mut self.signatures);
        self.signatures = found;
        for one in &mut self.signatures {
            let before = told.iter().find(|other| other.domain == one.domain && other.result != Proven::Unverified);
            if let Some(before) = before.filter(|_| one.result != Proven::Pass) {
                one.detail =
                    format!("{} (the receiver said {})", one.detail, before.result.name()).trim_start().to_owned();
            }
        }
        for other in told {
            if !self.signatures.iter().any(|one| one.domain == other.domain) {
                self.signatures.push(other);
            }
        }
    }

    /// As JSON, with a sentence in one language.
    #[must_use]
    pub fn shape(&self, language: Language) -> Value {
        let signature = |one: &Signature| json!({ "domain": one.domain, "selector": one.selector, "result": one.result, "detail": one.detail });
        json!({
            "ip": self.ip,
            "name": self.name,
            "domain": self.domain,
            "spf": self.spf,
            "envelope": self.envelope.as_ref().map(|(domain, spf)| json!({ "domain": domain, "spf": spf })),
            "dkim": self.dkim(),
            "signatures": self.signatures.iter().map(signature).collect::<Vec<_>>(),
            "dmarc": self.dmarc,
            "tell": self.tell,
            "text": self.text().get(language),
        })
    }

    /// `example.jp=pass`, each once.
    fn dkim(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for one in &self.signatures {
            let told = format!("{}={}", one.domain, one.result.name());
            if !all.contains(&told) {
                all.push(told);
            }
        }
        all
    }

    /// In a sentence.
    #[must_use]
    pub fn text(&self) -> Text {
        let ip = self.ip.map_or_else(|| "?".to_owned(), |ip| ip.to_string());
        let name = self.name.as_deref().unwrap_or("-");
        let dkim = self.dkim();
        let dkim = if dkim.is_empty() { "-".to_owned() } else { dkim.join(", ") };
        let domain = if self.domain.is_empty() { "-" } else { &self.domain };
        let mut spf = format!("{domain}={}", self.spf.name());
        if let Some((other, result)) = &self.envelope {
            spf.push_str(&format!(", {other}={}", result.name()));
        }
        let mut text = say!(
            ja: "本当の送信元: {ip}（{name}）、SPF: {spf}、DKIM: {dkim}",
            en: "It really came from {ip} ({name}); SPF: {spf}; DKIM: {dkim}"
        );
        let mut add = |more: Text| {
            text.ja.push_str(&more.ja);
            text.en.push_str(&more.en);
        };
        if let Some(Dmarc { domain, result, policy }) = &self.dmarc {
            let (result, policy) = (result.name(), if policy.is_empty() { "-" } else { policy });
            add(say!(
                ja: "、DMARC: {domain}={result}（p={policy}）",
                en: "; DMARC: {domain}={result} (p={policy})"
            ));
        }
        match (&self.tell, self.ip) {
            (Some(tell), _) => add(say!(ja: "。連絡先: {tell}", en: ". Tell {tell}")),
            (None, Some(ip)) => add(say!(
                ja: "。連絡先: このアドレスの管理者（whois {ip} の abuse-c）",
                en: ". Tell the owner of the address (the abuse contact of whois {ip})"
            )),
            (None, None) => {}
        }
        text
    }
}

/// The name of an address that leads back to it.
async fn confirmed_name(outside: &dyn Outside, ip: IpAddr) -> Option<String> {
    for name in outside.ptr(ip).await.ok()? {
        let leads_back = |all: Vec<IpAddr>| all.iter().any(|one| one.to_canonical() == ip.to_canonical());
        if outside.addresses(&name).await.is_ok_and(leads_back) {
            return Some(name);
        }
    }
    None
}

/// The signing domains, each with what the receiver's Authentication-Results (RFC 8601) says, if it says anything.
fn told_signatures(header: &[u8]) -> Vec<Signature> {
    let headers = Headers::of(header);
    let results = headers.first("Authentication-Results").map(|field| field.text()).unwrap_or_default();
    let result = |domain: &str| {
        results.split(';').find_map(|part| {
            let part = part.trim();
            let word = part.strip_prefix("dkim=")?.split_whitespace().next()?;
            part.contains(domain).then(|| word.to_ascii_lowercase())
        })
    };
    let mut found: Vec<Signature> = Vec::new();
    for field in headers.all("DKIM-Signature").take(MOST) {
        let value = field.text();
        let tag = |name: &str| {
            let text = value.split(';').find_map(|tag| tag.trim().strip_prefix(name)?.trim_start().strip_prefix('='));
            let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            text.unwrap_or_default().trim().chars().filter(kept).take(LONGEST).collect::<String>()
        };
        let domain = tag("d").to_ascii_lowercase();
        if domain.is_empty() {
            continue;
        }
        let result = match result(&domain).as_deref() {
            Some("pass") => Proven::Pass,
            Some("fail") => Proven::Fail,
            Some("neutral" | "policy") => Proven::Neutral,
            Some("temperror") => Proven::TempError,
            Some("permerror") => Proven::PermError,
            _ => Proven::Unverified,
        };
        found.push(Signature { domain, selector: tag("s"), result, detail: String::new() });
    }
    found
}
