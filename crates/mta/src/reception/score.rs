//! What a content filter says of a message that goes out: a program's `score/threshold`.
//!
//! It never keeps mail from being accepted: a filter that is slow, busy or broken says nothing, and one that fails is
//! left alone for a while. Only what it finds bad counts; that it finds nothing excuses nobody.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sekisho_control::guard::Filter;
use sekisho_store::Staged;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Semaphore;

/// Programs that run at once; a message for which there is no room is not judged.
const AT_ONCE: usize = 4;
/// How long a filter that failed is left alone.
const PAUSE: Duration = Duration::from_secs(30);
/// Octets of its output that are read.
const MOST_OUTPUT: usize = 64 << 10;
/// Longest that anybody waits for it.
const LONGEST: Duration = Duration::from_secs(10);

/// The content filter of the site.
pub(super) struct Scorer {
    filter: Filter,
    seats: Semaphore,
    /// Until when it is left alone.
    paused: Mutex<Option<Instant>>,
}

impl Scorer {
    pub(super) fn new(filter: Filter) -> Self {
        Self { filter, seats: Semaphore::new(AT_ONCE), paused: Mutex::default() }
    }

    /// What it says, as a log-likelihood ratio above 0; none when there is no filter, or it says nothing bad in time.
    pub(super) async fn score(&self, content: &Staged) -> Option<f32> {
        if self.filter.command.is_empty() || content.size() > self.filter.largest || self.is_paused() {
            return None;
        }
        let _seat = self.seats.try_acquire().ok()?;
        let message = content.read().ok()?;
        let patience = Duration::from_millis(self.filter.timeout_ms).min(LONGEST);
        // A program's time is the system's own.
        let said = match tokio::time::timeout(patience, run(&self.filter.command, &message)).await {
            Ok(Ok(output)) => ratio(&output).ok_or_else(|| "it printed no score/threshold".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it took too long".to_owned()),
        };
        match said {
            Ok(ratio) => evidence(ratio),
            Err(why) => {
                tracing::warn!(why, "the content filter of outgoing mail failed; mail goes on without it");
                *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
                None
            }
        }
    }

    fn is_paused(&self) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| Instant::now() < until)
    }
}

/// Runs the program; what it printed. Its exit status says whether it is spam, in many ways, and is not looked at.
async fn run(command: &[String], message: &[u8]) -> std::io::Result<String> {
    let (program, arguments) = command.split_first().ok_or(std::io::ErrorKind::NotFound)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program may end without reading all.
            let _ = stdin.write_all(message).await;
        }
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let mut output = output?.stdout;
    output.truncate(MOST_OUTPUT);
    Ok(String::from_utf8_lossy(&output).into_owned())
}

/// The first `score/threshold` in what was printed, as a ratio: 1 is what the filter takes for spam.
fn ratio(output: &str) -> Option<f32> {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+');
    output.match_indices('/').find_map(|(at, _)| {
        let (before, after) = (output.get(..at)?.trim_end(), output.get(at + 1..)?.trim_start());
        let score: f32 = before.get(before.trim_end_matches(is_number).len()..)?.parse().ok()?;
        let rest = after.trim_start_matches(is_number).len();
        let threshold: f32 = after.get(..after.len() - rest)?.parse().ok()?;
        (threshold > 0.0 && score.is_finite()).then_some(score / threshold)
    })
}

/// Half of the filter's threshold is where it begins to say something; at the threshold it says much.
fn evidence(ratio: f32) -> Option<f32> {
    (ratio > 0.5).then(|| ((ratio - 0.5) * 5.0).clamp(0.1, 3.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn scores_are_read_as_filters_print_them() {
        assert_eq!(ratio("10.0/5.0\n"), Some(2.0));
        assert_eq!(ratio("Results for file: stdin (0.3 seconds)\nMetric: default; Score: 7.50 / 15.00\n"), Some(0.5));
        assert_eq!(ratio("-2/4"), Some(-0.5));
        for nothing in ["", "spam", "a/b", "1/0", "//", "5/", "\u{3000}/\u{3000}", "1/-3"] {
            assert_eq!(ratio(nothing), None, "{nothing}");
        }
        assert_eq!((evidence(0.2), evidence(1.0), evidence(9.0)), (None, Some(2.5), Some(3.0)));
    }

    #[tokio::test]
    async fn a_filter_that_hangs_or_is_not_there_keeps_nothing_back() {
        let run = |command: &[&str], timeout_ms| {
            let command = command.iter().map(|word| (*word).to_owned()).collect();
            let filter = Filter { command, timeout_ms, ..Filter::default() };
            async move {
                let folder = sekisho_testkit::TempDir::new("score").unwrap();
                let store = sekisho_store::Store::open(&sekisho_store::Settings {
                    url: format!("sqlite:{}", folder.join("store.db").display()),
                    blobs: folder.join("blobs"),
                    node: "one".into(),
                })
                .unwrap();
                let mut staging = store.stage();
                staging.write(b"Subject: parcel\r\n\r\nparcel\r\n").unwrap();
                let content = staging.finish().await.unwrap();
                let scorer = Scorer::new(filter);
                (scorer.score(&content).await, scorer.is_paused())
            }
        };
        let parcel = ["sh", "-c", "grep -q parcel && echo 9.0/5.0 || echo 0/5.0"];
        assert_eq!(run(&parcel, 10_000).await, (Some(3.0), false));
        let begun = Instant::now();
        assert_eq!(run(&["sleep", "60"], 200).await, (None, true));
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(run(&["/nowhere/filter"], 10_000).await, (None, true));
        assert_eq!(run(&[], 10_000).await, (None, false));
    }
}
