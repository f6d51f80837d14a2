//! AUTH (RFC 4954).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Asked, Event, Flow, Greeted, Mechanisms, Phase, Reply, ServerSession};
use crate::lines::Found;
use crate::sasl::{Credential, Exchange, Mechanism, Offer, Progress};
use crate::smtp::Response;

/// One AUTH command, from its start to its reply.
#[derive(Debug)]
pub(super) struct State {
    exchange: Exchange,
    /// Whether the agent was asked about a proof that was wrong.
    failed: bool,
    /// The agent's words for the success.
    words: Option<Response>,
    /// A refusal that is said after the client's next line.
    refusal: Option<Response>,
}

impl ServerSession {
    /// The mechanisms that are offered now: what shows a password only under TLS, unless configured otherwise.
    pub(super) fn mechanisms(&self) -> Mechanisms {
        let settings = &self.settings;
        let private = settings.auth && (self.secured || settings.auth_without_tls);
        let offer = if settings.auth { &settings.sasl } else { &Offer::default() };
        offer.now(private, self.channel.as_deref())
    }

    pub(super) fn auth(&mut self, mechanism: &str, initial: Option<&str>) {
        let (mechanism, initial) = match self.auth_checked(mechanism, initial) {
            Ok(checked) => checked,
            Err(response) => {
                self.refuse(b"AUTH", response);
                self.hide = true;
                return;
            }
        };
        let (exchange, progress) =
            Exchange::start(mechanism, initial.as_deref(), &self.settings.sasl, self.channel.as_ref());
        self.phase = Phase::Auth(Box::new(State { exchange, failed: false, words: None, refusal: None }));
        self.auth_progress(progress);
    }

    fn auth_checked(&self, name: &str, initial: Option<&str>) -> Result<(Mechanism, Option<Vec<u8>>), Response> {
        let order = |text: &'static str| Err(Response::new(503, (5, 5, 1), text));
        if !self.settings.auth {
            return Err(Response::new(502, (5, 5, 1), "AUTH is not offered"));
        }
        if self.greeted != Greeted::Ehlo {
            return order("Send EHLO first");
        }
        if self.authenticated {
            return order("You are authenticated already");
        }
        if self.transaction.is_some() {
            return order("A transaction is open");
        }
        let offered = self.mechanisms();
        if offered.is_empty() {
            return Err(Response::new(538, (5, 7, 11), "Encryption required: send STARTTLS first"));
        }
        let mechanism =
            offered.find(name).ok_or_else(|| Response::new(504, (5, 5, 4), "The mechanism is not offered"))?;
        let initial = match initial {
            None => None,
            Some("=") => Some(Vec::new()),
            Some(text) => Some(decode(text.as_bytes())?),
        };
        Ok((mechanism, initial))
    }

    /// Reads a response of the client.
    pub(super) fn auth_line(&mut self) -> Flow {
        let mut line = std::mem::take(&mut self.line);
        let found = self.lines.pop(self.settings.limits.auth_line, &mut line);
        let flow = match found {
            Found::Nothing => Flow::Wait,
            Found::Line => {
                self.auth_response(&line);
                Flow::Continue
            }
            odd => {
                // The line may hold a password: it is not reported.
                self.phase = Phase::Command;
                self.odd_line(odd, b"(AUTH)");
                Flow::Continue
            }
        };
        // Nor is it kept.
        line.fill(0);
        line.shrink_to(1024);
        self.line = line;
        flow
    }

    fn auth_response(&mut self, line: &[u8]) {
        let Phase::Auth(state) = &mut self.phase else { return };
        if let Some(refusal) = state.refusal.take() {
            return self.auth_failed(&refusal);
        }
        if line == b"*" {
            return self.auth_refused(Response::new(501, (5, 7, 0), "Authentication cancelled"));
        }
        match decode(line) {
            Ok(response) => {
                let progress = state.exchange.receive(&response);
                self.auth_progress(progress);
            }
            Err(response) => self.auth_refused(response),
        }
    }

    fn auth_progress(&mut self, progress: Progress) {
        match progress {
            Progress::Challenge(challenge) => self.say(&Response::bare(334, STANDARD.encode(challenge))),
            Progress::Ask(credential) => {
                if let Phase::Auth(state) = &mut self.phase {
                    state.failed = matches!(credential, Credential::ScramFailed { .. });
                }
                self.ask(Event::Auth(credential), Asked::Auth);
            }
            Progress::Done => self.auth_succeeded(),
            Progress::Malformed => {
                self.auth_refused(Response::new(501, (5, 5, 2), "The authentication is malformed"));
            }
        }
    }

    pub(super) fn auth_answered(&mut self, reply: Reply) {
        let Phase::Auth(state) = &mut self.phase else { return };
        match reply {
            Reply::Refuse(response) if response.is_permanent() => match state.exchange.refused() {
                Some(last) => {
                    state.refusal = Some(response);
                    self.auth_progress(Progress::Challenge(last));
                }
                None => self.auth_failed(&response),
            },
            Reply::Refuse(response) => self.auth_failed(&response),
            _ if state.failed => self.auth_failed(&invalid()),
            Reply::Secret { secret, nonce } => {
                let progress = state.exchange.secret(secret, &nonce);
                self.auth_progress(progress);
            }
            Reply::Challenge(text) => {
                let progress = state.exchange.challenge(text);
                self.auth_progress(progress);
            }
            reply => {
                if let Reply::Accept(words) = reply {
                    state.words = Some(words);
                }
                let progress = state.exchange.granted();
                self.auth_progress(progress);
            }
        }
    }

    fn auth_succeeded(&mut self) {
        let Phase::Auth(state) = std::mem::replace(&mut self.phase, Phase::Command) else { return };
        self.authenticated = true;
        self.channel = None;
        self.counters.auth_failures = 0;
        self.say(&state.words.unwrap_or_else(|| Response::new(235, (2, 7, 0), "Authentication successful")));
    }

    /// The client did not keep to the mechanism, or gave up.
    fn auth_refused(&mut self, response: Response) {
        self.report(b"AUTH", response.clone());
        self.auth_failed(&response);
        self.hide = true;
    }

    fn auth_failed(&mut self, response: &Response) {
        self.phase = Phase::Command;
        self.say(response);
        if !response.is_permanent() || self.ending.is_some() {
            return;
        }
        self.counters.auth_failures += 1;
        if self.counters.auth_failures >= self.settings.limits.auth_failures {
            self.give_up("Too many failed authentications");
        }
    }
}

fn invalid() -> Response {
    Response::new(535, (5, 7, 8), "Authentication credentials invalid")
}

fn decode(text: &[u8]) -> Result<Vec<u8>, Response> {
    STANDARD.decode(text).map_err(|_| Response::new(501, (5, 5, 2), "The response is not base64"))
}
