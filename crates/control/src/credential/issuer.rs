//! An OpenID Connect issuer whose tokens open accounts: its keys, found by discovery, and what a token must say.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sekisho_message::Time;
use serde_json::Value;

use super::jwt::{Key, Token};

/// Largest document of an issuer, in octets.
const DOCUMENT_MAX: usize = 256 * 1024;
/// How long keys are used before they are asked for again.
const FRESH: Duration = Duration::from_secs(3_600);
/// How long they are used while the issuer does not answer.
const STALE: Duration = Duration::from_secs(86_400);
/// How long to wait before asking again, whatever is asked for: strangers can name any key.
const PAUSE: Duration = Duration::from_secs(30);
/// The largest difference of clocks that can be allowed.
const MOST_SKEW: Duration = Duration::from_secs(600);

/// A document, or why there is none.
pub type Document = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>>;

/// Fetches documents over HTTPS: URL and most octets in, document out. Whoever starts the server knows how.
#[derive(Clone)]
pub struct Fetch(pub Arc<dyn Fn(String, usize) -> Document + Send + Sync>);

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetch")
    }
}

/// What an operator sets about an issuer.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Its identifier, an `https` URL without `/` at its end; tokens name it exactly.
    pub issuer: String,
    /// A token must be for one of these.
    pub audiences: Vec<String>,
    /// The claim that names the account. Default `email`.
    pub claim: String,
    /// How far the clocks may differ, at most ten minutes. Default one minute.
    pub skew: Duration,
    /// How documents are fetched.
    pub fetch: Fetch,
}

impl IssuerSettings {
    /// Where the issuer describes itself (OpenID Connect Discovery §4).
    #[must_use]
    pub fn discovery(&self) -> String {
        format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'))
    }
}

/// What is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It was good once.
    Expired,
    /// It never was, as far as can be told.
    Bad(&'static str),
    /// Nobody can tell now.
    Unreachable(String),
}

/// An issuer and its keys.
pub(crate) struct Issuer {
    settings: IssuerSettings,
    known: RwLock<Known>,
    /// Held by whoever asks the issuer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<[Key]>,
    /// When they came.
    fetched: Option<Time>,
    /// When they were last asked for, and why that failed.
    tried: Option<(Time, Option<String>)>,
}

impl Issuer {
    pub(crate) fn new(settings: IssuerSettings) -> Self {
        Self { settings, known: RwLock::default(), asking: tokio::sync::Mutex::default() }
    }

    /// Where it describes itself.
    pub(crate) fn discovery(&self) -> String {
        self.settings.discovery()
    }

    /// The account that a token names, whether it is good or not.
    pub(crate) fn named<'t>(&self, token: &'t Token<'_>) -> Option<&'t str> {
        token.text(&self.settings.claim)
    }

    /// Whether a token is good at `now`.
    pub(crate) async fn check(&self, token: &Token<'_>, now: Time) -> Result<(), Fault> {
        // What can be told without keys comes first: nobody makes us ask for them with nonsense.
        if token.text("iss") != Some(self.settings.issuer.as_str()) {
            return Err(Fault::Bad("the token is of another issuer"));
        }
        if !token.is_for(&self.settings.audiences) {
            return Err(Fault::Bad("the token is for somebody else"));
        }
        self.check_signature(token, now).await?;
        self.check_claims(token, now)
    }

    async fn check_signature(&self, token: &Token<'_>, now: Time) -> Result<(), Fault> {
        let known = self.known();
        let old = known.fetched.is_none_or(|at| at + FRESH <= now);
        let known = if old || token.candidates(&known.keys).next().is_none() { self.ask(now).await } else { known };
        let usable = known.fetched.is_some_and(|at| now < at + STALE);
        if usable && token.candidates(&known.keys).any(|key| token.is_signed_by(key)) {
            return Ok(());
        }
        match known.tried {
            // It may have been signed with a key that we could not hear of.
            Some((_, Some(error))) if !usable || token.candidates(&known.keys).next().is_none() => {
                Err(Fault::Unreachable(error))
            }
            _ => Err(Fault::Bad("the token is signed by none of the issuer's keys")),
        }
    }

    fn check_claims(&self, token: &Token<'_>, now: Time) -> Result<(), Fault> {
        let skew = i64::try_from(self.settings.skew.min(MOST_SKEW).as_secs()).unwrap_or(0);
        let now = now.0.div_euclid(1_000_000);
        if token.claims.contains_key("nbf") && token.seconds("nbf").is_none_or(|from| now.saturating_add(skew) < from) {
            return Err(Fault::Bad("the token is not valid yet"));
        }
        match token.seconds("exp") {
            Some(until) if now < until.saturating_add(skew) => {}
            Some(_) => return Err(Fault::Expired),
            None => return Err(Fault::Bad("the token does not say when it ends")),
        }
        if self.settings.claim == "email" && token.claims.get("email_verified") == Some(&Value::Bool(false)) {
            return Err(Fault::Bad("the issuer has not verified the address"));
        }
        Ok(())
    }

    /// Asks the issuer for its keys, unless that was done a moment ago; what is known then.
    async fn ask(&self, now: Time) -> Known {
        let _turn = match self.asking.try_lock() {
            Ok(turn) => turn,
            // Somebody asks already: wait only when there is nothing to go on with.
            Err(_) if self.known().fetched.is_some_and(|at| now < at + FRESH) => return self.known(),
            Err(_) => self.asking.lock().await,
        };
        let known = self.known();
        if known.tried.as_ref().is_some_and(|(at, _)| now < *at + PAUSE) {
            return known;
        }
        let outcome = self.fetch_keys().await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(keys) => *known = Known { keys: keys.into(), fetched: Some(now), tried: Some((now, None)) },
            Err(error) => {
                tracing::warn!(
                    issuer = self.settings.issuer,
                    error,
                    "the keys of the issuer of tokens cannot be fetched"
                );
                known.tried = Some((now, Some(error)));
            }
        }
        known.clone()
    }

    async fn fetch_keys(&self) -> Result<Vec<Key>, String> {
        let fetch = &self.settings.fetch.0;
        let about = fetch(self.discovery(), DOCUMENT_MAX).await?;
        let about: Value = serde_json::from_slice(&about).map_err(|_| "the issuer's description is not JSON")?;
        let text = |name: &str| about.get(name).and_then(Value::as_str).unwrap_or_default();
        // OpenID Connect Discovery §4.3: else somebody speaks for another.
        if text("issuer") != self.settings.issuer {
            return Err(format!("the issuer calls itself {:?}", text("issuer").chars().take(200).collect::<String>()));
        }
        let keys = text("jwks_uri");
        if !keys.starts_with("https://") {
            return Err("the issuer's keys are not at an https URL".to_owned());
        }
        Ok(Key::read_set(&fetch(keys.to_owned(), DOCUMENT_MAX).await?)?)
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
