//! A progress bar on standard error, at a terminal alone.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use sekisho_moving::Portion;

/// Characters of the bar.
const WIDTH: u64 = 30;
/// How long an act goes on before a bar is shown.
const PATIENCE: Duration = Duration::from_millis(500);

/// Shows how far an act has come.
pub struct Bar {
    terminal: bool,
    begun: Instant,
    shown: bool,
}

impl Bar {
    /// A bar that is not shown yet.
    #[must_use]
    pub fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), begun: Instant::now(), shown: false }
    }

    /// Shows a portion.
    pub fn show(&mut self, portion: Portion) {
        let elapsed = self.begun.elapsed();
        if self.terminal && elapsed >= PATIENCE {
            self.shown = true;
            eprint!("\r{}\x1b[K", line(portion, elapsed));
        }
    }

    /// Ends the line.
    pub fn end(&self) {
        if self.shown {
            eprintln!();
        }
    }
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

/// `[=====>     ]  42 %  42,000/100,000  8,400/s  7 s`.
fn line(Portion { done, total }: Portion, elapsed: Duration) -> String {
    let rate = u128::from(done) * 1_000 / elapsed.as_millis().max(1);
    if total == 0 {
        return format!("{done}… {rate}/s");
    }
    let done = done.min(total);
    let full = usize::try_from(done * WIDTH / total).unwrap_or(0);
    let rest = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(full);
    let percent = done * 100 / total;
    let left = u128::from(total - done) / rate.max(1);
    format!("[{}{}] {percent:>3} %  {done}/{total}  {rate}/s  {left} s", "=".repeat(full), " ".repeat(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line(Portion { done: 0, total: 10 }, second),
            format!("[{}]   0 %  0/10  0/s  10 s", " ".repeat(30))
        );
        assert_eq!(
            line(Portion { done: 10, total: 10 }, second),
            format!("[{}] 100 %  10/10  10/s  0 s", "=".repeat(30))
        );
        assert_eq!(line(Portion { done: 70, total: 0 }, second), "70… 70/s");
        assert!(line(Portion { done: 11, total: 10 }, second).contains("10/10"));
    }
}
