//! What is to be written, gathered.

use std::collections::VecDeque;
use std::io::IoSlice;

/// Pieces up to this size are copied together; larger ones are written from where they are.
const SMALL: usize = 4096;

/// Most pieces in one call of the system.
pub(super) const PIECES: usize = 16;

/// Bytes to write, in order. Empty, it holds no buffer.
#[derive(Default)]
pub(super) struct Outbox {
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that are written already.
    written: usize,
    len: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, bytes: Vec<u8>) {
        self.len += bytes.len();
        match self.pieces.back_mut() {
            Some(last) if last.len() + bytes.len() <= SMALL => last.extend_from_slice(&bytes),
            _ if bytes.is_empty() => {}
            _ => self.pieces.push_back(bytes),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first pieces, for one vectored write; how many there are.
    pub(super) fn slices<'a>(&'a self, into: &mut [IoSlice<'a>; PIECES]) -> usize {
        let mut count = 0;
        for (slot, piece) in into.iter_mut().zip(&self.pieces) {
            let from = if count == 0 { self.written } else { 0 };
            *slot = IoSlice::new(piece.get(from..).unwrap_or_default());
            count += 1;
        }
        count
    }

    /// The next `count` bytes are written.
    pub(super) fn advance(&mut self, count: usize) {
        self.len = self.len.saturating_sub(count);
        self.written += count;
        while let Some(first) = self.pieces.front() {
            if self.written < first.len() {
                return;
            }
            self.written -= first.len();
            self.pieces.pop_front();
        }
        self.written = 0;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn pieces(outbox: &Outbox) -> Vec<Vec<u8>> {
        let mut slices = [IoSlice::new(&[]); PIECES];
        let count = outbox.slices(&mut slices);
        slices[..count].iter().map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn small_pieces_are_joined_and_large_ones_are_not_copied() {
        let mut outbox = Outbox::default();
        outbox.push(b"250 one\r\n".to_vec());
        outbox.push(Vec::new());
        outbox.push(b"250 two\r\n".to_vec());
        let large = vec![b'x'; SMALL + 1];
        let address = large.as_ptr();
        outbox.push(large);
        outbox.push(b"end".to_vec());
        let seen = pieces(&outbox);
        assert_eq!(seen.len(), 3);
        assert_eq!(seen[0], b"250 one\r\n250 two\r\n");
        assert_eq!(outbox.pieces[1].as_ptr(), address);
        assert_eq!(outbox.len(), 18 + SMALL + 1 + 3);
    }

    #[test]
    fn any_split_of_writes_gives_the_same_bytes() {
        let sizes = [1, 4095, 1, 5000, 4096, 70_000, 3];
        for step in [1, 7, 4096, 4097, 100_000] {
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            for (n, size) in sizes.iter().enumerate() {
                let piece: Vec<u8> = (0..*size).map(|i| (i * 7 + n) as u8).collect();
                expected.extend_from_slice(&piece);
                outbox.push(piece);
            }
            let mut written = Vec::new();
            while !outbox.is_empty() {
                let next = pieces(&outbox).concat();
                let count = step.min(next.len());
                written.extend_from_slice(&next[..count]);
                outbox.advance(count);
            }
            assert!(written == expected, "step {step}");
            assert!(outbox.pieces.is_empty());
        }
    }
}
