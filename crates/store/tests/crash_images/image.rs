//! What the disk holds at a moment, and what a store sees that opens it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use sekisho_store::{Settings, Store, check};
use sekisho_testkit::tempdir::TempDir;

/// Database, log and body files; and what a reader saw then.
#[derive(Clone)]
pub struct Image {
    pub db: Vec<u8>,
    pub wal: Vec<u8>,
    pub blobs: BTreeMap<String, Vec<u8>>,
    pub seen: String,
}

/// What came of opening an image.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// It fits together, and this is what a reader sees.
    Well(String),
    /// It does not.
    Damaged(String),
}

pub fn settings(folder: &Path) -> Settings {
    Settings {
        url: format!("sqlite:{}", folder.join("store.db").display()),
        blobs: folder.join("blobs"),
        node: "one".into(),
    }
}

impl Image {
    /// What the files in `folder` hold now.
    pub fn of(folder: &Path, seen: String) -> Self {
        let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
        let mut blobs = BTreeMap::new();
        for sub in fs::read_dir(folder.join("blobs")).unwrap() {
            let sub = sub.unwrap();
            if sub.file_name() == "tmp" {
                continue;
            }
            for file in fs::read_dir(sub.path()).unwrap() {
                let file = file.unwrap();
                let name = format!("{}/{}", sub.file_name().display(), file.file_name().display());
                blobs.insert(name, fs::read(file.path()).unwrap());
            }
        }
        Self { db: read("store.db"), wal: read("store.db-wal"), blobs, seen }
    }

    /// Starts a store on the image, as after a power cut, and checks it.
    pub fn open(&self) -> Opened {
        let folder = self.lay_out();
        for (name, bytes) in &self.blobs {
            let path = folder.join("blobs").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let store = match Store::open(&settings(folder.path())) {
            Ok(store) => store,
            Err(error) => return Opened::Damaged(error.to_string()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let report = runtime.block_on(check::run(&store));
        let opened = match report {
            Ok(report) if report.is_well() => Opened::Well(seen(folder.path())),
            other => Opened::Damaged(format!("{other:?}")),
        };
        store.close_blocking();
        opened
    }

    /// What a reader of the database alone sees: quick, for many images.
    pub fn read(&self) -> String {
        seen(self.lay_out().path())
    }

    fn lay_out(&self) -> TempDir {
        let folder = TempDir::new("image").unwrap();
        fs::write(folder.join("store.db"), &self.db).unwrap();
        fs::write(folder.join("store.db-wal"), &self.wal).unwrap();
        folder
    }
}

/// All rows of all tables of the database in `folder`.
pub fn seen(folder: &Path) -> String {
    let connection = Connection::open(folder.join("store.db")).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF; BEGIN").unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut statement = connection.prepare(tables).unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    names.iter().map(|name| rows_of(&connection, name)).collect()
}

fn rows_of(connection: &Connection, table: &str) -> String {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut line = format!("{table}:");
        for column in 0..columns {
            match row.get_ref(column).unwrap() {
                ValueRef::Blob(bytes) => write!(line, " {} octets {:x}", bytes.len(), sum(bytes)).unwrap(),
                value => write!(line, " {value:?}").unwrap(),
            }
        }
        lines.push(line + "\n");
    }
    lines.sort_unstable();
    lines.concat()
}

fn sum(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Ends of the frames of a log (the format is that of the SQLite documentation: a header of 32 octets, then frames
/// of 24 octets and a page).
pub fn wal_frames(wal: &[u8]) -> Vec<usize> {
    let Some(size) = wal.get(8..12) else { return Vec::new() };
    let page = u32::from_be_bytes(size.try_into().unwrap()) as usize;
    (32..=wal.len()).step_by(page + 24).collect()
}

/// `old` with some pages of `new`, as `seed` chooses.
pub fn torn(old: &[u8], new: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut out = old.to_vec();
    out.resize(old.len().max(new.len()), 0);
    for (page, place) in out.chunks_mut(4_096).zip(new.chunks(4_096)) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state & 1 == 0 {
            page.copy_from_slice(place);
        }
    }
    out
}
