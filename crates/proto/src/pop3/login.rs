//! The AUTHORIZATION state: USER and PASS, APOP, AUTH, STLS (RFC 1939 §4 and §7, RFC 5034, RFC 2595 §4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_message::Time;

use super::{
    Asked, Code, Command, Ending, Event, Flow, Listing, Maildrop, Mechanisms, Phase, PopSession, Reply, Trouble,
};
use crate::lines::Found;
use crate::sasl::{Credential, Exchange, Password, Progress, digest};

const PRIVATE: &str = "Send STLS first: logins need encryption";

/// One login, from its start to its answer.
#[derive(Debug)]
pub(super) struct State {
    /// `None` for USER and PASS.
    exchange: Option<Exchange>,
    /// Whether the agent was asked about a proof that was wrong.
    failed: bool,
    /// The maildrop that the agent opened, until the exchange is complete.
    listing: Option<Listing>,
    /// A refusal that is said after the client's next line.
    refusal: Option<Trouble>,
}

impl State {
    fn new(exchange: Option<Exchange>) -> Box<Self> {
        Box::new(Self { exchange, failed: false, listing: None, refusal: None })
    }
}

impl PopSession {
    /// Whether logins are taken now: only under TLS, unless configured otherwise.
    pub(super) fn may_log_in(&self) -> bool {
        self.secured || self.settings.login_without_tls
    }

    /// The mechanisms of AUTH that are offered now.
    pub(super) fn mechanisms(&self) -> Mechanisms {
        self.settings.sasl.now(self.may_log_in(), self.channel.as_deref())
    }

    pub(super) fn authorization(&mut self, line: &[u8], command: Command<'_>) {
        match command {
            Command::StartTls => self.start_tls(line),
            Command::Utf8 => {
                self.utf8 = true;
                self.say("+OK UTF8 enabled");
            }
            Command::User(_) | Command::Pass(_) if !self.may_log_in() => self.refuse(line, PRIVATE),
            Command::Auth { .. } if self.mechanisms().is_empty() => self.refuse(line, PRIVATE),
            Command::Apop { user, digest } => self.apop(line, user, digest),
            Command::User(name) => {
                self.phase = Phase::Authorization(Some(name.to_owned()));
                self.say("+OK Send your password");
            }
            Command::Pass(password) => self.pass(line, password),
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial),
            _ => self.refuse(line, "Log in first"),
        }
    }

    fn start_tls(&mut self, line: &[u8]) {
        if self.secured {
            return self.refuse(line, "TLS is active already");
        }
        if !self.settings.stls {
            return self.refuse(line, "STLS is not offered");
        }
        if self.utf8 {
            // RFC 6856 §2.1.
            return self.refuse(line, "STLS must come before UTF8");
        }
        if !self.lines.is_empty() {
            // What came in the clear must not be taken for something said under TLS.
            return self.give_up("Nothing may follow STLS before its answer");
        }
        self.say("+OK Begin TLS");
        self.ending = Some(Ending::StartTls);
    }

    fn pass(&mut self, line: &[u8], password: &str) {
        let Phase::Authorization(name) = &mut self.phase else { return };
        let Some(user) = name.take() else { return self.refuse(line, "Send USER first") };
        self.phase = Phase::Login(State::new(None));
        let credential = Credential::Plain { authzid: String::new(), user, password: Password::new(password) };
        self.ask(Event::Auth(credential), Asked::Login);
    }

    fn apop(&mut self, line: &[u8], user: &str, digest: &str) {
        let Some(timestamp) = &self.timestamp else { return self.refuse(line, "APOP is not offered") };
        if !self.may_log_in() && !self.settings.sasl.digests_without_tls {
            return self.refuse(line, PRIVATE);
        }
        let Some(credential) = digest::apop(timestamp, user, digest) else {
            return self.refuse(line, "The command is APOP name digest");
        };
        self.phase = Phase::Login(State::new(None));
        self.ask(Event::Auth(credential), Asked::Login);
    }

    fn auth(&mut self, name: &str, initial: Option<&str>) {
        let Some(mechanism) = self.mechanisms().find(name) else {
            return self.refuse(b"AUTH", "The mechanism is not offered");
        };
        let initial = match initial {
            None => None,
            Some("=") => Some(Vec::new()),
            Some(text) => match STANDARD.decode(text) {
                Ok(bytes) => Some(bytes),
                Err(_) => return self.refuse(b"AUTH", "The response is not base64"),
            },
        };
        let (exchange, progress) =
            Exchange::start(mechanism, initial.as_deref(), &self.settings.sasl, self.channel.as_ref());
        self.phase = Phase::Login(State::new(Some(exchange)));
        self.progress(progress);
    }

    /// Reads a response of the client.
    pub(super) fn login_line(&mut self, now: Time) -> Flow {
        let mut line = std::mem::take(&mut self.line);
        let flow = match self.lines.pop(self.settings.limits.auth_line, &mut line) {
            Found::Nothing => Flow::Wait,
            Found::Line => {
                self.response(&line);
                self.touch(now);
                Flow::Continue
            }
            odd => {
                self.phase = Phase::Authorization(None);
                self.odd_line(odd);
                Flow::Continue
            }
        };
        // The line may hold a password: it is not kept.
        line.fill(0);
        line.shrink_to(1024);
        self.line = line;
        flow
    }

    fn response(&mut self, line: &[u8]) {
        let Phase::Login(state) = &mut self.phase else { return };
        if let Some(refusal) = state.refusal.take() {
            return self.login_failed(&refusal);
        }
        let Some(exchange) = &mut state.exchange else { return };
        if line == b"*" {
            return self.malformed("Authentication cancelled");
        }
        match STANDARD.decode(line) {
            Ok(response) => {
                let progress = exchange.receive(&response);
                self.progress(progress);
            }
            Err(_) => self.malformed("The response is not base64"),
        }
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Challenge(challenge) => self.say(&format!("+ {}", STANDARD.encode(challenge))),
            Progress::Ask(credential) => {
                if let Phase::Login(state) = &mut self.phase {
                    state.failed = matches!(credential, Credential::ScramFailed { .. });
                }
                self.ask(Event::Auth(credential), Asked::Login);
            }
            Progress::Done => self.logged_in(),
            Progress::Malformed => self.malformed("The authentication is malformed"),
        }
    }

    pub(super) fn login_answered(&mut self, reply: Reply) {
        let Phase::Login(state) = &mut self.phase else { return };
        let progress = match (reply, &mut state.exchange) {
            (Reply::Refuse(trouble), Some(exchange)) if trouble.code == Some(Code::Auth) => match exchange.refused() {
                Some(last) => {
                    state.refusal = Some(trouble);
                    Progress::Challenge(last)
                }
                None => return self.login_failed(&trouble),
            },
            (Reply::Refuse(trouble), _) => return self.login_failed(&trouble),
            (Reply::Challenge(text), Some(exchange)) => exchange.challenge(text),
            (Reply::Secret { secret, nonce }, Some(exchange)) => exchange.secret(secret, &nonce),
            (Reply::Opened(listing), exchange) if !state.failed => {
                state.listing = Some(listing);
                exchange.as_mut().map_or(Progress::Done, Exchange::granted)
            }
            _ => return self.login_failed(&Trouble::new(Code::Auth, "Invalid name or password")),
        };
        self.progress(progress);
    }

    fn logged_in(&mut self) {
        let listing = match std::mem::replace(&mut self.phase, Phase::Authorization(None)) {
            Phase::Login(state) => state.listing.unwrap_or_default(),
            _ => return,
        };
        self.counters = super::Counters::default();
        self.channel = None;
        let maildrop = Maildrop::new(listing);
        let (count, octets) = maildrop.totals();
        self.phase = Phase::Transaction(maildrop, None);
        self.say(&format!("+OK {count} messages ({octets} octets)"));
    }

    /// The client did not keep to the mechanism, or gave up.
    fn malformed(&mut self, text: &str) {
        self.report(b"AUTH", text);
        self.login_failed(&Trouble { code: None, text: text.to_owned() });
    }

    fn login_failed(&mut self, trouble: &Trouble) {
        self.phase = Phase::Authorization(None);
        self.say_trouble(trouble);
        if !matches!(trouble.code, None | Some(Code::Auth)) {
            return;
        }
        self.counters.auth_failures += 1;
        if self.counters.auth_failures >= self.settings.limits.auth_failures {
            self.give_up("Too many failed logins");
        }
    }
}
