//! Maildir, as Dovecot, Courier and Postfix leave it: `cur`, `new`, folders as `.Name.Sub` (Maildir++) or as directories.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};

use sekisho_control::{Actor, Control, Done, Refusal};
use sekisho_message::{Time, say};
use sekisho_proto::imap::utf7;
use sekisho_store::imported;
use sekisho_store::mail::Flags;
use serde_json::json;

use crate::files::{self, MOST_MESSAGE, blocking, unusable};
use crate::intake::{self, Arrival, Intake, TELL, find, interrupted};
use crate::{Portion, Tell, fresh, text};

/// Files that are looked up and read together.
const CHUNK: usize = 400;
/// Deepest folder.
const DEEPEST: usize = 20;

/// A folder of a Maildir.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The directory with `cur` and `new`.
    pub path: PathBuf,
    /// Levels of its name; none for the Maildir itself.
    pub levels: Vec<String>,
}

/// Brings a Maildir into an account.
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
    let root = from.to_owned();
    let failed = |error: io::Error| unusable(from, &error);
    let folders = blocking(move || folders(&root)).await.map_err(failed)?;
    if folders.is_empty() {
        let path = from.display();
        return Err(Refusal::invalid(say!(
            ja: "{path} は Maildir ではありません（cur も new もありません）。",
            en: "{path} is not a Maildir: there is neither cur nor new."
        )));
    }
    let mut work = Vec::new();
    for one in folders {
        let path = one.path.clone();
        let files = blocking(move || files_of(&path)).await.map_err(failed)?;
        work.push((one, files));
    }
    let mut intake = Intake::new(control, account.id, &account.key);
    let mut progress = Progress::new(work.iter().map(|(_, files)| files.len() as u64).sum(), tell);
    let mut unreadable = Vec::new();
    for (one, files) in &work {
        let name = folder_name(&one.levels, folder);
        let id = intake.folder(&name).await.map_err(interrupted)?;
        let keywords = keywords(&one.path);
        let sent = intake::is_sent(&name);
        for chunk in files.chunks(CHUNK) {
            let items: Vec<_> = chunk.iter().map(|file| mark(&one.levels, file)).collect();
            let known = intake.known(items.clone()).await.map_err(interrupted)?;
            let fresh: Vec<_> = chunk
                .iter()
                .zip(items)
                .filter(|(_, item)| !known.contains(item))
                .map(|(f, i)| (f.clone(), i))
                .collect();
            let read = blocking(move || {
                Ok(fresh.into_iter().map(|(file, item)| (read(&file), file, item)).collect::<Vec<_>>())
            });
            for (read, file, item) in read.await.map_err(failed)? {
                let (bytes, date) = match read {
                    Ok(read) => read,
                    // Other programs may deliver and move while this one reads.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => {
                        unreadable.push(json!({ "file": file.path.display().to_string(), "error": error.to_string() }));
                        continue;
                    }
                };
                let (flags, keywords) = flags(&file.flags, &keywords);
                let arrival = Arrival { item, also: None, folder: id, flags, keywords, date, bytes, sent };
                intake.take(arrival).await.map_err(interrupted)?;
            }
            progress.add(chunk.len() as u64);
        }
    }
    let counts = intake.finish().await.map_err(interrupted)?;
    progress.end();
    let detail = json!({
        "account": account.address, "from": from.display().to_string(), "folders": work.len(),
        "imported": counts.imported, "present": counts.present, "bytes": counts.bytes, "unreadable": unreadable,
    });
    control.record("account.import_mail", Some(&account.key), &detail, actor).await?;
    let (address, new, old, bad) = (&account.address, counts.imported, counts.present, unreadable.len());
    Ok(Done::with(
        say!(
            ja: "{address} に {new} 通を取り込みました（取り込み済み {old} 通、読めないファイル {bad} 個）。",
            en: "Imported {new} messages into {address} ({old} were there already, {bad} files could not be read)."
        ),
        detail,
    ))
}

/// Tells how far an import has come, not more often than anybody can see.
pub(crate) struct Progress<'a> {
    portion: Portion,
    told: Instant,
    tell: Tell<'a>,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(total: u64, tell: Tell<'a>) -> Self {
        let portion = Portion { done: 0, total };
        tell(portion);
        Self { portion, told: Instant::now(), tell }
    }

    pub(crate) fn add(&mut self, n: u64) {
        self.portion.done += n;
        if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            (self.tell)(self.portion);
        }
    }

    pub(crate) fn end(&mut self) {
        (self.tell)(self.portion);
    }
}

pub(crate) fn folder_name(levels: &[String], wanted: Option<&str>) -> String {
    match (levels, wanted) {
        ([], None) => "INBOX".to_owned(),
        ([], Some(wanted)) => wanted.to_owned(),
        (levels, None) => text::folder_name(levels),
        (levels, Some(wanted)) => format!("{wanted}/{}", text::folder_name(levels)),
    }
}

/// All folders of a Maildir, the Maildir itself first.
///
/// # Errors
/// Those of the disk.
pub fn folders(root: &Path) -> io::Result<Vec<Folder>> {
    let mut found = Vec::new();
    walk(root, &[], 0, &mut found)?;
    found.sort_by(|a, b| a.levels.cmp(&b.levels));
    Ok(found)
}

fn walk(path: &Path, levels: &[String], depth: usize, found: &mut Vec<Folder>) -> io::Result<()> {
    let listing = fs::read_dir(path)?;
    let mut inside = Vec::new();
    let mut is_folder = false;
    for entry in listing {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let name = entry.file_name();
        match name.as_bytes() {
            b"cur" | b"new" => is_folder = true,
            b"tmp" => {}
            _ => inside.push((name, entry.path())),
        }
    }
    if is_folder {
        found.push(Folder { path: path.to_owned(), levels: levels.to_vec() });
    }
    if depth >= DEEPEST {
        return Ok(());
    }
    for (name, path) in inside {
        let mut below = levels.to_vec();
        match name.as_bytes().strip_prefix(b".") {
            // Maildir++: all levels in one name.
            Some(rest) => below.extend(rest.split(|byte| *byte == b'.').map(level)),
            None => below.push(level(name.as_bytes())),
        }
        walk(&path, &below, depth + 1, found)?;
    }
    Ok(())
}

/// A level of a folder's name: modified UTF-7 (RFC 3501 §5.1.3), UTF-8 or Shift-JIS.
pub(crate) fn level(bytes: &[u8]) -> String {
    let name = text::line(bytes);
    if name.is_ascii() { utf7::decode(name.as_bytes()).unwrap_or(name) } else { name }
}

/// A message's file.
#[derive(Clone, Debug)]
pub struct Message {
    path: PathBuf,
    /// Its name without flags: it stays the same while the message is moved and flagged.
    unique: Vec<u8>,
    flags: Vec<u8>,
}

/// The messages of a folder, oldest name first.
fn files_of(folder: &Path) -> io::Result<Vec<Message>> {
    let mut found = Vec::new();
    for place in ["cur", "new"] {
        let listing = match fs::read_dir(folder.join(place)) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in listing {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.as_bytes();
            if name.starts_with(b".") || !entry.file_type()?.is_file() {
                continue;
            }
            let colon = name.iter().position(|byte| *byte == b':' || *byte == b';');
            let (unique, info) = name.split_at(colon.unwrap_or(name.len()));
            let flags = info.get(1..).and_then(|info| info.strip_prefix(b"2,")).unwrap_or_default();
            found.push(Message { path: entry.path(), unique: unique.to_vec(), flags: flags.to_vec() });
        }
    }
    found.sort_by(|a, b| number(&a.unique).cmp(&number(&b.unique)).then_with(|| a.unique.cmp(&b.unique)));
    Ok(found)
}

/// The time that most names begin with.
fn number(name: &[u8]) -> u64 {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).take(18);
    digits.fold(0, |n, byte| n * 10 + u64::from(byte - b'0'))
}

fn mark(levels: &[String], file: &Message) -> imported::Item {
    let mut place = b"maildir\0".to_vec();
    place.extend_from_slice(levels.join("\0").as_bytes());
    place.push(0);
    place.push(0);
    place.extend_from_slice(&file.unique);
    imported::item(&place)
}

fn read(file: &Message) -> io::Result<(Vec<u8>, Time)> {
    let bytes = files::bounded(&file.path, MOST_MESSAGE)?;
    // The file's own time is when it was delivered: Dovecot keeps INTERNALDATE there.
    let modified = fs::metadata(&file.path)?.modified()?;
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Ok((fresh::crlf(bytes), Time(micros)))
}

/// Flags and keywords of a message. Small letters are keywords by `dovecot-keywords`.
fn flags(letters: &[u8], names: &HashMap<u8, String>) -> (Flags, Vec<String>) {
    let mut flags = Flags::default();
    let mut keywords = Vec::new();
    for letter in letters {
        match letter {
            b'S' => flags = flags.with(Flags::SEEN),
            b'R' => flags = flags.with(Flags::ANSWERED),
            b'F' => flags = flags.with(Flags::FLAGGED),
            b'T' => flags = flags.with(Flags::DELETED),
            b'D' => flags = flags.with(Flags::DRAFT),
            b'P' => keywords.push("$Forwarded".to_owned()),
            other => keywords.extend(names.get(other).cloned()),
        }
    }
    (flags, keywords)
}

/// `dovecot-keywords`: a number and a name a line.
fn keywords(folder: &Path) -> HashMap<u8, String> {
    let Ok(bytes) = files::bounded(&folder.join("dovecot-keywords"), files::MOST_RULES) else { return HashMap::new() };
    let text = text::decode(&bytes);
    text::lines(&text)
        .filter_map(|(_, line)| {
            let (number, name) = line.trim().split_once(' ')?;
            let letter = b'a'.checked_add(number.parse().ok().filter(|n: &u8| *n < 26)?)?;
            let plain = !name.is_empty() && name.len() <= 60 && name.bytes().all(|b| b.is_ascii_graphic());
            plain.then(|| (letter, name.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn folders_of_both_kinds_are_found() {
        let dir = sekisho_testkit::TempDir::new("maildir").unwrap();
        for folder in ["cur", "new", "tmp", ".Sent/cur", ".&ZeVnLIqe-.2026/cur", "Archive/old/cur", "empty"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let names: Vec<String> =
            folders(dir.path()).unwrap().iter().map(|folder| folder_name(&folder.levels, None)).collect();
        assert_eq!(names, ["INBOX", "Archive/old", "Sent", "日本語/2026"]);
        assert_eq!(folder_name(&["Sent".into()], Some("Old")), "Old/Sent");
    }

    #[test]
    fn letters_are_flags_and_keywords() {
        let names = HashMap::from([(b'a', "$Label1".to_owned())]);
        let (set, keywords) = flags(b"FRSaPz", &names);
        assert_eq!(set, Flags::FLAGGED.with(Flags::ANSWERED).with(Flags::SEEN));
        assert_eq!(keywords, ["$Label1", "$Forwarded"]);
    }
}
