//! Does everything in the store fit together? References, counters, due times, hashes, and the engine's own check.

mod rules;

use sekisho_message::{Text, say};

use crate::blob::{claimed_hash, hash};
use crate::copy::{TABLES, file_names};
use crate::{Engine, Result, Store, Tx, TxExt};

/// Problems that a report names; the others it counts.
const MOST: usize = 500;

/// Bodies that are hashed together.
const PAGE: i64 = 200;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Rows of each table.
    pub rows: Vec<(String, u64)>,
    /// Bodies whose hash was verified, in the database and as files.
    pub hashed: u64,
    /// What does not fit.
    pub problems: Vec<Text>,
    /// Problems beyond those named.
    pub more: u64,
    /// Body files that nothing refers to: harmless leftovers, removed by and by.
    pub unused_files: u64,
}

impl Report {
    /// Whether everything fits.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, text: Text) {
        if self.problems.len() < MOST {
            self.problems.push(text);
        } else {
            self.more += 1;
        }
    }
}

/// Checks the store; the server may go on meanwhile. Reads everything once.
///
/// # Errors
/// When the store cannot be read. What does not fit is no error but in the report.
pub async fn run(store: &Store) -> Result<Report> {
    let (mut report, files) = store
        .read(|tx| {
            let mut report = Report::default();
            engine_check(tx, &mut report)?;
            count_rows(tx, &mut report)?;
            for rule in rules::RULES {
                rule.apply(tx, &mut report)?;
            }
            hash_bodies(tx, &mut report)?;
            Ok((report, file_names(tx)?))
        })
        .await?;
    let files_of = store.clone();
    let checking = tokio::task::spawn_blocking(move || {
        check_files(&files_of, files, &mut report)?;
        Ok(report)
    });
    checking.await.map_err(|error| crate::Error::Engine(error.to_string()))?
}

fn engine_check(tx: &mut dyn Tx, report: &mut Report) -> Result<()> {
    if tx.engine() == Engine::Sqlite {
        tx.query("PRAGMA integrity_check(100)", &[], &mut |row| {
            let words = row.text(0)?;
            if words != "ok" {
                report.problem(say!(ja: "データベースの破損: {words}", en: "the database is damaged: {words}"));
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn count_rows(tx: &mut dyn Tx, report: &mut Report) -> Result<()> {
    for table in TABLES {
        let count = tx.one(&format!("SELECT COUNT(*) FROM {}", table.name), &[], |row| row.count(0))?;
        report.rows.push((table.name.to_owned(), count.unwrap_or(0)));
    }
    Ok(())
}

fn hash_bodies(tx: &mut dyn Tx, report: &mut Report) -> Result<()> {
    let mut after = 0;
    loop {
        let mut last = None;
        tx.query(
            "SELECT c.id, c.size, c.hash, b.bytes FROM content c JOIN body b ON b.content = c.id
             WHERE c.id > ?1 ORDER BY c.id LIMIT ?2",
            &[after.into(), PAGE.into()],
            &mut |row| {
                let (id, bytes) = (row.int(0)?, row.blob(3)?);
                last = Some(id);
                report.hashed += 1;
                if bytes.len() as u64 != row.count(1)? || hash(bytes) != row.blob(2)? {
                    report.problem(say!(
                        ja: "本文 {id} の内容がハッシュと一致しません",
                        en: "the body {id} is not what its hash says",
                    ));
                }
                Ok(())
            },
        )?;
        match last {
            Some(id) => after = id,
            None => return Ok(()),
        }
    }
}

fn check_files(store: &Store, wanted: Vec<String>, report: &mut Report) -> Result<()> {
    for name in &wanted {
        let words = match store.blobs().read(name) {
            Ok(bytes) => {
                report.hashed += 1;
                let hex: String = hash(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                (claimed_hash(name) != Some(hex.as_str()))
                    .then_some(("内容がハッシュと一致しません", "is not what its hash says"))
            }
            Err(_) if !is_wanted(store, name)? => None,
            Err(_) => Some(("読み取れません", "cannot be read")),
        };
        if let Some((ja, en)) = words {
            report.problem(say!(ja: "本文ファイル {name}: {ja}", en: "the body file {name} {en}"));
        }
    }
    let wanted: std::collections::HashSet<&String> = wanted.iter().collect();
    report.unused_files = store.blobs().all()?.iter().filter(|name| !wanted.contains(name)).count() as u64;
    Ok(())
}

/// Whether a row still refers to a file: it may have gone while the check ran.
fn is_wanted(store: &Store, name: &str) -> Result<bool> {
    store
        .read_blocking(|tx| Ok(tx.one("SELECT id FROM content WHERE file = ?1", &[name.into()], |_| Ok(()))?.is_some()))
}
