//! Cuts an input stream into CRLF lines, within bounds, whatever the peer sends.

/// Capacity that an empty buffer may keep; more is given back, so that an idle
/// connection is small.
const KEEP: usize = 4096;

/// Bytes that arrived and were not yet consumed.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    data: Vec<u8>,
    start: usize,
    /// Octets after `start` that are known to hold no LF.
    scanned: usize,
    /// Octets dropped of a line that is too long; zero when none is being dropped.
    dropped: usize,
}

/// What [`Lines::pop`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A line that ended with CRLF.
    Line,
    /// A line that ended with a LF alone.
    BareLf,
    /// A line longer than the limit has ended; it is gone.
    TooLong,
    /// A line longer than the limit has not ended for so long that nobody needs to wait for it.
    Endless,
    /// No complete line yet.
    Nothing,
}

impl Lines {
    /// Takes bytes from the peer.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start == self.data.len() {
            self.clear();
        } else if self.start > self.data.len() / 2 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        self.data.extend_from_slice(bytes);
    }

    /// The next line, without its end, into `line`. `limit` counts the CRLF.
    pub fn pop(&mut self, limit: usize, line: &mut Vec<u8>) -> Found {
        line.clear();
        let rest = self.peek();
        let Some(at) = memchr::memchr(b'\n', rest.get(self.scanned..).unwrap_or(&[])).map(|at| at + self.scanned)
        else {
            return self.incomplete(limit);
        };
        let found = if self.dropped > 0 || at >= limit {
            Found::TooLong
        } else {
            let text = rest.get(..at).unwrap_or(&[]);
            match text.strip_suffix(b"\r") {
                Some(text) => {
                    line.extend_from_slice(text);
                    Found::Line
                }
                None => {
                    line.extend_from_slice(text);
                    Found::BareLf
                }
            }
        };
        self.dropped = 0;
        self.consume(at + 1);
        found
    }

    /// What is there and not yet consumed.
    pub fn peek(&self) -> &[u8] {
        self.data.get(self.start..).unwrap_or(&[])
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.start == self.data.len()
    }

    /// Drops the first `count` octets.
    pub fn consume(&mut self, count: usize) {
        self.start = self.data.len().min(self.start + count);
        self.scanned = 0;
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.data.clear();
        self.start = 0;
        self.scanned = 0;
    }

    /// Gives memory back when nothing is left.
    pub fn shrink(&mut self) {
        if self.is_empty() && self.data.capacity() > KEEP {
            self.data = Vec::new();
            self.start = 0;
            self.scanned = 0;
        }
    }

    fn incomplete(&mut self, limit: usize) -> Found {
        let pending = self.data.len() - self.start;
        if self.dropped == 0 && pending <= limit {
            self.scanned = pending;
            return Found::Nothing;
        }
        self.dropped = self.dropped.saturating_add(pending);
        self.clear();
        if self.dropped > limit.saturating_mul(32) { Found::Endless } else { Found::Nothing }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn pop(lines: &mut Lines, limit: usize) -> (Found, String) {
        let mut line = Vec::new();
        let found = lines.pop(limit, &mut line);
        (found, String::from_utf8(line).unwrap())
    }

    #[test]
    fn lines_bare_lf_and_long_lines() {
        let mut lines = Lines::default();
        lines.push(b"one\r\ntwo\nthree");
        assert_eq!(pop(&mut lines, 100), (Found::Line, "one".into()));
        assert_eq!(pop(&mut lines, 100), (Found::BareLf, "two".into()));
        assert_eq!(pop(&mut lines, 100).0, Found::Nothing);
        lines.push(b"\r\n0123456789\r\nok\r\n");
        assert_eq!(pop(&mut lines, 10), (Found::Line, "three".into()));
        assert_eq!(pop(&mut lines, 10).0, Found::TooLong);
        assert_eq!(pop(&mut lines, 10), (Found::Line, "ok".into()));
        assert!(lines.is_empty());
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut lines = Lines::default();
        let mut last = Found::Nothing;
        for _ in 0..100 {
            lines.push(&[b'a'; 1000]);
            last = pop(&mut lines, 512).0;
            assert!(lines.data.capacity() < 10_000);
        }
        assert_eq!(last, Found::Endless);
        lines.push(b"\r\nok\r\n");
        assert_eq!(pop(&mut lines, 512).0, Found::TooLong);
        assert_eq!(pop(&mut lines, 512), (Found::Line, "ok".into()));
    }

    #[test]
    fn an_empty_buffer_is_given_back() {
        let mut lines = Lines::default();
        lines.push(&[b'a'; 100_000]);
        lines.consume(100_000);
        lines.shrink();
        assert_eq!(lines.data.capacity(), 0);
    }

    proptest! {
        #[test]
        fn chunking_changes_nothing(text in "[a\r\n]{0,60}", cuts in proptest::collection::vec(1_usize..5, 0..60)) {
            let run = |cuts: &[usize]| {
                let mut lines = Lines::default();
                let mut found = Vec::new();
                let mut rest = text.as_bytes();
                let mut cuts = cuts.iter();
                while !rest.is_empty() {
                    let cut = cuts.next().copied().unwrap_or(rest.len()).min(rest.len());
                    lines.push(&rest[..cut]);
                    rest = &rest[cut..];
                    loop {
                        match pop(&mut lines, 12) {
                            (Found::Nothing | Found::Endless, _) => break,
                            other => found.push(other),
                        }
                    }
                }
                found
            };
            prop_assert_eq!(run(&[]), run(&cuts));
        }
    }
}
