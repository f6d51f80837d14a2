//! Who has the data folder: the server, one command line call, or nobody.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Name of the lock file in the data folder.
const FILE: &str = "lock";
/// How often a waiting caller looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Keeps everybody else off the data folder until it is dropped (or its process ends, however it ends).
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or says that somebody else has it.
    ///
    /// # Errors
    /// When the file cannot be made or locked for another reason.
    pub fn take(dir: &Path) -> io::Result<Option<Self>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(dir.join(FILE))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes the lock, waiting up to `patience` for whoever has it: a verb is through in a moment.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub fn wait(dir: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let begin = Instant::now();
        loop {
            match Self::take(dir)? {
                None if begin.elapsed() < patience => std::thread::sleep(PAUSE),
                outcome => return Ok(outcome),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = sekisho_testkit::TempDir::new("lock").unwrap();
        let first = Lock::take(dir.path()).unwrap();
        assert!(first.is_some());
        assert!(Lock::take(dir.path()).unwrap().is_none());
        assert!(Lock::wait(dir.path(), Duration::from_millis(50)).unwrap().is_none());
        let releasing = std::thread::spawn(move || drop(first));
        assert!(Lock::wait(dir.path(), Duration::from_secs(10)).unwrap().is_some());
        releasing.join().unwrap();
    }
}
