//! The seven logs as plain daily files, for grep and fail2ban: `logs/acceptlog/20261124.log` and so on.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use sekisho_control::Control;
use sekisho_control::logs::{Log, Style};
use sekisho_message::Time;
use sekisho_net::Clock;
use sekisho_store::journal::{self, Entry, EntryId, JournalFilter};

use crate::config::Settings;

/// How often new entries are looked for.
const PAUSE: Duration = Duration::from_millis(500);
/// Entries at a time.
const PAGE: u32 = 1_000;

/// Follows the journal into files, from now on, for ever. Files of days that are past the retention are removed.
pub(super) async fn run(control: Control, clock: Clock, settings: Arc<Settings>) {
    let logs = &settings.config.logs;
    let style = Style { host: settings.config.hostname.to_string(), zone: TimeZone::system() };
    let mut files = Files { folder: settings.path(&logs.folder), style, open: HashMap::new() };
    let mut after = loop {
        match control.store().read(journal::last_id).await {
            Ok(last) => break last,
            Err(error) => tracing::warn!(%error, "log files"),
        }
        clock.sleep(PAUSE).await;
    };
    let filter = JournalFilter {
        kinds: Log::ALL.iter().flat_map(|log| log.kinds()).copied().collect(),
        ..JournalFilter::default()
    };
    let mut expired = String::new();
    loop {
        clock.sleep(PAUSE).await;
        let today = files.day(clock.now());
        if today != expired {
            files.expire(&files.day(clock.now() - Duration::from_secs(u64::from(logs.days) * 86_400)));
            expired = today;
        }
        after = follow(&control, &mut files, &filter, after).await;
    }
}

/// Writes what came after `after`; where to go on.
async fn follow(control: &Control, files: &mut Files, filter: &JournalFilter, mut after: EntryId) -> EntryId {
    loop {
        let wanted = filter.clone();
        let page = match control.store().read(move |tx| journal::query(tx, &wanted, after, PAGE)).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "log files");
                return after;
            }
        };
        for (_, entry) in &page.entries {
            if let Err(error) = files.write(entry) {
                tracing::warn!(%error, "log files");
                return after;
            }
        }
        after = page.next.max(after);
        if page.end {
            return after;
        }
    }
}

struct Files {
    folder: PathBuf,
    style: Style,
    /// The file of the day that a log was last written for.
    open: HashMap<Log, (String, File)>,
}

impl Files {
    fn write(&mut self, entry: &Entry) -> std::io::Result<()> {
        let Some(log) = Log::of(entry.kind) else { return Ok(()) };
        let lines = self.style.lines(entry);
        let day = self.day(entry.at);
        let known = self.open.get(&log).is_some_and(|(of, _)| *of == day);
        if !known {
            let folder = self.folder.join(log.as_str());
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            let path = folder.join(format!("{day}.log"));
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            self.open.insert(log, (day, file));
        }
        match self.open.get_mut(&log) {
            Some((_, file)) => file.write_all(lines.as_bytes()),
            None => Ok(()),
        }
    }

    /// `20261124` in the zone of the lines.
    fn day(&self, at: Time) -> String {
        let stamp = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        stamp.to_zoned(self.style.zone.clone()).strftime("%Y%m%d").to_string()
    }

    /// Removes files of days before `first`; files with other names are somebody else's.
    fn expire(&self, first: &str) {
        for log in Log::ALL {
            let Ok(entries) = std::fs::read_dir(self.folder.join(log.as_str())) else { continue };
            for path in entries.flatten().map(|entry| entry.path()) {
                if day_of(&path).is_some_and(|day| day.as_str() < first) {
                    let _ = std::fs::remove_file(path);
                }
            }
        }
    }
}

fn day_of(path: &Path) -> Option<String> {
    let day = path.file_name()?.to_str()?.strip_suffix(".log")?;
    (day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit())).then(|| day.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use sekisho_control::entry;
    use sekisho_testkit::TempDir;

    #[test]
    fn entries_go_to_the_file_of_their_day_and_old_days_go() {
        let dir = TempDir::new("mirror").unwrap();
        let style = Style { host: "our.host".into(), zone: TimeZone::fixed(jiff::tz::offset(9)) };
        let mut files = Files { folder: dir.path().join("logs"), style, open: HashMap::new() };
        // 15:30 UTC is the next day in Japan.
        let late = Time::from_seconds(1_763_998_200);
        files.write(&entry::accept_open(late, "smtp", "203.0.113.5", 25)).unwrap();
        files.write(&entry::accept_open(late + Duration::from_secs(86_400), "smtp", "203.0.113.6", 25)).unwrap();
        files.write(&entry::act(late, "shell:root", "domain.add", None, &serde_json::json!({}))).unwrap();
        let path = |day: &str| dir.path().join("logs/acceptlog").join(format!("{day}.log"));
        assert_eq!(
            std::fs::read_to_string(path("20251125")).unwrap(),
            "[25/Nov/2025:00:30:00], (our.host), [203.0.113.5]:25, Client accept now.\n"
        );
        assert!(path("20251126").exists());
        std::fs::write(dir.path().join("logs/acceptlog/notes.txt"), "mine").unwrap();
        files.expire("20251126");
        assert!(!path("20251125").exists() && path("20251126").exists());
        assert!(dir.path().join("logs/acceptlog/notes.txt").exists());
        assert_eq!(std::fs::read_dir(dir.path().join("logs")).unwrap().count(), 1);
    }
}
