//! Files for bodies that are too large for the database.
//!
//! A file is named by the SHA-256 of what it holds and a suffix of its own, so that it
//! can be verified, is never written twice, and never shared by bodies of
//! different lifetimes. It is written in a folder of this process, synced, renamed into its place,
//! and the folder is synced, before a transaction refers to it.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Age from which a file that no row refers to is a leftover, not a body on its way.
const LEFTOVER: Duration = Duration::from_secs(24 * 3600);

/// The folder of body files.
pub(crate) struct Blobs {
    root: PathBuf,
    /// Folder for files under construction, of this process alone.
    scratch: PathBuf,
    /// Held locked as long as the process lives: tells others that `scratch` is in use.
    _lock: File,
    /// Differs between processes.
    run: String,
    count: AtomicU64,
    sweep: AtomicU64,
    /// Backups under way, which want every file to stay.
    backups: AtomicU64,
}

impl Blobs {
    /// Opens or makes the folder; removes what processes left that are no more.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let temporary = root.join("tmp");
        fs::create_dir_all(&temporary)?;
        remove_abandoned(&temporary)?;
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let run = format!("{nanos:x}-{:x}", std::process::id());
        let (scratch, lock) = claim_scratch(&temporary, &run)?;
        Ok(Self {
            root: root.to_owned(),
            scratch,
            _lock: lock,
            run,
            count: AtomicU64::new(0),
            sweep: AtomicU64::new(0),
            backups: AtomicU64::new(0),
        })
    }

    /// A new file under construction.
    pub(crate) fn create(&self) -> Result<Growing> {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let path = self.scratch.join(number.to_string());
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok(Growing { file, path, number, kept: false })
    }

    /// Makes `growing` durable under its final name; that name.
    pub(crate) fn keep(&self, mut growing: Growing, hash: &[u8; 32]) -> Result<String> {
        growing.file.sync_all()?;
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = self.root.join(&hex[..2]);
        if !folder.is_dir() {
            fs::create_dir_all(&folder)?;
            sync_folder(&self.root)?;
        }
        let name = format!("{}/{hex}.{}-{:x}", &hex[..2], self.run, growing.number);
        fs::rename(&growing.path, self.root.join(&name))?;
        growing.kept = true;
        sync_folder(&folder)?;
        Ok(name)
    }

    /// The whole of a file.
    pub(crate) fn read(&self, name: &str) -> Result<Bytes> {
        fs::read(self.path(name)?).map(Bytes::from).map_err(|error| unread(name, error))
    }

    /// The first `octets` of a file, and its size.
    pub(crate) fn start(&self, name: &str, octets: usize) -> Result<(Vec<u8>, u64)> {
        let file = File::open(self.path(name)?).map_err(|error| unread(name, error))?;
        let size = file.metadata()?.len();
        let mut start = Vec::new();
        file.take(octets as u64).read_to_end(&mut start)?;
        Ok((start, size))
    }

    /// Deletes a file; it is well if it is not there.
    pub(crate) fn delete(&self, name: &str) -> Result<()> {
        match fs::remove_file(self.path(name)?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Says that a backup begins: no file is deleted until it ends.
    pub(crate) fn keep_whole(&self) -> KeptWhole<'_> {
        self.backups.fetch_add(1, Ordering::SeqCst);
        KeptWhole(self)
    }

    /// Whether a backup is under way.
    pub(crate) fn is_kept_whole(&self) -> bool {
        self.backups.load(Ordering::SeqCst) > 0
    }

    /// Names of old files in the next of the 256 folders, candidates for leftovers of a crash.
    pub(crate) fn sweep(&self) -> Result<Vec<String>> {
        let folder = format!("{:02x}", self.sweep.fetch_add(1, Ordering::Relaxed) % 256);
        let before = SystemTime::now() - LEFTOVER;
        let mut old = Vec::new();
        for name in names_in(&self.root.join(&folder))? {
            let path = self.root.join(&folder).join(&name);
            let modified = fs::metadata(&path).and_then(|meta| meta.modified());
            if modified.is_ok_and(|at| at < before) {
                old.push(format!("{folder}/{name}"));
            }
        }
        Ok(old)
    }

    /// Names of all files.
    pub(crate) fn all(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for n in 0..256 {
            let folder = format!("{n:02x}");
            all.extend(names_in(&self.root.join(&folder))?.into_iter().map(|name| format!("{folder}/{name}")));
        }
        Ok(all)
    }

    /// Where a file is. Names come from the database; one that leads elsewhere is refused.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/.-".contains(&b);
        if !name.bytes().all(plain) || name.contains("..") || name.starts_with('/') {
            return Err(Error::Corrupt(format!("the body file name {name:?}")));
        }
        Ok(self.root.join(name))
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next start.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

/// No file is deleted while this lives.
pub(crate) struct KeptWhole<'a>(&'a Blobs);

impl Drop for KeptWhole<'_> {
    fn drop(&mut self) {
        self.0.backups.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A file under construction; removed when it is dropped before it is kept.
#[derive(Debug)]
pub(crate) struct Growing {
    file: File,
    path: PathBuf,
    number: u64,
    kept: bool,
}

impl Growing {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.file.write_all(bytes)?)
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed now is removed by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Why a file could not be read; one that is not there is missing.
fn unread(name: &str, error: std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::Corrupt(format!("the body file {name} is missing"));
    }
    error.into()
}

/// The hash that a file's name claims.
pub(crate) fn claimed_hash(name: &str) -> Option<&str> {
    name.split_once('/')?.1.split('.').next().filter(|hex| hex.len() == 64)
}

/// A folder below `temporary` for this process, and the lock that says so.
fn claim_scratch(temporary: &Path, run: &str) -> Result<(PathBuf, File)> {
    let mut n = 0;
    loop {
        let scratch = temporary.join(format!("{run}-{n}"));
        match fs::create_dir(&scratch) {
            Ok(()) => {
                let lock = File::create(scratch.join("lock"))?;
                lock.lock()?;
                return Ok((scratch, lock));
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => n += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Removes scratch folders whose lock nobody holds.
fn remove_abandoned(temporary: &Path) -> Result<()> {
    for name in names_in(temporary)? {
        let folder = temporary.join(name);
        // Without a lock file it is being made this moment, or was left half made; that one stays, it is empty.
        let Ok(lock) = File::open(folder.join("lock")) else { continue };
        if lock.try_lock().is_ok() {
            fs::remove_dir_all(&folder)?;
        }
    }
    Ok(())
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    Ok(File::open(folder)?.sync_all()?)
}
