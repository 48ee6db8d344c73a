//! A set of timestamps, in ticks of a series, as ranges.

use super::time::TimeRange;

/// Ranges of time, rising, that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeRanges(Vec<TimeRange>);

impl TimeRanges {
    /// Adds every timestamp of a range that is not empty.
    pub(crate) fn insert(&mut self, range: TimeRange) {
        // Those that overlap or touch the new one become part of it.
        let before = range.start_ms.saturating_sub(1);
        let after = range.end_ms.saturating_add(1);
        let from = self.0.partition_point(|r| r.end_ms < before);
        let to = self.0.partition_point(|r| r.start_ms <= after).max(from);
        let absorbed = self.0.get(from..to).unwrap_or_default();
        let start_ms = absorbed.first().map_or(range.start_ms, |r| r.start_ms);
        let end_ms = absorbed.last().map_or(range.end_ms, |r| r.end_ms);
        let whole = TimeRange::new(start_ms.min(range.start_ms), end_ms.max(range.end_ms));
        self.0.splice(from..to, [whole]);
    }

    /// How many ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a timestamp is in the set.
    pub(crate) fn contains(&self, t_ms: i64) -> bool {
        self.covers(TimeRange::new(t_ms, t_ms))
    }

    /// Whether every timestamp of a range that is not empty is in the set.
    pub(crate) fn covers(&self, range: TimeRange) -> bool {
        let at = self.0.partition_point(|r| r.end_ms < range.start_ms);
        self.0
            .get(at)
            .is_some_and(|r| r.start_ms <= range.start_ms && range.end_ms <= r.end_ms)
    }

    /// The range without what the set has at its two ends; `None` when the set has all of it.
    pub(crate) fn shrink(&self, range: TimeRange) -> Option<TimeRange> {
        if self.covers(range) {
            return None;
        }
        let holder = |t_ms| {
            let at = self.0.partition_point(|r| r.end_ms < t_ms);
            self.0.get(at).filter(|r| r.contains(t_ms))
        };
        // A range in the set that holds one end does not reach the other.
        let start_ms = holder(range.start_ms).map_or(range.start_ms, |r| r.end_ms + 1);
        let end_ms = holder(range.end_ms).map_or(range.end_ms, |r| r.start_ms - 1);
        Some(TimeRange::new(start_ms, end_ms))
    }

    /// The ranges of the set that share a timestamp with this one, rising.
    pub(crate) fn overlapping(&self, range: TimeRange) -> impl Iterator<Item = TimeRange> {
        let from = self.0.partition_point(|r| r.end_ms < range.start_ms);
        let later = self.0.iter().skip(from).copied();
        later.take_while(move |r| r.start_ms <= range.end_ms)
    }

    /// The ranges, rising.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = TimeRange> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut ranges = TimeRanges::default();
        ranges.insert(TimeRange::new(i64::MAX, i64::MAX));
        ranges.insert(TimeRange::new(i64::MIN, 0));
        assert_eq!(
            ranges.shrink(TimeRange::ALL),
            Some(TimeRange::new(1, i64::MAX - 1))
        );
        ranges.insert(TimeRange::ALL);
        assert!(ranges.covers(TimeRange::ALL));
        assert_eq!(ranges.iter().count(), 1);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(inserted in prop::collection::vec((0i64..40, 0i64..8), 0..12), at in 0i64..40, len in 0i64..12) {
            let mut ranges = TimeRanges::default();
            let mut set = BTreeSet::new();
            for (start, len) in inserted {
                ranges.insert(TimeRange::new(start, start + len));
                set.extend(start..=start + len);
            }
            let held: Vec<TimeRange> = ranges.iter().collect();
            prop_assert!(held.windows(2).all(|w| w[0].end_ms + 1 < w[1].start_ms));
            let asked = TimeRange::new(at, at + len);
            prop_assert_eq!(ranges.contains(at), set.contains(&at));
            prop_assert_eq!(ranges.covers(asked), (at..=at + len).all(|t| set.contains(&t)));
            let mut left = (at..=at + len).filter(|t| !set.contains(t));
            let ends = left.next().map(|first| TimeRange::new(first, left.next_back().unwrap_or(first)));
            prop_assert_eq!(ranges.shrink(asked), ends);
        }
    }
}
