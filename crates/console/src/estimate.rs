//! What the thresholds in force cost honest senders: the guard's own engine judges simulated ones, in the background, once
//! somebody wants to know.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sekisho_guard::drill::{Honest, honest};
use sekisho_guard::policy::Policy;

/// Years of each kind after which it is known well enough: if nothing was held, at most ten holds in 1,000 years (95 %).
const ENOUGH: f64 = 300.0;

/// Honest senders of one kind, so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Which kind.
    pub kind: Honest,
    /// How many of them.
    pub runs: u32,
    /// Years of simulated mail.
    pub years: f64,
    /// Holds, every one of which was false.
    pub holds: u32,
    /// Recipients outside.
    pub recipients: u64,
    /// Of these, who had to wait.
    pub delayed: u64,
}

impl Row {
    /// How many false holds there are at most in 1,000 years, and in 1,000 such senders, at 95 %: the upper bound of a Poisson
    /// count by the approximation of Wilson and Hilferty.
    #[must_use]
    pub fn at_most(&self) -> (f64, f64) {
        let k = f64::from(self.holds) + 1.0;
        let upper = k * (1.0 - 1.0 / (9.0 * k) + 1.645 / (3.0 * k.sqrt())).powi(3) * 1_000.0;
        (upper / self.years, upper / f64::from(self.runs))
    }
}

/// How long the first look waits for the first senders, and how often it looks.
const GLANCE: Duration = Duration::from_millis(300);
const EVERY: Duration = Duration::from_millis(10);

/// What is known so far.
#[derive(Debug)]
pub struct Estimate {
    rows: Mutex<[Row; Honest::ALL.len()]>,
    begun: AtomicBool,
}

impl Default for Estimate {
    fn default() -> Self {
        let empty = |kind| Row { kind, runs: 0, years: 0.0, holds: 0, recipients: 0, delayed: 0 };
        Self { rows: Mutex::new(Honest::ALL.map(empty)), begun: AtomicBool::new(false) }
    }
}

impl Estimate {
    /// What is known so far of `policy`; the first look sets a thread to work, which ends when all is known well enough or nobody
    /// holds the estimate any more.
    pub fn look(self: &Arc<Self>, policy: &Policy) -> [Row; Honest::ALL.len()] {
        if !self.begun.swap(true, Ordering::Relaxed) {
            let (this, policy) = (Arc::downgrade(self), policy.clone());
            let begun = std::thread::Builder::new().name("estimate".into()).spawn(move || work(&this, &policy));
            if let Err(error) = begun {
                tracing::warn!(%error, "the cost of the thresholds cannot be estimated");
                self.begun.store(false, Ordering::Relaxed);
            }
        }
        *self.rows()
    }

    /// The same, waiting a moment for the first of each kind.
    pub async fn first(self: &Arc<Self>, policy: &Policy) -> [Row; Honest::ALL.len()] {
        let begun = Instant::now();
        loop {
            let rows = self.look(policy);
            if rows.iter().all(|row| row.runs > 0) || begun.elapsed() > GLANCE {
                return rows;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Whether nothing is left to be found out.
    #[must_use]
    pub fn is_over(rows: &[Row]) -> bool {
        rows.iter().all(|row| row.years >= ENOUGH)
    }

    fn rows(&self) -> std::sync::MutexGuard<'_, [Row; Honest::ALL.len()]> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Judges one sender after another, of the kind of which least is known.
fn work(estimate: &Weak<Estimate>, policy: &Policy) {
    for seed in 0.. {
        let Some(known) = estimate.upgrade() else { return };
        let least = known.rows().iter().copied().min_by(|a, b| a.years.total_cmp(&b.years));
        let Some(Row { kind, years, .. }) = least else { return };
        if years >= ENOUGH {
            return;
        }
        let begun = Instant::now();
        let tally = honest(policy, kind, seed);
        if let Some(row) = known.rows().iter_mut().find(|row| row.kind == kind) {
            row.runs += 1;
            row.years += tally.years();
            row.holds += u32::try_from(tally.holds.len()).unwrap_or(u32::MAX);
            row.recipients += u64::from(tally.honest.recipients);
            row.delayed += u64::from(tally.honest.delayed);
        }
        drop(known);
        // Mail goes first: half of a core is enough for this.
        std::thread::sleep(begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_bound_is_that_of_a_poisson_count() {
        let row = |holds, years| Row { kind: Honest::Person, runs: 4_000, years, holds, recipients: 0, delayed: 0 };
        for (holds, exact) in [(0, 2.996), (1, 4.744), (5, 10.513), (20, 29.062)] {
            let (years, runs) = row(holds, 1_000.0).at_most();
            assert!((years - exact).abs() < 0.05 && (runs * 4.0 - exact).abs() < 0.05, "{holds}");
        }
    }

    #[test]
    fn a_stricter_policy_is_seen_to_hold_the_honest() {
        let holds = |policy: &Policy| {
            let estimate = Arc::new(Estimate::default());
            let begun = Instant::now();
            loop {
                let rows = estimate.look(policy);
                let known = rows.iter().all(|row| row.years > 0.2);
                let holds: u32 = rows.iter().map(|row| row.holds).sum();
                assert!(begun.elapsed().as_secs() < 300, "{rows:?}");
                if known {
                    return holds;
                }
                std::thread::yield_now();
            }
        };
        assert_eq!(holds(&Policy::default()), 0);
        let mut strict = Policy::default();
        for class in [&mut strict.person, &mut strict.role, &mut strict.application, &mut strict.newsletter] {
            (class.home, class.away, class.slow) = (1.0, 1.0, 1.0);
        }
        assert!(holds(&strict) > 0);
    }
}
