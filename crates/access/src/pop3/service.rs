//! What all POP3 connections share.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_control::{BusEvent, Control};
use sekisho_net::clock::Clock;
use sekisho_proto::pop3::{PopSession, Settings};
use sekisho_store::switch;
use tokio::sync::watch;

use super::agent::Pop3Agent;
use super::lease::Leases;
use crate::login::{CHOICES, choice, offer};

/// Name of the switch that pauses POP3.
const SWITCH: &str = "pop3";

/// What an operator can set about POP3.
#[derive(Clone, Debug)]
pub struct Pop3Settings {
    /// Host name in the greeting.
    pub hostname: String,
    /// TLS is available, so STLS is offered on plain connections.
    pub starttls: bool,
    /// Clients on the loopback may log in without TLS.
    pub login_without_tls: bool,
    /// Least time between two logins of an account; none is the default.
    pub login_delay: Option<Duration>,
    /// How long the client of a session must have been silent before another session of the account may take the
    /// maildrop over. 30 s.
    pub takeover: Duration,
    /// Most messages that a session shows, the oldest ones. 200,000.
    pub most_messages: usize,
}

impl Default for Pop3Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            starttls: true,
            login_without_tls: false,
            login_delay: None,
            takeover: Duration::from_secs(30),
            most_messages: 200_000,
        }
    }
}

/// The POP3 service. Clones share it.
#[derive(Clone)]
pub struct Pop3(Arc<Inner>);

struct Inner {
    control: Control,
    clock: Clock,
    most_messages: usize,
    /// By whether passwords may come without TLS, then by what is offered beside them.
    settings: [[Arc<Settings>; CHOICES]; 2],
    leases: Arc<Leases>,
    paused: watch::Sender<bool>,
}

impl Pop3 {
    /// A service over `control`.
    #[must_use]
    pub fn new(control: Control, clock: Clock, settings: &Pop3Settings) -> Self {
        let of = |login_without_tls, choice| {
            Arc::new(Settings {
                stls: settings.starttls,
                login_without_tls,
                sasl: offer(&control, choice),
                login_delay: settings.login_delay,
                ..Settings::new(settings.hostname.clone())
            })
        };
        let open = settings.login_without_tls;
        let (paused, _) = watch::channel(false);
        let settings_of = [false, open].map(|open| std::array::from_fn(|choice| of(open, choice)));
        Self(Arc::new(Inner {
            control,
            clock,
            most_messages: settings.most_messages,
            settings: settings_of,
            leases: Arc::new(Leases::new(settings.takeover, settings.login_delay)),
            paused,
        }))
    }

    /// Session and agent of a new connection from `client`, to be driven together. `secure` when the listener
    /// speaks TLS from the start.
    #[must_use]
    pub fn connect(&self, client: IpAddr, secure: bool) -> (PopSession, Pop3Agent) {
        let client = client.to_canonical();
        let local = usize::from(client.is_loopback());
        let session =
            PopSession::new(Arc::clone(&self.0.settings[local][choice(&self.0.control)]), secure, self.0.clock.now());
        (session, Pop3Agent::new(self.clone(), client.to_string(), self.0.paused.subscribe()))
    }

    /// Follows the switch that pauses POP3 and ends running sessions when it is set. Runs for ever; new
    /// connections are turned away without it too.
    pub async fn follow_switch(&self) {
        let mut bus = self.0.control.bus().subscribe();
        loop {
            let paused = self.paused().await;
            self.0.paused.send_if_modified(|known| std::mem::replace(known, paused) != paused);
            while !matches!(bus.next().await, BusEvent::SwitchChanged | BusEvent::Missed) {}
        }
    }

    /// Whether an operator has paused POP3. A store that does not answer pauses nothing: the login will say so.
    pub(super) async fn paused(&self) -> bool {
        self.0.control.store().read(|tx| switch::paused(tx, SWITCH)).await.is_ok_and(|pause| pause.is_some())
    }

    pub(super) fn control(&self) -> &Control {
        &self.0.control
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn leases(&self) -> &Arc<Leases> {
        &self.0.leases
    }

    pub(super) fn most_messages(&self) -> usize {
        self.0.most_messages
    }
}
