//! A small agent for the SMTP server's session, and its settings.

use std::sync::Arc;

use sekisho_message::Time;
use sekisho_message::address::ForwardPath;
use sekisho_proto::sasl::{Credential, scram::Secret};
use sekisho_proto::session::Session;
use sekisho_proto::smtp::Response;
use sekisho_proto::smtp::server::{Event, Reply, ServerSession, Settings};

use super::Agent;

/// Nonce of the server in the example of RFC 7677 §3.
pub const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
/// Salt of the same example.
pub const SALT: [u8; 16] =
    [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];

/// Knows taro and hanako of example.jp, the account `taro@example.jp` with the password
/// `himitsu`, and `user` with `pencil` for SCRAM.
#[derive(Default)]
pub struct SmallAgent {
    authenticated: bool,
    messages: u32,
    text: Vec<u8>,
}

pub fn make(settings: &super::Settings) -> (ServerSession, SmallAgent) {
    let has = |name: &str| settings.iter().any(|(n, _)| n == name);
    let value = |name: &str| settings.iter().find(|(n, _)| n == name).map(|(_, v)| v.parse::<u64>().unwrap());
    let mut server =
        if has("submission") { Settings::submission("mx.example.jp") } else { Settings::exchange("mx.example.jp") };
    server.auth_without_tls = has("clear-auth");
    server.sasl = super::offer(settings);
    server.starttls = !has("no-starttls");
    server.limits.message = value("message").unwrap_or(server.limits.message);
    server.limits.header = value("header").unwrap_or(server.limits.header);
    server.limits.text_line = value("text-line").unwrap_or(server.limits.text_line);
    let small = |name: &str, default: u32| value(name).map_or(default, |v| u32::try_from(v).unwrap());
    server.limits.recipients = small("recipients", server.limits.recipients);
    server.limits.errors = small("errors", server.limits.errors);
    server.limits.idle_commands = small("idle-commands", server.limits.idle_commands);
    server.limits.transactions = small("transactions", server.limits.transactions);
    server.limits.commands = small("commands", server.limits.commands);
    server.limits.session_recipients = small("session-recipients", server.limits.session_recipients);
    let now = Time::from_seconds(1_764_000_000);
    let mut session = ServerSession::new(Arc::new(server), has("secured"), now);
    if has("bound") {
        session.bind(&Arc::new(super::channel()));
    }
    (session, SmallAgent::default())
}

impl Agent<ServerSession> for SmallAgent {
    fn answer(&mut self, event: Event) -> (String, Reply) {
        match event {
            Event::Connected => ("connected".into(), Reply::Ok),
            Event::Hello { name, extended } => (format!("hello {name} {extended}"), Reply::Ok),
            Event::Auth(credential) => self.auth(&credential),
            Event::Mail { reverse_path, params } => {
                self.text.clear();
                let text = format!("mail {reverse_path} {params:?}");
                let blocked = reverse_path.address().is_some_and(|a| a.local() == "blocked");
                let refusal = Response::new(550, (5, 7, 1), "Sender refused");
                (text, if blocked { Reply::Refuse(refusal) } else { Reply::Ok })
            }
            Event::Rcpt { forward_path, params } => {
                (format!("rcpt {forward_path} {params:?}"), self.rcpt(&forward_path))
            }
            Event::Data => ("data".into(), Reply::Ok),
            Event::Body(bytes) => {
                self.text.extend(bytes);
                let full = self.text.windows(6).any(|w| w == b"X-Full");
                let refusal = Response::new(452, (4, 3, 1), "No space now");
                ("body".into(), if full { Reply::Refuse(refusal) } else { Reply::Ok })
            }
            Event::EndOfData { size, eight_bit } => self.message(size, eight_bit),
            Event::Reset => ("reset".into(), Reply::Ok),
            Event::Quit => ("quit".into(), Reply::Ok),
            Event::Refused(refusal) => (format!("refused {:?} {}", refusal.line, refusal.response), Reply::Ok),
        }
    }
}

impl SmallAgent {
    fn auth(&mut self, credential: &Credential) -> (String, Reply) {
        let invalid = Reply::Refuse(Response::new(535, (5, 7, 8), "Authentication credentials invalid"));
        match credential {
            Credential::Plain { authzid, user, password } => {
                self.authenticated = user == "taro@example.jp" && password.expose() == "himitsu";
                let reply = if self.authenticated { Reply::Ok } else { invalid };
                (format!("plain {authzid:?} {user} {}", self.authenticated), reply)
            }
            Credential::ScramUser { user } => {
                let secret = match user.as_str() {
                    "user" => Secret::derive("pencil", &SALT, 4096),
                    _ => Secret::decoy(b"site", user, 4096),
                };
                (format!("scram-user {user}"), Reply::Secret { secret, nonce: NONCE.into() })
            }
            Credential::ScramDone { user, .. } => {
                self.authenticated = true;
                (format!("scram-done {user}"), Reply::Ok)
            }
            // The session refuses all the same.
            Credential::ScramFailed { user, why } => (format!("scram-failed {user} {why:?}"), Reply::Ok),
            Credential::Token { user, token } => {
                let reply = match token.expose() {
                    "good" => Reply::Ok,
                    "later" => Reply::Refuse(Response::new(454, (4, 7, 0), "Temporary authentication failure")),
                    _ => invalid,
                };
                (format!("token {user:?}"), reply)
            }
            Credential::External { authzid } => {
                (format!("external {authzid:?}"), if authzid == "boss" { invalid } else { Reply::Ok })
            }
            // The example of RFC 2195 §2.
            Credential::Challenge => {
                ("challenge".into(), Reply::Challenge("<1896.697170952@postoffice.reston.mci.net>".into()))
            }
            Credential::Digest { user, digest, kind, .. } => {
                (format!("digest {user} {kind:?}"), if digest[0] == 0xB9 { Reply::Ok } else { invalid })
            }
        }
    }

    fn rcpt(&self, forward_path: &ForwardPath) -> Reply {
        let ForwardPath::Address(address) = forward_path else { return Reply::Ok };
        let refuse = |code, enhanced, text: &'static str| Reply::Refuse(Response::new(code, enhanced, text));
        if address.domain().ascii() != "example.jp" {
            return if self.authenticated { Reply::Ok } else { refuse(550, (5, 7, 1), "Relaying denied") };
        }
        match address.local() {
            "taro" | "hanako" | "postmaster" | "花子" => Reply::Ok,
            "later" => refuse(451, (4, 2, 1), "Try again later"),
            "closing" => refuse(421, (4, 3, 2), "Shutting down"),
            _ => refuse(550, (5, 1, 1), "No such user here"),
        }
    }

    fn message(&mut self, size: u64, eight_bit: bool) -> (String, Reply) {
        assert_eq!(size, self.text.len() as u64, "the size is that of the text");
        self.messages += 1;
        let text = String::from_utf8_lossy(&self.text).escape_debug().to_string();
        let eight = if eight_bit { " 8bit" } else { "" };
        let queued = Response::new(250, (2, 0, 0), format!("queued as B000000000{}", self.messages));
        (format!("message{eight} {text}"), Reply::Accept(queued))
    }
}
