//! A small agent for the POP3 session.

use std::sync::Arc;

use bytes::Bytes;
use sekisho_message::Time;
use sekisho_proto::pop3::{Code, Event, Listed, Listing, PopSession, Reply, Settings, Trouble};
use sekisho_proto::sasl::{Credential, scram::Secret};
use sekisho_proto::session::Session;

use super::Agent;
use super::smtp::{NONCE, SALT};

/// The maildrop of `taro` (password `himitsu geheim`) and of `user` (`pencil`, SCRAM);
/// `busy` is in use.
pub struct Maildrop {
    messages: Vec<Bytes>,
    apop: bool,
}

pub fn make(settings: &super::Settings) -> (PopSession, Maildrop) {
    let has = |name: &str| settings.iter().any(|(n, _)| n == name);
    let mut server = Settings::new("mx.example.jp");
    server.login_without_tls = has("clear-login");
    server.sasl = super::offer(settings);
    server.stls = !has("no-stls");
    if has("login-delay") {
        server.login_delay = Some(std::time::Duration::from_secs(60));
    }
    let messages = vec![
        Bytes::from_static(b"Subject: one\r\n\r\nfirst\r\n.dot\r\n..two\r\n"),
        Bytes::from_static(b"Subject: two\r\n\r\n"),
        Bytes::from_static("Subject: 三\r\n\r\nno line end".as_bytes()),
    ];
    let mut session = PopSession::new(Arc::new(server), has("secured"), Time::from_seconds(1_764_000_000));
    if has("bound") {
        session.bind(&Arc::new(super::channel()));
    }
    (session, Maildrop { messages, apop: has("digests") })
}

impl Agent<PopSession> for Maildrop {
    fn answer(&mut self, event: Event) -> (String, Reply) {
        match event {
            // The example of RFC 1939 §7.
            Event::Connected if self.apop => {
                ("connected".into(), Reply::Challenge("<1896.697170952@dbc.mtview.ca.us>".into()))
            }
            Event::Connected => ("connected".into(), Reply::Ok),
            Event::Auth(credential) => self.auth(&credential),
            Event::Retrieve { index, lines } => {
                (format!("retrieve {index} {lines:?}"), Reply::Message(self.messages[index].clone()))
            }
            Event::Commit { deleted } => {
                let all = deleted.len() == 3;
                let trouble = Trouble::new(Code::SysTemp, "Messages not removed");
                (format!("commit {deleted:?}"), if all { Reply::Refuse(trouble) } else { Reply::Ok })
            }
            Event::Refused(refusal) => (format!("refused {:?} {}", refusal.line, refusal.text), Reply::Ok),
        }
    }
}

impl Maildrop {
    fn auth(&self, credential: &Credential) -> (String, Reply) {
        let invalid = Reply::Refuse(Trouble::new(Code::Auth, "Invalid name or password"));
        match credential {
            Credential::Plain { user, password, .. } => {
                let reply = match (user.as_str(), password.expose()) {
                    ("taro", "himitsu geheim") => Reply::Opened(self.listing()),
                    ("busy", _) => Reply::Refuse(Trouble::new(Code::InUse, "Another session has this maildrop")),
                    _ => invalid,
                };
                (format!("plain {user}"), reply)
            }
            Credential::ScramUser { user } => {
                let secret = Secret::derive("pencil", &SALT, 4096);
                (format!("scram-user {user}"), Reply::Secret { secret, nonce: NONCE.into() })
            }
            Credential::ScramDone { user, .. } => (format!("scram-done {user}"), Reply::Opened(self.listing())),
            Credential::ScramFailed { user, why } => {
                (format!("scram-failed {user} {why:?}"), Reply::Opened(self.listing()))
            }
            Credential::Token { user, token } => {
                let reply = match token.expose() {
                    "good" => Reply::Opened(self.listing()),
                    "later" => Reply::Refuse(Trouble::new(Code::SysTemp, "Temporary authentication failure")),
                    _ => invalid,
                };
                (format!("token {user:?}"), reply)
            }
            Credential::External { authzid } => (format!("external {authzid:?}"), Reply::Opened(self.listing())),
            Credential::Challenge => {
                ("challenge".into(), Reply::Challenge("<1896.697170952@postoffice.reston.mci.net>".into()))
            }
            Credential::Digest { user, challenge, digest, kind } => {
                let right = [0xB9, 0xC4].contains(&digest[0]);
                let reply = if right { Reply::Opened(self.listing()) } else { invalid };
                (format!("digest {user} {kind:?} {challenge}"), reply)
            }
        }
    }

    fn listing(&self) -> Listing {
        let listed = |(index, message): (usize, &Bytes)| Listed {
            uid: u32::try_from(index).unwrap() + 7,
            size: message.len() as u64,
        };
        Listing { prefix: "1764.".into(), messages: self.messages.iter().enumerate().map(listed).collect() }
    }
}
