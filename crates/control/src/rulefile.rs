//! Rule files in the data folder, read again when they change.

use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sekisho_message::Time;

/// How often a file is looked at, at most.
const POLL: Duration = Duration::from_secs(1);
/// Largest file that is read, in octets.
pub const MAX_OCTETS: u64 = 4 << 20;

/// A file and what it said when it was last read.
pub struct RuleFile<T> {
    path: PathBuf,
    parse: fn(&[u8]) -> T,
    without: fn() -> T,
    state: Mutex<State<T>>,
}

struct State<T> {
    looked: Option<(Time, u64)>,
    stamp: Stamp,
    rules: Arc<T>,
}

/// What must stay the same for the content to be the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stamp {
    /// Never looked at.
    #[default]
    Unknown,
    /// There is no such file.
    Absent,
    Present {
        modified: Option<SystemTime>,
        length: u64,
        file: u64,
    },
}

impl<T> RuleFile<T> {
    /// The file at `path`; `without` says what holds when there is none.
    pub fn new(path: PathBuf, parse: fn(&[u8]) -> T, without: fn() -> T) -> Self {
        let state = State { looked: None, stamp: Stamp::Unknown, rules: Arc::new(without()) };
        Self { path, parse, without, state: Mutex::new(state) }
    }

    /// What the file says at this moment, looked at anew.
    pub fn fresh(&self, now: Time) -> Arc<T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).looked = None;
        self.now(now, 0)
    }

    /// What the file says. Looks at the file at most once a second, and whenever `generation` is another
    /// one than last time; an unreadable file leaves in force what it said last.
    pub fn now(&self, now: Time, generation: u64) -> Arc<T> {
        // A panic in the parser would leave the rules that were in force.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.is_some_and(|(at, seen)| seen == generation && now >= at && now.since(at) < POLL) {
            return Arc::clone(&state.rules);
        }
        state.looked = Some((now, generation));
        let stamp = match fs::metadata(&self.path) {
            Ok(metadata) => stamp(&metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => Stamp::Absent,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "rule file cannot be looked at");
                return Arc::clone(&state.rules);
            }
        };
        if stamp == state.stamp {
            return Arc::clone(&state.rules);
        }
        match self.read(stamp) {
            Ok(rules) => {
                state.rules = Arc::new(rules);
                state.stamp = stamp;
            }
            Err(error) => tracing::warn!(path = %self.path.display(), %error, "rule file cannot be read"),
        }
        Arc::clone(&state.rules)
    }

    fn read(&self, stamp: Stamp) -> std::io::Result<T> {
        if stamp == Stamp::Absent {
            return Ok((self.without)());
        }
        let mut bytes = Vec::new();
        fs::File::open(&self.path)?.take(MAX_OCTETS + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_OCTETS {
            return Err(std::io::Error::new(ErrorKind::InvalidData, "larger than 4 MiB"));
        }
        Ok((self.parse)(&bytes))
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    Stamp::Present { modified: metadata.modified().ok(), length: metadata.len(), file: metadata.ino() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn a_change_counts_after_a_second_or_when_somebody_says_so() {
        let dir = sekisho_testkit::TempDir::new("rulefile").unwrap();
        let path = dir.path().join("effect.dat");
        let file = RuleFile::new(path.clone(), text, || "none".to_owned());
        let at = |tenths: i64| Time(tenths * 100_000);
        assert_eq!(*file.now(at(0), 0), "none");
        fs::write(&path, "first").unwrap();
        assert_eq!(*file.now(at(9), 0), "none");
        assert_eq!(*file.now(at(10), 0), "first");
        fs::write(&path, "the second").unwrap();
        assert_eq!(*file.now(at(11), 0), "first");
        assert_eq!(*file.now(at(11), 1), "the second");
        fs::remove_file(&path).unwrap();
        assert_eq!(*file.now(at(22), 1), "none");
        fs::create_dir(&path).unwrap();
        assert_eq!(*file.now(at(40), 1), "none", "what cannot be read changes nothing");
    }

    #[test]
    fn a_file_that_is_too_large_leaves_the_old_rules() {
        let dir = sekisho_testkit::TempDir::new("rulefile").unwrap();
        let path = dir.path().join("effect.dat");
        fs::write(&path, "first").unwrap();
        let file = RuleFile::new(path.clone(), text, String::new);
        assert_eq!(*file.now(Time(0), 0), "first");
        fs::File::create(&path).unwrap().set_len(MAX_OCTETS + 1).unwrap();
        assert_eq!(*file.now(Time::from_seconds(5), 0), "first");
    }
}
