//! Bytes that came and are not used yet, and what they add up to.

use super::{Awaiting, COMMAND_MAX, COMMAND_MAX_STRANGER, DISCARD_MAX, Discard, Event, ImapSession, Mode};

/// Received bytes in order. Empty, it holds no memory.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    at: usize,
}

impl Input {
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Drops the first `n` bytes.
    pub(super) fn skip(&mut self, n: usize) {
        self.at = (self.at + n).min(self.bytes.len());
    }

    /// At most `n` bytes as a buffer of their own; without copying when they are all there is.
    pub(super) fn take(&mut self, n: usize) -> Vec<u8> {
        if self.at == 0 && n >= self.bytes.len() {
            return std::mem::take(&mut self.bytes);
        }
        let chunk = self.rest().get(..n).unwrap_or(self.rest()).to_vec();
        self.skip(chunk.len());
        chunk
    }

    /// Gives memory back when nothing is left.
    pub(super) fn release(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

/// The size that ends a line: `{n}` or `{n+}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LiteralSize {
    /// Octets; `None` for more digits than anybody means.
    pub(super) size: Option<u32>,
    /// The client waits for a continuation (RFC 7888).
    pub(super) synchronising: bool,
}

/// Whether `line`, without its line end, ends with a literal's size.
pub(super) fn literal_at_end(line: &[u8]) -> Option<LiteralSize> {
    let body = line.strip_suffix(b"}")?;
    let (body, synchronising) = body.strip_suffix(b"+").map_or((body, true), |b| (b, false));
    let digits = body.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (head, digits_text) = body.split_at(body.len() - digits);
    if digits == 0 || head.last() != Some(&b'{') {
        return None;
    }
    let size = std::str::from_utf8(digits_text).ok().and_then(|t| t.parse().ok());
    Some(LiteralSize { size, synchronising })
}

impl ImapSession {
    /// Uses some input. `false` when there is none, or not enough.
    pub(super) fn advance(&mut self) -> bool {
        if self.input.is_empty() {
            // A literal of no octets is complete without input, and so is a body.
            match self.mode {
                Mode::Literal { left: 0 } | Mode::Skip { left: 0, .. } | Mode::Body { left: 0, .. } => {}
                _ => return false,
            }
        }
        match std::mem::replace(&mut self.mode, Mode::Line) {
            Mode::Line => self.line(),
            Mode::Literal { left } => self.literal(left),
            Mode::Skip { left, discard } => self.skip(left, discard),
            Mode::Discard(discard) => self.discard(discard),
            Mode::Body { left } => self.body(left),
            Mode::Sasl => {
                if self.collect_or(Mode::Sasl) {
                    self.sasl_response();
                }
            }
            Mode::Idle => {
                if self.collect_or(Mode::Idle) {
                    self.idle_line();
                }
            }
        }
        true
    }

    /// Begins to throw away a command. `response` is due at its end, `after` octets of literal come first.
    pub(super) fn begin_discard(&mut self, after: u64, response: Vec<u8>) {
        self.take_command();
        let discard = Discard { response, ..Discard::default() };
        self.mode = Mode::Skip { left: after, discard };
    }

    pub(super) fn command_max(&self) -> usize {
        if self.is_stranger() { COMMAND_MAX_STRANGER } else { COMMAND_MAX }
    }

    fn line(&mut self) {
        if !self.collect_or(Mode::Line) {
            return;
        }
        match literal_at_end(self.command.get(self.line_from..).unwrap_or_default()) {
            Some(LiteralSize { size: None, .. }) => self.bye("[TOOBIG] A literal of that size is out of the question"),
            literal if self.append.is_some() => self.append_text(literal),
            None => self.complete(),
            Some(literal) => self.begin_literal(literal),
        }
    }

    /// Adds input to `command` up to a line end. `true` when the line is complete; else the mode is `again`, or a
    /// discarding one when the command has become too long.
    fn collect_or(&mut self, again: Mode) -> bool {
        let rest = self.input.rest();
        let end = memchr::memchr(b'\n', rest);
        let n = end.map_or(rest.len(), |i| i + 1);
        if self.command.len() + n > self.command_max() + 2 {
            self.too_long(again);
            return false;
        }
        self.command.extend_from_slice(rest.get(..n).unwrap_or_default());
        self.input.skip(n);
        if end.is_none() {
            self.mode = again;
            return false;
        }
        self.command.pop();
        if self.command.len() > self.line_from && self.command.last() == Some(&b'\r') {
            self.command.pop();
        }
        true
    }

    fn too_long(&mut self, mode: Mode) {
        match mode {
            Mode::Line if self.append.is_some() => {
                let mut response = Vec::new();
                super::tagged(&mut response, &self.tag, super::Status::Bad, Some("TOOBIG"), "The command is too long");
                self.append = None;
                self.begin_discard(0, response);
                self.ask(Event::AppendAbort, Awaiting::Notice);
            }
            Mode::Line => {
                let response = self.refusal_of_collected("[TOOBIG] The command is too long");
                self.begin_discard(0, response);
            }
            _ => self.bye("[TOOBIG] The line is too long"),
        }
    }

    fn literal(&mut self, left: usize) {
        let n = left.min(self.input.rest().len());
        self.command.extend_from_slice(self.input.rest().get(..n).unwrap_or_default());
        self.input.skip(n);
        self.line_from = self.command.len();
        self.mode = if n == left { Mode::Line } else { Mode::Literal { left: left - n } };
    }

    fn skip(&mut self, left: u64, mut discard: Discard) {
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.rest().len());
        self.input.skip(n);
        discard.gone += n as u64;
        let left = left - n as u64;
        if discard.gone > DISCARD_MAX {
            self.out.append(&mut discard.response);
            self.bye("[TOOBIG] Enough");
        } else if left == 0 {
            self.mode = Mode::Discard(discard);
        } else {
            self.mode = Mode::Skip { left, discard };
        }
    }

    fn discard(&mut self, mut discard: Discard) {
        const TAIL: usize = 32;
        let rest = self.input.rest();
        let end = memchr::memchr(b'\n', rest);
        let n = end.map_or(rest.len(), |i| i + 1);
        let seen = rest.get(..n).unwrap_or_default();
        discard.tail.extend_from_slice(seen.get(n.saturating_sub(TAIL)..).unwrap_or_default());
        let surplus = discard.tail.len().saturating_sub(TAIL);
        discard.tail.drain(..surplus);
        discard.gone += n as u64;
        self.input.skip(n);
        if discard.gone > DISCARD_MAX {
            self.out.append(&mut discard.response);
            return self.bye("[TOOBIG] Enough");
        }
        if end.is_none() {
            self.mode = Mode::Discard(discard);
            return;
        }
        let line = discard.tail.strip_suffix(b"\n").unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match literal_at_end(line) {
            Some(LiteralSize { size: None, .. }) => self.bye("[TOOBIG] A literal of that size is out of the question"),
            Some(LiteralSize { size: Some(size), synchronising: false }) => {
                discard.tail = Vec::new();
                self.mode = Mode::Skip { left: u64::from(size), discard };
            }
            // The client waits for a continuation; the tagged response ends its command instead.
            _ => self.out.append(&mut discard.response),
        }
    }
}
