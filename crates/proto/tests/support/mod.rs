//! Plays transcripts against wire sessions.
//!
//! `C:` and `S:` lines are what client and server say; one side is the session under test,
//! the other is played. In expected lines `*` stands for any text. Further lines:
//!
//! ```text
//! # a comment, usually the section of an RFC
//! @name value     a setting, before the first line of dialogue
//! RAW: text       what the played side sends, with \r \n \0 \t \\ \xNN and without a line end
//! E: text         the agent saw this event (others may come before it)
//! TLS             the session wants TLS now; it is negotiated
//! TICK 5m         time passes (s, m, h); a session whose deadline passed is told so
//! EOF             the played side closes
//! SHUTDOWN        the process of the session stops
//! CLOSED          the session closes, and has nothing more to say
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, missing_docs)]

pub mod pop3;
pub mod smtp;
pub mod smtp_client;

use std::path::Path;

use sekisho_message::Time;
use sekisho_proto::sasl::{Channel, Offer};
use sekisho_proto::{Session, Step};

/// How the bytes of the played side are fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// A line, or a group of lines, in one piece.
    Whole,
    /// Octet by octet.
    Single,
}

/// An agent that answers from memory. It gives a short text of each event for `E:` lines.
pub trait Agent<S: Session> {
    fn answer(&mut self, event: S::Event) -> (String, S::Reply);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    StartTls,
    Closed,
}

/// A session with its agent, a clock, and what it has said.
pub struct Play<S, A> {
    session: Option<S>,
    agent: A,
    now: Time,
    state: State,
    said: Vec<u8>,
    events: Vec<String>,
    feed: Feed,
}

impl<S: Session, A: Agent<S>> Play<S, A> {
    pub fn new(session: S, agent: A, feed: Feed) -> Self {
        let mut play = Self {
            session: Some(session),
            agent,
            now: Time::from_seconds(1_764_000_000),
            state: State::Open,
            said: Vec::new(),
            events: Vec::new(),
            feed,
        };
        play.pump();
        play
    }

    /// Sends bytes of the played side and lets the session work on them.
    pub fn send(&mut self, bytes: &[u8]) {
        let size = if self.feed == Feed::Whole { bytes.len().max(1) } else { 1 };
        for piece in bytes.chunks(size) {
            self.session.as_mut().unwrap().receive(self.now, piece);
            self.pump();
        }
    }

    /// All that the session said and was not yet looked at.
    pub fn said(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.said)
    }

    pub fn events(&self) -> &[String] {
        &self.events
    }

    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub fn end_input(&mut self) {
        self.session.as_mut().unwrap().receive_end(self.now);
        self.pump();
    }

    pub fn shutdown(&mut self) {
        self.session.as_mut().unwrap().shutdown(self.now);
        self.pump();
    }

    /// Lets time pass, deadline by deadline.
    pub fn tick(&mut self, seconds: i64) {
        self.now = Time(self.now.0 + seconds * 1_000_000);
        let session = self.session.as_mut().unwrap();
        if self.state == State::Open && session.deadline() <= self.now {
            session.expire(self.now);
            self.pump();
        }
    }

    pub fn tls(&mut self) {
        assert_eq!(self.state, State::StartTls, "the session does not want TLS");
        self.session = self.session.take().map(|s| s.into_tls(self.now));
        if let Some(session) = &mut self.session {
            session.bind(&std::sync::Arc::new(channel()));
        }
        self.state = State::Open;
        self.pump();
    }

    fn pump(&mut self) {
        while self.state == State::Open {
            let session = self.session.as_mut().unwrap();
            match session.next(self.now) {
                Step::Send(bytes) => self.said.extend(bytes),
                Step::Event(event) => {
                    let (text, reply) = self.agent.answer(event);
                    self.events.push(text);
                    self.session.as_mut().unwrap().answer(self.now, reply);
                }
                Step::StartTls => self.state = State::StartTls,
                Step::NeedInput => return,
                Step::Close => self.state = State::Closed,
            }
        }
    }
}

/// Settings at the head of a transcript.
pub type Settings = Vec<(String, String)>;

/// Plays every transcript of a folder, in both ways of feeding.
pub fn folder<S: Session, A: Agent<S>>(folder: &str, expected: &str, make: impl Fn(&Settings) -> (S, A)) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts").join(folder);
    let mut files: Vec<_> =
        std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some()).collect();
    files.sort();
    assert!(!files.is_empty(), "no transcripts in {}", path.display());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let settings: Settings = text
            .lines()
            .filter_map(|l| l.strip_prefix('@'))
            .map(|l| l.split_once(' ').map_or((l.into(), String::new()), |(k, v)| (k.into(), v.into())))
            .collect();
        let whole_only = settings.iter().any(|(name, _)| name == "whole");
        for feed in [Feed::Whole, Feed::Single] {
            if feed == Feed::Single && whole_only {
                continue;
            }
            let (session, agent) = make(&settings);
            transcript(&file, &text, expected, Play::new(session, agent, feed));
        }
    }
}

fn transcript<S: Session, A: Agent<S>>(file: &Path, text: &str, expected: &str, mut play: Play<S, A>) {
    let name = file.file_name().unwrap().to_string_lossy();
    let played = if expected == "S: " { "C:" } else { "S:" };
    let mut seen = 0;
    for (index, line) in text.lines().enumerate() {
        let at = format!("{name}:{} ({:?})", index + 1, play.feed);
        if line.is_empty() || line.starts_with(['#', '@']) {
            continue;
        } else if let Some(pattern) = line.strip_prefix(expected.trim_end()) {
            expect_line(&mut play.said, pattern.strip_prefix(' ').unwrap_or(pattern), &at);
        } else if let Some(text) = line.strip_prefix(played) {
            nothing_said(&mut play, &at);
            let text = text.strip_prefix(' ').unwrap_or(text);
            play.send(format!("{text}\r\n").as_bytes());
        } else if let Some(text) = line.strip_prefix("RAW: ") {
            nothing_said(&mut play, &at);
            play.send(&unescape(text));
        } else if let Some(pattern) = line.strip_prefix("E: ") {
            let found = play.events.iter().skip(seen).position(|e| matches(pattern, e));
            let found = found.unwrap_or_else(|| panic!("{at}: no event {pattern}; there are {:#?}", play.events));
            seen += found + 1;
        } else if let Some(time) = line.strip_prefix("TICK ") {
            let (number, unit) = time.split_at(time.len() - 1);
            let unit = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                _ => panic!("{at}: bad time"),
            };
            play.tick(number.parse::<i64>().unwrap() * unit);
        } else {
            match line {
                "TLS" => {
                    nothing_said(&mut play, &at);
                    play.tls();
                }
                "EOF" => play.end_input(),
                "SHUTDOWN" => play.shutdown(),
                "CLOSED" => {
                    nothing_said(&mut play, &at);
                    assert!(play.is_closed(), "{at}: the session is still open");
                }
                _ => panic!("{at}: what does this line mean? {line}"),
            }
        }
    }
    nothing_said(&mut play, &name);
}

fn nothing_said<S, A>(play: &mut Play<S, A>, at: &str) {
    assert!(play.said.is_empty(), "{at}: the session said more: {:?}", String::from_utf8_lossy(&play.said));
}

fn expect_line(said: &mut Vec<u8>, pattern: &str, at: &str) {
    let Some(end) = said.windows(2).position(|w| w == b"\r\n") else {
        panic!("{at}: expected {pattern:?}, the session said {:?}", String::from_utf8_lossy(said));
    };
    let line: Vec<u8> = said.drain(..end + 2).collect();
    let line = String::from_utf8_lossy(&line[..end]).into_owned();
    assert!(matches(pattern, &line), "{at}: expected {pattern:?}, the session said {line:?}");
}

/// Whether `text` fits `pattern`, where `*` stands for any text.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match bytes.next().unwrap() {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'0' => 0,
            b'\\' => b'\\',
            b'x' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => panic!("bad escape \\{}", char::from(other)),
        });
    }
    out
}

/// The TLS connection that sessions are told of: TLS 1.3, and the client showed a certificate.
pub fn channel() -> Channel {
    Channel { exporter: Some([7; 32]), end_point: Some(Box::new([9; 32])), certificate: true }
}

/// The mechanisms that the settings of a transcript ask for.
pub fn offer(settings: &Settings) -> Offer {
    let has = |name: &str| settings.iter().any(|(n, _)| n == name);
    Offer {
        scram: true,
        tokens: has("tokens").then(|| "https://id.example.jp/.well-known/openid-configuration".into()),
        certificates: has("certificates"),
        digests: has("digests"),
        digests_without_tls: has("clear-digests"),
    }
}
