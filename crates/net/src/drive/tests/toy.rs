//! A protocol of lines for tests: `ECHO x`, `ASK x` (the agent answers), `BIG n`, `TLS`, `LATE`
//! (the deadline comes nearer), `FINISH` (the next shutdown waits for the line `DONE`), `QUIT`.

use std::collections::VecDeque;
use std::time::Duration;

use sekisho_message::Time;
use sekisho_proto::session::{Session, Step};
use tokio::sync::{mpsc, oneshot};

use crate::drive::Agent;
use crate::tls::TlsInfo;

/// Longest line.
const MAX: usize = 1000;

pub(super) struct Toy {
    input: Vec<u8>,
    steps: VecDeque<Step<String>>,
    deadline: Time,
    secure: bool,
    finishing: bool,
    leaving: bool,
    closed: bool,
}

impl Toy {
    pub(super) fn new(now: Time, secure: bool) -> Self {
        let steps = VecDeque::from([Step::Send(b"hello\r\n".to_vec())]);
        let deadline = now + Duration::from_secs(60);
        Self { input: Vec::new(), steps, deadline, secure, finishing: false, leaving: false, closed: false }
    }

    fn send(&mut self, text: &str) {
        self.steps.push_back(Step::Send(format!("{text}\r\n").into_bytes()));
    }

    fn close(&mut self, text: &str) {
        self.closed = true;
        self.input.clear();
        self.send(text);
        self.steps.push_back(Step::Close);
    }

    fn command(&mut self, now: Time, line: &str) {
        self.deadline = now + Duration::from_secs(60);
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "ECHO" => self.send(rest),
            "ASK" => self.steps.push_back(Step::Event(rest.to_owned())),
            "BIG" => self.steps.push_back(Step::Send(vec![b'x'; rest.parse().unwrap()])),
            "SECURE" => self.send(if self.secure { "yes" } else { "no" }),
            "TLS" => {
                self.send("go");
                self.steps.push_back(Step::StartTls);
            }
            "LATE" => {
                self.deadline = now + Duration::from_secs(5);
                self.send("hurry");
            }
            "FINISH" => {
                self.finishing = true;
                self.send("go on");
            }
            "DONE" => {
                self.finishing = false;
                self.send("done");
                if self.leaving {
                    self.close("bye");
                }
            }
            "QUIT" => self.close("bye"),
            _ => self.send("what?"),
        }
    }
}

impl Session for Toy {
    type Event = String;
    type Reply = String;

    fn receive(&mut self, _now: Time, bytes: &[u8]) {
        if !self.closed {
            self.input.extend_from_slice(bytes);
        }
    }

    fn receive_end(&mut self, _now: Time) {
        self.steps.push_back(Step::Close);
    }

    fn next(&mut self, now: Time) -> Step<String> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return step;
            }
            if self.closed {
                return Step::Close;
            }
            if let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8(self.input.drain(..end + 2).take(end).collect()).unwrap();
                self.command(now, &line);
            } else if self.input.len() > MAX {
                self.close("too long");
            } else {
                return Step::NeedInput;
            }
        }
    }

    fn answer(&mut self, _now: Time, reply: String) {
        self.send(&reply);
    }

    fn deadline(&self) -> Time {
        self.deadline
    }

    fn expire(&mut self, _now: Time) {
        self.close("too late");
    }

    fn shutdown(&mut self, _now: Time) {
        self.leaving = true;
        if !self.finishing {
            self.close("going down");
        }
    }

    fn into_tls(self, now: Time) -> Self {
        Self { steps: VecDeque::new(), ..Self::new(now, true) }
    }
}

/// Answers in capitals. `ASK later` waits for [`Clerk::later`], `ASK panic` panics.
#[derive(Debug, Default)]
pub(super) struct Clerk {
    pub(super) asked: Vec<String>,
    pub(super) tls: Option<TlsInfo>,
    pub(super) later: Option<oneshot::Receiver<String>>,
    pub(super) news: Option<mpsc::Receiver<String>>,
}

impl Agent<Toy> for Clerk {
    async fn answer(&mut self, event: String) -> String {
        self.asked.push(event.clone());
        match event.as_str() {
            "later" => self.later.take().unwrap().await.unwrap(),
            "panic" => panic!("as the test asked for"),
            other => other.to_uppercase(),
        }
    }

    async fn wait(&mut self) -> String {
        match &mut self.news {
            Some(news) => match news.recv().await {
                Some(words) => words,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    fn secured(&mut self, tls: &TlsInfo) {
        self.tls = Some(tls.clone());
    }
}

/// The client of the toy: asks for TLS unless it has it, then echoes a word and quits.
pub(super) struct Caller {
    input: Vec<u8>,
    steps: VecDeque<Step<String>>,
    secure: bool,
    deadline: Time,
}

impl Caller {
    pub(super) fn new(now: Time, secure: bool) -> Self {
        let steps = if secure { VecDeque::from([Self::last_words()]) } else { VecDeque::new() };
        Self { input: Vec::new(), steps, secure, deadline: now + Duration::from_secs(60) }
    }

    fn last_words() -> Step<String> {
        Step::Send(b"SECURE\r\nQUIT\r\n".to_vec())
    }
}

impl Session for Caller {
    type Event = String;
    type Reply = String;

    fn receive(&mut self, _now: Time, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    fn receive_end(&mut self, _now: Time) {
        self.steps.push_back(Step::Close);
    }

    fn next(&mut self, _now: Time) -> Step<String> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return step;
            }
            let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") else { return Step::NeedInput };
            let line = String::from_utf8(self.input.drain(..end + 2).take(end).collect()).unwrap();
            match line.as_str() {
                "hello" if !self.secure => self.steps.push_back(Step::Send(b"TLS\r\n".to_vec())),
                "hello" => {}
                "go" => self.steps.push_back(Step::StartTls),
                _ => return Step::Event(line),
            }
        }
    }

    fn answer(&mut self, _now: Time, _reply: String) {}

    fn deadline(&self) -> Time {
        self.deadline
    }

    fn expire(&mut self, _now: Time) {
        self.steps.push_back(Step::Close);
    }

    fn into_tls(self, now: Time) -> Self {
        Self::new(now, true)
    }
}

/// Writes down what the caller hears.
#[derive(Default)]
pub(super) struct Ear {
    pub(super) heard: Vec<String>,
    pub(super) tls: Option<TlsInfo>,
}

impl Agent<Caller> for Ear {
    async fn answer(&mut self, event: String) -> String {
        self.heard.push(event);
        String::new()
    }

    fn secured(&mut self, tls: &TlsInfo) {
        self.tls = Some(tls.clone());
    }
}
