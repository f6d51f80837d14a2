//! How this process and its machine are.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::statvfs::statvfs;
use sekisho_control::Control;
use sekisho_control::check::Vitals;
use sekisho_message::Time;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Errors that are remembered; more in an hour is an alarm anyway.
const MOST_ERRORS: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// Counts the errors that the process reports. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<VecDeque<Instant>>>);

impl Faults {
    /// Errors of the last hour.
    #[must_use]
    pub fn last_hour(&self) -> u64 {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while times.front().is_some_and(|first| first.elapsed() > HOUR) {
            times.pop_front();
        }
        times.len() as u64
    }
}

impl<S: Subscriber> Layer<S> for Faults {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR {
            let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if times.len() >= MOST_ERRORS {
                times.pop_front();
            }
            times.push_back(Instant::now());
        }
    }
}

/// Measures. Clones share what it remembers.
#[derive(Clone)]
pub struct Probe(Arc<Inner>);

struct Inner {
    started: Time,
    data: PathBuf,
    faults: Faults,
    /// What the two clocks said at the last measurement.
    clocks: Mutex<(Instant, SystemTime)>,
}

impl Probe {
    /// A probe of the server that started at `started` with its data in `data`.
    #[must_use]
    pub fn new(started: Time, data: PathBuf, faults: Faults) -> Self {
        Self(Arc::new(Inner { started, data, faults, clocks: Mutex::new((Instant::now(), SystemTime::now())) }))
    }

    /// A sample, with the time that a durable write of `control` takes, and how far the clock jumped since the last one.
    pub async fn measure(&self, control: &Control) -> Vitals {
        Vitals { clock_jump_micros: self.jump(), ..self.look(control).await }
    }

    /// The same without the clock, whose next jump is left to whoever watches it.
    pub async fn look(&self, control: &Control) -> Vitals {
        let begun = Instant::now();
        let written = control.store().write(|tx| sekisho_store::meta::set(tx, "rounds.pulse", Some("1"))).await;
        let took = begun.elapsed();
        let commit_micros =
            if written.is_ok() { u64::try_from(took.as_micros()).unwrap_or(u64::MAX) } else { u64::MAX };
        let disk = statvfs(&self.0.data).ok();
        let octets = |blocks: u64, size: u64| blocks.saturating_mul(size);
        Vitals {
            started: self.0.started,
            files: std::fs::read_dir("/proc/self/fd").map_or(0, |all| all.count() as u64),
            files_limit: limit("Max open files").unwrap_or_default(),
            memory: kib("/proc/self/status", "VmRSS:").unwrap_or_default() << 10,
            memory_total: kib("/proc/meminfo", "MemTotal:").unwrap_or_default() << 10,
            disk_free: disk.map_or(0, |d| octets(d.blocks_available(), d.fragment_size())),
            disk_total: disk.map_or(0, |d| octets(d.blocks(), d.fragment_size())),
            commit_micros,
            clock_jump_micros: 0,
            errors: self.0.faults.last_hour(),
        }
    }

    /// How far the wall clock moved against the one that only goes forward, since the last time.
    fn jump(&self) -> i64 {
        let (steady, wall) = (Instant::now(), SystemTime::now());
        let before =
            std::mem::replace(&mut *self.0.clocks.lock().unwrap_or_else(PoisonError::into_inner), (steady, wall));
        let steadily = micros(steady.duration_since(before.0));
        match wall.duration_since(before.1) {
            Ok(forward) => micros(forward).saturating_sub(steadily),
            Err(back) => micros(back.duration()).saturating_add(steadily).saturating_neg(),
        }
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// The soft limit of that name in `/proc/self/limits` (proc(5)).
fn limit(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A value in KiB from a file of `Name:  123 kB` lines (proc(5)).
fn kib(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn errors_are_counted_and_warnings_are_not() {
        let faults = Faults::default();
        let subscriber = tracing_subscriber::registry().with(faults.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!("a");
            tracing::error!("b");
            tracing::error!("c");
        });
        assert_eq!(faults.last_hour(), 2);
    }

    #[test]
    fn the_system_tells_limits_and_memory() {
        assert!(limit("Max open files").unwrap() > 0);
        assert!(kib("/proc/meminfo", "MemTotal:").unwrap() > 0);
        assert_eq!(kib("/proc/meminfo", "Nothing:"), None);
        let probe = Probe::new(Time::EPOCH, PathBuf::from("/"), Faults::default());
        assert!(probe.jump().abs() < 60_000_000);
    }
}
