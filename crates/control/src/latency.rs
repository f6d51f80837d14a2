//! How long things take, counted for whoever measures: histograms that cost a few additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds.
pub const BOUNDS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000, 30_000_000,
];

/// Counts of one kind of work since the start of the process.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One for each bound, and one for what took longer.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// What a histogram has counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Upper bounds in microseconds, each with how many took no longer.
    pub within: Vec<(u64, u64)>,
    /// How many there were.
    pub count: u64,
    /// How long they took together, in microseconds.
    pub micros: u64,
}

impl Histogram {
    /// Counts one that took `took`.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted until now.
    #[must_use]
    pub fn counted(&self) -> Counted {
        let mut count = 0;
        let mut within = Vec::with_capacity(BOUNDS.len());
        for (place, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            within.extend(BOUNDS.get(place).map(|bound| (*bound, count)));
        }
        Counted { within, count, micros: self.micros.load(Ordering::Relaxed) }
    }
}

/// What is measured.
#[derive(Debug, Default)]
pub struct Latencies {
    /// From the end of a message's data to its commit: what a client waits for its `250`.
    pub accept: Histogram,
    /// A login, whatever came out.
    pub login: Histogram,
    /// An IMAP command, until its answer is ready.
    pub imap: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_where_it_belongs_and_in_all_above() {
        let histogram = Histogram::default();
        for micros in [0, 250, 251, 1_000_000, 3_600_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let counted = histogram.counted();
        let of = |bound: u64| counted.within.iter().find(|(found, _)| *found == bound).map(|(_, n)| *n);
        assert_eq!(
            (of(250), of(500), of(500_000), of(1_000_000), of(30_000_000)),
            (Some(2), Some(3), Some(3), Some(4), Some(4))
        );
        assert_eq!((counted.count, counted.micros), (5, 3_601_000_501));
    }
}
