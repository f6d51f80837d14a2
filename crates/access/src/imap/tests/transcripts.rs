//! Runs `tests/transcripts/imap/*.txt`.
//!
//! ```text
//! # comment
//! C: what the client says            a line, with CRLF added
//! S: what the server says            exactly; … stands for anything within the line
//! S* what the server says            the same, in any order among neighbouring S* lines
//! 2C: 2S:                            the same for a second connection, made when it is first named
//! 5C: 5S:                            of another person in the same domain, as are 6 to 8; 9 is the administrator's
//! 2NEWS                              the second connection is told what nobody asked for
//! DELIVER subject                    a message arrives in INBOX
//! QUOTA octets   TICK 31m   CLOSED   REMOVE   PASSWORD   PAUSE   INDEX
//! ```
//!
//! Connection 1 is logged in unless the file starts with `STRANGER`. Whatever the server says must be expected: a line
//! that is left over when the client goes on fails the transcript.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sekisho_control::BusEvent;
use sekisho_store::{Engine, account, index, switch};

use super::codec;
use super::house::{ADMIN, House, OTHER, PASSWORD, USER};
use super::talk::Talk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transcripts_on_sqlite() {
    run_all(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transcripts_on_postgresql() {
    run_all(Engine::Postgres).await;
}

async fn run_all(engine: Engine) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/transcripts/imap");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 45, "transcripts are missing");
    let mut failures = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        if let Err(why) = Runner::new(engine, text.starts_with("STRANGER")).await.run(&text).await {
            failures.push(format!("{}: {why}", file.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), files.len(), failures.join("\n\n"));
}

struct Runner {
    house: House,
    talks: BTreeMap<u32, Connection>,
    stranger: bool,
}

struct Connection {
    talk: Talk,
    lines: VecDeque<String>,
    /// Everything said, for the independent decoder.
    said: Vec<u8>,
}

impl Connection {
    fn hear(&mut self) {
        let bytes = self.talk.heard_bytes();
        self.said.extend_from_slice(&bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let text = text.strip_suffix("\r\n").unwrap_or(&text);
        if !text.is_empty() {
            self.lines.extend(text.split("\r\n").map(str::to_owned));
        }
    }
}

impl Runner {
    async fn new(engine: Engine, stranger: bool) -> Self {
        Self { house: House::new(engine).await, talks: BTreeMap::new(), stranger }
    }

    async fn run(mut self, text: &str) -> Result<(), String> {
        let mut any_order: Vec<(u32, String)> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let fail = |why: String| format!("line {}: {why}", at + 1);
            let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, word) = line.split_at(digits);
            let number = number.parse().unwrap_or(1);
            if let Some(wanted) = word.strip_prefix("S* ") {
                any_order.push((number, wanted.to_owned()));
                continue;
            }
            self.expect_any_order(&mut any_order).map_err(fail)?;
            self.step(number, word).await.map_err(fail)?;
        }
        self.expect_any_order(&mut any_order)?;
        self.nothing_left()?;
        for connection in self.talks.values() {
            codec::check(&connection.said)?;
        }
        Ok(())
    }

    async fn step(&mut self, number: u32, word: &str) -> Result<(), String> {
        let (verb, rest) = word.split_once(' ').unwrap_or((word, ""));
        match verb {
            "" | "#" | "STRANGER" => {}
            "C:" => {
                self.nothing_left()?;
                let connection = self.connection(number).await;
                connection.talk.send(format!("{rest}\r\n")).await;
                connection.hear();
            }
            "S:" => {
                let connection = self.connection(number).await;
                let line = connection.lines.pop_front().ok_or_else(|| format!("expected {rest:?}, got nothing"))?;
                if !fits(rest, &line) {
                    return Err(format!("expected {rest:?}\n     got {line:?}\n    then {:?}", connection.lines));
                }
            }
            "NEWS" => {
                let connection = self.connection(number).await;
                if !connection.talk.unasked(Duration::from_secs(20)).await {
                    return Err("no news".into());
                }
                connection.hear();
            }
            "CLOSED" => {
                if !self.connection(number).await.talk.closed {
                    return Err("the connection is still open".into());
                }
            }
            other => self.world(other, rest).await?,
        }
        Ok(())
    }

    /// What happens outside the connections.
    async fn world(&mut self, verb: &str, rest: &str) -> Result<(), String> {
        let (control, account) = (self.house.control.clone(), self.house.account);
        match verb {
            "DELIVER" => {
                let text =
                    format!("From: Hanako <hanako@example.org>\r\nTo: {USER}\r\nSubject: {rest}\r\n\r\nHello\r\n");
                self.house.deliver(text.as_bytes()).await;
            }
            "QUOTA" => self.house.set_quota(rest.parse().unwrap()).await,
            "TICK" => {
                let minutes: u64 = rest.trim_end_matches('m').parse().unwrap();
                self.house.clock.advance(Duration::from_secs(minutes * 60));
                for connection in self.talks.values_mut() {
                    connection.talk.look_at_the_clock().await;
                    connection.hear();
                }
            }
            "REMOVE" => {
                let now = self.house.clock.now();
                control
                    .store()
                    .write(move |tx| account::remove(tx, account, Duration::from_secs(60), now))
                    .await
                    .unwrap();
                control.bus().publish(BusEvent::Suspended { account });
            }
            "PASSWORD" => {
                let now = self.house.clock.now();
                let write = control.store().write(move |tx| account::set_password(tx, account, "x", None, false, now));
                write.await.unwrap();
                control.bus().publish(BusEvent::PasswordChanged { account });
            }
            "INDEX" => {
                let (store, now) = (control.store().clone(), self.house.clock.now());
                let work = move || while index::step(&store, now).unwrap() {};
                tokio::task::spawn_blocking(work).await.unwrap();
            }
            "PAUSE" => {
                let now = self.house.clock.now();
                control.store().write(move |tx| switch::set(tx, "imap4", true, "test", now)).await.unwrap();
            }
            other => return Err(format!("unknown word {other}")),
        }
        Ok(())
    }

    async fn connection(&mut self, number: u32) -> &mut Connection {
        if !self.talks.contains_key(&number) {
            let user = match number {
                ..5 => USER,
                5..9 => OTHER,
                9.. => ADMIN,
            };
            let talk = if self.stranger { self.house.connect().await } else { self.house.logged_in_as(user).await };
            let mut connection = Connection { talk, lines: VecDeque::new(), said: Vec::new() };
            connection.hear();
            if !self.stranger {
                connection.lines.clear();
            }
            self.talks.insert(number, connection);
        }
        self.talks.get_mut(&number).unwrap()
    }

    fn expect_any_order(&mut self, wanted: &mut Vec<(u32, String)>) -> Result<(), String> {
        let mut got: Vec<(u32, String)> = Vec::new();
        for (number, _) in wanted.iter() {
            let lines = self.talks.get_mut(number).map(|connection| &mut connection.lines);
            got.extend(lines.and_then(VecDeque::pop_front).map(|line| (*number, line)));
        }
        for (number, wanted) in wanted.drain(..) {
            match got.iter().position(|(n, line)| *n == number && fits(&wanted, line)) {
                Some(at) => drop(got.swap_remove(at)),
                None => return Err(format!("expected {wanted:?} among {got:?}")),
            }
        }
        Ok(())
    }

    fn nothing_left(&self) -> Result<(), String> {
        match self.talks.iter().find(|(_, connection)| !connection.lines.is_empty()) {
            Some((number, connection)) => Err(format!("connection {number} said more: {:?}", connection.lines)),
            None => Ok(()),
        }
    }
}

/// Whether `line` is `wanted`, with `…` for any text and `USER` and `PASSWORD` for the account's.
fn fits(wanted: &str, line: &str) -> bool {
    let wanted = wanted.replace("PASSWORD", PASSWORD);
    let mut pieces = wanted.split('…');
    let Some(mut rest) = line.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
