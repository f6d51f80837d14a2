//! A throw-away PostgreSQL server: one per test process, one database per test.
//!
//! PostgreSQL refuses to run as root; then the server runs as the user `postgres`,
//! or `nobody` where there is none. It listens on a Unix socket in a scratch folder and on
//! nothing else. Durability is switched off: these databases die with the tests.
//!
//! A watcher (a small shell script in its own process group) starts the server and waits
//! for the end of a pipe that only the test process holds. However the tests
//! end (well, by a panic, killed), the pipe closes, and the watcher stops the server by
//! its pid and removes the folder.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::tempdir::TempDir;

/// A running server.
#[derive(Debug)]
pub struct TempPostgres {
    folder: PathBuf,
    programs: PathBuf,
    databases: AtomicU32,
    watcher: Mutex<Option<Child>>,
}

/// Why there is no server or no database.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PostgresError {
    /// No `initdb` and `postgres` in `/usr/lib/postgresql/*/bin` or `PATH`.
    #[error("PostgreSQL is not installed (apt-get install postgresql-15)")]
    NotInstalled,
    /// A program could not be run, or said no.
    #[error("{step}: {words}")]
    Failed {
        /// What was tried.
        step: &'static str,
        /// What the system or the program said.
        words: String,
    },
}

impl TempPostgres {
    /// The server of this test process; the first caller starts it (about 1.5 s).
    ///
    /// # Errors
    /// [`PostgresError`], the same for every caller of this process.
    pub fn shared() -> Result<&'static Self, PostgresError> {
        static SHARED: std::sync::OnceLock<Result<TempPostgres, PostgresError>> = std::sync::OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    /// A fresh, empty database of the [shared](Self::shared) server: its URL.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub fn database() -> Result<String, PostgresError> {
        Self::shared()?.create_database()
    }

    /// Starts a server of one's own, for tests that stop it or fill it. It ends with the value.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub fn start() -> Result<Self, PostgresError> {
        let programs = find_programs().ok_or(PostgresError::NotInstalled)?;
        let folder = short_folder().map_err(|error| failed("folder", error))?;
        let user = as_user(folder.path())?;
        initialise(&programs, folder.path(), &user)?;
        let watcher = watch(&programs, folder.path(), &user)?;
        let server = Self {
            folder: folder.into_path(),
            programs,
            databases: AtomicU32::new(0),
            watcher: Mutex::new(Some(watcher)),
        };
        server.await_ready()?;
        Ok(server)
    }

    /// A fresh, empty database, UTF-8, locale C. The result is its URL,
    /// `postgres://postgres@<socket folder, percent-encoded>/<name>`.
    ///
    /// # Errors
    /// [`PostgresError`].
    pub fn create_database(&self) -> Result<String, PostgresError> {
        let name = format!("sekisho_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(self.programs.join("createdb"));
        // template0 accepts no connections, so parallel tests cannot disturb each other.
        command.args(["-U", "postgres", "-T", "template0", "-h"]).arg(&self.folder).arg(&name);
        run("createdb", &mut command)?;
        let socket = self.folder.to_string_lossy().replace('%', "%25").replace('/', "%2F");
        Ok(format!("postgres://postgres@{socket}/{name}"))
    }

    /// The folder with the server's Unix socket, as libpq's `host`.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of `psql`, `pg_dump` and their kin.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    fn await_ready(&self) -> Result<(), PostgresError> {
        let state = self.folder.join("data/postmaster.pid");
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            // The last line of this file is the server's own statement of its state.
            if fs::read_to_string(&state).is_ok_and(|text| text.lines().last().is_some_and(|l| l.trim() == "ready")) {
                return Ok(());
            }
            let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            if log.contains("FATAL") || Instant::now() > until {
                return Err(failed("start", log));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for TempPostgres {
    fn drop(&mut self) {
        let watcher = self.watcher.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut watcher) = watcher {
            drop(watcher.stdin.take());
            let _ = watcher.wait();
        }
    }
}

/// Starts the server below a watcher that outlives this process by an instant.
fn watch(programs: &Path, folder: &Path, user: &[String]) -> Result<Child, PostgresError> {
    const SCRIPT: &str = r#"
        trap '' HUP INT TERM
        folder=$1
        shift
        "$@" >"$folder/log" 2>&1 </dev/null &
        server=$!
        cat >/dev/null
        kill -QUIT "$server" 2>/dev/null
        wait "$server"
        rm -rf -- "$folder"
    "#;
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sekisho-watch-postgres"]).arg(folder);
    command.args(user).arg(programs.join("postgres"));
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    for setting in [
        "listen_addresses=",
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "max_connections=300",
        "shared_buffers=32MB",
        "timezone=UTC",
    ] {
        command.arg("-c").arg(setting);
    }
    command.current_dir(folder).process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(|error| failed("watcher", error))
}

fn initialise(programs: &Path, folder: &Path, user: &[String]) -> Result<(), PostgresError> {
    let initdb = programs.join("initdb");
    let mut command = match user.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(initdb);
            command
        }
        None => Command::new(initdb),
    };
    command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions", "-D"]);
    command.arg(folder.join("data")).current_dir(folder);
    run("initdb", &mut command)
}

/// The words before a command that make it run without root's rights, and the folder
/// handed over to that user. Empty when we are not root.
fn as_user(folder: &Path) -> Result<Vec<String>, PostgresError> {
    let owner = fs::metadata(folder).map_err(|error| failed("folder", error))?.uid();
    if owner != 0 {
        return Ok(Vec::new());
    }
    let accounts = fs::read_to_string("/etc/passwd").map_err(|error| failed("/etc/passwd", error))?;
    let (uid, gid) = ["postgres", "nobody"]
        .iter()
        .find_map(|name| ids_of(&accounts, name))
        .ok_or_else(|| failed("user", "neither postgres nor nobody exists"))?;
    std::os::unix::fs::chown(folder, Some(uid), Some(gid)).map_err(|error| failed("chown", error))?;
    Ok(vec!["setpriv".into(), format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()])
}

fn ids_of(accounts: &str, name: &str) -> Option<(u32, u32)> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

/// The newest installed version's folder of programs.
fn find_programs() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let installed = versions.into_iter().rev().map(|(_, folder)| folder);
    // Links in PATH lead to the folder that also has createdb.
    let linked = env::split_paths(&path)
        .filter_map(|dir| fs::canonicalize(dir.join("initdb")).ok()?.parent().map(Path::to_owned));
    installed.chain(linked).find(|dir| ["initdb", "postgres", "createdb"].iter().all(|name| dir.join(name).is_file()))
}

/// A scratch folder whose socket path fits into the 107 bytes of `sockaddr_un`, and that
/// another user may reach.
fn short_folder() -> io::Result<TempDir> {
    let usual = env::temp_dir();
    let parent = if usual.as_os_str().len() > 50 { Path::new("/tmp") } else { &usual };
    TempDir::new_in(parent, "pg")
}

fn run(step: &'static str, command: &mut Command) -> Result<(), PostgresError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(step, error))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(step, String::from_utf8_lossy(&output.stderr).trim()))
}

fn failed(step: &'static str, words: impl ToString) -> PostgresError {
    PostgresError::Failed { step, words: words.to_string() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn ask(server: &TempPostgres, url: &str, sql: &str) -> String {
        let output = Command::new(server.programs().join("psql"))
            .args(["-X", "-A", "-t", "-c", sql, url])
            .current_dir("/")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn databases_are_apart() {
        let server = TempPostgres::shared().unwrap();
        let (one, two) = (TempPostgres::database().unwrap(), TempPostgres::database().unwrap());
        assert_ne!(one, two);
        ask(server, &one, "CREATE TABLE t (a BIGINT)");
        assert_eq!(ask(server, &one, "SELECT count(*) FROM pg_tables WHERE tablename = 't'"), "1");
        assert_eq!(ask(server, &two, "SELECT count(*) FROM pg_tables WHERE tablename = 't'"), "0");
        assert_eq!(ask(server, &two, "SHOW server_encoding"), "UTF8");
    }

    #[test]
    fn stops_and_removes_its_folder() {
        let server = TempPostgres::start().unwrap();
        let folder = server.socket_folder().to_owned();
        let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let pid: u32 = text.lines().next().unwrap().parse().unwrap();
        assert!(Path::new(&format!("/proc/{pid}")).exists());
        drop(server);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
        assert!(!folder.exists());
    }
}
