//! The UIDs of an open mailbox in the client's order, as runs: mostly a few, however many messages there are.

/// Ascending UIDs; the one at place `n` is that of message `n + 1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Uids {
    /// In order; no two of them meet.
    runs: Vec<Run>,
}

/// UIDs that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u32,
    last: u32,
    /// Messages before it.
    before: u32,
}

impl Run {
    const fn len(self) -> u32 {
        self.last - self.first + 1
    }
}

impl Uids {
    /// The UIDs in sorted ranges.
    pub(super) fn of_ranges(ranges: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let mut uids = Self::default();
        for (first, last) in ranges {
            uids.push_run(first, last);
        }
        uids
    }

    pub(super) fn len(&self) -> u32 {
        self.runs.last().map_or(0, |run| run.before + run.len())
    }

    pub(super) fn last(&self) -> Option<u32> {
        self.runs.last().map(|run| run.last)
    }

    /// How many are less than `uid`.
    pub(super) fn below(&self, uid: u32) -> u32 {
        let after = self.runs.partition_point(|run| run.first < uid);
        let run = after.checked_sub(1).and_then(|at| self.runs.get(at));
        run.map_or(0, |run| run.before + (uid - run.first).min(run.len()))
    }

    /// The place of a UID.
    pub(super) fn place(&self, uid: u32) -> Option<u32> {
        let after = self.runs.partition_point(|run| run.first <= uid);
        let run = self.runs.get(after.checked_sub(1)?)?;
        (uid <= run.last).then(|| run.before + (uid - run.first))
    }

    /// The UIDs at the places from `from` to before `to`, each with its place.
    pub(super) fn span(&self, from: u32, to: u32) -> impl Iterator<Item = (u32, u32)> {
        let start = self.runs.partition_point(|run| run.before + run.len() <= from);
        let runs = self.runs.get(start..).unwrap_or_default().iter().take_while(move |run| run.before < to);
        runs.flat_map(move |run| {
            let places = run.before.max(from)..(run.before + run.len()).min(to);
            places.map(|place| (place, run.first + (place - run.before)))
        })
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        self.runs.iter().flat_map(|run| run.first..=run.last)
    }

    /// As ranges.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u32, u32)> {
        self.runs.iter().map(|run| (run.first, run.last))
    }

    /// Adds UIDs that are greater than all others, in order.
    pub(super) fn extend(&mut self, uids: impl IntoIterator<Item = u32>) {
        for uid in uids {
            self.push_run(uid, uid);
        }
    }

    /// Takes sorted UIDs out.
    pub(super) fn remove(&mut self, gone: &[u32]) {
        let mut kept = Self::default();
        let mut gone = gone.iter().copied().peekable();
        for run in &self.runs {
            let mut first = Some(run.first);
            while gone.next_if(|&uid| uid < run.first).is_some() {}
            while let Some(uid) = gone.next_if(|&uid| uid <= run.last) {
                if let Some(first) = first.filter(|&first| first < uid) {
                    kept.push_run(first, uid - 1);
                }
                first = uid.checked_add(1);
            }
            if let Some(first) = first.filter(|&first| first <= run.last) {
                kept.push_run(first, run.last);
            }
        }
        *self = kept;
    }

    fn push_run(&mut self, first: u32, last: u32) {
        let before = self.len();
        match self.runs.last_mut() {
            Some(run) if first <= run.last.saturating_add(1) => run.last = run.last.max(last),
            _ => self.runs.push(Run { first, last, before }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Uids;

    #[test]
    fn the_ends_of_the_numbers_do_no_harm() {
        let mut uids = Uids::of_ranges([(1, 1), (u32::MAX - 1, u32::MAX)]);
        assert_eq!((uids.len(), uids.below(u32::MAX), uids.place(u32::MAX)), (3, 2, Some(2)));
        uids.remove(&[1, u32::MAX]);
        assert_eq!(uids.ranges().collect::<Vec<_>>(), [(u32::MAX - 1, u32::MAX - 1)]);
        assert_eq!(Uids::default().last(), None);
    }

    proptest! {
        #[test]
        fn as_a_list(all in proptest::collection::btree_set(1..60u32, 0..40), gone in proptest::collection::btree_set(1..70u32, 0..30), more in 0..4u32, from in 0..40u32, to in 0..45u32) {
            let mut list: Vec<u32> = all.iter().copied().collect();
            let mut uids = Uids::default();
            uids.extend(list.iter().copied());
            let gone: Vec<u32> = gone.into_iter().collect();
            uids.remove(&gone);
            list.retain(|uid| !gone.contains(uid));
            uids.extend(100..100 + more);
            list.extend(100..100 + more);
            prop_assert_eq!(uids.iter().collect::<Vec<_>>(), list.clone());
            prop_assert_eq!(uids.len() as usize, list.len());
            prop_assert_eq!(uids.last(), list.last().copied());
            for uid in 0..106 {
                prop_assert_eq!(uids.below(uid) as usize, list.partition_point(|&u| u < uid));
                prop_assert_eq!(uids.place(uid).map(|at| at as usize), list.binary_search(&uid).ok());
            }
            let span: Vec<(u32, u32)> = uids.span(from, to).collect();
            let expected: Vec<(u32, u32)> = (0..).zip(list.iter().copied()).filter(|(at, _)| (from..to).contains(at)).collect();
            prop_assert_eq!(span, expected);
            let in_ranges: BTreeSet<u32> = uids.ranges().flat_map(|(low, high)| low..=high).collect();
            prop_assert_eq!(Uids::of_ranges(uids.ranges()), uids);
            prop_assert_eq!(in_ranges, list.into_iter().collect::<BTreeSet<u32>>());
        }
    }
}
