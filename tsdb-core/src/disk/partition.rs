//! Spans of time that files are pure in.

use crate::model::TimeRange;

/// A span of time of fixed length; every timestamp lies in exactly one of each length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Partition {
    /// First millisecond.
    pub(crate) start_ms: i64,
    /// Length in milliseconds, at least 1. The partitions at the ends of time are cut short.
    pub(crate) len_ms: i64,
}

impl Partition {
    /// The partition of length `len_ms` (at least 1) that `t_ms` lies in.
    pub(crate) fn of(t_ms: i64, len_ms: i64) -> Self {
        let len_ms = len_ms.max(1);
        Self {
            start_ms: clamp(i128::from(t_ms.div_euclid(len_ms)) * i128::from(len_ms)),
            len_ms,
        }
    }

    /// Last millisecond.
    pub(crate) fn end_ms(self) -> i64 {
        // Also right for the first partition, whose start is cut off.
        let number = i128::from(self.start_ms.div_euclid(self.len_ms));
        clamp((number + 1) * i128::from(self.len_ms) - 1)
    }

    /// All of it.
    pub(crate) fn range(self) -> TimeRange {
        TimeRange::new(self.start_ms, self.end_ms())
    }
}

fn clamp(t_ms: i128) -> i64 {
    i64::try_from(t_ms).unwrap_or(if t_ms < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_lies_in_its_partition(t_ms: i64, len_ms in prop_oneof![1..100_000_000i64, Just(i64::MAX)]) {
            let partition = Partition::of(t_ms, len_ms);
            prop_assert!(partition.range().contains(t_ms));
            prop_assert_eq!(Partition::of(partition.start_ms, len_ms), partition);
            prop_assert_eq!(Partition::of(partition.end_ms(), len_ms), partition);
            if let Some(next) = partition.end_ms().checked_add(1) {
                prop_assert_eq!(Partition::of(next, len_ms).start_ms, next);
            }
        }
    }
}
