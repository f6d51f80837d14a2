//! The client's side of SMTP: hands messages to a server, many over one connection.

mod event;
mod flight;
mod offered;
mod opening;
mod reply;
mod settings;

use std::collections::VecDeque;

use sekisho_message::Time;

pub use event::{Event, Failure, Outcome, Recipient, Reply, Report, Stage, Transaction};
pub use offered::Offered;
pub use settings::{Login, Settings, Timeouts, Tls};

use super::response::Response;
use crate::sasl::login;
use crate::session::{Session, Step};
use flight::Flight;

/// One connection to a server.
#[derive(Debug)]
pub struct ClientSession {
    settings: Settings,
    secured: bool,
    offered: Offered,
    phase: Phase,
    reader: reply::Reader,
    out: Vec<u8>,
    queue: VecDeque<Event>,
    asked: Option<Asked>,
    ending: Option<Ending>,
    /// The server closed its side; what it said before still counts.
    ended: bool,
    /// A transaction was left open on the server: RSET goes before the next MAIL.
    needs_reset: bool,
    /// No more messages after this one.
    stopping: bool,
    deadline: Time,
}

/// What a reply is awaited for.
#[derive(Debug)]
enum Phase {
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    AuthPlain,
    AuthLogin(login::Client),
    /// Between transactions: the agent is asked.
    Idle,
    Flight(Box<Flight>),
    Quit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Ready,
    Notice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    StartTls,
    Close,
}

impl ClientSession {
    /// A session on a fresh connection. `secured` says that TLS is active already.
    #[must_use]
    pub fn new(settings: Settings, secured: bool, now: Time) -> Self {
        let deadline = now + settings.timeouts.greeting;
        Self {
            settings,
            secured,
            offered: Offered::default(),
            phase: Phase::Greeting,
            reader: reply::Reader::default(),
            out: Vec::new(),
            queue: VecDeque::new(),
            asked: None,
            ending: None,
            ended: false,
            needs_reset: false,
            stopping: false,
            deadline,
        }
    }

    /// Whether TLS is active.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.secured
    }

    fn replied(&mut self, response: Response, now: Time) {
        let closing = response.code == 421;
        match &mut self.phase {
            Phase::Flight(flight) => {
                flight.replied(response, closing);
                self.fly(now);
            }
            Phase::Quit => self.ending = Some(Ending::Close),
            // Nothing was asked: a server that talks by itself says goodbye.
            Phase::Idle => self.fail(Failure::Refused(Stage::Mail, response)),
            _ => self.opening(response, now),
        }
    }

    /// Lets the transaction write what it can, and ends it when it is over.
    fn fly(&mut self, now: Time) {
        let Phase::Flight(flight) = &mut self.phase else { return };
        flight.write(&mut self.out);
        self.deadline = now + flight.timeout(&self.settings.timeouts);
        if !flight.is_over() {
            return;
        }
        let (report, needs_reset, closing) = flight.end();
        self.needs_reset = needs_reset;
        self.phase = Phase::Idle;
        self.queue.push_back(Event::Done(report));
        if let Some((stage, response)) = closing {
            self.fail(Failure::Refused(stage, response));
        }
    }

    fn fail(&mut self, failure: Failure) {
        if self.ending.is_some() {
            return;
        }
        if let Phase::Flight(flight) = &mut self.phase {
            let report = flight.broken(&failure);
            self.queue.push_back(Event::Done(report));
        }
        self.phase = Phase::Quit;
        self.queue.push_back(Event::Failed(failure));
        self.ending = Some(Ending::Close);
    }

    fn stage(&self) -> Stage {
        match &self.phase {
            Phase::Greeting => Stage::Greeting,
            Phase::Ehlo | Phase::Helo => Stage::Hello,
            Phase::StartTls => Stage::StartTls,
            Phase::AuthPlain | Phase::AuthLogin(_) => Stage::Auth,
            Phase::Idle => Stage::Mail,
            Phase::Flight(flight) => flight.stage(),
            Phase::Quit => Stage::Quit,
        }
    }

    fn quit(&mut self, now: Time) {
        self.out.extend_from_slice(b"QUIT\r\n");
        self.phase = Phase::Quit;
        self.deadline = now + self.settings.timeouts.quit;
    }

    fn send(&mut self, transaction: Transaction, now: Time) {
        let reset = std::mem::take(&mut self.needs_reset);
        self.phase = Phase::Flight(Box::new(Flight::new(transaction, &self.offered, reset)));
        self.fly(now);
    }

    /// Reads one reply. Whether there was one, or something else happened.
    fn read(&mut self, now: Time) -> bool {
        match self.reader.next() {
            Ok(Some(response)) => self.replied(response, now),
            Ok(None) if self.ended && matches!(self.phase, Phase::Quit) => self.ending = Some(Ending::Close),
            Ok(None) if self.ended => self.fail(Failure::Lost(self.stage())),
            Ok(None) => return false,
            Err(reply::Garbled) => self.fail(Failure::Garbled(self.stage())),
        }
        true
    }

    /// The next piece of the message, unless the server has said something meanwhile.
    fn stream(&mut self, now: Time) -> bool {
        let Phase::Flight(flight) = &mut self.phase else { return false };
        if !flight.is_streaming() {
            return false;
        }
        flight.stream(&mut self.out);
        self.deadline = now + flight.timeout(&self.settings.timeouts);
        true
    }
}

impl Session for ClientSession {
    type Event = Event;
    type Reply = Reply;

    fn receive(&mut self, _now: Time, bytes: &[u8]) {
        if self.ending.is_none() {
            self.reader.push(bytes);
        }
    }

    fn receive_end(&mut self, _now: Time) {
        self.ended = true;
    }

    fn next(&mut self, now: Time) -> Step<Event> {
        if self.asked.is_some() {
            // The driver owes an answer.
            return Step::NeedInput;
        }
        loop {
            if let Some(event) = self.queue.pop_front() {
                self.asked = Some(Asked::Notice);
                return Step::Event(event);
            }
            if !self.out.is_empty() {
                return Step::Send(std::mem::take(&mut self.out));
            }
            match self.ending {
                Some(Ending::StartTls) => return Step::StartTls,
                Some(Ending::Close) => return Step::Close,
                None => {}
            }
            if self.read(now) || self.stream(now) {
                continue;
            }
            if matches!(self.phase, Phase::Idle) && self.stopping {
                self.quit(now);
                continue;
            }
            if matches!(self.phase, Phase::Idle) {
                self.asked = Some(Asked::Ready);
                return Step::Event(Event::Ready(self.offered.clone()));
            }
            return Step::NeedInput;
        }
    }

    fn answer(&mut self, now: Time, reply: Reply) {
        if self.asked.take() != Some(Asked::Ready) {
            return;
        }
        match reply {
            Reply::Send(transaction) => self.send(*transaction, now),
            Reply::Quit | Reply::Ok => self.quit(now),
        }
    }

    fn deadline(&self) -> Time {
        self.deadline
    }

    fn expire(&mut self, _now: Time) {
        if matches!(self.phase, Phase::Quit) {
            self.ending = Some(Ending::Close);
        } else {
            self.fail(Failure::Timeout(self.stage()));
        }
    }

    fn shutdown(&mut self, _now: Time) {
        self.stopping = true;
    }

    fn into_tls(self, now: Time) -> Self {
        let mut fresh = Self::new(self.settings, true, now);
        fresh.stopping = self.stopping;
        fresh.hello(now);
        fresh
    }
}
