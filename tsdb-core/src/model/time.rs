//! Times are `i64` ticks since the Unix epoch; PromQL works in milliseconds.

/// Unit of a series' timestamps. Fixed when the series is made; codecs do not know it. The numbers are part of the
/// on-disk formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TimeUnit {
    /// Milliseconds since the Unix epoch: everything PromQL writes.
    Milliseconds = 1,
}

impl TimeUnit {
    /// The unit with this number in the on-disk formats, if this version knows it.
    #[must_use]
    pub const fn from_u8(n: u8) -> Option<Self> {
        match n {
            1 => Some(Self::Milliseconds),
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
