//! An account's mail as files, so that leaving is possible: Maildir, or one mbox a folder.
//!
//! What lies in the Maildir already is not written again, so that an export that was interrupted goes on where it was.

use std::collections::HashSet;
use std::fs::{self, File, FileTimes};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use sekisho_control::{Actor, Control, Done, Refusal};
use sekisho_message::{Time, date, header, say};
use sekisho_proto::imap::utf7;
use sekisho_store::account::Account;
use sekisho_store::mail::{self, Flags, Mail};
use sekisho_store::mailbox::{self, Mailbox};
use serde_json::json;

use crate::Tell;
use crate::files::{blocking, unusable};
use crate::intake::find;
use crate::maildir::Progress;

/// Messages that are read and written together.
const CHUNK: usize = 64;

/// Writes an account into a Maildir (Maildir++ folders).
///
/// # Errors
/// When the files cannot be written.
pub async fn maildir(
    control: &Control,
    account: &str,
    to: &Path,
    actor: &Actor,
    tell: Tell<'_>,
) -> Result<Done, Refusal> {
    let account = find(control, account).await?;
    let folders = folders(control, &account).await?;
    let failed = |error: io::Error| unusable(to, &error);
    let mut progress = Progress::new(folders.iter().map(|folder| u64::from(folder.messages)).sum(), tell);
    let (mut written, mut present) = (0_u64, 0_u64);
    for folder in &folders {
        let place = to.join(place(&folder.name));
        let there = place.clone();
        let known = blocking(move || prepare(&there)).await.map_err(failed)?;
        let forwarded = forwarded(control, folder).await?;
        for chunk in mails(control, folder).await?.chunks(CHUNK) {
            let mut files = Vec::new();
            for mail in chunk {
                let unique = format!("{}.V{}U{}.sekisho", mail.date.seconds(), folder.uidvalidity, mail.uid);
                if known.contains(unique.as_bytes()) {
                    present += 1;
                } else {
                    let content = control.store().content(mail.content).await?;
                    let letters = letters(mail.flags, forwarded);
                    files.push((unique, letters, mail.date, content));
                }
            }
            written += files.len() as u64;
            let there = place.clone();
            blocking(move || {
                files
                    .iter()
                    .try_for_each(|(unique, letters, date, content)| write(&there, unique, letters, *date, content))
            })
            .await
            .map_err(failed)?;
            progress.add(chunk.len() as u64);
        }
    }
    progress.end();
    done(control, &account, to, folders.len(), written, present, actor).await
}

/// Writes an account into mbox files, one a folder.
///
/// # Errors
/// When the files cannot be written, or are there already.
pub async fn mbox(control: &Control, account: &str, to: &Path, actor: &Actor, tell: Tell<'_>) -> Result<Done, Refusal> {
    let account = find(control, account).await?;
    let folders = folders(control, &account).await?;
    let failed = |error: io::Error| unusable(to, &error);
    let root = to.to_owned();
    blocking(move || fs::create_dir_all(root)).await.map_err(failed)?;
    let mut progress = Progress::new(folders.iter().map(|folder| u64::from(folder.messages)).sum(), tell);
    let mut written = 0_u64;
    for folder in &folders {
        let path = to.join(format!("{}.mbox", file_name(&folder.name)));
        let unfinished = path.with_extension("mbox.part");
        let (last, temporary) = (path.clone(), unfinished.clone());
        let mut out = blocking(move || {
            if last.exists() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    format!("{} is there already", last.display()),
                ));
            }
            Ok(BufWriter::new(File::create(temporary)?))
        })
        .await
        .map_err(failed)?;
        for chunk in mails(control, folder).await?.chunks(CHUNK) {
            let mut messages = Vec::new();
            for mail in chunk {
                messages.push((*mail, control.store().content(mail.content).await?));
            }
            written += messages.len() as u64;
            out = blocking(move || {
                messages.iter().try_for_each(|(mail, content)| append(&mut out, mail, content))?;
                Ok(out)
            })
            .await
            .map_err(failed)?;
            progress.add(chunk.len() as u64);
        }
        blocking(move || {
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(unfinished, path)
        })
        .await
        .map_err(failed)?;
    }
    progress.end();
    done(control, &account, to, folders.len(), written, 0, actor).await
}

async fn done(
    control: &Control,
    account: &Account,
    to: &Path,
    folders: usize,
    written: u64,
    present: u64,
    actor: &Actor,
) -> Result<Done, Refusal> {
    let (address, shown) = (&account.address, to.display().to_string());
    let detail =
        json!({ "account": address, "to": &shown, "folders": folders, "written": written, "present": present });
    control.record("account.export_mail", Some(&account.key), &detail, actor).await?;
    Ok(Done::with(
        say!(
            ja: "{address} の {written} 通を {shown} に書き出しました（書き出し済み {present} 通）。",
            en: "Wrote {written} messages of {address} to {shown} ({present} were there already)."
        ),
        detail,
    ))
}

async fn folders(control: &Control, account: &Account) -> Result<Vec<Mailbox>, Refusal> {
    let id = account.id;
    Ok(control.store().read(move |tx| mailbox::list(tx, id)).await?)
}

async fn mails(control: &Control, folder: &Mailbox) -> Result<Vec<Mail>, Refusal> {
    let id = folder.id;
    let read = control.store().read(move |tx| {
        let mut all = Vec::new();
        mail::entries(tx, id, 1, u32::MAX, &mut |mail| {
            all.push(mail);
            Ok(())
        })?;
        Ok(all)
    });
    Ok(read.await?)
}

/// The bit of `$Forwarded` in a folder.
async fn forwarded(control: &Control, folder: &Mailbox) -> Result<Option<Flags>, Refusal> {
    let id = folder.id;
    let keywords = control.store().read(move |tx| mailbox::keywords(tx, id)).await?;
    let bit = keywords.iter().find(|(_, name)| name.eq_ignore_ascii_case("$Forwarded")).map(|(bit, _)| *bit);
    Ok(bit.map(Flags::keyword))
}

/// The directory of a folder below the Maildir: Maildir++ has all levels in one name.
fn place(folder: &str) -> PathBuf {
    if folder == "INBOX" {
        return PathBuf::new();
    }
    // A dot separates levels and a slash directories.
    let levels: Vec<String> = folder.split('/').map(|level| utf7::encode(&level.replace('.', "_"))).collect();
    PathBuf::from(format!(".{}", levels.join(".").replace('/', "_")))
}

fn file_name(folder: &str) -> String {
    folder.split('/').map(|level| level.trim_start_matches('.')).collect::<Vec<_>>().join(".")
}

/// Makes a folder; the unique names of what is in it.
fn prepare(folder: &Path) -> io::Result<HashSet<Vec<u8>>> {
    for part in ["cur", "new", "tmp"] {
        fs::create_dir_all(folder.join(part))?;
    }
    let mut known = HashSet::new();
    for part in ["cur", "new"] {
        for entry in fs::read_dir(folder.join(part))? {
            let name = entry?.file_name();
            let unique = name.as_bytes().split(|byte| *byte == b',' || *byte == b':').next().unwrap_or_default();
            known.insert(unique.to_vec());
        }
    }
    Ok(known)
}

fn write(folder: &Path, unique: &str, letters: &str, date: Time, content: &Bytes) -> io::Result<()> {
    let temporary = folder.join("tmp").join(unique);
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    let micros = u64::try_from(date.micros()).unwrap_or(0);
    file.set_times(FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_micros(micros)))?;
    file.sync_data()?;
    fs::rename(&temporary, folder.join("cur").join(format!("{unique},S={}:2,{letters}", content.len())))
}

/// Maildir's letters, in the order of the alphabet.
fn letters(flags: Flags, forwarded: Option<Flags>) -> String {
    let all = [
        ('D', Some(Flags::DRAFT)),
        ('F', Some(Flags::FLAGGED)),
        ('P', forwarded),
        ('R', Some(Flags::ANSWERED)),
        ('S', Some(Flags::SEEN)),
        ('T', Some(Flags::DELETED)),
    ];
    all.iter().filter(|(_, flag)| flag.is_some_and(|flag| flags.has(flag))).map(|(letter, _)| letter).collect()
}

/// A message in an mbox file: `From ` line, Status fields, `>` before lines that look like a `From ` line (mboxrd).
fn append(out: &mut impl Write, mail: &Mail, content: &[u8]) -> io::Result<()> {
    let sender = header::Headers::of(content).text("Return-Path").unwrap_or_default();
    let sender: String = sender.trim().trim_matches(['<', '>']).chars().filter(char::is_ascii_graphic).collect();
    let sender = if sender.is_empty() { "MAILER-DAEMON" } else { &sender };
    writeln!(out, "From {sender} {}", asctime(mail.date))?;
    if mail.flags.has(Flags::SEEN) {
        writeln!(out, "Status: RO")?;
    }
    let marks = [('A', Flags::ANSWERED), ('F', Flags::FLAGGED), ('T', Flags::DRAFT), ('D', Flags::DELETED)];
    let marks: String = marks.iter().filter(|(_, flag)| mail.flags.has(*flag)).map(|(letter, _)| letter).collect();
    if !marks.is_empty() {
        writeln!(out, "X-Status: {marks}")?;
    }
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        if line.get(quotes..).is_some_and(|rest| rest.starts_with(b"From ")) {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}

/// `Mon Jan  5 09:00:00 2026` in UTC, from `Mon, 05 Jan 2026 09:00:00 +0000`.
fn asctime(time: Time) -> String {
    let rfc = date::format_rfc5322(time, 0);
    let words: Vec<&str> = rfc.split_ascii_whitespace().collect();
    let [week, day, month, year, clock, ..] = words.as_slice() else { return rfc };
    format!("{} {month} {:>2} {clock} {year}", week.trim_end_matches(','), day.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::mbox::Reader;

    #[test]
    fn what_is_written_reads_the_same() {
        let content = b"Return-Path: <a@b.example>\r\nSubject: x\r\n\r\nFrom here\r\n>From there\r\n\r\nend\r\n";
        let mail = Mail {
            saved: Time(0),
            uid: 1,
            content: sekisho_store::ContentId(1),
            flags: Flags::SEEN.with(Flags::ANSWERED),
            modseq: 1,
            date: Time::from_seconds(1_767_571_200),
            size: content.len() as u64,
        };
        let mut file = Vec::new();
        append(&mut file, &mail, content).unwrap();
        append(&mut file, &mail, content).unwrap();
        assert!(file.starts_with(b"From a@b.example Mon Jan  5 00:00:00 2026\nStatus: RO\nX-Status: A\n"));
        let mut reader = Reader::new(file.as_slice());
        for _ in 0..2 {
            let read = reader.next_message().unwrap().unwrap();
            assert_eq!(read.date, Some(mail.date));
            assert_eq!(read.bytes, [b"Status: RO\r\nX-Status: A\r\n".as_slice(), content].concat());
        }
        assert!(reader.next_message().unwrap().is_none());
    }

    #[test]
    fn names_and_letters() {
        assert_eq!(place("INBOX"), PathBuf::new());
        assert_eq!(place("Archive/2026.1"), PathBuf::from(".Archive.2026_1"));
        assert_eq!(place("日本語"), PathBuf::from(".&ZeVnLIqe-"));
        let all = Flags::SEEN.with(Flags::DRAFT).with(Flags::keyword(9));
        assert_eq!(letters(all, Some(Flags::keyword(9))), "DPS");
        assert_eq!(letters(all, None), "DS");
    }
}
