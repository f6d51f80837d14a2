//! From collected bytes to an event, or to a refusal.

use super::input::LiteralSize;
use super::{
    Awaiting, BAD_MAX, End, Event, ImapSession, Mode, SHORT_LITERAL, STRANGER_COMMANDS_MAX, State, Status, shown,
    tagged,
};
use crate::imap::append;
use crate::imap::command::Command;
use crate::imap::fault::Fault;
use crate::imap::lex::Cursor;
use crate::imap::parse;
use crate::imap::search::CHARSETS;

impl ImapSession {
    /// A line of a command ends with the size of a literal.
    pub(super) fn begin_literal(&mut self, literal: LiteralSize) {
        let collected = std::mem::take(&mut self.command);
        let mut cursor = Cursor::new(&collected).utf8(self.utf8);
        let Ok(tag) = parse::tag(&mut cursor) else {
            self.command = collected;
            return self.refuse_literal(literal, None, "A command starts with a tag and a space");
        };
        if append::is_append(cursor) {
            self.tag = tag.into();
            if let Some(complaint) = self.append_out_of_place(cursor) {
                self.command = collected;
                return self.refuse_literal(literal, None, complaint);
            }
            match append::first(&mut cursor) {
                Ok((line, steps)) => {
                    self.line_from = 0;
                    return self.begin_append(line, steps, literal.synchronising);
                }
                Err(Fault::Incomplete) => {}
                Err(fault) => {
                    self.command = collected;
                    let (code, text) = words_of(&fault);
                    return self.refuse_literal(literal, code, text);
                }
            }
        }
        self.command = collected;
        self.collect_literal(literal);
    }

    /// The literal that the text announces becomes part of the command.
    pub(super) fn collect_literal(&mut self, literal: LiteralSize) {
        let size = literal.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let long_for_stranger = self.is_stranger() && !literal.synchronising && size > SHORT_LITERAL;
        if long_for_stranger || self.command.len().saturating_add(size) > self.command_max() {
            self.append = None;
            return self.refuse_literal(literal, Some("TOOBIG"), "The literal is too long");
        }
        self.command.extend_from_slice(b"\r\n");
        self.command.reserve_exact(size.min(8192));
        self.mode = Mode::Literal { left: size };
        if literal.synchronising {
            self.out.extend_from_slice(b"+ Ready for the literal\r\n");
        }
    }

    /// A whole command is in `command`.
    pub(super) fn complete(&mut self) {
        let collected = self.take_command();
        if collected.is_empty() {
            return; // an empty line between commands does no harm
        }
        if self.is_stranger() {
            self.stranger_commands += 1;
            if self.stranger_commands > STRANGER_COMMANDS_MAX {
                return self.bye("Too many commands before login");
            }
        }
        let mut cursor = Cursor::new(&collected).utf8(self.utf8).charsets(!self.utf8_accept);
        let tag = match parse::tag(&mut cursor) {
            Ok(tag) => tag,
            Err(_) => {
                self.untagged("BAD A command starts with a tag and a space");
                return self.count_bad(&collected, "BAD no tag");
            }
        };
        self.tag = tag.into();
        let line = cursor;
        if append::is_append(line) {
            let text = match (self.append_out_of_place(line), append::first(&mut cursor)) {
                (Some(complaint), _) => complaint,
                // Put together from URLs alone.
                (None, Ok((line, steps))) => return self.begin_append(line, steps, false),
                (None, Err(fault)) => words_of(&fault).1,
            };
            self.refuse(Status::Bad, None, text);
            return self.count_bad(line.rest(), text);
        }
        match parse::command(&mut cursor) {
            Ok(command) => self.dispatch(command, line.rest()),
            Err(fault) => {
                let (code, text) = words_of(&fault);
                let status = match fault {
                    Fault::Syntax(_) | Fault::Unknown | Fault::Incomplete => Status::Bad,
                    Fault::Name | Fault::Charset => Status::No,
                };
                let names = format!("BADCHARSET (UTF-8 US-ASCII {})", CHARSETS.join(" "));
                self.refuse(status, if fault == Fault::Charset { Some(&names) } else { code }, text);
                self.count_bad(line.rest(), &format!("{} {text}", status.as_str()));
            }
        }
    }

    /// A tagged refusal.
    pub(super) fn refuse(&mut self, status: Status, code: Option<&str>, text: &str) {
        let tag = std::mem::take(&mut self.tag);
        tagged(&mut self.out, &tag, status, code, text);
        self.tag = tag;
    }

    /// `BAD` for a command whose bytes are in `command`, with its tag if it has one.
    pub(super) fn refusal_of_collected(&mut self, text: &str) -> Vec<u8> {
        let mut response = Vec::new();
        let collected = self.take_command();
        let tag = parse::tag(&mut Cursor::new(&collected)).unwrap_or("*");
        tagged(&mut response, tag, Status::Bad, None, text);
        self.count_bad(&collected, text);
        response
    }

    /// Ends the session when too many commands in a row were wrong; tells the log.
    pub(super) fn count_bad(&mut self, line: &[u8], reply: &str) {
        self.bad += 1;
        if self.bad > BAD_MAX {
            return self.bye("Too many wrong commands");
        }
        let line = loggable(line);
        self.ask(Event::Refused { line, reply: shown(reply.as_bytes(), 200).into() }, Awaiting::Notice);
    }

    /// The line that ends IDLE.
    pub(super) fn idle_line(&mut self) {
        let line = self.take_command();
        if line.eq_ignore_ascii_case(b"DONE") {
            return self.ask(Event::IdleDone, Awaiting::Command);
        }
        self.refuse(Status::Bad, None, "Expected DONE");
        // Any event tells the agent that IDLE is over.
        self.count_bad(&line, "BAD Expected DONE");
    }

    fn refuse_literal(&mut self, literal: LiteralSize, code: Option<&str>, text: &str) {
        let mut response = Vec::new();
        let collected = self.take_command();
        let mut cursor = Cursor::new(&collected);
        let tag = parse::tag(&mut cursor).unwrap_or("*");
        let status = if matches!(code, Some("CANNOT")) { Status::No } else { Status::Bad };
        tagged(&mut response, tag, status, code, text);
        self.count_bad(cursor.rest(), text);
        if self.end != End::No {
            return;
        }
        if literal.synchronising {
            self.out.append(&mut response);
        } else {
            self.begin_discard(u64::from(literal.size.unwrap_or(0)), response);
        }
    }

    fn dispatch(&mut self, command: Command, line: &[u8]) {
        if let Some(complaint) = self.out_of_place(&command) {
            self.refuse(Status::Bad, None, complaint);
            return self.count_bad(line, complaint);
        }
        self.bad = 0;
        match command {
            Command::Capability => {
                let names = format!("CAPABILITY {}", self.capabilities());
                self.untagged(&names);
                self.refuse(Status::Ok, None, "CAPABILITY completed");
            }
            Command::Noop if self.is_stranger() => self.refuse(Status::Ok, None, "NOOP completed"),
            Command::StartTls => self.start_tls(),
            Command::Login { user, password } => self.login(&user, &password),
            Command::Authenticate { mechanism, initial } => self.authenticate(&mechanism, initial.as_deref()),
            Command::Idle => self.ask(Event::Idle, Awaiting::IdleStart),
            Command::Compress(mechanism) => self.compress(&mechanism),
            command => {
                let awaiting = match command {
                    Command::Select(_) => Awaiting::Select,
                    Command::Close | Command::Unselect => Awaiting::Deselect,
                    Command::Logout => Awaiting::Logout,
                    Command::Enable(ref names) => Awaiting::Enable {
                        utf8: names.iter().any(|name| needs_utf8(name)),
                        accept: names.iter().any(|name| name == "UTF8=ACCEPT"),
                    },
                    _ => Awaiting::Command,
                };
                let (line, tag) = (loggable(line), self.tag.clone());
                self.ask(Event::Command { line, tag, command: Box::new(command) }, awaiting);
            }
        }
    }

    fn append_out_of_place(&self, mut after_tag: Cursor<'_>) -> Option<&'static str> {
        if self.is_stranger() {
            return Some("Log in first");
        }
        (self.state != State::Selected && !after_tag.eat_word("APPEND")).then_some("Select a mailbox first")
    }

    fn compress(&mut self, mechanism: &str) {
        if mechanism != "DEFLATE" {
            return self.refuse(Status::No, Some("CANNOT"), "Unknown mechanism");
        }
        if self.deflate.is_some() || self.deflate_next {
            return self.refuse(Status::No, Some("COMPRESSIONACTIVE"), "DEFLATE is active already");
        }
        self.refuse(Status::Ok, None, "DEFLATE active");
        self.deflate_next = true;
    }

    fn out_of_place(&self, command: &Command) -> Option<&'static str> {
        match command {
            Command::Capability | Command::Noop | Command::Logout | Command::Id(_) => None,
            Command::StartTls | Command::Login { .. } | Command::Authenticate { .. } => {
                (!self.is_stranger()).then_some("You are logged in already")
            }
            Command::Check
            | Command::Close
            | Command::Unselect
            | Command::Expunge(_)
            | Command::Search(_)
            | Command::Sort(_)
            | Command::Thread(_)
            | Command::Fetch(_)
            | Command::Store(_)
            | Command::Copy(_) => (self.state != State::Selected).then_some("Select a mailbox first"),
            _ => self.is_stranger().then_some("Log in first"),
        }
    }
}

/// Capabilities that, once enabled, make mailbox names UTF-8.
fn needs_utf8(name: &str) -> bool {
    matches!(name, "IMAP4REV2" | "UTF8=ACCEPT")
}

/// Response code and text of a fault.
fn words_of(fault: &Fault) -> (Option<&'static str>, &'static str) {
    match fault {
        Fault::Syntax(hint) => (None, hint),
        Fault::Unknown => (None, "Unknown command"),
        Fault::Incomplete => (None, "A literal is incomplete"),
        Fault::Name => (Some("CANNOT"), "The mailbox name is not well-formed"),
        Fault::Charset => (Some("BADCHARSET"), "Unknown charset"),
    }
}

/// The first line of a command for the log. A password never gets into it, not even from a malformed LOGIN.
fn loggable(line: &[u8]) -> Box<str> {
    let first = line.split(|&b| b == b'\r').next().unwrap_or_default();
    let text = shown(first, 200);
    let upper = text.to_ascii_uppercase();
    let secret = ["LOGIN", "AUTHENTICATE"].into_iter().find_map(|verb| upper.find(verb).map(|at| at + verb.len()));
    match secret.and_then(|at| text.get(..at)) {
        Some(open) => format!("{open} …").into(),
        None => text.into(),
    }
}
