//! The messages of a mailbox: the POP3 store lies in the mailbox itself, the IMAP store in folders below it.
//!
//! With POP3 switched on, INBOX holds copies of what the POP3 store holds. The id that E-POST wrote into the uppermost
//! Received field tells that they are one message; what has no such id is told by its content.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sekisho_control::Refusal;
use sekisho_control::command::{AccountCommand, Command};
use sekisho_message::header::Headers;
use sekisho_message::{Time, say};
use sekisho_store::mail::Flags;
use sekisho_store::{account, imported};
use sha2::{Digest, Sha256};

use super::Bringing;
use super::people::Person;
use super::report::Kind;
use crate::files::{Listing, MOST_MESSAGE, blocking, bounded, unusable};
use crate::fresh;
use crate::intake::{self, Arrival, Intake, interrupted};
use crate::maildir::{Progress, level};
use crate::text;

/// Files that are read together.
const CHUNK: usize = 200;
/// Deepest folder.
const DEEPEST: usize = 10;
/// Smaller limits are in another unit than octets, whatever it is.
const LEAST_LIMIT: u64 = 1 << 20;

/// A message file.
#[derive(Clone, Debug)]
struct Message {
    path: PathBuf,
    /// Folder; none for the POP3 store.
    folder: Option<String>,
    /// Its name without flags.
    name: String,
    /// Whether any of its six digits is set: what each means was never published, but a message that has one was seen.
    touched: bool,
}

/// Brings the mail of one account.
pub(super) async fn bring(
    bringing: &mut Bringing<'_>,
    person: &Person,
    progress: &mut Progress<'_>,
) -> Result<(), Refusal> {
    let Some(mailbox) = &person.mailbox else { return Ok(()) };
    let address = person.row.address.to_string();
    if mailbox.shared {
        let text = say!(
            ja: "共通モードで別のアカウントと同じメールボックスです。メールは先のアカウントにだけ取り込みました。",
            en: "It has the same mailbox as another account (common mode). The mail went to the first one alone."
        );
        bringing.report.note(Kind::Unsupported, &address, Some(person.row.line), text, None);
        return Ok(());
    }
    let root = mailbox.path.clone();
    let failed = |error: io::Error| unusable(&mailbox.path, &error);
    let messages = blocking(move || messages(&root)).await.map_err(failed)?;
    let Some(id) = person.id else {
        bringing.report.messages.imported += messages.len() as u64;
        progress.add(messages.len() as u64);
        return Ok(());
    };
    let mut intake = Intake::new(bringing.control, id, &person.row.address.key());
    let mut encoded = 0_u64;
    for chunk in messages.chunks(CHUNK) {
        let known = intake.known(chunk.iter().map(Message::mark).collect()).await.map_err(interrupted)?;
        let fresh: Vec<Message> = chunk.iter().filter(|one| !known.contains(&one.mark())).cloned().collect();
        let read = blocking(move || Ok(fresh.into_iter().map(|one| (read(&one.path), one)).collect::<Vec<_>>()));
        for (read, one) in read.await.map_err(failed)? {
            match read {
                Ok((bytes, _)) if !fresh::is_message(&bytes) => encoded += 1,
                Ok((bytes, modified)) => {
                    let arrival = arrival(&mut intake, &one, bytes, modified).await?;
                    intake.take(arrival).await.map_err(interrupted)?;
                }
                Err(error) => {
                    let text = say!(ja: "読めません: {error}", en: "It cannot be read: {error}");
                    bringing.report.note(Kind::Unreadable, &one.path.display().to_string(), None, text, None);
                }
            }
        }
        progress.add(chunk.len() as u64);
    }
    let counts = intake.finish().await.map_err(interrupted)?;
    let total = &mut bringing.report.messages;
    total.imported += counts.imported;
    total.present += counts.present;
    total.bytes += counts.bytes;
    if encoded > 0 {
        let text = say!(
            ja: "{address} の {encoded} 通は暗号化（エンコード）されているか空で、読めません。旧サーバから POP3 か IMAP で取り出してください。",
            en: "{encoded} messages of {address} are encoded or empty and cannot be read. Take them from the old server over POP3 or IMAP."
        );
        bringing.report.note(Kind::Unreadable, &mailbox.path.display().to_string(), None, text, None);
    }
    if person.fresh {
        bringing.limit(person).await?;
    }
    Ok(())
}

impl Bringing<'_> {
    /// Sets the account's quota, where the file's number can be one.
    async fn limit(&mut self, person: &Person) -> Result<(), Refusal> {
        let (Some(limit), Some(id)) = (person.row.limit, person.id) else { return Ok(()) };
        let address = person.row.address.to_string();
        let used = self.control.store().read(move |tx| account::usage(tx, id)).await?.used;
        if limit < LEAST_LIMIT || limit < used {
            let text = say!(
                ja: "容量の上限 {limit} は、今のメールより小さいか単位が分からないため設定しませんでした。",
                en: "The limit {limit} was not set: it is smaller than the mail that is there, or in an unknown unit."
            );
            let mend = Some(format!("sekisho account quota {address} \"1 GiB\""));
            self.report.note(Kind::Unsupported, &address, Some(person.row.line), text, mend);
            return Ok(());
        }
        let act = AccountCommand::Quota { address, quota: Some(limit) };
        self.control.run(Command::Account(act), self.actor).await.map(drop)
    }
}

async fn arrival(intake: &mut Intake, one: &Message, bytes: Vec<u8>, modified: Time) -> Result<Arrival, Refusal> {
    let name = one.folder.as_deref().unwrap_or("INBOX");
    let folder = intake.folder(name).await.map_err(interrupted)?;
    let bytes = fresh::crlf(bytes);
    let identity = imported::item(&[b"epost\0".as_slice(), &identity(&bytes)].concat());
    // A message of the POP3 store is one with its copy in a folder; two copies in two folders are two messages.
    let (item, also) = match one.folder {
        Some(_) => (one.mark(), identity),
        None => (identity, one.mark()),
    };
    Ok(Arrival {
        item,
        also: Some(also),
        folder,
        flags: if one.touched { Flags::SEEN } else { Flags::default() },
        keywords: Vec::new(),
        date: fresh::received(&bytes).unwrap_or(modified),
        bytes,
        sent: intake::is_sent(name),
    })
}

impl Message {
    fn mark(&self) -> imported::Item {
        let folder = self.folder.as_deref().unwrap_or("\0pop3");
        imported::item(format!("epost-file\0{folder}\0{}", self.name).as_bytes())
    }
}

/// All messages: folders first, so that what is in a folder stays there.
fn messages(root: &Path) -> io::Result<Vec<Message>> {
    let listing = Listing::of(root)?;
    let mut found = Vec::new();
    for path in listing.folders.values() {
        let name = path.file_name().map(|name| level(name.as_bytes())).unwrap_or_default();
        let name = if name.eq_ignore_ascii_case("inbox") { "INBOX".to_owned() } else { name };
        below(path, &[name], 1, &mut found)?;
    }
    found.extend(of(&listing, None));
    Ok(found)
}

fn below(path: &Path, levels: &[String], depth: usize, found: &mut Vec<Message>) -> io::Result<()> {
    let listing = Listing::of(path)?;
    found.extend(of(&listing, Some(&text::folder_name(levels))));
    if depth < DEEPEST {
        for path in listing.folders.values() {
            let name = path.file_name().map(|name| level(name.as_bytes())).unwrap_or_default();
            below(path, &[levels, &[name]].concat(), depth + 1, found)?;
        }
    }
    Ok(())
}

fn of(listing: &Listing, folder: Option<&str>) -> Vec<Message> {
    let messages = listing.files.iter().filter_map(|(name, path)| Some((name.strip_suffix(".msg")?, path)));
    messages
        .map(|(name, path)| {
            // 0000000123-000010: sequence and flags.
            let (name, digits) = name.split_once('-').filter(|_| folder.is_some()).unwrap_or((name, ""));
            Message {
                path: path.clone(),
                folder: folder.map(str::to_owned),
                name: name.to_owned(),
                touched: digits.bytes().any(|digit| (b'1'..=b'9').contains(&digit)),
            }
        })
        .collect()
}

fn read(path: &Path) -> io::Result<(Vec<u8>, Time)> {
    let bytes = bounded(path, MOST_MESSAGE)?;
    let since = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((bytes, Time(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))))
}

/// The id that E-POST gave the message, or a hash of the message.
fn identity(message: &[u8]) -> Vec<u8> {
    let trace = Headers::of(message).first("Received").map(|field| field.text()).unwrap_or_default();
    let mut words = trace.split_ascii_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("id"));
    let id = words.nth(1).unwrap_or_default().trim_end_matches(';').trim_matches(['<', '>']);
    let digits =
        id.strip_prefix('B').is_some_and(|rest| rest.bytes().take(10).filter(u8::is_ascii_digit).count() == 10);
    if digits && id.len() <= 200 { id.as_bytes().to_vec() } else { Sha256::digest(message).to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_one_identity() {
        let by_id = |rest: &str| {
            identity(format!("Received: from a by b\r\n (E-POST ESMTP Receiver (4.90))\r\n with ESMTP id <B0000319576@mail.example.jp>; date\r\n{rest}").as_bytes())
        };
        assert_eq!(by_id("X: 1\r\n\r\n"), b"B0000319576@mail.example.jp");
        assert_eq!(by_id("X: 1\r\n\r\n"), by_id("X: 2\r\n\r\n"));
        let other = |message: &str| identity(message.as_bytes());
        assert_ne!(other("Subject: a\r\n\r\n"), other("Subject: b\r\n\r\n"));
        assert_eq!(other("Received: by x with ESMTP id 4711\r\n\r\n").len(), 32, "another server's id is not one");
    }
}
