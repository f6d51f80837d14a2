#![allow(clippy::unwrap_used, clippy::expect_used)]

mod content;
mod envelope;
mod guard;
mod limits;
mod login;
mod properties;
mod relay;
mod signals;
mod site;
mod submission;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_net::drive::Agent as _;
use sekisho_net::tls::TlsInfo;
use sekisho_proto::session::{Session as _, Step};

use super::*;

use site::Site;

/// A connection in memory: what a client says goes into the session, the agent answers, what comes out is returned.
struct Client {
    session: Option<ServerSession>,
    agent: SmtpAgent,
    clock: Clock,
    closed: bool,
    greeting: String,
}

impl Client {
    async fn connect(site: &Site, service: Service, from: &str) -> Self {
        let secured = service == Service::Submissions;
        let peer = std::net::SocketAddr::new(from.parse().unwrap(), 4711);
        let mut client = Self {
            session: Some(site.reception.session(service, secured)),
            agent: SmtpAgent::new(Arc::clone(&site.reception), service, peer),
            clock: site.clock.clone(),
            closed: false,
            greeting: String::new(),
        };
        if secured {
            client.agent.secured(&tls());
        }
        client.greeting = client.pump().await;
        client
    }

    /// A stranger on port 25 who has said EHLO.
    async fn stranger(site: &Site) -> Self {
        let mut client = Self::connect(site, Service::Smtp, "203.0.113.9").await;
        client.say("EHLO client.test").await;
        client
    }

    /// Somebody on port 465 who has authenticated.
    async fn user(site: &Site, login: &str) -> Self {
        let mut client = Self::connect(site, Service::Submissions, "203.0.113.9").await;
        client.say("EHLO client.test").await;
        assert_eq!(client.auth(login, site::PASSWORD).await, "235 2.7.0 Authentication successful\r\n");
        client
    }

    async fn auth(&mut self, login: &str, password: &str) -> String {
        let response = STANDARD.encode(format!("\0{login}\0{password}"));
        self.say(&format!("AUTH PLAIN {response}")).await
    }

    async fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> String {
        self.session.as_mut().unwrap().receive(self.clock.now(), bytes);
        self.pump().await
    }

    /// A whole message; the last reply.
    async fn message(&mut self, from: &str, to: &[&str], message: &str) -> String {
        let reply = self.say(&format!("MAIL FROM:<{from}>")).await;
        if !reply.starts_with("250") {
            return reply;
        }
        for to in to {
            let reply = self.say(&format!("RCPT TO:<{to}>")).await;
            if !reply.starts_with("250") {
                return reply;
            }
        }
        self.data(message).await
    }

    async fn data(&mut self, message: &str) -> String {
        let reply = self.say("DATA").await;
        if !reply.starts_with("354") {
            return reply;
        }
        self.send(format!("{message}\r\n.\r\n").as_bytes()).await
    }

    async fn pump(&mut self) -> String {
        let mut out = Vec::new();
        loop {
            let now = self.clock.now();
            match self.session.as_mut().unwrap().next(now) {
                Step::Send(bytes) => out.extend_from_slice(&bytes),
                Step::Event(event) => {
                    let reply = self.agent.answer(event).await;
                    self.session.as_mut().unwrap().answer(now, reply);
                }
                Step::StartTls => {
                    self.session = self.session.take().map(|session| session.into_tls(now));
                    self.agent.secured(&tls());
                }
                Step::NeedInput => break,
                Step::Close => {
                    self.closed = true;
                    break;
                }
            }
        }
        String::from_utf8(out).unwrap()
    }
}

fn tls() -> TlsInfo {
    TlsInfo {
        version: "TLSv1.3",
        cipher: "TLS_AES_256_GCM_SHA384",
        server_name: None,
        verified: false,
        channel: None,
        client: None,
    }
}

/// The id in `250 2.0.0 queued as B…`.
fn queued(reply: &str) -> sekisho_store::MessageId {
    let id = reply.strip_prefix("250 2.0.0 queued as ").unwrap_or_else(|| panic!("not queued: {reply}"));
    id.trim_end().parse().unwrap()
}

const PLAIN: &str = "From: Stranger <a@outside.test>\r\nTo: taro@example.jp\r\nSubject: hello\r\n\r\nhello";
