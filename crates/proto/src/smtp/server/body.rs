//! The message itself: DATA (RFC 5321 §4.1.1.4) and BDAT (RFC 3030).

use sekisho_message::Time;

use super::{Asked, Event, Flow, Limits, Phase, Reply, ServerSession};
use crate::smtp::Response;
use crate::smtp::data::{Bounds, Decoder, Spoiled};

/// How many times the largest message is read and dropped before the session gives up.
const DISCARD_FACTOR: u64 = 4;
/// What is read and dropped in any case, in octets.
const DISCARD_FREE: u64 = 1 << 20;

/// A message on its way in.
#[derive(Debug)]
pub(super) struct Inflow {
    decoder: Decoder,
    kind: Kind,
    ended: bool,
    /// What to say at the end instead of asking the agent.
    refusal: Option<Refused>,
    started: Time,
    received: u64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Dotted,
    /// A chunk: octets still to come, size, whether it is the last.
    Chunk {
        left: u64,
        size: u64,
        last: bool,
    },
}

#[derive(Debug)]
struct Refused {
    response: Response,
    by_agent: bool,
}

impl Inflow {
    fn new(decoder: Decoder, kind: Kind, now: Time) -> Self {
        Self { decoder, kind, ended: false, refusal: None, started: now, received: 0 }
    }

    /// Counts what arrived and says how long the session waits for more: without a stall,
    /// above the slowest rate, and not for ever (slow senders that hold connections).
    pub(super) fn arrived(&mut self, now: Time, count: usize, limits: &Limits) -> Time {
        self.received = self.received.saturating_add(count as u64);
        self.deadline(now, limits)
    }

    fn deadline(&self, now: Time, limits: &Limits) -> Time {
        let seconds = self.received / u64::from(limits.data_rate.max(1));
        let by_rate = self.started + limits.data_grace + std::time::Duration::from_secs(seconds);
        let stall = if self.refusal.is_some() { limits.idle / 10 } else { limits.idle };
        (now + stall).min(by_rate).min(self.started + limits.data_total)
    }

    /// What would be said at the end, if it is a refusal by the session.
    pub(super) fn take_refusal(&mut self) -> Option<Response> {
        self.refusal.take().filter(|r| !r.by_agent).map(|r| r.response)
    }

    fn refuse(&mut self, response: Response, by_agent: bool) {
        if self.refusal.is_none() {
            self.refusal = Some(Refused { response, by_agent });
        }
        self.decoder.discard();
    }

    /// Decodes what is there. Returns how much was consumed.
    fn take(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        match &mut self.kind {
            Kind::Dotted => {
                let (used, ended) = self.decoder.push(input, out);
                self.ended = ended;
                used
            }
            Kind::Chunk { left, last, .. } => {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                self.decoder.push(input.get(..count).unwrap_or(&[]), out);
                *left -= count as u64;
                self.ended = *left == 0;
                if self.ended && *last {
                    self.decoder.finish(out);
                }
                count
            }
        }
    }
}

impl ServerSession {
    pub(super) fn data(&mut self) -> Result<(), Response> {
        self.ready_for_message()?;
        if self.inflow.is_some() {
            return Err(Response::new(503, (5, 5, 1), "BDAT was begun; DATA cannot follow"));
        }
        self.ask(Event::Data, Asked::Data);
        Ok(())
    }

    pub(super) fn data_answered(&mut self, reply: Reply, now: Time) {
        if let Reply::Refuse(response) = reply {
            return self.refused_by_agent(&response);
        }
        self.say(&Response::bare(354, "Send the message, end with <CRLF>.<CRLF>"));
        let mut inflow = Inflow::new(Decoder::dotted(self.bounds()), Kind::Dotted, now);
        self.deadline = inflow.arrived(now, self.lines.peek().len(), &self.settings.limits);
        self.inflow = Some(inflow);
        self.phase = Phase::Body;
    }

    /// BDAT: the octets follow whatever the answer will be, so they are always read.
    pub(super) fn bdat(&mut self, line: &[u8], size: u64, last: bool, now: Time) -> Result<(), Response> {
        let most = self.settings.limits.message.saturating_mul(DISCARD_FACTOR).saturating_add(DISCARD_FREE);
        if size > most {
            let response = self.too_large();
            self.refuse_and_close(line, response);
            return Ok(());
        }
        let kind = Kind::Chunk { left: size, size, last };
        let ready = self.ready_for_message();
        let first = self.inflow.is_none();
        let bounds = self.bounds();
        let inflow = self.inflow.get_or_insert_with(|| Inflow::new(Decoder::chunked(bounds), kind, now));
        inflow.kind = kind;
        inflow.ended = size == 0;
        inflow.started = now;
        inflow.received = 0;
        if inflow.ended && last {
            // Only a line end can be missing, and it is added when the agent is asked.
            inflow.ended = false;
        }
        match ready {
            Err(response) => inflow.refuse(response, false),
            Ok(()) if first => self.ask(Event::Data, Asked::Chunk),
            Ok(()) => {}
        }
        self.phase = Phase::Body;
        Ok(())
    }

    pub(super) fn chunk_answered(&mut self, reply: Reply) {
        if let (Reply::Refuse(response), Some(inflow)) = (reply, &mut self.inflow) {
            inflow.refuse(response, true);
        }
    }

    /// Takes what has arrived of the message.
    pub(super) fn body(&mut self) -> Flow {
        let Some(inflow) = &mut self.inflow else {
            self.phase = Phase::Command;
            return Flow::Continue;
        };
        if inflow.ended {
            self.body_ended();
            return Flow::Continue;
        }
        let input = self.lines.peek();
        let complete = matches!(inflow.kind, Kind::Chunk { left: 0, .. });
        if input.is_empty() && !complete {
            return Flow::Wait;
        }
        let mut out = Vec::new();
        if inflow.refusal.is_none() {
            out.reserve(input.len() + 2);
        }
        let used = inflow.take(input, &mut out);
        self.lines.consume(used);
        if let Some(why) = inflow.decoder.spoiled()
            && inflow.refusal.is_none()
        {
            let response = spoiled(why, &self.settings.limits);
            inflow.refuse(response, false);
        }
        let over = self.settings.limits.message.saturating_mul(DISCARD_FACTOR).saturating_add(DISCARD_FREE);
        if inflow.refusal.is_some() && !inflow.ended && inflow.received > over {
            let response = inflow.take_refusal().unwrap_or_else(|| Response::new(552, (5, 3, 4), "Too much data"));
            self.refuse_and_close(b"DATA", response);
        } else if inflow.refusal.is_none() && !out.is_empty() {
            self.ask(Event::Body(out), Asked::Body);
        }
        Flow::Continue
    }

    pub(super) fn body_answered(&mut self, reply: Reply) {
        if let (Reply::Refuse(response), Some(inflow)) = (reply, &mut self.inflow) {
            inflow.refuse(response, true);
        }
    }

    fn body_ended(&mut self) {
        let Some(inflow) = &mut self.inflow else { return };
        self.phase = Phase::Command;
        if let Some(Refused { response, by_agent }) = inflow.refusal.take() {
            let line: &[u8] = if matches!(inflow.kind, Kind::Dotted) { b"DATA" } else { b"BDAT" };
            if by_agent {
                self.refused_by_agent(&response);
            } else {
                self.refuse(line, response);
            }
            return self.forget();
        }
        if let Kind::Chunk { size, last: false, .. } = inflow.kind {
            return self.say(&Response::new(250, (2, 0, 0), format!("{size} octets received")));
        }
        let (size, eight_bit) = (inflow.decoder.size(), inflow.decoder.eight_bit());
        self.ask(Event::EndOfData { size, eight_bit }, Asked::End);
    }

    pub(super) fn end_answered(&mut self, reply: Reply) {
        self.inflow = None;
        self.transaction = None;
        match reply {
            Reply::Refuse(response) => return self.refused_by_agent(&response),
            Reply::Accept(response) => self.say(&response),
            _ => self.say(&Response::new(250, (2, 0, 0), "Ok")),
        }
        self.counters.errors = 0;
        self.counters.idle_commands = 0;
    }

    fn bounds(&self) -> Bounds {
        let limits = &self.settings.limits;
        Bounds { message: limits.message, header: limits.header, line: limits.text_line }
    }

    pub(super) fn too_large(&self) -> Response {
        spoiled(Spoiled::Large, &self.settings.limits)
    }
}

fn spoiled(why: Spoiled, limits: &Limits) -> Response {
    let refused = "Message refused:";
    match why {
        Spoiled::BareLf => {
            Response::new(554, (5, 6, 0), format!("{refused} it has a bare LF; lines must end with CRLF"))
        }
        Spoiled::BareCr => {
            Response::new(554, (5, 6, 0), format!("{refused} it has a bare CR; lines must end with CRLF"))
        }
        Spoiled::LongLine => Response::new(554, (5, 6, 0), format!("{refused} a line is too long")),
        Spoiled::LargeHeader => Response::new(552, (5, 3, 4), format!("{refused} its header is too large")),
        Spoiled::Large => {
            Response::new(552, (5, 3, 4), format!("{refused} it is larger than {} octets", limits.message))
        }
        Spoiled::Unwanted => Response::new(451, (4, 3, 0), "Message not taken"),
    }
}
