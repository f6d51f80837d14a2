//! Scratch folders that remove themselves.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A folder below the system's temporary folder, mode 0700, removed with all that is
/// in it when the value is dropped.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    /// Makes a new, empty folder whose name starts with `sekisho-` and `label`.
    ///
    /// # Errors
    /// When the temporary folder cannot be written.
    pub fn new(label: &str) -> io::Result<Self> {
        Self::new_in(&std::env::temp_dir(), label)
    }

    /// The same below `parent`, which must exist.
    ///
    /// # Errors
    /// When `parent` cannot be written.
    pub fn new_in(parent: &Path, label: &str) -> io::Result<Self> {
        loop {
            let path = parent.join(format!("sekisho-{label}-{}", unique()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path inside it; nothing is created.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Gives up ownership: the folder stays, and somebody else removes it.
    #[must_use]
    pub fn into_path(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // A test that made its folder unreadable has failed already.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

/// Differs between calls, processes and runs.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    format!("{}-{}-{nanos:x}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn removed_with_its_contents() {
        let kept;
        {
            let dir = TempDir::new("tempdir").unwrap();
            fs::write(dir.join("a"), "x").unwrap();
            fs::create_dir(dir.join("b")).unwrap();
            fs::write(dir.join("b/c"), "y").unwrap();
            kept = dir.path().to_owned();
            assert!(kept.is_dir());
        }
        assert!(!kept.exists());
    }

    #[test]
    fn two_are_never_the_same_and_one_given_away_stays() {
        let one = TempDir::new("same").unwrap();
        let two = TempDir::new("same").unwrap();
        assert_ne!(one.path(), two.path());
        let path = two.into_path();
        assert!(path.is_dir());
        fs::remove_dir(path).unwrap();
    }
}
