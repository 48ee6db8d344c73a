//! Times are `i64` ticks since the Unix epoch; PromQL works in milliseconds.
//!
//! Inside the store a time of a sample is in the ticks of its series, whatever the unit; what spans series (partitions,
//! limits, retention, the range of a query) is in milliseconds. The conversions between the two are here.

/// Unit of a series' timestamps. Fixed when the series is made; codecs do not know it. The numbers are part of the
/// on-disk formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TimeUnit {
    /// Milliseconds since the Unix epoch: everything PromQL writes.
    Milliseconds = 1,
    /// Nanoseconds since the Unix epoch, as InfluxDB counts: from the year 1677 to 2262.
    Nanoseconds = 2,
}

impl TimeUnit {
    /// The unit with this number in the on-disk formats, if this version knows it.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        match n {
            1 => Some(Self::Milliseconds),
            2 => Some(Self::Nanoseconds),
            _ => None,
        }
    }

    const fn ticks_per_ms(self) -> i64 {
        match self {
            Self::Milliseconds => 1,
            Self::Nanoseconds => 1_000_000,
        }
    }

    /// The millisecond that a tick lies in: rounded down, also before the epoch.
    #[must_use]
    #[inline]
    pub const fn to_ms(self, tick: i64) -> i64 {
        match self {
            Self::Milliseconds => tick,
            Self::Nanoseconds => tick.div_euclid(self.ticks_per_ms()),
        }
    }

    /// The milliseconds that ticks lie in.
    pub(crate) const fn range_to_ms(self, ticks: TimeRange) -> TimeRange {
        TimeRange::new(self.to_ms(ticks.start_ms), self.to_ms(ticks.end_ms))
    }

    /// The ticks of these milliseconds, the last one whole; empty where there are none.
    pub(crate) fn ticks_of(self, ms: TimeRange) -> TimeRange {
        if self == Self::Milliseconds || ms.is_empty() {
            return ms;
        }
        let each = i128::from(self.ticks_per_ms());
        let start = i128::from(ms.start_ms) * each;
        let end = i128::from(ms.end_ms) * each + (each - 1);
        if start > i128::from(i64::MAX) || end < i128::from(i64::MIN) {
            return TimeRange::new(i64::MAX, i64::MIN);
        }
        TimeRange::new(
            i64::try_from(start).unwrap_or(i64::MIN),
            i64::try_from(end).unwrap_or(i64::MAX),
        )
    }

    /// The tick of `unit` that is the same moment, if there is one.
    #[must_use]
    #[inline]
    pub fn convert(self, tick: i64, unit: Self) -> Option<i64> {
        if self == unit {
            return Some(tick);
        }
        let (from, to) = (self.ticks_per_ms(), unit.ticks_per_ms());
        if from <= to {
            return tick.checked_mul(to / from);
        }
        let factor = from / to;
        (tick % factor == 0).then_some(tick / factor)
    }

    /// The unit in which every tick of both has a place, but for the times that it does not reach.
    pub(crate) fn finer(self, other: Self) -> Self {
        if self.ticks_per_ms() < other.ticks_per_ms() {
            other
        } else {
            self
        }
    }
}

/// The units that occur somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeUnits(u8);

impl TimeUnits {
    const fn bit(unit: TimeUnit) -> u8 {
        1 << (unit as u8 - 1)
    }

    pub(crate) fn add(&mut self, unit: TimeUnit) {
        self.0 |= Self::bit(unit);
    }

    /// Those that occur in either.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether another one than `unit` occurs.
    pub(crate) const fn has_beside(self, unit: TimeUnit) -> bool {
        self.0 & !Self::bit(unit) != 0
    }

    /// A bit for each unit, as in the footers of runs.
    pub(crate) const fn to_u8(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_u8(bits: u8) -> Option<Self> {
        let known = Self::bit(TimeUnit::Milliseconds) | Self::bit(TimeUnit::Nanoseconds);
        match bits & !known {
            0 => Some(Self(bits)),
            _ => None,
        }
    }
}

/// A closed range of timestamps in milliseconds, `start_ms..=end_ms`; empty when `start_ms > end_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First timestamp inside the range, in milliseconds.
    pub start_ms: i64,
    /// Last timestamp inside the range, in milliseconds.
    pub end_ms: i64,
}

impl TimeRange {
    /// Every timestamp there is.
    pub const ALL: Self = Self {
        start_ms: i64::MIN,
        end_ms: i64::MAX,
    };

    /// The range `start_ms..=end_ms`.
    #[must_use]
    pub const fn new(start_ms: i64, end_ms: i64) -> Self {
        Self { start_ms, end_ms }
    }

    /// Whether `t_ms` lies inside.
    #[must_use]
    pub const fn contains(&self, t_ms: i64) -> bool {
        self.start_ms <= t_ms && t_ms <= self.end_ms
    }

    /// Whether the two ranges share a timestamp.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start_ms <= other.end_ms && other.start_ms <= self.end_ms
    }

    /// Whether no timestamp lies inside.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.start_ms > self.end_ms
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times() -> impl Strategy<Value = i64> {
        prop_oneof![
            any::<i64>(),
            -3_000_000..3_000_000i64,
            (-3..3i64).prop_map(|n| i64::MAX.wrapping_add(n)),
            (-3..3i64).prop_map(|n| (i64::MAX / 1_000_000).wrapping_add(n)),
            (-3..3i64).prop_map(|n| (i64::MIN / 1_000_000).wrapping_add(n)),
        ]
    }

    proptest! {
        #[test]
        fn ticks_lie_in_the_range_of_their_millisecond(tick in times(), a in times(), b in times()) {
            for unit in [TimeUnit::Milliseconds, TimeUnit::Nanoseconds] {
                let range = TimeRange::new(a, b);
                let inside = range.contains(unit.to_ms(tick));
                prop_assert_eq!(unit.ticks_of(range).contains(tick), inside);
            }
        }

        #[test]
        fn conversions_are_exact_or_none(tick in times()) {
            use TimeUnit::{Milliseconds, Nanoseconds};
            let exact = i128::from(tick) * 1_000_000;
            let finer = Milliseconds.convert(tick, Nanoseconds);
            prop_assert_eq!(finer.map(i128::from), i64::try_from(exact).ok().map(i128::from));
            prop_assert_eq!(finer.and_then(|finer| Nanoseconds.convert(finer, Milliseconds)), finer.map(|_| tick));
            let coarser = Nanoseconds.convert(tick, Milliseconds);
            prop_assert_eq!(coarser.is_some(), tick % 1_000_000 == 0);
            prop_assert_eq!(coarser.map(|coarser| coarser * 1_000_000), coarser.map(|_| tick));
            prop_assert_eq!(Nanoseconds.convert(tick, Nanoseconds), Some(tick));
        }
    }
}
