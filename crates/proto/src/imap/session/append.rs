//! The literals of APPEND and REPLACE, handed on as they come.

use std::collections::VecDeque;

use super::input::LiteralSize;
use super::{Awaiting, Event, ImapSession, Mode, Status, tagged};
use crate::imap::append::{Line, Step};
use crate::imap::fault::Fault;
use crate::imap::lex::Cursor;

/// A command whose messages are coming.
#[derive(Debug)]
pub(super) struct Appending {
    line: Line,
    steps: VecDeque<Step>,
    /// Whether the client waits for a continuation before it sends the literal that is the last step.
    synchronising: bool,
}

impl ImapSession {
    /// The first piece of text is understood.
    pub(super) fn begin_append(&mut self, line: Line, steps: Vec<Step>, synchronising: bool) {
        self.bad = 0;
        self.append = Some(Appending { line, steps: steps.into(), synchronising });
        self.append_step();
    }

    /// A further piece of text is in `command`; it ends with the size of a literal or with the command.
    pub(super) fn append_text(&mut self, literal: Option<LiteralSize>) {
        let text = self.take_command();
        let Some(appending) = &mut self.append else { return };
        let mut line = appending.line.clone();
        let mut cursor = Cursor::new(&text).utf8(self.utf8);
        let ended = literal.is_none() && line.may_end() && text.trim_ascii().is_empty();
        let read = if ended { Ok(Vec::new()) } else { line.rest(&mut cursor) };
        match (read, literal) {
            (Ok(steps), literal) => {
                let synchronising = literal.is_some_and(|literal| literal.synchronising);
                *appending = Appending { line, steps: steps.into(), synchronising };
                self.append_step();
            }
            (Err(Fault::Incomplete), Some(literal)) => {
                self.command = text;
                self.collect_literal(literal);
            }
            (Err(fault), literal) => {
                let text = match fault {
                    Fault::Syntax(hint) => hint,
                    _ => "Unexpected text after the message",
                };
                let mut response = Vec::new();
                tagged(&mut response, &self.tag, Status::Bad, None, text);
                self.end_append(literal, response);
                self.ask(Event::AppendAbort, Awaiting::Notice);
            }
        }
    }

    /// The next thing that the text asks for.
    pub(super) fn append_step(&mut self) {
        let max = self.settings.message_max;
        let Some(appending) = &mut self.append else { return };
        let step = appending.steps.pop_front();
        let refusal = match &step {
            Some(Step::Message(append)) if append.size == Some(0) => Some(("CANNOT", "A message cannot be empty")),
            Some(Step::Message(append)) if append.size.is_some_and(|size| size > max) => {
                Some(("TOOBIG", "The message is too large"))
            }
            Some(Step::Literal(size)) if *size > max => {
                appending.steps.push_front(Step::Literal(*size));
                Some(("TOOBIG", "The message is too large"))
            }
            _ => None,
        };
        if let Some((code, text)) = refusal {
            let mut response = Vec::new();
            tagged(&mut response, &self.tag, Status::No, Some(code), text);
            self.append_refused(response);
            return self.ask(Event::AppendAbort, Awaiting::Notice);
        }
        match step {
            None => {
                self.append = None;
                self.ask(Event::AppendEnd, Awaiting::Command);
            }
            Some(Step::Message(append)) => self.ask(Event::Append(append), Awaiting::AppendStep),
            Some(Step::Url(url)) => self.ask(Event::AppendUrl(url), Awaiting::AppendStep),
            Some(Step::Literal(left)) => {
                if appending.synchronising {
                    self.out.extend_from_slice(b"+ Ready for the message\r\n");
                }
                self.mode = Mode::Body { left };
            }
        }
    }

    /// Nobody takes the messages: what is on its way is thrown away, and the response comes after it.
    pub(super) fn append_refused(&mut self, response: Vec<u8>) {
        let literal = self.append.as_ref().and_then(|appending| match appending.steps.back() {
            Some(Step::Literal(size)) => Some(LiteralSize {
                size: Some(u32::try_from(*size).unwrap_or(u32::MAX)),
                synchronising: appending.synchronising,
            }),
            _ => None,
        });
        self.end_append(literal, response);
    }

    /// The rest of a message, after a chunk of it was refused.
    pub(super) fn chunk_refused(&mut self, left: u64, response: Vec<u8>) {
        self.append = None;
        self.begin_discard(left, response);
    }

    pub(super) fn body(&mut self, left: u64) {
        if left == 0 {
            self.mode = Mode::Line;
            return;
        }
        let chunk = self.input.take(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - chunk.len() as u64;
        self.ask(Event::Chunk(chunk), Awaiting::Chunk { left });
    }

    fn end_append(&mut self, literal: Option<LiteralSize>, mut response: Vec<u8>) {
        self.append = None;
        match literal {
            None => self.out.append(&mut response),
            Some(LiteralSize { size, synchronising: false }) => self.begin_discard(size.unwrap_or(0).into(), response),
            Some(LiteralSize { synchronising: true, .. }) => {
                self.out.append(&mut response);
                self.mode = Mode::Line;
            }
        }
    }
}
