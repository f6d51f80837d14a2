//! The literals of APPEND, handed on as they come.

use super::input::{LiteralSize, literal_at_end};
use super::{Awaiting, Event, ImapSession, Mode, Status, tagged};
use crate::imap::append;
use crate::imap::command::Append;
use crate::imap::lex::Cursor;

impl ImapSession {
    /// A message is announced; the agent decides whether it may come.
    pub(super) fn begin_append(&mut self, append: Append, synchronising: bool) {
        self.bad = 0;
        let left = append.size;
        if left == 0 || left > self.settings.message_max {
            let mut response = Vec::new();
            if left == 0 {
                tagged(&mut response, &self.tag, Status::No, Some("CANNOT"), "A message cannot be empty");
            } else {
                tagged(&mut response, &self.tag, Status::No, Some("TOOBIG"), "The message is too large");
            }
            self.refuse_body(synchronising, left, response);
            return self.ask(Event::AppendAbort, Awaiting::Notice);
        }
        let mailbox = append.mailbox.clone();
        self.ask(Event::Append(append), Awaiting::Literal { synchronising, left, mailbox });
    }

    /// The agent takes the message.
    pub(super) fn expect_body(&mut self, synchronising: bool, left: u64, mailbox: String) {
        if synchronising {
            self.out.extend_from_slice(b"+ Ready for the message\r\n");
        }
        self.mode = Mode::Body { left, mailbox };
    }

    /// Nobody takes the message: what is on its way is thrown away, and the response comes after it.
    pub(super) fn refuse_body(&mut self, synchronising: bool, left: u64, response: Vec<u8>) {
        if synchronising {
            self.out.extend_from_slice(&response);
            self.mode = Mode::Line;
        } else {
            self.begin_discard(left, response);
        }
    }

    pub(super) fn body(&mut self, left: u64, mailbox: String) {
        if left == 0 {
            self.mode = Mode::AfterBody { mailbox };
            return;
        }
        let chunk = self.input.take(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - chunk.len() as u64;
        self.ask(Event::Chunk(chunk), Awaiting::Chunk { left, mailbox });
    }

    /// The line after a message is in `command`.
    pub(super) fn after_body(&mut self, mailbox: String) {
        let line = self.take_command();
        if line.is_empty() {
            return self.ask(Event::AppendEnd, Awaiting::Command);
        }
        let literal = literal_at_end(&line);
        if let (Some(LiteralSize { size: Some(_), synchronising }), Ok(append)) =
            (literal, append::message(&mut Cursor::new(&line), mailbox))
        {
            return self.begin_append(append, synchronising);
        }
        let mut response = Vec::new();
        tagged(&mut response, &self.tag, Status::Bad, None, "Unexpected text after the message");
        match literal {
            Some(LiteralSize { size: None, .. }) => {
                return self.bye("[TOOBIG] A literal of that size is out of the question");
            }
            Some(LiteralSize { size: Some(size), synchronising }) => {
                self.refuse_body(synchronising, u64::from(size), response);
            }
            None => self.out.append(&mut response),
        }
        self.ask(Event::AppendAbort, Awaiting::Notice);
    }
}
