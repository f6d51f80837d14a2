//! Backup while the server runs, and restore.
//!
//! A backup is a folder: `sekisho.db`, a SQLite store whatever the engine is; `blobs`, the body files; and
//! `backup.json`, written last: a backup without it is not complete.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use sekisho_message::Time;

use crate::blob::sync_folder;
use crate::copy::{self, copy_file, file_names};
use crate::engine::Backend;
use crate::sqlite::{failure, open_plain};
use crate::{Error, Result, Settings, Store};

const DATABASE: &str = "sekisho.db";
const BLOBS: &str = "blobs";
const MANIFEST: &str = "backup.json";

/// What a backup says about itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Manifest {
    /// When it was made.
    pub made: Time,
    /// Version of its tables.
    pub schema: i64,
    /// Body files.
    pub files: u64,
    /// Octets of the database and of the files.
    pub bytes: u64,
}

/// Makes a backup of `store` in the new folder `folder`. The server may go on: the backup is what the store was when
/// this began. Blocks for as long as it takes. On the same file system body files are linked, not copied.
///
/// # Errors
/// `Conflict` when the folder exists and is not empty; what the engine and the disk report.
pub fn backup(store: &Store, folder: &Path, now: Time) -> Result<Manifest> {
    must_be_empty(folder)?;
    fs::create_dir_all(folder)?;
    let _whole = store.blobs().keep_whole();
    let database = folder.join(DATABASE);
    match store.backend() {
        Backend::Sqlite(engine) => {
            let connection = open_plain(engine.path(), false)?;
            let target = database.to_str().ok_or_else(|| Error::Conflict("a folder name that is not UTF-8".into()))?;
            connection.execute("VACUUM INTO ?1", [target]).map_err(failure)?;
        }
        Backend::Postgres(_) => {
            let copied = Store::open(&settings_in(folder))?;
            copy::copy(store, &copied, &mut |_, _| {})?;
            copied.close_blocking();
            let _ = fs::remove_dir(folder.join(BLOBS).join("tmp"));
        }
    }
    File::open(&database)?.sync_all()?;
    let mut manifest = Manifest { made: now, schema: crate::migrate::VERSION, files: 0, bytes: 0 };
    manifest.bytes += fs::metadata(&database)?.len();
    for name in names_in_backup(&database)? {
        let from = store.blobs().path(&name)?;
        manifest.bytes += fs::metadata(&from)?.len();
        manifest.files += 1;
        copy_file(&from, &folder.join(BLOBS).join(&name))?;
    }
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| Error::Engine(error.to_string()))?;
    let mut file = File::create(folder.join(MANIFEST))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    sync_folder(folder)?;
    Ok(manifest)
}

/// Puts a backup in the place of a store that does not exist or is empty.
///
/// # Errors
/// `Conflict` when the folder holds no complete backup, or the store is there already and not empty.
pub fn restore(folder: &Path, target: &Settings) -> Result<Manifest> {
    let text = fs::read_to_string(folder.join(MANIFEST))
        .map_err(|_| Error::Conflict(format!("{} holds no complete backup", folder.display())))?;
    let manifest: Manifest = serde_json::from_str(&text).map_err(|error| Error::Corrupt(error.to_string()))?;
    if let Some(path) = target.url.strip_prefix("sqlite:") {
        let path = Path::new(path.strip_prefix("//").unwrap_or(path));
        if path.exists() {
            return Err(Error::Conflict(format!("{} exists: move it away first", path.display())));
        }
        for name in names_in_backup(&folder.join(DATABASE))? {
            copy_file(&folder.join(BLOBS).join(&name), &target.blobs.join(&name))?;
        }
        put_database(&folder.join(DATABASE), path)?;
        // Opening brings the tables up to date.
        Store::open(target)?.close_blocking();
    } else {
        let target = Store::open(target)?;
        let source = Store::open(&settings_in(folder))?;
        let done = copy::copy(&source, &target, &mut |_, _| {});
        source.close_blocking();
        target.close_blocking();
        done?;
    }
    Ok(manifest)
}

/// Copies the database so that it is there as a whole or not at all.
fn put_database(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let partial = to.with_extension("restoring");
    fs::copy(from, &partial)?;
    File::open(&partial)?.sync_all()?;
    fs::rename(&partial, to)?;
    sync_folder(folder)
}

fn names_in_backup(database: &Path) -> Result<Vec<String>> {
    let connection = open_plain(database, false)?;
    file_names(&mut crate::sqlite::SqliteTx::new(&connection))
}

fn settings_in(folder: &Path) -> Settings {
    Settings {
        url: format!("sqlite:{}", folder.join(DATABASE).display()),
        blobs: folder.join(BLOBS),
        node: "backup".into(),
    }
}

fn must_be_empty(folder: &Path) -> Result<()> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::Conflict(format!("{} is not empty", folder.display()))),
        },
    }
}
