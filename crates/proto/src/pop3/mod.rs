//! The server's side of POP3 (RFC 1939) without I/O: CAPA (RFC 2449), STLS (RFC 2595), AUTH
//! (RFC 5034), response codes (RFC 3206) and UTF8 (RFC 6856). APOP wants the password in the clear on the server, so it is
//! there only where digests are offered.

mod command;
mod event;
mod login;
mod maildrop;
mod output;
mod settings;
mod transaction;

use std::collections::VecDeque;
use std::sync::Arc;

use sekisho_message::Time;

pub use event::{Code, Event, Listed, Listing, Refusal, Reply, Trouble};
pub use settings::{Limits, Settings};

use crate::lines::{Found, Lines};
use crate::sasl::{Channel, Mechanisms};
use crate::session::{Session, Step};
use command::Command;
use maildrop::Maildrop;
use output::Output;

/// Answers are gathered up to this many octets before they are sent in any case.
const GATHER: usize = 32 << 10;
/// Longest piece of a refused line that is reported, in characters.
const REPORTED: usize = 100;

/// One connection of a client, from its greeting to its end.
#[derive(Debug)]
pub struct PopSession {
    settings: Arc<Settings>,
    secured: bool,
    /// The TLS connection, until somebody has logged in.
    channel: Option<Arc<Channel>>,
    /// The timestamp of the greeting, where APOP is offered.
    timestamp: Option<Box<str>>,
    utf8: bool,
    phase: Phase,
    counters: Counters,
    lines: Lines,
    line: Vec<u8>,
    out: Vec<u8>,
    queue: VecDeque<(Event, Asked)>,
    asked: Option<Asked>,
    ending: Option<Ending>,
    deadline: Time,
}

#[derive(Debug)]
enum Phase {
    /// Not greeted yet.
    Connect,
    /// AUTHORIZATION, with the name of USER.
    Authorization(Option<String>),
    /// Within AUTH, or waiting for the agent after PASS.
    Login(Box<login::State>),
    /// TRANSACTION, with an answer that is being written.
    Transaction(Maildrop, Option<Output>),
}

#[derive(Debug, Default)]
struct Counters {
    commands: u32,
    errors: u32,
    auth_failures: u32,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Notice,
    Connected,
    Login,
    Retrieve { lines: Option<u32> },
    Commit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    StartTls,
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Wait,
}

impl PopSession {
    /// A session on a fresh connection. `secured` says that TLS is active already (implicit TLS).
    #[must_use]
    pub fn new(settings: Arc<Settings>, secured: bool, now: Time) -> Self {
        let deadline = now + settings.limits.login;
        Self {
            settings,
            secured,
            channel: None,
            timestamp: None,
            utf8: false,
            phase: Phase::Connect,
            counters: Counters::default(),
            lines: Lines::default(),
            line: Vec::new(),
            out: Vec::new(),
            queue: VecDeque::new(),
            asked: None,
            ending: None,
            deadline,
        }
    }

    /// Whether TLS is active.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.secured
    }

    fn advance(&mut self, now: Time) -> Flow {
        match &mut self.phase {
            Phase::Connect => {
                self.ask(Event::Connected, Asked::Connected);
                Flow::Continue
            }
            Phase::Login(_) => self.login_line(now),
            Phase::Transaction(maildrop, output @ Some(_)) => {
                if output.as_mut().is_some_and(|o| o.write(maildrop, &mut self.out)) {
                    *output = None;
                }
                self.touch(now);
                Flow::Continue
            }
            _ => self.command_line(now),
        }
    }

    fn command_line(&mut self, now: Time) -> Flow {
        let mut line = std::mem::take(&mut self.line);
        // An initial response may be as long as any other: tokens are.
        let limits = &self.settings.limits;
        let auth = self.lines.peek().get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        let flow = match self.lines.pop(if auth { limits.auth_line } else { limits.command_line }, &mut line) {
            Found::Nothing => Flow::Wait,
            Found::Line => {
                self.command(&line);
                self.touch(now);
                Flow::Continue
            }
            odd => {
                self.odd_line(odd);
                Flow::Continue
            }
        };
        if line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"PASS")) {
            // A password is not kept.
            line.fill(0);
        }
        self.line = line;
        flow
    }

    fn command(&mut self, line: &[u8]) {
        match command::parse(line) {
            Ok(command) => self.dispatch(line, command),
            Err(text) => self.refuse(line, text),
        }
    }

    fn dispatch(&mut self, line: &[u8], command: Command<'_>) {
        match (command, &mut self.phase) {
            (Command::Quit, Phase::Transaction(maildrop, _)) => {
                let deleted = maildrop.marked();
                self.ask(Event::Commit { deleted }, Asked::Commit);
            }
            (Command::Quit, _) => {
                self.say("+OK Bye");
                self.close();
            }
            (Command::Capabilities, _) => self.capabilities(),
            (command, Phase::Transaction(..)) => self.transaction(line, command),
            (command, _) => {
                self.counters.commands += 1;
                if self.counters.commands > self.settings.limits.commands_before_login {
                    return self.give_up("Too many commands before the login");
                }
                self.authorization(line, command);
            }
        }
    }

    /// What the session can do now (RFC 2449 §5).
    fn capabilities(&mut self) {
        let settings = Arc::clone(&self.settings);
        let logged_in = matches!(self.phase, Phase::Transaction(..));
        self.say("+OK Capabilities follow");
        if self.may_log_in() {
            self.say("USER");
        }
        let mechanisms = self.mechanisms();
        if !mechanisms.is_empty() {
            self.say(&format!("SASL {}", mechanisms.line()));
        }
        if settings.stls && !self.secured && !logged_in {
            self.say("STLS");
        }
        for line in ["TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "UTF8 USER", "EXPIRE NEVER"] {
            self.say(line);
        }
        if let Some(delay) = settings.login_delay {
            self.say(&format!("LOGIN-DELAY {}", delay.as_secs()));
        }
        self.say("IMPLEMENTATION Sekisho");
        self.say(".");
    }

    fn greet(&mut self, reply: Reply) {
        if let Reply::Refuse(trouble) = reply {
            self.say_trouble(&trouble);
            return self.close();
        }
        self.timestamp = match reply {
            Reply::Challenge(text) if self.settings.sasl.digests => Some(text.into_boxed_str()),
            _ => None,
        };
        let mut greeting = format!("+OK {} Sekisho POP3 ready", self.settings.hostname);
        if let Some(timestamp) = &self.timestamp {
            greeting.push(' ');
            greeting.push_str(timestamp);
        }
        self.say(&greeting);
        self.phase = Phase::Authorization(None);
    }

    /// A line that is not one.
    fn odd_line(&mut self, found: Found) {
        match found {
            Found::TooLong => self.refuse(b"(long line)", "The line is too long"),
            Found::Endless => self.give_up("The line is too long"),
            _ => self.give_up("A line must end with CRLF, not with a bare LF"),
        }
    }

    fn ask(&mut self, event: Event, asked: Asked) {
        self.queue.push_back((event, asked));
    }

    /// Writes a line; the text cannot break out of it.
    fn say(&mut self, text: &str) {
        self.out.extend(text.bytes().map(|b| if b.is_ascii_control() { b'?' } else { b }));
        self.out.extend_from_slice(b"\r\n");
    }

    fn say_trouble(&mut self, trouble: &Trouble) {
        let code = trouble.code.map(|c| format!("[{}] ", c.name())).unwrap_or_default();
        self.say(&format!("-ERR {code}{}", trouble.text));
    }

    /// Refuses by the session's own judgement: says it, reports it, counts it.
    fn refuse(&mut self, line: &[u8], text: &str) {
        self.say(&format!("-ERR {text}"));
        self.report(line, text);
        self.counters.errors += 1;
        if self.counters.errors > self.settings.limits.errors {
            self.give_up("Too many errors");
        }
    }

    fn give_up(&mut self, why: &str) {
        if self.ending.is_none() {
            self.say(&format!("-ERR {why}; closing"));
            self.report(b"", why);
            self.close();
        }
    }

    fn report(&mut self, line: &[u8], text: &str) {
        let word = |verb: &[u8]| line.get(..4).is_some_and(|w| w.eq_ignore_ascii_case(verb));
        // Names and passwords go wrong in many ways; none of them may be reported.
        let line: &[u8] = match line {
            _ if word(b"PASS") => b"PASS",
            _ if word(b"AUTH") => b"AUTH",
            _ if text == "Unknown command" => b"(unknown command)",
            _ => line,
        };
        let lossy = String::from_utf8_lossy(line.get(..REPORTED * 4).unwrap_or(line));
        let line = lossy.chars().take(REPORTED).map(|c| if c.is_control() { '?' } else { c }).collect();
        self.ask(Event::Refused(Refusal { line, text: text.to_owned() }), Asked::Notice);
    }

    /// What the agent says without having been asked: a refusal ends the connection (a suspended account).
    fn news(&mut self, reply: Reply) {
        if let Reply::Refuse(trouble) = reply
            && self.ending.is_none()
        {
            self.say_trouble(&trouble);
            self.close();
        }
    }

    fn close(&mut self) {
        self.ending = Some(Ending::Close);
        self.lines.clear();
    }

    fn touch(&mut self, now: Time) {
        let limits = &self.settings.limits;
        let logged_in = matches!(self.phase, Phase::Transaction(..));
        self.deadline = now + if logged_in { limits.idle } else { limits.login };
    }
}

impl Session for PopSession {
    type Event = Event;
    type Reply = Reply;

    fn receive(&mut self, _now: Time, bytes: &[u8]) {
        if self.ending.is_none() {
            self.lines.push(bytes);
        }
    }

    fn receive_end(&mut self, _now: Time) {
        self.close();
    }

    fn next(&mut self, now: Time) -> Step<Event> {
        if self.asked.is_some() {
            // The driver owes an answer.
            return Step::NeedInput;
        }
        loop {
            if let Some((event, asked)) = self.queue.pop_front() {
                self.asked = Some(asked);
                return Step::Event(event);
            }
            if self.out.len() >= GATHER {
                return Step::Send(std::mem::take(&mut self.out));
            }
            if self.ending.is_none() && self.advance(now) == Flow::Continue {
                continue;
            }
            if !self.out.is_empty() {
                return Step::Send(std::mem::take(&mut self.out));
            }
            return match self.ending {
                Some(Ending::StartTls) => Step::StartTls,
                Some(Ending::Close) => Step::Close,
                None => {
                    self.lines.shrink();
                    Step::NeedInput
                }
            };
        }
    }

    fn answer(&mut self, now: Time, reply: Reply) {
        match self.asked.take() {
            None => return self.news(reply),
            Some(Asked::Notice) => return,
            Some(Asked::Connected) => self.greet(reply),
            Some(Asked::Login) => self.login_answered(reply),
            Some(Asked::Retrieve { lines }) => self.retrieved(lines, reply),
            Some(Asked::Commit) => self.committed(reply),
        }
        self.touch(now);
    }

    fn deadline(&self) -> Time {
        self.deadline
    }

    fn expire(&mut self, _now: Time) {
        // RFC 1939 §3: no message is removed, and nothing is said.
        self.report(b"", "Timeout");
        self.close();
    }

    fn shutdown(&mut self, _now: Time) {
        // QUIT alone removes what is marked.
        self.give_up("[SYS/TEMP] The server stops");
    }

    fn bind(&mut self, channel: &Arc<Channel>) {
        self.channel = Some(Arc::clone(channel));
    }

    fn into_tls(self, now: Time) -> Self {
        let mut fresh = Self::new(self.settings, true, now);
        fresh.phase = Phase::Authorization(None);
        fresh.timestamp = self.timestamp;
        fresh.counters = self.counters;
        fresh
    }
}
