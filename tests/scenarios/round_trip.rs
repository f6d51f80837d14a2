//! Mail of all kinds goes in by APPEND and by SMTP and comes out as it was, with sizes and parts that fit.
//!
//! Its own mail is in [`mail`]. Any folder of real mail can be sent the same way:
//! `SEKISHO_MAIL=folder cargo test -p sekisho-daemon --test scenarios round_trip -- --nocapture`.

mod bodystructure;
mod mail;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use self::bodystructure::Leaf;
use crate::support::wire::Wire;
use crate::support::{PASSWORD, Server, Setup};

/// Messages in one SMTP session.
const A_SESSION: usize = 40;

#[test]
fn everything_comes_back_as_it_went_in() {
    let mut all = mail::odd_messages();
    all.extend(given_folders());
    let server = Server::start(&Setup { accounts: &["bob"], require_tls: false, ..Setup::default() });
    let mut imap = Imap::log_in(&server);
    let appended = by_append(&mut imap, &all);
    let (delivered, refused) = by_smtp(&server, &mut imap, &all);
    println!("round trip: {appended} by APPEND, {delivered} by SMTP, {} refused by SMTP: {refused:?}", refused.len());
    assert_eq!(appended, all.len());
    assert_eq!(delivered + refused.len(), all.len());
    // Reception refuses what RFC 5321 lets nobody send, and mail that goes in circles.
    assert!(refused.len() <= all.len() / 20 + 1, "{refused:?}");
}

/// The messages of the folders that `SEKISHO_MAIL` names.
fn given_folders() -> Vec<(String, Vec<u8>)> {
    let Some(folders) = std::env::var_os("SEKISHO_MAIL") else { return Vec::new() };
    let mut all = Vec::new();
    for folder in std::env::split_paths(&folders) {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        assert!(!paths.is_empty(), "no mail in {}", folder.display());
        all.extend(paths.into_iter().map(|path| (path.display().to_string(), std::fs::read(path).unwrap())));
    }
    all
}

/// By APPEND, octet for octet. How many came back right.
fn by_append(imap: &mut Imap, all: &[(String, Vec<u8>)]) -> usize {
    imap.ok("CREATE rt", &[]);
    for (name, message) in all {
        // A message with NUL can come as a literal8 only.
        let tilde = if message.contains(&0) { "~" } else { "" };
        let said = imap.ok(&format!("APPEND rt {tilde}{{{}+}}", message.len()), message);
        assert!(said.last().unwrap().0.contains("APPENDUID"), "{name}");
    }
    imap.ok("SELECT rt", &[]);
    for (number, (name, message)) in (1..).zip(all) {
        let got = imap.message(number);
        assert!(got.whole == *message, "{name}: {} octets in, {} out", message.len(), got.whole.len());
        got.check(name, imap, number);
    }
    all.len()
}

/// By SMTP: what was sent is at the end of what is delivered. How many were, and which were refused.
fn by_smtp(server: &Server, imap: &mut Imap, all: &[(String, Vec<u8>)]) -> (usize, Vec<String>) {
    let to = server.address("bob");
    let mut sent: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    let mut refused = Vec::new();
    for (first, session) in (0..).step_by(A_SESSION).zip(all.chunks(A_SESSION)) {
        let mut wire = Wire::smtp(server.ports.smtp);
        for (at, (name, message)) in (first..).zip(session) {
            let text = [format!("X-Trip: {at}.\r\n").into_bytes(), with_crlf(message)].concat();
            let reply = wire.octets("someone@outside.example", &to, &text);
            if reply.starts_with("250") {
                sent.insert(at, text);
            } else {
                assert!(reply.starts_with('5'), "{name}: {reply}");
                refused.push(format!("{name}: {reply}"));
                wire = Wire::smtp(server.ports.smtp);
            }
        }
    }
    imap.ok("SELECT INBOX", &[]);
    let begin = Instant::now();
    while !imap.ok("NOOP", &[]).iter().any(|(line, _)| line.starts_with(&format!("* {} EXISTS", sent.len()))) {
        if imap.ok("STATUS INBOX (MESSAGES)", &[])[0].0.contains(&format!("MESSAGES {})", sent.len())) {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(120), "not all were delivered");
        std::thread::sleep(Duration::from_millis(20));
    }
    imap.ok("SELECT INBOX", &[]);
    for number in 1..=sent.len() {
        let got = imap.message(number);
        let text = String::from_utf8_lossy(&got.whole).into_owned();
        let trip = text.lines().find_map(|line| line.strip_prefix("X-Trip: ")).unwrap();
        let at: usize = trip.trim_end_matches('.').parse().unwrap();
        let was = sent.remove(&at).unwrap();
        assert!(got.whole.ends_with(&was), "{}: not at the end of {text}", all[at].0);
        let ours = String::from_utf8_lossy(&got.whole[..got.whole.len() - was.len()]).into_owned();
        assert!(ours.starts_with("Return-Path: <someone@outside.example>\r\n") && ours.ends_with("\r\n"), "{ours}");
        got.check(&all[at].0, imap, number);
    }
    (all.len() - refused.len() - sent.len(), refused)
}

/// With the line ends that SMTP has: nothing but CRLF, and one at the end.
fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 100);
    for line in message.split(|byte| *byte == b'\n') {
        out.extend(line.iter().filter(|byte| **byte != b'\r' && **byte != 0));
        out.extend_from_slice(b"\r\n");
    }
    if message.ends_with(b"\n") {
        out.truncate(out.len() - 2);
    }
    out
}

/// What FETCH says of a message.
struct Fetched {
    size: usize,
    whole: Vec<u8>,
    header: Vec<u8>,
    text: Vec<u8>,
    leaves: Vec<Leaf>,
}

impl Fetched {
    /// Everything fits together.
    fn check(&self, name: &str, imap: &mut Imap, number: usize) {
        assert_eq!(self.size, self.whole.len(), "{name}: RFC822.SIZE");
        assert!([&*self.header, &*self.text].concat() == self.whole, "{name}: HEADER and TEXT are not the message");
        let ends = self.header.is_empty() || self.header.ends_with(b"\r\n\r\n") || self.header.ends_with(b"\n\n");
        assert!(ends || self.text.is_empty() || self.header == b"\r\n" || self.header == b"\n", "{name}: HEADER");
        assert!(!self.leaves.is_empty(), "{name}: no part at all");
        for leaf in &self.leaves {
            let said = imap.ok(&format!("FETCH {number} BODY.PEEK[{}]", leaf.section), &[]);
            let (line, literals) = &said[0];
            let part = literals.first().unwrap_or_else(|| panic!("{name}: {}: {line}", leaf.section));
            assert_eq!(part.len(), leaf.octets, "{name}: octets of {}", leaf.section);
            let Some(lines) = leaf.lines else { continue };
            let ends = part.iter().filter(|byte| **byte == b'\n').count();
            assert!(lines == ends || lines == ends + 1, "{name}: lines of {}: {lines}, {ends}", leaf.section);
        }
    }
}

/// An IMAP client that knows lines and literals.
struct Imap(Wire);

/// A response with its literals, which stand as `{n}` in the line.
type Response = (String, Vec<Vec<u8>>);

impl Imap {
    fn log_in(server: &Server) -> Self {
        let mut imap = Self(Wire::connect(server.ports.imap));
        assert!(imap.0.line().starts_with("* OK"));
        imap.ok(&format!("LOGIN {} {PASSWORD}", server.address("bob")), &[]);
        imap
    }

    /// A command that must succeed, with a literal after its line; all responses.
    fn ok(&mut self, command: &str, literal: &[u8]) -> Vec<Response> {
        let mut bytes = format!("t {command}\r\n").into_bytes();
        if command.ends_with('}') {
            bytes.extend_from_slice(literal);
            bytes.extend_from_slice(b"\r\n");
        }
        self.0.send(&bytes).unwrap();
        let mut responses = Vec::new();
        loop {
            let response = self.response();
            let last = response.0.starts_with("t ");
            assert!(!last || response.0.starts_with("t OK"), "{command}: {}", response.0);
            responses.push(response);
            if last {
                return responses;
            }
        }
    }

    fn response(&mut self) -> Response {
        let (mut line, mut literals) = (String::new(), Vec::new());
        loop {
            line.push_str(&self.0.line());
            assert!(!line.is_empty(), "the server is gone");
            let size = line.strip_suffix('}').and_then(|rest| rest.rsplit_once('{')).and_then(|(_, n)| n.parse().ok());
            let Some(size) = size else { return (line, literals) };
            literals.push(self.0.exactly(size));
        }
    }

    fn message(&mut self, number: usize) -> Fetched {
        let said = self.ok(&format!("FETCH {number} (RFC822.SIZE BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT])"), &[]);
        let (line, literals) = &said[0];
        let size = line.split_once("RFC822.SIZE ").unwrap().1;
        let size = size.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        let [whole, header, text] = <[Vec<u8>; 3]>::try_from(literals.clone()).unwrap();
        let said = self.ok(&format!("FETCH {number} (BODYSTRUCTURE ENVELOPE BODY)"), &[]);
        let (line, literals) = &said[0];
        let leaves = bodystructure::leaves(line, literals);
        Fetched { size, whole, header, text, leaves }
    }
}
