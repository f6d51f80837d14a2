//! `[auth]`: ways to log in beside passwords.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sekisho_control::credential::{self, Certificates, Document, Fetch, IssuerSettings, NamedBy};
use sekisho_message::say;
use sekisho_net::https::Https;
use sekisho_net::resolver::Resolver;
use sekisho_net::{ClientTls, Clock};
use serde::Deserialize;

use super::Settings;
use super::values::Span;
use crate::trouble::Trouble;

/// `[auth]`: ways to log in beside passwords.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The key under which recoverable passwords are encrypted (relative to the data folder); made when it is first needed. Nodes that
    /// share a store need the same. Default `recoverable.key`.
    pub recoverable_key: PathBuf,
    /// Whether APOP and CRAM-MD5 are taken without TLS, for clients that are too old for it. Default `false`.
    pub digests_without_tls: bool,
    /// Whose tokens open accounts (OAUTHBEARER, XOAUTH2). Default nobody's.
    pub issuer: Option<Issuer>,
    /// Certificates of clients (EXTERNAL). Default none.
    pub certificates: Option<ClientCertificates>,
}

impl Default for Auth {
    fn default() -> Self {
        Self { recoverable_key: "recoverable.key".into(), digests_without_tls: false, issuer: None, certificates: None }
    }
}

/// `[auth.issuer]`: an OpenID Connect issuer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Its identifier, such as `https://id.example.jp/realms/mail`.
    pub url: String,
    /// What tokens must be for: one of these client ids or resources.
    pub audience: Vec<String>,
    /// The claim that names the account. Default `email`.
    #[serde(default = "email")]
    pub claim: String,
    /// How far its clock may differ from ours, at most ten minutes. Default one minute.
    #[serde(default = "minute")]
    pub skew: Span,
    /// Certificates of the authorities that its own certificate must be by (PEM, relative to the data folder). Default the system's.
    pub authorities: Option<PathBuf>,
}

/// `[auth.certificates]`: certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// Certificates of the authorities that they must be by (PEM, relative to the data folder).
    pub authorities: PathBuf,
    /// What names the account: `address`, `common_name` or `list`. Default `address`.
    #[serde(default)]
    pub by: NamedBy,
    /// Accounts by mail address, common name or SHA-256 fingerprint of a certificate; goes before `by`.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
}

fn email() -> String {
    "email".to_owned()
}

const fn minute() -> Span {
    Span(Duration::from_secs(60))
}

impl Auth {
    /// What is wrong, with the key that says it.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        let issuer = self.issuer.as_ref()?;
        if !issuer.url.starts_with("https://") || !issuer.url.bytes().all(|b| b.is_ascii_graphic() && b != b'"') {
            return Some(("url", "`auth.issuer.url` must begin with `https://`".to_owned()));
        }
        if issuer.audience.iter().all(String::is_empty) {
            return Some(("audience", "`auth.issuer.audience` must name what tokens are for".to_owned()));
        }
        if issuer.skew.0 > Duration::from_secs(600) {
            return Some(("skew", "`auth.issuer.skew` may be ten minutes at most".to_owned()));
        }
        None
    }
}

impl Settings {
    /// The ways to log in as control takes them.
    ///
    /// # Errors
    /// When a file that is named cannot be used.
    pub fn credentials(&self, clock: &Clock) -> Result<credential::Settings, Trouble> {
        let auth = &self.config.auth;
        let issuer = match &auth.issuer {
            Some(issuer) => Some(self.issuer(issuer, clock)?),
            None => None,
        };
        let certificates =
            auth.certificates.as_ref().map(|found| Certificates { by: found.by, names: found.names.clone() });
        Ok(credential::Settings {
            issuer,
            certificates,
            recoverable_key: Some(self.path(&auth.recoverable_key)),
            digests_without_tls: auth.digests_without_tls,
        })
    }

    /// The authorities of clients' certificates as PEM, where some are set.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn client_authorities(&self) -> Result<Option<Vec<u8>>, Trouble> {
        self.config.auth.certificates.as_ref().map(|found| self.read(&found.authorities)).transpose()
    }

    fn issuer(&self, issuer: &Issuer, clock: &Clock) -> Result<IssuerSettings, Trouble> {
        let tls = match &issuer.authorities {
            Some(path) => ClientTls::verified_by(&self.read(path)?),
            None => ClientTls::verified(),
        };
        let tls = tls.map_err(|error| Trouble::could_not(error.0))?;
        let resolver = Resolver::new(&self.config.dns.resolver).map_err(|error| Trouble::could_not(error.0))?;
        let https = Https::new(tls, resolver, clock.clone());
        let fetch = Fetch(Arc::new(move |url: String, most: usize| -> Document {
            let https = https.clone();
            Box::pin(async move { https.get(&url, most).await.map_err(|error| format!("{url}: {error}")) })
        }));
        Ok(IssuerSettings {
            issuer: issuer.url.clone(),
            audiences: issuer.audience.iter().filter(|one| !one.is_empty()).cloned().collect(),
            claim: issuer.claim.clone(),
            skew: issuer.skew.0,
            fetch,
        })
    }

    fn read(&self, path: &std::path::Path) -> Result<Vec<u8>, Trouble> {
        let path = self.path(path);
        std::fs::read(&path).map_err(|error| {
            let path = path.display();
            Trouble::could_not(say!(
                ja: "{path} を読めません: {error}",
                en: "{path} cannot be read: {error}"
            ))
        })
    }
}
