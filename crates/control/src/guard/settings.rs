//! What an operator can set about the guard.

use std::time::Duration;

use sekisho_guard::policy::Policy;
use serde::{Deserialize, Serialize};

use crate::command::Secret;
use crate::countries::Countries;

/// What a verdict does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Mail is accepted and kept back (the default).
    #[default]
    Hold,
    /// What would be held is answered 451, for sites that must not accept what they do not send on. Dwelling is as in `hold`.
    Defer,
    /// Nothing is kept back: verdicts are journalled, incidents are opened, and people are told.
    Observe,
}

/// Settings of the guard.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a verdict does.
    pub mode: Mode,
    /// Thresholds.
    pub policy: Policy,
    /// How long after a hold that nobody answered everybody is told again, and then again after twice that time and so
    /// on. Default 4 hours.
    pub reminder: Duration,
    /// Whether the owner is told in his own mailbox that his mail waits. Default true.
    pub tell_owner: bool,
    /// Whether a network or listener without AUTH whose mail is held is closed as well. Default true.
    pub close_isolated: bool,
    /// Who is told of incidents, and how.
    pub alert: Alert,
    /// A database of autonomous systems, if there is one: another address of the owner's provider says little then.
    pub systems: Option<Countries>,
    /// A database of countries, if there is one: for people who read of an incident.
    pub countries: Option<Countries>,
}

/// `[guard.alert]`: who is told of incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alert {
    /// Addresses that get a mail, here or elsewhere. Empty: the system administrators. The abused account itself never
    /// counts as told.
    pub mail: Vec<String>,
    /// A program with its arguments that gets the incident as JSON on its standard input. At most a minute.
    pub command: Vec<String>,
    /// An `http://` or `https://` address that the same JSON is posted to.
    pub webhook: Option<String>,
    /// With it, each post is signed (HMAC-SHA-256), so that the receiver can tell it from a forged one.
    pub webhook_secret: Option<Secret>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Hold,
            policy: Policy::default(),
            reminder: Duration::from_secs(4 * 3_600),
            tell_owner: true,
            close_isolated: true,
            alert: Alert::default(),
            systems: None,
            countries: None,
        }
    }
}
