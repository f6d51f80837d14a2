//! Folders of another server, whose names may be in any case.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use sekisho_control::Refusal;
use sekisho_message::say;

use crate::text;

/// Largest rule file that is read.
pub(crate) const MOST_RULES: u64 = 4 << 20;
/// Largest message that is read.
pub(crate) const MOST_MESSAGE: u64 = 256 << 20;

/// What is in a folder, by lower-case name. Links are not followed: they lead out of what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Files, by lower-case name.
    pub(crate) files: BTreeMap<String, PathBuf>,
    /// Folders, by lower-case name.
    pub(crate) folders: BTreeMap<String, PathBuf>,
}

impl Listing {
    /// Looks into a folder; nothing when there is none.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            let name = lower(&entry.file_name());
            if kind.is_dir() {
                listing.folders.insert(name, entry.path());
            } else if kind.is_file() {
                listing.files.insert(name, entry.path());
            }
        }
        Ok(listing)
    }

    /// A file's bytes, if it is there and not too large.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.files.get(name) {
            Some(path) => bounded(path, MOST_RULES).map(Some),
            None => Ok(None),
        }
    }
}

/// A file's bytes.
pub(crate) fn bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is too large"));
    }
    Ok(bytes)
}

/// A name as people see it.
pub(crate) fn shown(name: &OsString) -> String {
    text::line(name.as_bytes())
}

fn lower(name: &OsString) -> String {
    shown(name).to_lowercase()
}

/// A refusal for something that cannot be read or written.
pub(crate) fn unusable(path: &Path, error: &io::Error) -> Refusal {
    let path = path.display();
    Refusal::invalid(say!(
        ja: "{path} を使えません: {error}（サーバのユーザに権限があるか確かめてください）",
        en: "{path} cannot be used: {error} (the server's user needs permission)"
    ))
}

/// Runs `f` where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(f: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(f).await.map_err(io::Error::other)?
}
