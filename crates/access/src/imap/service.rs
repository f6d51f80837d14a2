//! What all IMAP connections share.

use std::net::IpAddr;
use std::sync::Arc;

use sekisho_control::{BusEvent, Control};
use sekisho_net::clock::Clock;
use sekisho_proto::imap::{ImapSession, Settings};
use sekisho_store::switch;
use tokio::sync::watch;

use super::agent::ImapAgent;
use super::recent::RecentClaims;
use crate::login::{CHOICES, choice, offer};

/// Name of the switch that pauses IMAP.
const SWITCH: &str = "imap4";

/// Capabilities that do not depend on the state of a connection.
const CAPABILITIES: &[&str] = &[
    "IDLE",
    "NAMESPACE",
    "CHILDREN",
    "UIDPLUS",
    "UNSELECT",
    "MOVE",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "CONDSTORE",
    "QRESYNC",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SORT",
    "SORT=DISPLAY",
    "ESORT",
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "PARTIAL",
    "MULTISEARCH",
    "I18NLEVEL=1",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "STATUS=SIZE",
    "MULTIAPPEND",
    "BINARY",
    "CATENATE",
    "REPLACE",
    "UTF8=ACCEPT",
    "UIDONLY",
    "INPROGRESS",
    "OBJECTID",
    "SAVEDATE",
    "PREVIEW",
    "ACL",
    "RIGHTS=kxte",
    "LIST-MYRIGHTS",
    "METADATA",
    "LIST-METADATA",
    "NOTIFY",
    "QUOTA",
    "QUOTASET",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
];

/// What an operator can set about IMAP.
#[derive(Clone, Debug)]
pub struct ImapSettings {
    /// Host name in the greeting.
    pub hostname: String,
    /// TLS is available, so STARTTLS is offered on plain connections.
    pub starttls: bool,
    /// Clients on the loopback may log in without TLS.
    pub login_without_tls: bool,
    /// Largest message that APPEND takes, in octets.
    pub message_max: u64,
}

impl Default for ImapSettings {
    fn default() -> Self {
        Self { hostname: "localhost".into(), starttls: true, login_without_tls: false, message_max: 50 * 1024 * 1024 }
    }
}

/// The IMAP service. Clones share it.
#[derive(Clone)]
pub struct Imap(Arc<Inner>);

struct Inner {
    control: Control,
    clock: Clock,
    message_max: u64,
    /// By whether passwords may come without TLS, then by what is offered beside them.
    settings: [[Arc<Settings>; CHOICES]; 2],
    paused: watch::Sender<bool>,
    recent: RecentClaims,
}

impl Imap {
    /// A service over `control`.
    #[must_use]
    pub fn new(control: Control, clock: Clock, settings: &ImapSettings) -> Self {
        let mut capabilities: Vec<String> = CAPABILITIES.iter().map(ToString::to_string).collect();
        capabilities.push(format!("APPENDLIMIT={}", settings.message_max));
        let of = |login_without_tls, choice| {
            Arc::new(Settings {
                hostname: settings.hostname.clone(),
                starttls: settings.starttls,
                login_without_tls,
                sasl: offer(&control, choice),
                message_max: settings.message_max,
                capabilities: capabilities.clone(),
                ..Settings::default()
            })
        };
        let open = settings.login_without_tls;
        let settings_of = [false, open].map(|open| std::array::from_fn(|choice| of(open, choice)));
        let (paused, _) = watch::channel(false);
        Self(Arc::new(Inner {
            control,
            clock,
            message_max: settings.message_max,
            settings: settings_of,
            paused,
            recent: RecentClaims::default(),
        }))
    }

    /// Session and agent of a new connection from `client`, to be driven together. `secure` when the listener
    /// speaks TLS from the start.
    #[must_use]
    pub fn connect(&self, client: IpAddr, secure: bool) -> (ImapSession, ImapAgent) {
        let local = usize::from(client.to_canonical().is_loopback());
        let session =
            ImapSession::new(Arc::clone(&self.0.settings[local][choice(&self.0.control)]), secure, self.0.clock.now());
        (session, ImapAgent::new(self.clone(), client.to_canonical().to_string(), self.0.paused.subscribe()))
    }

    /// Follows the switch that pauses IMAP and ends running sessions when it is set. Runs for ever; new
    /// connections are turned away without it too.
    pub async fn follow_switch(&self) {
        let mut bus = self.0.control.bus().subscribe();
        loop {
            let paused = self.paused().await;
            self.0.paused.send_if_modified(|known| std::mem::replace(known, paused) != paused);
            while !matches!(bus.next().await, BusEvent::SwitchChanged | BusEvent::Missed) {}
        }
    }

    /// Whether an operator has paused IMAP. A store that does not answer pauses nothing: the login will say so.
    pub(super) async fn paused(&self) -> bool {
        self.0.control.store().read(|tx| switch::paused(tx, SWITCH)).await.is_ok_and(|pause| pause.is_some())
    }

    pub(super) fn control(&self) -> &Control {
        &self.0.control
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn recent(&self) -> &RecentClaims {
        &self.0.recent
    }

    pub(super) fn message_max(&self) -> u64 {
        self.0.message_max
    }
}
