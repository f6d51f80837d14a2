//! The store opened in this process: by the server, or by a verb while the server is stopped.

use std::sync::Arc;

use sekisho_control::countries::Countries;
use sekisho_control::password::Policy;
use sekisho_control::{Control, Options, Refusal, credential, guard, lockout};
use sekisho_net::Clock;
use sekisho_net::resolver::Resolver;
use sekisho_store::{Error, Store};

use super::Desk;
use crate::config::Settings;
use crate::server::outside::Network;
use crate::trouble::Trouble;

/// An open store with everything over it.
pub struct Opened {
    /// Answers requests.
    pub desk: Desk,
    /// The time.
    pub clock: Clock,
}

/// Opens the store that `settings` name. The caller holds the lock of the data folder.
///
/// # Errors
/// When the store, or a database that the configuration names, cannot be opened.
pub async fn open(settings: Arc<Settings>, clock: Clock) -> Result<Opened, Trouble> {
    let lockout = settings.lockout()?;
    let credentials = settings.credentials(&clock)?;
    let systems = match &settings.config.guard.systems {
        Some(path) => Some(Countries::open(&settings.path(path)).map_err(Trouble::could_not)?),
        None => None,
    };
    let guard = settings.config.guard.settings(systems, lockout.countries.clone());
    Ok(open_store(settings, clock, lockout, credentials, guard).await.map_err(Refusal::from)?)
}

async fn open_store(
    settings: Arc<Settings>,
    clock: Clock,
    lockout: lockout::Settings,
    credentials: credential::Settings,
    guard: guard::Settings,
) -> Result<Opened, Error> {
    let config = &settings.config;
    let wanted = sekisho_store::Settings { url: settings.store_url(), blobs: settings.blobs(), node: settings.node() };
    let store = tokio::task::spawn_blocking(move || Store::open(&wanted))
        .await
        .map_err(|error| Error::Engine(error.to_string()))??;
    let options = Options {
        hostname: config.hostname.to_string(),
        reputation: config.reputation.settings(),
        dkim_selectors: config.audit.dkim_selectors.clone(),
        offset_minutes: crate::desk::offset_minutes(&clock),
        grace: config.limits.removed_accounts.0,
        password_cache: config.limits.password_cache.0,
        password: Policy { min_length: config.password.min_length },
        lockout,
        credentials,
        guard,
        rules: Some(settings.dir.clone()),
        ..Options::default()
    };
    let hands = clock.clone();
    let control = Control::new(store, Arc::new(move || hands.now()), options).await?;
    match Resolver::new(&config.dns.resolver) {
        Ok(resolver) => control.look_outside(Arc::new(Network::new(&resolver, &config.hostname.to_string()))),
        Err(error) => tracing::warn!(%error, "names cannot be asked for"),
    }
    Ok(Opened { desk: Desk { control, settings, probe: None }, clock })
}
