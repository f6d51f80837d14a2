//! What an operator can set about relaying.

use std::path::PathBuf;
use std::time::Duration;

use sekisho_net::resolver::Own;

use super::route::Routes;

/// Settings of relaying.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name in EHLO; also what an MX record that means us says.
    pub hostname: String,
    /// Static routes; domains without one go by MX.
    pub routes: Routes,
    /// Port for hosts found by MX. Default 25.
    pub port: u16,
    /// What this server is known as: names, and addresses of its interfaces.
    pub own: Own,
    /// Ports that this server takes mail on: one of its own addresses with one of these is itself. Loopback counts as
    /// an own address.
    pub listening: Vec<u16>,
    /// Addresses tried for one message before it is put off. Default 8.
    pub addresses: usize,
    /// `gateway.dat`, if the server has a folder for it; its rows go before [`Settings::routes`].
    pub gateway: Option<PathBuf>,
    /// Time to establish a connection. Default 30 s.
    pub connect: Duration,
    /// How long a connection stays open for more. Default 5 s.
    pub idle: Duration,
    /// Messages that one connection carries at most. Default 500.
    pub per_connection: u32,
    /// Recipients of one transaction (RFC 5321 §4.5.3.1.8 grants 100). Default 100.
    pub recipients: usize,
}

impl Settings {
    /// The defaults for a server with this host name.
    #[must_use]
    pub fn new(hostname: &str) -> Self {
        Self {
            hostname: hostname.to_owned(),
            routes: Routes::default(),
            gateway: None,
            port: 25,
            own: Own::new([hostname.to_owned()], sekisho_net::resolver::interfaces().unwrap_or_default()),
            listening: Vec::new(),
            addresses: 8,
            connect: Duration::from_secs(30),
            idle: Duration::from_secs(5),
            per_connection: 500,
            recipients: 100,
        }
    }
}
