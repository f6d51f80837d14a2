//! Where a forgery really came from, and who should hear of it.

use std::net::IpAddr;

use sekisho_message::header::Headers;
use sekisho_message::{Language, Text, say};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::hops::organisation;
use crate::outside::{Outside, Silence};
use crate::spf;

/// Signatures that are told.
const MOST: usize = 8;
/// Longest domain that is told.
const LONGEST: usize = 255;

/// The real source of a forgery, as far as it can be believed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The address that a server of the complaining side saw.
    pub ip: Option<IpAddr>,
    /// Its name.
    pub name: Option<String>,
    /// The domain of ours that it claimed.
    pub domain: String,
    /// What the claimed domain's SPF says of the address: `pass`, `fail`, `softfail`, `neutral`, `none`, `unknown`.
    pub spf: String,
    /// Domains that signed it (DKIM), with what the receiver found.
    pub dkim: Vec<String>,
    /// Whom to tell.
    pub tell: Option<String>,
}

impl Source {
    pub(super) fn new(ip: Option<IpAddr>, domain: &str, header: &[u8]) -> Self {
        Self { ip, domain: domain.to_owned(), spf: "unknown".into(), dkim: signatures(header), ..Self::default() }
    }

    /// Asks what the name service says of the address.
    pub(super) async fn look_up(&mut self, outside: &dyn Outside) {
        let Some(ip) = self.ip else { return };
        if !self.domain.is_empty() {
            self.spf = spf::evaluate(outside, ip, &self.domain).await.name().to_owned();
        }
        match outside.ptr(ip).await {
            Ok(names) => self.name = names.into_iter().next(),
            Err(Silence::Nothing | Silence::Unknown(_)) => {}
        }
        // RFC 2142 §4: abuse@ at the organisation whose machine it is.
        self.tell = self.name.as_deref().map(|name| format!("abuse@{}", organisation(name)));
    }

    /// As JSON, with a sentence in one language.
    #[must_use]
    pub fn shape(&self, language: Language) -> Value {
        json!({
            "ip": self.ip,
            "name": self.name,
            "domain": self.domain,
            "spf": self.spf,
            "dkim": self.dkim,
            "tell": self.tell,
            "text": self.text().get(language),
        })
    }

    /// In a sentence.
    #[must_use]
    pub fn text(&self) -> Text {
        let ip = self.ip.map_or_else(|| "?".to_owned(), |ip| ip.to_string());
        let name = self.name.as_deref().unwrap_or("-");
        let (spf, dkim) = (&self.spf, if self.dkim.is_empty() { "-".to_owned() } else { self.dkim.join(", ") });
        let mut text = say!(
            ja: "本当の送信元: {ip}（{name}）、SPF: {spf}、DKIM: {dkim}",
            en: "It really came from {ip} ({name}); SPF: {spf}, DKIM: {dkim}"
        );
        if let Some(tell) = &self.tell {
            text.ja.push_str(&format!("。連絡先: {tell}"));
            text.en.push_str(&format!(". Tell {tell}"));
        }
        text
    }
}

/// `example.jp=pass`: the signing domains with what the receiver's Authentication-Results (RFC 8601) says, if it says
/// anything.
fn signatures(header: &[u8]) -> Vec<String> {
    let headers = Headers::of(header);
    let results = headers.first("Authentication-Results").map(|field| field.text()).unwrap_or_default();
    let result = |domain: &str| {
        results.split(';').find_map(|part| {
            let part = part.trim();
            let word = part.strip_prefix("dkim=")?.split_whitespace().next()?;
            part.contains(domain).then(|| word.to_owned())
        })
    };
    let mut found: Vec<String> = Vec::new();
    for field in headers.all("DKIM-Signature").take(MOST) {
        let value = field.text();
        let domain = value.split(';').find_map(|tag| tag.trim().strip_prefix("d=")).map(str::trim).unwrap_or_default();
        let domain: String =
            domain.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).take(LONGEST).collect();
        if domain.is_empty() {
            continue;
        }
        let told = match result(&domain) {
            Some(word) => format!("{domain}={word}"),
            None => format!("{domain}=unverified"),
        };
        if !found.contains(&told) {
            found.push(told);
        }
    }
    found
}
