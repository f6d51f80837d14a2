//! What changed in a folder, as ranges of UIDs by MODSEQ, as far back as anybody is likely to ask.

use crate::{MailboxId, Result, Tx, TxExt};

/// MODSEQs that the history goes back. Who was away longer compares all UIDs.
const DEPTH: u64 = 20_000;

/// The history grows by this much more before it is cut.
const SLACK: u64 = 1_000;

/// Most ranges that one change of flags needs; more are joined, for they may name too many UIDs.
const MOST_FLAG_RANGES: usize = 16;

/// What kind of change.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// Flags. A range may hold UIDs that did not change.
    Flags = 0,
    /// Messages that vanished. A range holds no UID of a message that is there.
    Vanished = 1,
}

/// The folder's counters after a change: its new MODSEQ, and where its history begins.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    pub(super) modseq: u64,
    pub(super) floor: u64,
}

/// Records that `ranges` changed at `mark`.
pub(super) fn record(
    tx: &mut dyn Tx,
    mailbox: MailboxId,
    change: Change,
    mark: Mark,
    ranges: &[(u32, u32)],
) -> Result<()> {
    let few;
    let ranges = match change {
        Change::Flags if ranges.len() > MOST_FLAG_RANGES => {
            few = joined(ranges, MOST_FLAG_RANGES);
            &few
        }
        _ => ranges,
    };
    for (first, last) in ranges {
        tx.execute(
            "INSERT INTO history (mailbox, kind, modseq, first, last) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[mailbox.into(), (change as i64).into(), mark.modseq.into(), (*first).into(), (*last).into()],
        )?;
    }
    if mark.modseq > mark.floor + DEPTH + SLACK {
        let floor = mark.modseq - DEPTH;
        tx.execute("UPDATE mailbox SET history_floor = ?2 WHERE id = ?1", &[mailbox.into(), floor.into()])?;
        for kind in [Change::Flags, Change::Vanished] {
            tx.execute(
                "DELETE FROM history WHERE mailbox = ?1 AND kind = ?2 AND modseq <= ?3",
                &[mailbox.into(), (kind as i64).into(), floor.into()],
            )?;
        }
    }
    Ok(())
}

/// Ranges that changed after `modseq`, in order, joined where they meet.
pub(super) fn since(tx: &mut dyn Tx, mailbox: MailboxId, change: Change, modseq: u64) -> Result<Vec<(u32, u32)>> {
    let mut ranges = tx.all(
        "SELECT first, last FROM history WHERE mailbox = ?1 AND kind = ?2 AND modseq > ?3",
        &[mailbox.into(), (change as i64).into(), modseq.into()],
        |row| Ok((crate::mailbox::number(row, 0)?, crate::mailbox::number(row, 1)?)),
    )?;
    ranges.sort_unstable();
    let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut().filter(|previous| first <= previous.1.saturating_add(1)) {
            Some(previous) => previous.1 = previous.1.max(last),
            None => merged.push((first, last)),
        }
    }
    Ok(merged)
}

/// At most `most` ranges that cover sorted `ranges`, joined across the smallest gaps.
fn joined(ranges: &[(u32, u32)], most: usize) -> Vec<(u32, u32)> {
    let mut gaps: Vec<u32> = ranges.windows(2).map(|pair| pair[1].0 - pair[0].1).collect();
    gaps.sort_unstable_by(|a, b| b.cmp(a));
    let mut wide = most - 1;
    let limit = gaps.get(wide).copied().unwrap_or(0);
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(most);
    for (first, last) in ranges {
        match out.last_mut() {
            Some(previous) if first - previous.1 <= limit || wide == 0 => previous.1 = *last,
            Some(_) => {
                wide -= 1;
                out.push((*first, *last));
            }
            None => out.push((*first, *last)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn joined_ranges_cover_all_and_are_few() {
        let ranges: Vec<(u32, u32)> = (0..100).map(|n| (n * n + 1, n * n + 2)).collect();
        for most in [1, 2, 16, 99] {
            let few = joined(&ranges, most);
            assert!(few.len() <= most, "{most}: {few:?}");
            for (first, last) in &ranges {
                assert!(few.iter().any(|(a, b)| a <= first && last <= b), "{most}: {first}");
            }
        }
        assert_eq!(joined(&[(1, 2), (50, 51), (52, 60)], 2), [(1, 2), (50, 60)]);
    }
}
