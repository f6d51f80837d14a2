//! Sequence sets of message numbers and UIDs (RFC 3501 §9 `sequence-set`).

use super::fault::{Parsed, syntax};
use super::lex::Cursor;
use super::print;

/// One `a:b` of a sequence set. Zero stands for `*`, the largest number in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// One end; zero is `*`.
    pub first: u32,
    /// The other end; zero is `*`. May be smaller than `first`.
    pub last: u32,
}

impl Range {
    /// Both ends are written as numbers, and one of them is greater than `largest`.
    #[must_use]
    pub const fn is_beyond(self, largest: u32) -> bool {
        self.first != 0 && self.last != 0 && (self.first > largest || self.last > largest)
    }
}

/// What a client wrote where messages are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// Ranges in the order in which they were written; never empty.
    Ranges(Vec<Range>),
    /// `$`: what the last `SEARCH RETURN (SAVE)` found (RFC 5182).
    Saved,
}

impl SequenceSet {
    /// Sorted, non-overlapping, non-adjacent ranges with `*` replaced by `largest`.
    ///
    /// With `largest` zero (an empty mailbox) `*` names nothing. [`SequenceSet::Saved`] gives none:
    /// who keeps the saved result must answer for it.
    #[must_use]
    pub fn resolve(&self, largest: u32) -> Vec<(u32, u32)> {
        let Self::Ranges(ranges) = self else { return Vec::new() };
        let value = |n: u32| if n == 0 { largest } else { n };
        let mut out: Vec<(u32, u32)> = ranges
            .iter()
            .map(|r| (value(r.first), value(r.last)))
            .map(|(a, b)| (a.min(b), a.max(b)))
            .filter(|&(_, high)| high > 0)
            .map(|(low, high)| (low.max(1), high))
            .collect();
        out.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(out.len());
        for (low, high) in out {
            match merged.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        merged
    }
}

/// Reads a sequence set or `$`.
pub fn sequence_set(cursor: &mut Cursor<'_>) -> Parsed<SequenceSet> {
    if cursor.eat(b'$') {
        return Ok(SequenceSet::Saved);
    }
    let mut ranges = Vec::new();
    loop {
        let first = bound(cursor)?;
        let last = if cursor.eat(b':') { bound(cursor)? } else { first };
        ranges.push(Range { first, last });
        if !cursor.eat(b',') {
            return Ok(SequenceSet::Ranges(ranges));
        }
    }
}

/// Whether `number` lies in sorted, non-overlapping `ranges`.
#[must_use]
pub fn contains(ranges: &[(u32, u32)], number: u32) -> bool {
    let after = ranges.partition_point(|&(low, _)| low <= number);
    after > 0 && ranges.get(after - 1).is_some_and(|&(_, high)| number <= high)
}

/// Ascending numbers joined into ranges.
#[must_use]
pub fn ranges_of(numbers: impl IntoIterator<Item = u32>) -> Vec<(u32, u32)> {
    let mut out: Vec<(u32, u32)> = Vec::new();
    for n in numbers {
        match out.last_mut() {
            Some(last) if n == last.1.wrapping_add(1) => last.1 = n,
            Some(last) if n == last.1 => {}
            _ => out.push((n, n)),
        }
    }
    out
}

/// Prints ranges as a sequence set: `1:3,7`.
pub fn print_ranges(out: &mut Vec<u8>, ranges: &[(u32, u32)]) {
    for (i, &(low, high)) in ranges.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        print::number(out, u64::from(low));
        if high != low {
            out.push(b':');
            print::number(out, u64::from(high));
        }
    }
}

fn bound(cursor: &mut Cursor<'_>) -> Parsed<u32> {
    if cursor.eat(b'*') {
        return Ok(0);
    }
    match cursor.peek() {
        Some(b'0'..=b'9') => cursor.nz_number(),
        _ => syntax("a message number is missing"),
    }
}
