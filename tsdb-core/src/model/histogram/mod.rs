//! Native histograms: one sample that holds the counts of many buckets.
//!
//! * [`Histogram`] is what clients send and chunks store: integers, buckets as differences. [`FloatHistogram`] is what is
//!   computed with: floats, absolute counts, which may be fractions or negative.
//! * Buckets lie on an exponential [schema](EXPONENTIAL_SCHEMA_MAX) on both sides of zero, with a *zero bucket* of its own
//!   width between them; or on custom bounds ([`CUSTOM_BUCKETS_SCHEMA`]), without zero bucket and negative side.
//! * A histogram whose sum is the staleness marker is one; nothing else in it counts.
//! * Semantics, error texts and order of floating-point operations are those of Prometheus 3.14 (`model/histogram`).
//! * Nothing here panics, whatever the fields hold; but only of what [`Histogram::validate`] accepts are results meaningful.

mod arithmetic;
mod bounds;
mod bucket;
mod compact;
mod custom;
mod display;
mod error;
mod float;
mod integer;
mod kahan;
mod merge;
mod reduce;
mod reset;
mod scale;
mod span;
mod trim;
mod validate;
mod zero;

pub use arithmetic::{IncompatibleSchemas, Reconciled};
pub use bucket::{AllBuckets, Bucket, BucketIter};
pub use error::{HistogramError, HistogramFault, HistogramPart};
pub use float::FloatHistogram;
pub use integer::Histogram;
pub use reduce::ResolutionError;
pub use scale::{
    CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MAX_RESERVED,
    EXPONENTIAL_SCHEMA_MIN, EXPONENTIAL_SCHEMA_MIN_RESERVED, exp2, is_custom_buckets_schema,
    is_exponential_schema, is_known_schema, log2,
};
pub use span::{Side, Span};
pub use trim::Trim;

pub(crate) use integer::{absolute_counts, differences};
pub(crate) use scale::frexp;
pub(crate) use span::{Indexed, SpanBuilder, span_buckets};

/// What is known of a counter reset between a histogram and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CounterResetHint {
    /// Nothing: comparing tells.
    #[default]
    Unknown = 0,
    /// There was one.
    Reset = 1,
    /// There was none.
    NotReset = 2,
    /// The histogram is a gauge, to which resets do not apply.
    Gauge = 3,
}

impl CounterResetHint {
    /// The hint with this number (as in the remote write protocol); `Unknown` for numbers without a meaning.
    #[must_use]
    pub const fn from_u8(n: u8) -> Self {
        match n {
            1 => Self::Reset,
            2 => Self::NotReset,
            3 => Self::Gauge,
            _ => Self::Unknown,
        }
    }

    /// Whether it speaks of a reset, or of none.
    pub(crate) fn is_of_counters(self) -> bool {
        matches!(self, Self::Reset | Self::NotReset)
    }

    /// The hint of a sum or difference, and whether the two contradict each other: one reset, the other none.
    pub(crate) fn joined(self, other: Self) -> (Self, bool) {
        match (self, other) {
            (a, b) if a == b => (a, false),
            (Self::Gauge, _) | (_, Self::Gauge) => (Self::Gauge, false),
            (Self::Unknown, _) | (_, Self::Unknown) => (Self::Unknown, false),
            _ => (Self::Unknown, true),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
