//! The unit of the timestamps of a request.

use super::point::LineError;

/// The unit of timestamps without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Nanoseconds.
    #[default]
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
}

impl Precision {
    /// The unit of that name in the parameters `precision` and `epoch`. As in InfluxDB 1.6, a name that is not known is
    /// nanoseconds; `us` is the name of microseconds in version 2.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "u" | "us" | "µ" => Self::Microseconds,
            "ms" => Self::Milliseconds,
            "s" => Self::Seconds,
            "m" => Self::Minutes,
            "h" => Self::Hours,
            _ => Self::Nanoseconds,
        }
    }

    /// Nanoseconds of one unit.
    #[must_use]
    pub const fn nanoseconds(self) -> i64 {
        match self {
            Self::Nanoseconds => 1,
            Self::Microseconds => 1_000,
            Self::Milliseconds => 1_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Minutes => 60_000_000_000,
            Self::Hours => 3_600_000_000_000,
        }
    }

    /// A timestamp of this unit in nanoseconds.
    ///
    /// # Errors
    /// When it lies outside [`MIN_TIME_NS`](crate::MIN_TIME_NS) to [`MAX_TIME_NS`](crate::MAX_TIME_NS).
    pub(super) fn to_nanoseconds(self, timestamp: i64) -> Result<i64, LineError> {
        timestamp
            .checked_mul(self.nanoseconds())
            .filter(|t_ns| (crate::MIN_TIME_NS..=crate::MAX_TIME_NS).contains(t_ns))
            .ok_or(LineError::TimeOutOfRange)
    }
}
