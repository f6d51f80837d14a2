//! The server's side of SMTP: strict, bounded, and without I/O.
//!
//! The session owns grammar, order and bounds; its agent decides who may do what. What the
//! session refuses by itself it reports as [`Event::Refused`].

mod auth;
mod body;
mod commands;
mod event;
mod settings;

use std::collections::VecDeque;
use std::sync::Arc;

use sekisho_message::Time;

pub use event::{Event, Refusal, Reply};
pub use settings::{Limits, Role, Settings};

use super::response::Response;
use crate::lines::{Found, Lines};
use crate::sasl::{Channel, Mechanisms};
use crate::session::{Session, Step};

/// Replies are gathered up to this many octets before they are sent in any case.
const GATHER: usize = 16 << 10;
/// Longest piece of a refused line that is reported, in characters.
const REPORTED: usize = 200;

/// One connection of a client, from its greeting to its end.
#[derive(Debug)]
pub struct ServerSession {
    settings: Arc<Settings>,
    secured: bool,
    /// The TLS connection, until somebody has authenticated.
    channel: Option<Arc<Channel>>,
    phase: Phase,
    greeted: Greeted,
    authenticated: bool,
    transaction: Option<Transaction>,
    inflow: Option<body::Inflow>,
    counters: Counters,
    lines: Lines,
    line: Vec<u8>,
    out: Vec<u8>,
    /// Events that wait for the agent, each with what its answer is for.
    queue: VecDeque<(Event, Asked)>,
    asked: Option<Asked>,
    ending: Option<Ending>,
    deadline: Time,
    /// Whether the next line may be what AUTH was refused for, and must not be reported.
    hide: bool,
    /// The server stops: close after the message that is arriving.
    stopping: bool,
}

#[derive(Debug)]
enum Phase {
    /// Not greeted yet.
    Connect,
    /// Between commands.
    Command,
    /// Within AUTH.
    Auth(Box<auth::State>),
    /// Within the message, or within a chunk of it.
    Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Greeted {
    No,
    Helo,
    Ehlo,
}

#[derive(Debug, Default)]
struct Transaction {
    smtputf8: bool,
    recipients: u32,
    refused: u32,
    too_many: bool,
}

#[derive(Debug, Default)]
struct Counters {
    commands: u32,
    idle_commands: u32,
    errors: u32,
    auth_failures: u32,
    transactions: u32,
    recipients: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    StartTls,
    Close,
}

/// What an answer is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Notice,
    Connected,
    Hello { extended: bool },
    Auth,
    Mail { smtputf8: bool },
    Rcpt,
    Data,
    Chunk,
    Body,
    End,
    Quit,
}

/// Whether the pump goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Wait,
}

impl ServerSession {
    /// A session on a fresh connection. `secured` says that TLS is active already (implicit TLS).
    #[must_use]
    pub fn new(settings: Arc<Settings>, secured: bool, now: Time) -> Self {
        let deadline = now + settings.limits.idle;
        Self {
            settings,
            secured,
            channel: None,
            phase: Phase::Connect,
            greeted: Greeted::No,
            authenticated: false,
            transaction: None,
            inflow: None,
            counters: Counters::default(),
            lines: Lines::default(),
            line: Vec::new(),
            out: Vec::new(),
            queue: VecDeque::new(),
            asked: None,
            ending: None,
            deadline,
            hide: false,
            stopping: false,
        }
    }

    /// Whether TLS is active.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.secured
    }

    /// Takes one step on what has arrived.
    fn advance(&mut self, now: Time) -> Flow {
        match self.phase {
            Phase::Connect => {
                self.ask(Event::Connected, Asked::Connected);
                Flow::Continue
            }
            Phase::Command => self.command_line(now),
            Phase::Auth(_) => self.auth_line(),
            Phase::Body => self.body(),
        }
    }

    fn command_line(&mut self, now: Time) -> Flow {
        let mut line = std::mem::take(&mut self.line);
        // An initial response may be as long as any other (RFC 4954 §4): tokens are.
        let limits = &self.settings.limits;
        let auth = self.lines.peek().get(..5).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH "));
        let found = self.lines.pop(if auth { limits.auth_line } else { limits.command_line }, &mut line);
        let flow = match found {
            Found::Nothing => Flow::Wait,
            Found::Line => {
                self.command(&line, now);
                Flow::Continue
            }
            odd => {
                self.odd_line(odd, &line);
                Flow::Continue
            }
        };
        self.line = line;
        flow
    }

    /// A line that is not one.
    fn odd_line(&mut self, found: Found, line: &[u8]) {
        match found {
            Found::BareLf => {
                // Where the next command begins is open to doubt from here on.
                let text = "A line must end with CRLF, not with a bare LF; closing the connection";
                self.refuse_and_close(line, Response::new(500, (5, 5, 2), text));
            }
            Found::Endless => {
                self.refuse_and_close(
                    b"(endless line)",
                    Response::new(500, (5, 5, 6), "The line is too long; closing"),
                );
            }
            _ => self.refuse(b"(long line)", Response::new(500, (5, 5, 6), "The line is too long")),
        }
    }

    fn ask(&mut self, event: Event, asked: Asked) {
        self.queue.push_back((event, asked));
    }

    fn say(&mut self, response: &Response) {
        response.write(&mut self.out);
        if response.code == 421 {
            self.close();
        }
    }

    /// Refuses by the session's own judgement: says it, reports it, counts it.
    fn refuse(&mut self, line: &[u8], response: Response) {
        self.say(&response);
        self.report(line, response);
        self.count_error();
    }

    fn refuse_and_close(&mut self, line: &[u8], response: Response) {
        self.say(&response);
        self.report(line, response);
        self.close();
    }

    /// Says a refusal of the agent.
    fn refused_by_agent(&mut self, response: &Response) {
        self.say(response);
        if response.is_permanent() {
            self.count_error();
        }
    }

    fn report(&mut self, line: &[u8], response: Response) {
        let secret = self.hide || line.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case(b"AUTH"));
        let line = if secret { line.get(..4).filter(|_| !self.hide).unwrap_or(b"(hidden)") } else { line };
        let text = String::from_utf8_lossy(line.get(..REPORTED * 4).unwrap_or(line));
        let line = text.chars().take(REPORTED).map(|c| if c.is_control() { '?' } else { c }).collect();
        self.ask(Event::Refused(Refusal { line, response }), Asked::Notice);
    }

    /// What the agent says without having been asked: a refusal ends the connection (a suspended account).
    fn news(&mut self, reply: Reply) {
        if let Reply::Refuse(response) = reply
            && self.ending.is_none()
        {
            self.say(&response);
            self.close();
        }
    }

    fn say_goodbye(&mut self) {
        let text = format!("{} The server stops; try again later", self.settings.hostname);
        let response = Response::new(421, (4, 3, 2), text);
        self.say(&response);
        self.report(b"", response);
    }

    fn count_error(&mut self) {
        self.counters.errors += 1;
        if self.counters.errors > self.settings.limits.errors {
            self.give_up("Too many errors");
        }
    }

    /// Closes with 421 for a reason of the session's own.
    fn give_up(&mut self, why: &'static str) {
        if self.ending.is_none() {
            let response = Response::new(421, (4, 7, 0), format!("{} {why}; closing", self.settings.hostname));
            self.say(&response);
            self.report(b"", response);
        }
    }

    fn close(&mut self) {
        self.ending = Some(Ending::Close);
        self.lines.clear();
    }

    fn wait_for_command(&mut self, now: Time) {
        self.deadline = now + self.settings.limits.idle;
    }
}

impl Session for ServerSession {
    type Event = Event;
    type Reply = Reply;

    fn receive(&mut self, now: Time, bytes: &[u8]) {
        if self.ending.is_some() {
            return;
        }
        self.lines.push(bytes);
        if let Some(inflow) = &mut self.inflow
            && matches!(self.phase, Phase::Body)
        {
            self.deadline = inflow.arrived(now, bytes.len(), &self.settings.limits);
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
            if self.stopping && self.ending.is_none() && self.inflow.is_none() {
                self.say_goodbye();
                continue;
            }
            let wait = match self.ending {
                None => self.advance(now) == Flow::Wait,
                Some(_) => true,
            };
            if wait && !self.out.is_empty() {
                return Step::Send(std::mem::take(&mut self.out));
            }
            match self.ending {
                Some(Ending::StartTls) if wait => return Step::StartTls,
                Some(Ending::Close) if wait => return Step::Close,
                None if wait => {
                    self.lines.shrink();
                    return Step::NeedInput;
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, now: Time, reply: Reply) {
        let Some(asked) = self.asked.take() else { return self.news(reply) };
        match asked {
            Asked::Notice => return,
            Asked::Connected => self.greet(reply),
            Asked::Hello { extended } => self.hello_answered(extended, reply),
            Asked::Auth => self.auth_answered(reply),
            Asked::Mail { smtputf8 } => self.mail_answered(smtputf8, reply),
            Asked::Rcpt => self.rcpt_answered(reply),
            Asked::Data => self.data_answered(reply, now),
            Asked::Chunk => self.chunk_answered(reply),
            Asked::Body => return self.body_answered(reply),
            Asked::End => self.end_answered(reply),
            Asked::Quit => self.quit_answered(),
        }
        if !matches!(self.phase, Phase::Body) {
            self.wait_for_command(now);
        }
    }

    fn deadline(&self) -> Time {
        self.deadline
    }

    fn expire(&mut self, _now: Time) {
        if let Some(inflow) = &mut self.inflow
            && let Some(response) = inflow.take_refusal()
        {
            // A client that ends lines with LF never gets to the end: tell it why.
            return self.refuse_and_close(b"DATA", response);
        }
        let response = Response::new(421, (4, 4, 2), format!("{} Timeout; closing", self.settings.hostname));
        self.say(&response);
        self.report(b"", response);
    }

    fn shutdown(&mut self, _now: Time) {
        self.stopping = true;
    }

    fn bind(&mut self, channel: &Arc<Channel>) {
        self.channel = Some(Arc::clone(channel));
    }

    fn into_tls(self, now: Time) -> Self {
        let mut fresh = Self::new(self.settings, true, now);
        fresh.stopping = self.stopping;
        fresh.phase = Phase::Command;
        fresh.counters = self.counters;
        fresh
    }
}
