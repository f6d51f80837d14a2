//! What the world outside says about us. Control asks; whoever has a network answers.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

use sekisho_message::proof::{Letter, Proof, Spf};

/// An answer that is on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// There is nothing: the name does not exist, or has no such record.
    Nothing,
    /// It cannot be known: a timeout, a refusal, a failure.
    Unknown(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no such record"),
            Self::Unknown(why) => f.write_str(why),
        }
    }
}

/// Where a domain's mail goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mx {
    /// To these hosts, the most wanted first.
    Hosts(Vec<String>),
    /// It takes no mail (RFC 7505).
    Null,
    /// There is no MX record; the domain's own address stands in.
    Implicit,
}

/// One of our own listeners for SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// `address:port`.
    pub address: String,
    /// Whether TLS comes first (RFC 8314 §3.3).
    pub tls: bool,
}

/// Questions to the name service, and to our own doors as a stranger would come to them.
pub trait Outside: Send + Sync {
    /// TXT records, each as one text.
    fn txt<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Vec<String>, Silence>>;
    /// A records alone.
    fn a<'a>(&'a self, name: &'a str) -> Answer<'a, Result<Vec<Ipv4Addr>, Silence>>;
    /// Addresses of a host.
    fn addresses<'a>(&'a self, host: &'a str) -> Answer<'a, Result<Vec<IpAddr>, Silence>>;
    /// Names of an address.
    fn ptr(&self, ip: IpAddr) -> Answer<'_, Result<Vec<String>, Silence>>;
    /// Where a domain's mail goes.
    fn mx<'a>(&'a self, domain: &'a str) -> Answer<'a, Result<Mx, Silence>>;
    /// What the SPF record of `domain` says of `ip`, when a host that calls itself `helo` sends for it.
    fn spf<'a>(&'a self, ip: IpAddr, helo: &'a str, domain: &'a str) -> Answer<'a, Spf>;
    /// What can be proven of a message by SPF, DKIM and DMARC.
    fn prove(&self, letter: Letter) -> Answer<'_, Proof>;
    /// Sends these SMTP commands to an own listener, one after the other, as an outsider; the code of each reply,
    /// 0 where none came. `DATA` is never accepted with content: the session ends after the last command.
    fn smtp<'a>(&'a self, door: &'a Door, commands: &'a [String]) -> Answer<'a, Result<Vec<u16>, String>>;
}
