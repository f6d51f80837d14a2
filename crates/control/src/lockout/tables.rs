//! The three reject tables in the data folder: read when they change, changed in one step.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sekisho_guard::event::Protocol;
use sekisho_guard::rules::Severity;
use sekisho_guard::rules::reject::{Decision, Entry, RejectTable};
use sekisho_message::Time;

use super::edit::{Change, by_hand, edit};
use crate::rulefile::{MAX_OCTETS, RuleFile};

/// The tables: which protocol, and the file's name.
pub const FILES: [(Protocol, &str); 3] =
    [(Protocol::Smtp, "rejectsmtpip.dat"), (Protocol::Pop3, "rejectpopip.dat"), (Protocol::Imap4, "rejectimapip.dat")];
/// Bad rows that are logged each time that a table is read.
const MOST_LOGGED: usize = 20;

/// The tables; without a folder they are empty and stay so.
pub(super) struct Tables {
    files: Option<[RuleFile<RejectTable>; 3]>,
    folder: Option<PathBuf>,
    /// Changes whenever the files should be looked at at once.
    generation: AtomicU64,
    /// Held while a file is read, changed and written.
    writing: Mutex<()>,
}

impl Tables {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        let files = folder.as_ref().map(|folder| {
            FILES.map(|(protocol, name)| {
                let read = match protocol {
                    Protocol::Pop3 => read_pop3,
                    Protocol::Imap4 => read_imap4,
                    Protocol::Smtp | Protocol::Console => read_smtp,
                };
                RuleFile::new(folder.join(name), read, RejectTable::default)
            })
        });
        Self { files, folder, generation: AtomicU64::new(0), writing: Mutex::default() }
    }

    /// The table of a protocol as it is now; the console has none.
    pub(super) fn of(&self, protocol: Protocol, now: Time) -> Option<Arc<RejectTable>> {
        let file = self.file(protocol)?;
        Some(file.now(now, self.generation.load(Ordering::Relaxed)))
    }

    /// The same, looked at anew.
    pub(super) fn fresh(&self, protocol: Protocol, now: Time) -> Option<Arc<RejectTable>> {
        Some(self.file(protocol)?.fresh(now))
    }

    /// Looks at the files at the next occasion.
    pub(super) fn look(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes one table, or all of them; whether anything changed. Blocks for as long as the disk takes.
    pub(super) fn change(&self, protocol: Option<Protocol>, change: &Change, now: Time) -> std::io::Result<bool> {
        let Some(folder) = &self.folder else { return Ok(false) };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for (of, name) in FILES {
            if protocol.is_some_and(|protocol| protocol != of) {
                continue;
            }
            let path = folder.join(name);
            let old = read(&path)?;
            if let Some(new) = edit(&old, change, now) {
                replace(&path, &new)?;
                changed = true;
            }
        }
        if changed {
            self.look();
        }
        Ok(changed)
    }

    /// Puts a text in the place of what was written by hand in the table of `protocol`; what that was.
    pub(super) fn write(&self, protocol: Protocol, text: String, now: Time) -> std::io::Result<String> {
        let Some(folder) = &self.folder else { return Ok(String::new()) };
        let before = by_hand(&read(&folder.join(table_name(protocol)))?);
        self.change(Some(protocol), &Change::Write(text), now)?;
        Ok(before)
    }

    fn file(&self, protocol: Protocol) -> Option<&RuleFile<RejectTable>> {
        let at = FILES.iter().position(|(of, _)| *of == protocol)?;
        self.files.as_ref()?.get(at)
    }
}

/// The name of a protocol's table.
pub(crate) const fn table_name(protocol: Protocol) -> &'static str {
    let [smtp, pop3, imap4] = FILES;
    match protocol {
        Protocol::Smtp => smtp.1,
        Protocol::Pop3 => pop3.1,
        Protocol::Imap4 => imap4.1,
        Protocol::Console => "",
    }
}

/// Whether the row that refused is about the number of connections.
pub(super) fn is_by_connections(table: &RejectTable, decision: Decision) -> bool {
    let Decision::Refused { line, .. } = decision else { return false };
    let row = table.rows().iter().find(|row| row.line == line);
    row.is_some_and(|row| matches!(row.entry, Entry::Timed { by_connections: true, .. }))
}

/// Puts `bytes` in the place of the file in one step: readers see the old or the new text, never half.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("dat.new");
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_OCTETS => {
            Err(std::io::Error::new(ErrorKind::InvalidData, "larger than 4 MiB"))
        }
        Ok(_) => std::fs::read(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn read_smtp(bytes: &[u8]) -> RejectTable {
    logged(bytes, Protocol::Smtp)
}

fn read_pop3(bytes: &[u8]) -> RejectTable {
    logged(bytes, Protocol::Pop3)
}

fn read_imap4(bytes: &[u8]) -> RejectTable {
    logged(bytes, Protocol::Imap4)
}

fn logged(bytes: &[u8], protocol: Protocol) -> RejectTable {
    let table = RejectTable::parse(bytes);
    let file = table_name(protocol);
    for finding in table.findings().iter().filter(|f| f.severity == Severity::Error).take(MOST_LOGGED) {
        tracing::warn!(file, line = finding.line, "{}", finding.text);
    }
    table
}
