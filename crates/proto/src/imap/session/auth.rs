//! LOGIN, AUTHENTICATE and STARTTLS (RFC 3501 §6.2, RFC 4959).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Awaiting, Done, End, Event, ImapSession, LOGIN_MAX, Mode, State, Status};
use crate::sasl::{Credential, Exchange, Mechanism, Mechanisms, Password, Progress};

impl ImapSession {
    pub(super) fn start_tls(&mut self) {
        if self.secure || !self.settings.starttls {
            return self.refuse(Status::Bad, None, "TLS is not available here");
        }
        self.refuse(Status::Ok, None, "Begin TLS negotiation now");
        self.end = End::StartTls;
    }

    fn mechanisms(&self) -> Mechanisms {
        self.settings.sasl.now(self.may_login(), self.channel.as_deref())
    }

    /// `AUTH=` and the mechanisms that are offered now.
    pub(super) fn mechanism_names(&self) -> Vec<String> {
        let offered = self.is_stranger().then(|| self.mechanisms().names().map(|name| format!("AUTH={name}")));
        offered.into_iter().flatten().collect()
    }

    pub(super) fn login(&mut self, user: &[u8], password: &[u8]) {
        if !self.may_login() {
            return self.refuse(Status::No, Some("PRIVACYREQUIRED"), "Use TLS first");
        }
        match (std::str::from_utf8(user), std::str::from_utf8(password)) {
            (Ok(user), Ok(password)) => {
                self.exchange = None;
                let password = Password::new(password);
                let credential = Credential::Plain { authzid: String::new(), user: user.to_owned(), password };
                self.ask(Event::Credential(credential), Awaiting::Credential);
            }
            _ => self.refuse(Status::Bad, None, "User and password must be UTF-8"),
        }
    }

    pub(super) fn authenticate(&mut self, mechanism: &str, initial: Option<&str>) {
        let Some(mechanism) = Mechanism::parse(mechanism) else {
            return self.refuse(Status::No, Some("CANNOT"), "Unknown mechanism");
        };
        let offered = self.mechanisms();
        if !offered.has(mechanism) && !self.may_login() {
            return self.refuse(Status::No, Some("PRIVACYREQUIRED"), "Use TLS first");
        }
        if !offered.has(mechanism) {
            return self.refuse(Status::No, Some("CANNOT"), "The mechanism is not offered");
        }
        let initial = match initial {
            Some("=") => Some(Vec::new()),
            Some(text) => match STANDARD.decode(text) {
                Ok(bytes) => Some(bytes),
                Err(_) => return self.refuse(Status::Bad, None, "The response is not base64"),
            },
            None => None,
        };
        let (exchange, progress) =
            Exchange::start(mechanism, initial.as_deref(), &self.settings.sasl, self.channel.as_ref());
        self.exchange = Some(exchange);
        self.sasl_progress(progress, None);
    }

    /// A response of the client is in `command`.
    pub(super) fn sasl_response(&mut self) {
        let line = self.take_command();
        if let Some(refusal) = self.refusal.take() {
            return self.login_failed(refusal);
        }
        if line == b"*" {
            self.exchange = None;
            return self.refuse(Status::Bad, None, "AUTHENTICATE was cancelled");
        }
        match (STANDARD.decode(&line), self.exchange.as_mut()) {
            (Ok(bytes), Some(exchange)) => {
                let progress = exchange.receive(&bytes);
                let granted = self.granted.take();
                self.sasl_progress(progress, granted);
            }
            _ => {
                self.exchange = None;
                self.refuse(Status::Bad, None, "The response is not base64");
            }
        }
    }

    /// Goes on with an exchange. `granted` is what the agent said when the last message is the client's.
    pub(super) fn sasl_progress(&mut self, progress: Progress, granted: Option<Done>) {
        match (progress, granted) {
            (Progress::Challenge(bytes), granted) => {
                self.granted = granted;
                self.out.extend_from_slice(b"+ ");
                self.out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
                self.out.extend_from_slice(b"\r\n");
                self.mode = Mode::Sasl;
            }
            (Progress::Ask(credential), _) => self.ask(Event::Credential(credential), Awaiting::Credential),
            (Progress::Done, Some(done)) => self.logged_in(done),
            _ => {
                self.exchange = None;
                self.refuse(Status::Bad, None, "The response does not fit the mechanism");
            }
        }
    }

    /// The agent's verdict on a credential.
    pub(super) fn credential_answer(&mut self, done: Done) {
        if done.status != Status::Ok {
            let temporary = done.code.as_deref() == Some("UNAVAILABLE");
            let last = self.exchange.as_mut().filter(|_| !temporary).and_then(Exchange::refused);
            return match last {
                Some(last) => {
                    self.refusal = Some(done);
                    self.sasl_progress(Progress::Challenge(last), None);
                }
                None => self.login_failed(done),
            };
        }
        match self.exchange.as_mut() {
            None => self.logged_in(done),
            Some(exchange) => {
                let progress = exchange.granted();
                self.sasl_progress(progress, Some(done));
            }
        }
    }

    fn login_failed(&mut self, done: Done) {
        self.exchange = None;
        self.failed_logins += 1;
        self.finish(done);
        if self.failed_logins >= LOGIN_MAX {
            self.bye("Too many failed logins");
        }
    }

    fn logged_in(&mut self, mut done: Done) {
        self.exchange = None;
        self.channel = None;
        self.granted = None;
        self.state = State::Authenticated;
        if done.code.is_none() {
            done.code = Some(format!("CAPABILITY {}", self.capabilities()).into());
        }
        self.finish(done);
    }
}
