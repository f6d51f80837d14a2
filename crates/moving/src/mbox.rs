//! mbox files (RFC 4155 and its kin): messages between lines that begin with `From `.
//!
//! `>From ` at the start of a line loses one `>` (mboxrd). `Status` and `X-Status` become flags, and stay where they are.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sekisho_control::{Actor, Control, Done, Refusal};
use sekisho_message::header::Headers;
use sekisho_message::{Time, date, say};
use sekisho_store::imported;
use sekisho_store::mail::Flags;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::files::{MOST_MESSAGE, blocking, unusable};
use crate::intake::{self, Arrival, Intake, find, interrupted};
use crate::maildir::Progress;
use crate::{Tell, fresh};

/// Messages that are read together.
const CHUNK: usize = 200;
/// Octets of them, about.
const OCTETS: usize = 16 << 20;

/// Brings an mbox file into a folder of an account.
///
/// # Errors
/// When it cannot be read, or the store refuses.
pub async fn run(
    control: &Control,
    from: &Path,
    account: &str,
    folder: Option<&str>,
    actor: &Actor,
    tell: Tell<'_>,
) -> Result<Done, Refusal> {
    let account = find(control, account).await?;
    let failed = |error: io::Error| unusable(from, &error);
    let path = from.to_owned();
    let opened = blocking(move || {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok((Reader::new(BufReader::with_capacity(1 << 16, file)), size))
    });
    let (mut reader, size) = opened.await.map_err(failed)?;
    let name = folder.unwrap_or("INBOX").to_owned();
    let mut intake = Intake::new(control, account.id, &account.key);
    let mut progress = Progress::new(size, tell);
    let id = intake.folder(&name).await.map_err(interrupted)?;
    let (sent, now) = (intake::is_sent(&name), control.now());
    // The same message twice in a file is two messages, both times.
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    let mut unreadable = 0;
    loop {
        let (back, read, octets) = blocking(move || {
            let (mut read, mut octets) = (Vec::new(), 0);
            let begun = reader.taken;
            while read.len() < CHUNK && octets < OCTETS {
                let Some(message) = reader.next_message()? else { break };
                octets += message.bytes.len();
                read.push(message);
            }
            let octets = reader.taken - begun;
            Ok((reader, read, octets))
        })
        .await
        .map_err(failed)?;
        reader = back;
        if read.is_empty() {
            break;
        }
        for message in read {
            if message.too_large {
                unreadable += 1;
                continue;
            }
            let hash: [u8; 32] = Sha256::digest(&message.bytes).into();
            let times = seen.entry(hash).or_default();
            *times += 1;
            let place = [b"mbox\0".as_slice(), name.as_bytes(), b"\0", &hash, &times.to_be_bytes()].concat();
            let arrival = Arrival {
                item: imported::item(&place),
                also: None,
                folder: id,
                flags: flags(&message.bytes),
                keywords: Vec::new(),
                date: message.date.or_else(|| fresh::received(&message.bytes)).unwrap_or(now),
                bytes: message.bytes,
                sent,
            };
            intake.take(arrival).await.map_err(interrupted)?;
        }
        progress.add(octets);
    }
    let counts = intake.finish().await.map_err(interrupted)?;
    progress.end();
    if reader.messages == 0 && size > 0 {
        let path = from.display();
        return Err(Refusal::invalid(say!(
            ja: "{path} は mbox ではありません（「From 」で始まっていません）。",
            en: "{path} is not an mbox file: it does not begin with \"From \"."
        )));
    }
    let detail = json!({
        "account": account.address, "from": from.display().to_string(), "folder": name,
        "imported": counts.imported, "present": counts.present, "bytes": counts.bytes, "unreadable": unreadable,
    });
    control.record("account.import_mail", Some(&account.key), &detail, actor).await?;
    let (address, new, old) = (&account.address, counts.imported, counts.present);
    Ok(Done::with(
        say!(
            ja: "{address} の {name} に {new} 通を取り込みました（取り込み済み {old} 通、大きすぎるもの {unreadable} 通）。",
            en: "Imported {new} messages into {name} of {address} ({old} were there already, {unreadable} are too large)."
        ),
        detail,
    ))
}

/// Reads messages one after the other.
pub struct Reader<R> {
    input: R,
    /// Octets read.
    taken: u64,
    /// The line that the next message begins with.
    next: Option<Vec<u8>>,
    messages: u64,
    begun: bool,
}

/// One message of the file.
#[derive(Debug)]
pub struct Read {
    /// The message, lines ending in CRLF; empty when it is too large.
    pub bytes: Vec<u8>,
    /// When it was delivered, as its `From ` line says.
    pub date: Option<Time>,
    /// It exceeds what a message may have.
    pub too_large: bool,
}

impl<R: BufRead> Reader<R> {
    /// Over `input`.
    pub fn new(input: R) -> Self {
        Self { input, taken: 0, next: None, messages: 0, begun: false }
    }

    /// The next message; none at the end.
    ///
    /// # Errors
    /// Those of the input.
    pub fn next_message(&mut self) -> io::Result<Option<Read>> {
        if !self.begun {
            self.begun = true;
            let mut line = Vec::new();
            while self.line(&mut line)? {
                if is_from(&line) {
                    self.next = Some(std::mem::take(&mut line));
                    break;
                }
                if !line.trim_ascii().is_empty() {
                    return Ok(None);
                }
            }
        }
        let Some(from) = self.next.take() else { return Ok(None) };
        self.messages += 1;
        let mut read = Read { bytes: Vec::new(), date: date_of(&from), too_large: false };
        let (mut line, mut blank) = (Vec::new(), false);
        while self.line(&mut line)? {
            if blank && is_from(&line) {
                self.next = Some(std::mem::take(&mut line));
                break;
            }
            blank = line.trim_ascii_end().is_empty();
            if read.bytes.len() + line.len() > usize::try_from(MOST_MESSAGE).unwrap_or(usize::MAX) {
                read.too_large = true;
                read.bytes = Vec::new();
            }
            if !read.too_large {
                push(&mut read.bytes, &line);
            }
        }
        // The empty line before the next "From " belongs to the file.
        if blank && read.bytes.ends_with(b"\r\n\r\n") {
            read.bytes.truncate(read.bytes.len() - 2);
        }
        Ok(Some(read))
    }

    /// The next line with its end; false at the end.
    fn line(&mut self, line: &mut Vec<u8>) -> io::Result<bool> {
        line.clear();
        let n = io::Read::take(&mut self.input, MOST_MESSAGE).read_until(b'\n', line)?;
        self.taken += n as u64;
        Ok(n > 0)
    }
}

/// Adds a line with CRLF, and one `>` less before `From `.
fn push(out: &mut Vec<u8>, line: &[u8]) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    let quoted = quotes > 0 && line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From "));
    out.extend_from_slice(line.get(usize::from(quoted)..).unwrap_or(line));
    out.extend_from_slice(b"\r\n");
}

fn is_from(line: &[u8]) -> bool {
    line.starts_with(b"From ")
}

/// The date of `From sender Mon Jan  5 09:00:00 2026` (RFC 4155: UTC).
fn date_of(line: &[u8]) -> Option<Time> {
    let text = String::from_utf8_lossy(line);
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [.., month, day, clock, year] = words.as_slice() else { return None };
    date::parse(&format!("{day} {month} {year} {clock} +0000"))
}

/// `Status: RO`, `X-Status: AFTD`.
fn flags(message: &[u8]) -> Flags {
    let headers = Headers::of(message);
    let mut flags = Flags::default();
    let letters = [
        ("Status", b'R', Flags::SEEN),
        ("X-Status", b'A', Flags::ANSWERED),
        ("X-Status", b'F', Flags::FLAGGED),
        ("X-Status", b'T', Flags::DRAFT),
        ("X-Status", b'D', Flags::DELETED),
    ];
    for (name, letter, flag) in letters {
        let text = headers.text(name).unwrap_or_default();
        if text.len() <= 20 && text.as_bytes().contains(&letter) {
            flags = flags.with(flag);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;

    fn all(file: &[u8]) -> Vec<Read> {
        let mut reader = Reader::new(file);
        std::iter::from_fn(|| reader.next_message().unwrap()).collect()
    }

    #[test]
    fn messages_lie_between_from_lines() {
        let file = b"From a@b Mon Jan  5 00:00:00 2026\nSubject: one\nStatus: RO\nX-Status: AF\n\n>From here\n>>From there\nFrom inside\n\nFrom c@d Tue Jan  6 00:00:00 2026\nSubject: two\n\nend";
        let read = all(file);
        assert_eq!(read.len(), 2);
        assert_eq!(
            read[0].bytes,
            b"Subject: one\r\nStatus: RO\r\nX-Status: AF\r\n\r\nFrom here\r\n>From there\r\nFrom inside\r\n"
        );
        assert_eq!(read[0].date, Some(Time::from_seconds(1_767_571_200)));
        assert_eq!(flags(&read[0].bytes), Flags::SEEN.with(Flags::ANSWERED).with(Flags::FLAGGED));
        assert_eq!(read[1].bytes, b"Subject: two\r\n\r\nend\r\n");
        assert!(all(b"Subject: no mbox\n").is_empty());
        assert!(all(b"").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_end(file in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let file = [b"From x\n".as_slice(), &file].concat();
            let read = all(&file);
            prop_assert!(!read.is_empty() && read.len() <= file.len());
        }
    }
}
