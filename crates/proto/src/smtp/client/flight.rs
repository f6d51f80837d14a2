//! One transaction: MAIL, RCPT, DATA and the message, pipelined where the server allows it
//! (RFC 2920), with an outcome for each recipient.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use super::{Failure, Offered, Outcome, Report, Stage, Timeouts, Transaction};
use crate::smtp::stuff::Stuffer;
use crate::smtp::{Response, Return};

/// Most recipients that are sent before their replies are read, so that neither side's
/// buffers can fill up against each other (RFC 2920 §3.1).
const WINDOW: usize = 100;
/// Size of one piece of the message.
const PIECE: usize = 64 << 10;

/// A transaction under way.
#[derive(Debug)]
pub(super) struct Flight {
    transaction: Transaction,
    pipelining: bool,
    size: bool,
    eight_bit: bool,
    dsn: bool,
    waiting: VecDeque<Waiting>,
    /// The next command to write.
    next: Command,
    outcomes: Vec<Option<Outcome>>,
    accepted: Vec<usize>,
    /// MAIL was accepted, and no message ended the transaction since.
    open: bool,
    streaming: Option<Streaming>,
    /// The server closes the connection.
    closing: Option<(Stage, Response)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Reset,
    Mail,
    Rcpt(usize),
    Data,
    Nothing,
}

/// What a reply is awaited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    Reset,
    Mail,
    Rcpt(usize),
    Data,
    Message,
    /// The end of an empty message to nobody, which a server asked for against all sense.
    Nobody,
}

#[derive(Debug)]
struct Streaming {
    stuffer: Stuffer,
    sent: usize,
}

impl Flight {
    pub(super) fn new(transaction: Transaction, offered: &Offered, reset: bool) -> Self {
        let mut flight = Self {
            pipelining: offered.pipelining,
            size: offered.size.is_some(),
            eight_bit: offered.eight_bit,
            dsn: offered.dsn,
            waiting: VecDeque::new(),
            next: if reset { Command::Reset } else { Command::Mail },
            outcomes: vec![None; transaction.recipients.len()],
            accepted: Vec::new(),
            open: false,
            streaming: None,
            closing: None,
            transaction,
        };
        if let Some(response) = flight.unfit(offered) {
            flight.settle_all(Stage::Local, &response);
            flight.next = Command::Nothing;
        }
        flight
    }

    /// Why the server cannot take this message, as far as can be told without asking it.
    fn unfit(&self, offered: &Offered) -> Option<Response> {
        let transaction = &self.transaction;
        let most = offered.size.filter(|most| *most > 0).unwrap_or(u64::MAX);
        let mut addresses =
            std::iter::once(&transaction.reverse_path).chain(transaction.recipients.iter().map(|r| &r.address));
        if addresses.any(|address| address.chars().any(char::is_control)) {
            return Some(Response::new(553, (5, 1, 3), "An address has control characters"));
        }
        if transaction.smtputf8 && !offered.smtputf8 {
            return Some(Response::new(553, (5, 6, 7), "The server does not offer SMTPUTF8"));
        }
        if transaction.eight_bit && !offered.eight_bit {
            return Some(Response::new(554, (5, 6, 3), "The server does not offer 8BITMIME"));
        }
        if transaction.body.len() as u64 > most {
            let text = format!("The server takes messages up to {most} octets only");
            return Some(Response::new(552, (5, 3, 4), text));
        }
        None
    }

    /// Writes the commands that may be sent now.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) {
        while self.may_write() {
            match self.next {
                Command::Reset => {
                    out.extend_from_slice(b"RSET\r\n");
                    self.waiting.push_back(Waiting::Reset);
                    self.next = Command::Mail;
                }
                Command::Mail => {
                    out.extend_from_slice(self.mail().as_bytes());
                    self.waiting.push_back(Waiting::Mail);
                    self.next = self.after(None);
                }
                Command::Rcpt(index) => {
                    out.extend_from_slice(self.rcpt(index).as_bytes());
                    self.waiting.push_back(Waiting::Rcpt(index));
                    self.next = self.after(Some(index));
                }
                Command::Data => {
                    out.extend_from_slice(b"DATA\r\n");
                    self.waiting.push_back(Waiting::Data);
                    self.next = Command::Nothing;
                }
                Command::Nothing => return,
            }
        }
    }

    fn may_write(&self) -> bool {
        if self.next == Command::Nothing || self.streaming.is_some() || self.closing.is_some() {
            return false;
        }
        if self.waiting.is_empty() {
            return true;
        }
        // A group is written whole, and the next one when all its replies are read.
        let written = match self.next {
            Command::Rcpt(index) => index,
            Command::Data => self.transaction.recipients.len(),
            _ => 0,
        };
        self.pipelining && (written % WINDOW != 0 || written == 0 || matches!(self.next, Command::Data))
    }

    fn after(&self, index: Option<usize>) -> Command {
        let next = index.map_or(0, |i| i + 1);
        if next < self.transaction.recipients.len() { Command::Rcpt(next) } else { Command::Data }
    }

    fn mail(&self) -> String {
        let transaction = &self.transaction;
        let mut line = format!("MAIL FROM:<{}>", transaction.reverse_path);
        // Writing to a string cannot fail.
        if self.size {
            let _ = write!(line, " SIZE={}", transaction.body.len());
        }
        if self.eight_bit {
            line.push_str(if transaction.eight_bit { " BODY=8BITMIME" } else { " BODY=7BIT" });
        }
        if transaction.smtputf8 {
            line.push_str(" SMTPUTF8");
        }
        if self.dsn {
            match transaction.ret {
                Some(Return::Full) => line.push_str(" RET=FULL"),
                Some(Return::Headers) => line.push_str(" RET=HDRS"),
                None => {}
            }
            if let Some(envid) = &transaction.envid {
                let _ = write!(line, " ENVID={envid}");
            }
        }
        line.push_str("\r\n");
        line
    }

    fn rcpt(&self, index: usize) -> String {
        let Some(recipient) = self.transaction.recipients.get(index) else { return String::new() };
        let mut line = format!("RCPT TO:<{}>", recipient.address);
        if self.dsn {
            if !recipient.notify.is_empty() {
                let _ = write!(line, " NOTIFY={}", recipient.notify.wire());
            }
            if let Some(orcpt) = &recipient.orcpt {
                let _ = write!(line, " ORCPT={orcpt}");
            }
        }
        line.push_str("\r\n");
        line
    }

    /// Takes a reply. `closing` says that the server will close the connection.
    pub(super) fn replied(&mut self, response: Response, closing: bool) {
        let stage = self.stage();
        let Some(waiting) = self.waiting.pop_front() else {
            // The server says something while the message is being sent: it has given up,
            // and the message can only be ended by closing.
            self.closing = Some((stage, response.clone()));
            return self.settle_all(stage, &response);
        };
        if closing {
            self.settle_all(stage, &response);
            self.waiting.clear();
            self.closing = Some((stage, response));
            return;
        }
        match waiting {
            Waiting::Reset | Waiting::Nobody => {}
            Waiting::Mail if response.is_positive() => self.open = true,
            Waiting::Mail => {
                self.settle_all(stage, &response);
                self.stop_writing();
            }
            Waiting::Rcpt(index) => self.rcpt_replied(index, response),
            Waiting::Data => self.data_replied(&response),
            Waiting::Message => {
                self.open = false;
                self.settle_all(stage, &response);
            }
        }
        if self.next == Command::Data && self.waiting.is_empty() && self.accepted.is_empty() {
            self.next = Command::Nothing;
        }
    }

    fn rcpt_replied(&mut self, index: usize, response: Response) {
        let Some(outcome) = self.outcomes.get_mut(index) else { return };
        if outcome.is_some() {
            return;
        }
        if response.is_positive() {
            self.accepted.push(index);
        } else {
            *outcome = Some(Outcome { stage: Stage::Rcpt, response });
        }
    }

    fn data_replied(&mut self, response: &Response) {
        let nobody = !self.open || self.accepted.is_empty();
        if response.code != 354 {
            // A positive reply that is not 354 makes no sense here: try again later.
            let odd = Response::new(451, (4, 5, 0), format!("Unexpected reply to DATA: {response}"));
            return self.settle_all(Stage::Data, if response.is_positive() { &odd } else { response });
        }
        if nobody {
            self.waiting.push_back(Waiting::Nobody);
        }
        self.streaming = Some(Streaming { stuffer: Stuffer::default(), sent: 0 });
        if nobody {
            self.transaction.body = bytes::Bytes::new();
            self.open = false;
        }
    }

    /// Gives every recipient without an outcome this one.
    fn settle_all(&mut self, stage: Stage, response: &Response) {
        for outcome in self.outcomes.iter_mut().filter(|o| o.is_none()) {
            *outcome = Some(Outcome { stage, response: response.clone() });
        }
    }

    fn stop_writing(&mut self) {
        self.next = Command::Nothing;
    }

    /// Whether pieces of the message are to be sent now.
    pub(super) fn is_streaming(&self) -> bool {
        self.streaming.is_some() && self.closing.is_none()
    }

    /// Writes the next piece of the message.
    pub(super) fn stream(&mut self, out: &mut Vec<u8>) {
        let Some(streaming) = &mut self.streaming else { return };
        let rest = self.transaction.body.get(streaming.sent..).unwrap_or(&[]);
        let piece = rest.get(..PIECE).unwrap_or(rest);
        out.reserve(piece.len() + piece.len() / 32 + 8);
        streaming.stuffer.push(piece, out);
        streaming.sent += piece.len();
        if streaming.sent < self.transaction.body.len() {
            return;
        }
        streaming.stuffer.finish(out);
        self.streaming = None;
        if self.waiting.is_empty() {
            self.waiting.push_back(Waiting::Message);
        }
    }

    /// Whether nothing is left to send or to wait for.
    pub(super) fn is_over(&self) -> bool {
        self.closing.is_some() || (self.waiting.is_empty() && self.streaming.is_none() && self.next == Command::Nothing)
    }

    /// The report, whether RSET must come before the next MAIL, and what the server closed with.
    pub(super) fn end(&mut self) -> (Report, bool, Option<(Stage, Response)>) {
        let unknown = Response::new(451, (4, 5, 0), "The server said nothing about this recipient");
        self.settle_all(Stage::Rcpt, &unknown);
        let outcomes = std::mem::take(&mut self.outcomes).into_iter().flatten().collect();
        (Report { outcomes, dsn: self.dsn }, self.open, self.closing.take())
    }

    /// The report after the connection broke.
    pub(super) fn broken(&mut self, failure: &Failure) -> Report {
        self.settle_all(self.stage(), &failure.response());
        self.end().0
    }

    pub(super) fn stage(&self) -> Stage {
        match self.waiting.front() {
            Some(Waiting::Reset) => Stage::Reset,
            Some(Waiting::Mail) => Stage::Mail,
            Some(Waiting::Rcpt(_)) => Stage::Rcpt,
            Some(Waiting::Data) => Stage::Data,
            Some(Waiting::Message | Waiting::Nobody) | None => Stage::Message,
        }
    }

    /// How long the next reply may take.
    pub(super) fn timeout(&self, timeouts: &Timeouts) -> Duration {
        match self.waiting.front() {
            Some(Waiting::Reset | Waiting::Mail) => timeouts.mail,
            Some(Waiting::Rcpt(_)) => timeouts.rcpt,
            Some(Waiting::Data) => timeouts.data,
            Some(Waiting::Message | Waiting::Nobody) => timeouts.message,
            None => timeouts.block,
        }
    }
}
