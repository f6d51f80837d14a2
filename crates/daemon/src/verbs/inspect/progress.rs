//! How far reading has come, on standard error when somebody sits there.

use std::io::{self, IsTerminal, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sekisho_message::{Language, say};

use crate::show;

/// How often it is said.
const PAUSE: Duration = Duration::from_millis(200);

/// Counts octets and says so.
pub(super) struct Progress {
    read: Arc<AtomicU64>,
    total: u64,
    language: Language,
    said: Option<Instant>,
    shown: bool,
}

/// A reader whose octets are counted.
pub(super) struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl Progress {
    /// `total`: octets of all files; 0: unknown.
    pub(super) fn new(total: u64, language: Language) -> Self {
        let said = io::stderr().is_terminal().then(Instant::now);
        Self { read: Arc::default(), total, language, said, shown: false }
    }

    /// Says how far it is, if it is time to.
    pub(super) fn tick(&mut self, incidents: usize) {
        if self.said.is_none_or(|said| said.elapsed() < PAUSE) {
            return;
        }
        (self.said, self.shown) = (Some(Instant::now()), true);
        let read = self.read.load(Ordering::Relaxed);
        let size = show::size(read);
        let share = (read.saturating_mul(100)).checked_div(self.total).map_or(String::new(), |n| format!(" ({n} %)"));
        let text = say!(ja: "{size}{share}、疑い {incidents} 件", en: "{size}{share}, {incidents} suspects");
        eprint!("\r{}  ", text.get(self.language));
    }

    /// Leaves the line.
    pub(super) fn end(&self) {
        if self.shown {
            eprintln!();
        }
    }
}

impl<R> Counted<R> {
    pub(super) fn new(reader: R, progress: &Progress) -> Self {
        Self { reader, read: Arc::clone(&progress.read) }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
