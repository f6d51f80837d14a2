//! Lines of a file of any kind, of bounded length.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use sekisho_guard::inspect::MOST_LINE;

/// How much of a line that is too long is kept, to be shown.
const KEPT: usize = 1_024;

/// Lines, one in memory at a time.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The number of the line in hand, from 1.
    pub(super) number: u64,
}

/// The line in hand.
pub(super) enum Line<'a> {
    /// As it is; what is no UTF-8 in it was replaced.
    Text(Cow<'a, str>),
    /// Longer than any log has; its beginning.
    TooLong(Cow<'a, str>),
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::with_capacity(4_096), number: 0 }
    }

    /// Goes to the next line; whether there is one.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let most = MOST_LINE as u64 + 1;
        self.reader.by_ref().take(most).read_until(b'\n', &mut self.buffer)?;
        if self.buffer.is_empty() {
            return Ok(false);
        }
        self.number += 1;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            if self.buffer.last() == Some(&b'\r') {
                self.buffer.pop();
            }
        } else if self.buffer.len() > MOST_LINE {
            self.skip()?;
        }
        Ok(true)
    }

    /// The line in hand.
    pub(super) fn line(&self) -> Line<'_> {
        if self.buffer.len() > MOST_LINE {
            return Line::TooLong(String::from_utf8_lossy(self.buffer.get(..KEPT).unwrap_or_default()));
        }
        // What others said is in their charset: such a line is not broken.
        Line::Text(String::from_utf8_lossy(&self.buffer))
    }

    fn skip(&mut self) -> io::Result<()> {
        loop {
            let chunk = self.reader.fill_buf()?;
            if chunk.is_empty() {
                return Ok(());
            }
            let (used, end) = match chunk.iter().position(|&b| b == b'\n') {
                Some(at) => (at + 1, true),
                None => (chunk.len(), false),
            };
            self.reader.consume(used);
            if end {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn lines_have_an_end_and_a_longest_length() {
        let long = "x".repeat(3 * MOST_LINE);
        let mut bytes = format!("one\r\n\n{long}\nab").into_bytes();
        bytes.extend_from_slice(b"\xff\xfe");
        let mut lines = Lines::new(io::Cursor::new(bytes));
        let mut seen = Vec::new();
        while lines.advance().unwrap() {
            seen.push(match lines.line() {
                Line::Text(text) => format!("{} {text}", lines.number),
                Line::TooLong(text) => format!("{} too long {}", lines.number, text.len()),
            });
        }
        assert_eq!(seen, ["1 one", "2 ", "3 too long 1024", "4 ab\u{fffd}\u{fffd}"]);
    }
}
