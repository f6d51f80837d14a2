//! Networks and listeners that are closed: isolation, as the doors need it.
//!
//! What is closed is said by the incidents that are not over (`closed` in their facts, written in the transaction of the
//! verdict or the act), so that a restart and a second node close the same, and the end of the incident opens again. The
//! doors look at a picture of it in memory.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_guard::rules::network::Network;
use sekisho_message::{Text, say};
use sekisho_store::{IncidentId, Result, Tx, incident};
use serde_json::Value;
use tokio::sync::watch;

use crate::{BusEvent, Control};

/// Listeners that can be closed, by the names that the configuration has.
pub const LISTENERS: [&str; 8] = ["smtp", "submission", "submissions", "pop3", "pop3s", "imap", "imaps", "console"];
/// How often the store is asked when nobody says that something changed.
const LOOK: Duration = Duration::from_secs(10);

/// What is closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    networks: Vec<(Network, String)>,
    listeners: Vec<String>,
}

impl Closed {
    /// The origin for which this listener is closed.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<&str> {
        self.listeners.iter().find(|origin| origin.strip_prefix("listener:") == Some(name)).map(String::as_str)
    }

    /// The origin for which a client without a login may not send.
    #[must_use]
    pub fn network(&self, ip: IpAddr) -> Option<&str> {
        let found = self.networks.iter().find(|(network, _)| network.contains(ip.to_canonical()));
        found.map(|(_, origin)| origin.as_str())
    }

    fn read(tx: &mut dyn Tx) -> Result<Self> {
        let mut closed = Self::default();
        for one in incident::under_way(tx)?.into_iter().filter(|one| is_closed(&one.facts)) {
            if one.origin.starts_with("listener:") {
                closed.listeners.push(one.origin);
            } else if let Some(Ok(network)) = one.origin.strip_prefix("network:").map(Network::parse) {
                closed.networks.push((network, one.origin));
            }
        }
        Ok(closed)
    }
}

/// Whether an origin is one that can be closed: it has no account, and a door of its own.
#[must_use]
pub fn can_close(origin: &str) -> bool {
    origin.starts_with("network:") || origin.starts_with("listener:")
}

/// Whether a key of an origin names something that there can be.
///
/// # Errors
/// What is wrong, as a sentence.
pub(crate) fn check(origin: &str) -> std::result::Result<(), Text> {
    if let Some(network) = origin.strip_prefix("network:") {
        return Network::parse(network).map(drop);
    }
    match origin.strip_prefix("listener:") {
        Some(name) if !LISTENERS.contains(&name) => {
            let known = LISTENERS.join(" ");
            Err(say!(
                ja: "リスナー {name} はありません（{known} のどれかです）。",
                en: "There is no listener {name} (there are {known})."
            ))
        }
        _ => Ok(()),
    }
}

/// Closes the network or listener of an incident. Whether it is one.
pub(crate) fn close(tx: &mut dyn Tx, id: IncidentId, origin: &str) -> Result<bool> {
    if !can_close(origin) {
        return Ok(false);
    }
    if let Some(mut one) = incident::get(tx, id)? {
        one.facts["closed"] = true.into();
        incident::set_facts(tx, id, &one.facts)?;
    }
    Ok(true)
}

/// Whether an incident's facts say that its origin is closed.
#[must_use]
pub fn is_closed(facts: &Value) -> bool {
    facts["closed"] == true
}

/// The picture that the doors look at.
#[derive(Debug)]
pub(super) struct Picture(watch::Sender<Arc<Closed>>);

impl Default for Picture {
    fn default() -> Self {
        Self(watch::Sender::new(Arc::default()))
    }
}

impl super::Guard {
    /// What is closed now.
    #[must_use]
    pub fn closed(&self) -> Arc<Closed> {
        Arc::clone(&self.closed.0.borrow())
    }

    /// Wakes whoever waits for it when something is closed or opened.
    #[must_use]
    pub fn closing(&self) -> watch::Receiver<Arc<Closed>> {
        self.closed.0.subscribe()
    }
}

impl Control {
    /// Looks what is closed.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn look_at_closed(&self) -> Result<()> {
        let closed = Arc::new(self.store().read(Closed::read).await?);
        self.guard().closed.0.send_if_modified(|known| {
            let changed = *known != closed;
            if changed {
                *known = closed;
            }
            changed
        });
        Ok(())
    }

    /// Looks again whenever an incident changes, and now and then, for ever.
    pub async fn follow_closed(&self) {
        let mut bus = self.bus().subscribe();
        loop {
            if let Err(error) = self.look_at_closed().await {
                tracing::error!(%error, "guard: what is closed cannot be read; it stays as it was");
            }
            let change = async { while !matches!(bus.next().await, BusEvent::IncidentChanged | BusEvent::Missed) {} };
            let _ = tokio::time::timeout(LOOK, change).await;
        }
    }
}
