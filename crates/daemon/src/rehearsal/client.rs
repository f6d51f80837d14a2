//! Clients: sessions of the real server in memory, as a socket would drive them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_guard::drill::world::{Act, Mail};
use sekisho_guard::place::Place;
use sekisho_message::Time;
use sekisho_mta::reception::{Service, SmtpAgent};
use sekisho_net::drive::Agent as _;
use sekisho_net::tls::TlsInfo;
use sekisho_proto::session::{Session as _, Step};
use sekisho_proto::smtp::server::ServerSession;
use sekisho_store::MessageId;

use super::letter::{address, letter};
use super::site::{PASSWORD, Site};

/// Connections that are kept open at once.
const MOST: usize = 64;
/// A client hangs up after so many microseconds without a message.
const IDLE: i64 = 60_000_000;

/// Connections by who keeps them.
#[derive(Default)]
pub(super) struct Clients {
    open: HashMap<(usize, Place), Client>,
    count: u64,
}

struct Client {
    session: Option<ServerSession>,
    agent: SmtpAgent,
    closed: bool,
    used: Time,
}

impl Clients {
    /// Sends a message over a connection of its sender, a new one if need be. None: it was not accepted.
    pub(super) async fn send(&mut self, site: &Site, act: &Act, mail: &Mail) -> Option<MessageId> {
        let (key, now) = ((act.origin, mail.place), site.now());
        self.count += 1;
        let kept = self.open.remove(&key).filter(|client| now.0.saturating_sub(client.used.0) < IDLE);
        let mut client = match kept {
            Some(client) => client,
            None => Client::connect(site, act.origin, mail).await?,
        };
        let id = client.message(site, act.origin, mail, self.count).await;
        client.used = now;
        if !client.closed && self.open.len() < MOST {
            self.open.insert(key, client);
        } else if self.open.len() >= MOST {
            self.open.retain(|_, client| now.0.saturating_sub(client.used.0) < IDLE);
        }
        id
    }
}

impl Client {
    async fn connect(site: &Site, origin: usize, mail: &Mail) -> Option<Self> {
        let service = if mail.authenticated { Service::Submissions } else { Service::Smtp };
        let agent = SmtpAgent::new(Arc::clone(&site.reception), service, SocketAddr::new(ip(mail.place), 4711));
        let session = Some(site.reception.session(service, mail.authenticated));
        let mut client = Self { session, agent, closed: false, used: site.now() };
        if mail.authenticated {
            client.agent.secured(&tls());
        }
        client.pump(site).await;
        client.say(site, "EHLO client.example").await.starts_with("250").then_some(())?;
        if mail.authenticated {
            let login = STANDARD.encode(format!("\0{}\0{PASSWORD}", site.account(origin)));
            client.say(site, &format!("AUTH PLAIN {login}")).await.starts_with("235").then_some(())?;
        }
        Some(client)
    }

    /// A whole message; its id when it was taken.
    async fn message(&mut self, site: &Site, origin: usize, mail: &Mail, number: u64) -> Option<MessageId> {
        let from = if mail.authenticated { site.account(origin) } else { format!("form{origin}@outside.example") };
        self.say(site, &format!("MAIL FROM:<{from}>")).await.starts_with("250").then_some(())?;
        let mut any = false;
        for &to in &mail.recipients {
            any |= self.say(site, &format!("RCPT TO:<{}>", address(to))).await.starts_with("250");
        }
        if !any || !self.say(site, "DATA").await.starts_with("354") {
            self.say(site, "RSET").await;
            return None;
        }
        let reply = self.say(site, &format!("{}\r\n.", letter(mail, &from, number))).await;
        reply.strip_prefix("250 2.0.0 queued as ")?.trim_end().parse().ok()
    }

    async fn say(&mut self, site: &Site, line: &str) -> String {
        if let Some(session) = &mut self.session {
            session.receive(site.now(), format!("{line}\r\n").as_bytes());
        }
        self.pump(site).await
    }

    async fn pump(&mut self, site: &Site) -> String {
        let mut out = Vec::new();
        while let Some(session) = &mut self.session {
            let now = site.now();
            match session.next(now) {
                Step::Send(bytes) => out.extend_from_slice(&bytes),
                Step::Event(event) => {
                    let reply = self.agent.answer(event).await;
                    session.answer(now, reply);
                }
                Step::NeedInput => break,
                Step::StartTls | Step::Close => {
                    self.closed = true;
                    self.session = None;
                }
            }
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// A client of a network.
pub(super) fn ip(place: Place) -> IpAddr {
    match place {
        Place::V4([a, b, c]) => IpAddr::V4(Ipv4Addr::new(a, b, c, 7)),
        _ => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)),
    }
}

fn tls() -> TlsInfo {
    TlsInfo { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", server_name: None, verified: false }
}
