//! What an operator can set about the guard.

use std::collections::HashSet;
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
    /// Addresses that nobody writes to who is not an intruder (look-up keys): a planted contact, an address that was never
    /// given out.
    pub traps: HashSet<String>,
    /// A program that says how much an outgoing message looks like spam.
    pub filter: Filter,
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

/// `[guard.filter]`: a content filter for what goes out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// A program with its arguments that gets the message on its standard input and prints `score/threshold`, as
    /// `spamc -c` and `rspamc` do. Empty (the default): none.
    pub command: Vec<String>,
    /// Milliseconds that it may take; at most 10,000. Default 3,000.
    pub timeout_ms: u64,
    /// Messages larger than this, in octets, are not shown to it. Default 524,288.
    pub largest: u64,
}

impl Default for Filter {
    fn default() -> Self {
        Self { command: Vec::new(), timeout_ms: 3_000, largest: 512 << 10 }
    }
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
            traps: HashSet::new(),
            filter: Filter::default(),
            systems: None,
            countries: None,
        }
    }
}
