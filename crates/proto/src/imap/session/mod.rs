//! The IMAP session: lines, literals, states and limits, without I/O.

mod answer;
mod append;
mod auth;
mod compress;
mod dispatch;
mod event;
mod input;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sekisho_message::Time;

use crate::sasl::{Channel, Exchange, Offer};
use crate::session::{Session, Step};

pub use event::{Done, Event, Reply, Status};

/// Longest command, its small literals included, in octets.
pub const COMMAND_MAX: usize = 64 * 1024;
/// The same before login, where nobody needs much.
const COMMAND_MAX_STRANGER: usize = 8 * 1024;
/// Largest literal that a stranger may send without asking (LITERAL-, RFC 7888 §5).
const SHORT_LITERAL: usize = 4096;
/// Commands in a row that may be wrong before the session ends.
const BAD_MAX: u32 = 20;
/// Failed logins before the session ends.
const LOGIN_MAX: u32 = 5;
/// Commands before login; a client needs about four.
const STRANGER_COMMANDS_MAX: u32 = 60;
/// What is thrown away of one over-long command before the session ends, in octets.
const DISCARD_MAX: u64 = 256 * 1024 * 1024;

/// What all sessions of a listener have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host name in the greeting.
    pub hostname: String,
    /// STARTTLS is offered on plain connections.
    pub starttls: bool,
    /// Passwords may be sent without TLS (RFC 3501 §6.2.3 asks for `LOGINDISABLED` otherwise).
    pub login_without_tls: bool,
    /// The mechanisms beyond passwords in the clear.
    pub sasl: Offer,
    /// Largest message that APPEND takes, in octets.
    pub message_max: u64,
    /// Capabilities besides the ones that depend on the state, such as `IDLE` and `UIDPLUS`.
    pub capabilities: Vec<String>,
    /// How long a logged-in client may be silent; at least 30 minutes (RFC 3501 §5.4).
    pub idle: Duration,
    /// How long a stranger may be silent.
    pub stranger_idle: Duration,
    /// How long a stranger may stay altogether.
    pub stranger_stay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hostname: "localhost".into(),
            starttls: true,
            login_without_tls: false,
            sasl: Offer { scram: true, ..Offer::default() },
            message_max: 50 * 1024 * 1024,
            capabilities: Vec::new(),
            idle: Duration::from_secs(30 * 60),
            stranger_idle: Duration::from_secs(60),
            stranger_stay: Duration::from_secs(180),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct ImapSession {
    settings: Arc<Settings>,
    secure: bool,
    state: State,
    input: input::Input,
    mode: Mode,
    /// The command that is being collected, without the line end of its last line.
    command: Vec<u8>,
    /// Where in `command` its present line starts, after the last literal.
    line_from: usize,
    /// Tag of the command that is being carried out.
    tag: Box<str>,
    out: Vec<u8>,
    /// Mailbox names are UTF-8: the client has enabled it.
    utf8: bool,
    /// UTF8=ACCEPT is enabled, so searches name no charset.
    utf8_accept: bool,
    /// APPEND or REPLACE, while its messages come.
    append: Option<append::Appending>,
    /// What goes over the wire is compressed, or will be after what is in `out`.
    deflate: Option<Box<compress::Deflate>>,
    deflate_next: bool,
    /// What the driver gets next.
    pending: Option<Event>,
    /// What the agent's next answer is for.
    awaiting: Option<Awaiting>,
    exchange: Option<Exchange>,
    /// The TLS connection, until somebody has logged in.
    channel: Option<Arc<Channel>>,
    /// A refusal that is said after the client's next line.
    refusal: Option<Done>,
    /// The agent's consent, kept while a mechanism still has a message to send.
    granted: Option<Done>,
    end: End,
    peer_gone: bool,
    born: Time,
    heard: Time,
    bad: u32,
    failed_logins: u32,
    stranger_commands: u32,
}

/// The states of RFC 3501 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Greeting,
    NotAuthenticated,
    Authenticated,
    Selected,
}

/// What the next bytes are.
#[derive(Debug)]
enum Mode {
    /// A line of a command.
    Line,
    /// A literal of a command, which goes into `command`.
    Literal { left: usize },
    /// A literal that nobody wants; then the rest of the line goes too.
    Skip { left: u64, discard: Discard },
    /// The rest of a line that nobody wants.
    Discard(Discard),
    /// The literal of APPEND, handed on in chunks.
    Body { left: u64 },
    /// A response of a SASL exchange.
    Sasl,
    /// `DONE`.
    Idle,
}

/// What is known of a command that is being thrown away.
#[derive(Debug, Default)]
struct Discard {
    /// The last bytes of the line, for a literal's size may stand there.
    tail: Vec<u8>,
    /// The tagged response that is due at its end.
    response: Vec<u8>,
    /// Octets so far.
    gone: u64,
}

/// What the agent was asked.
#[derive(Debug)]
enum Awaiting {
    Greeting,
    Credential,
    /// `SELECT`: the state depends on the answer.
    Select,
    /// `CLOSE` and `UNSELECT`.
    Deselect,
    Logout,
    Command,
    /// Whether the message may come.
    AppendStep,
    /// A chunk of it was handed over.
    Chunk {
        left: u64,
    },
    /// `ENABLE`: mailbox names may be UTF-8 from then on.
    Enable {
        utf8: bool,
        accept: bool,
    },
    IdleStart,
    /// The answer does not matter.
    Notice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    Close,
    StartTls,
}

impl ImapSession {
    /// A session on a new connection. `secure` when TLS is on from the start.
    #[must_use]
    pub fn new(settings: Arc<Settings>, secure: bool, now: Time) -> Self {
        Self {
            settings,
            secure,
            state: State::Greeting,
            input: input::Input::default(),
            mode: Mode::Line,
            command: Vec::new(),
            line_from: 0,
            tag: Box::default(),
            out: Vec::new(),
            utf8: false,
            utf8_accept: false,
            append: None,
            deflate: None,
            deflate_next: false,
            pending: Some(Event::Connected),
            awaiting: None,
            exchange: None,
            channel: None,
            refusal: None,
            granted: None,
            end: End::No,
            peer_gone: false,
            born: now,
            heard: now,
            bad: 0,
            failed_logins: 0,
            stranger_commands: 0,
        }
    }

    /// Whether the connection is protected by TLS.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// The client waits in IDLE, so untagged responses may be sent at any time.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.mode, Mode::Idle) && self.awaiting.is_none() && self.pending.is_none()
    }

    fn may_login(&self) -> bool {
        self.secure || self.settings.login_without_tls
    }

    fn is_stranger(&self) -> bool {
        self.state < State::Authenticated
    }

    /// The capabilities in the present state, without `CAPABILITY` itself (RFC 3501 §7.2.1).
    fn capabilities(&self) -> String {
        // Only one of LITERAL+ and LITERAL- may be announced (RFC 7888 §5); strangers get the one with a limit.
        let literal = if self.is_stranger() { "LITERAL-" } else { "LITERAL+" };
        let mut names = vec!["IMAP4rev1", "IMAP4rev2", literal, "SASL-IR", "ID", "ENABLE"];
        if self.is_stranger() {
            if self.settings.starttls && !self.secure {
                names.push("STARTTLS");
            }
            if !self.may_login() {
                names.push("LOGINDISABLED");
            }
        }
        let mechanisms = self.mechanism_names();
        names.extend(mechanisms.iter().map(String::as_str));
        names.extend(self.settings.capabilities.iter().map(String::as_str));
        if !self.is_stranger() && self.deflate.is_none() && !self.deflate_next {
            names.push("COMPRESS=DEFLATE");
        }
        names.join(" ")
    }

    fn untagged(&mut self, text: &str) {
        self.out.extend_from_slice(b"* ");
        self.out.extend_from_slice(text.as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    fn bye(&mut self, text: &str) {
        self.untagged(&format!("BYE {text}"));
        self.end = End::Close;
        self.pending = None;
    }

    fn take_command(&mut self) -> Vec<u8> {
        self.line_from = 0;
        std::mem::take(&mut self.command)
    }

    /// Everything in `out`, as it goes over the wire.
    fn packed_out(&mut self) -> Vec<u8> {
        let out = std::mem::take(&mut self.out);
        match &mut self.deflate {
            Some(deflate) => deflate.pack(&out),
            None => {
                if std::mem::take(&mut self.deflate_next) {
                    // The client may have gone on at once; what it sent is compressed.
                    let mut deflate = Box::new(compress::Deflate::new());
                    deflate.receive(self.input.rest());
                    self.input = input::Input::default();
                    self.deflate = Some(deflate);
                }
                out
            }
        }
    }

    /// Makes some input of what is compressed. `false` when there is none.
    fn unpacked(&mut self) -> bool {
        let Some(deflate) = &mut self.deflate else { return false };
        match deflate.unpack() {
            Ok(Some(bytes)) => self.input.extend(&bytes),
            Ok(None) => return false,
            Err(compress::Broken) => self.bye("What was sent is not DEFLATE"),
        }
        true
    }

    fn ask(&mut self, event: Event, awaiting: Awaiting) {
        self.pending = Some(event);
        self.awaiting = Some(awaiting);
    }
}

impl Session for ImapSession {
    type Event = Event;
    type Reply = Reply;

    fn receive(&mut self, now: Time, bytes: &[u8]) {
        self.heard = now;
        if self.end != End::No {
            return;
        }
        match &mut self.deflate {
            Some(deflate) => deflate.receive(bytes),
            None => self.input.extend(bytes),
        }
    }

    fn receive_end(&mut self, _now: Time) {
        self.peer_gone = true;
    }

    fn next(&mut self, _now: Time) -> Step<Event> {
        loop {
            if !self.out.is_empty() {
                return Step::Send(self.packed_out());
            }
            match self.end {
                End::Close => return Step::Close,
                End::StartTls => return Step::StartTls,
                End::No => {}
            }
            if let Some(event) = self.pending.take() {
                if matches!(event, Event::Connected) {
                    self.awaiting = Some(Awaiting::Greeting);
                }
                return Step::Event(event);
            }
            if self.awaiting.is_some() {
                return Step::NeedInput;
            }
            if !self.advance() {
                if self.unpacked() {
                    continue;
                }
                if self.peer_gone {
                    self.end = End::Close;
                    continue;
                }
                self.input.release();
                return Step::NeedInput;
            }
        }
    }

    fn answer(&mut self, now: Time, reply: Reply) {
        self.heard = now;
        self.take_answer(reply);
    }

    fn deadline(&self) -> Time {
        if self.is_stranger() {
            let silent = self.heard + self.settings.stranger_idle;
            return silent.min(self.born + self.settings.stranger_stay);
        }
        match self.mode {
            // Half a message: nobody thinks for half an hour in the middle of one.
            Mode::Body { .. } | Mode::Literal { .. } | Mode::Skip { .. } => self.heard + self.settings.idle / 6,
            _ => self.heard + self.settings.idle,
        }
    }

    fn expire(&mut self, _now: Time) {
        self.bye("Autologout; nothing was heard for too long");
    }

    fn shutdown(&mut self, _now: Time) {
        self.bye("The server is restarting");
    }

    fn bind(&mut self, channel: &Arc<Channel>) {
        self.channel = Some(Arc::clone(channel));
    }

    fn into_tls(self, now: Time) -> Self {
        let mut fresh = Self::new(self.settings, true, now);
        fresh.state = State::NotAuthenticated;
        fresh.pending = None;
        fresh.born = self.born;
        fresh.failed_logins = self.failed_logins;
        fresh.stranger_commands = self.stranger_commands;
        fresh
    }
}

/// A tagged response.
fn tagged(out: &mut Vec<u8>, tag: &str, status: Status, code: Option<&str>, text: &str) {
    for piece in [tag, " ", status.as_str(), " "] {
        out.extend_from_slice(piece.as_bytes());
    }
    if let Some(code) = code {
        for piece in ["[", code, "] "] {
            out.extend_from_slice(piece.as_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Text for a person, with nothing in it that could end the line.
fn shown(bytes: &[u8], most: usize) -> Cow<'_, str> {
    let cut = bytes.get(..most).unwrap_or(bytes);
    match std::str::from_utf8(cut) {
        Ok(text) if !text.chars().any(char::is_control) => Cow::Borrowed(text),
        _ => String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { '?' } else { c }).collect(),
    }
}
