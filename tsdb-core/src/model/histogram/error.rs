//! What makes a histogram invalid, in the words of Prometheus.

use std::fmt;

use super::display::GoFloat;

/// The part of a histogram a fault lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistogramPart {
    /// The buckets below zero.
    Negative,
    /// The buckets above zero.
    Positive,
    /// The custom buckets.
    Custom,
}

/// Why a histogram is refused.
#[derive(Clone, Debug, PartialEq)]
pub struct HistogramError {
    /// Where the fault lies, if in one part.
    pub part: Option<HistogramPart>,
    /// What is wrong.
    pub fault: HistogramFault,
}

/// What is wrong with a histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum HistogramFault {
    /// A span other than the first has a negative offset.
    SpanNegativeOffset {
        /// Number of the span, from 1.
        span: usize,
        /// The offset.
        offset: i32,
    },
    /// Spans and buckets disagree.
    SpansBucketsMismatch {
        /// Buckets of the spans.
        need: u64,
        /// Buckets there are.
        have: usize,
    },
    /// A bucket of a histogram of integers is negative.
    NegativeBucketCount {
        /// Number of the bucket, from 1.
        bucket: usize,
        /// Its count.
        count: i64,
    },
    /// A bucket of a histogram of floats is negative.
    NegativeFloatBucketCount {
        /// Number of the bucket, from 1.
        bucket: usize,
        /// Its count.
        count: f64,
    },
    /// The zero bucket is negative.
    NegativeZeroCount {
        /// Its count.
        count: f64,
    },
    /// The number of observations is negative.
    NegativeCount {
        /// The number.
        count: f64,
    },
    /// There are more observations in buckets than in all.
    CountNotBigEnough {
        /// Observations in buckets.
        buckets: u64,
        /// Observations in all.
        count: u64,
    },
    /// There are fewer or more observations in buckets than in all, and none of NaN.
    CountMismatch {
        /// Observations in buckets.
        buckets: u64,
        /// Observations in all.
        count: u64,
    },
    /// A custom bound is NaN.
    CustomBoundNaN,
    /// Custom bounds do not rise.
    CustomBoundsNotRising {
        /// The bound before.
        previous: f64,
        /// The bound that is not above it.
        current: f64,
    },
    /// The last custom bound is +∞, which it is without saying.
    CustomBoundInfinite,
    /// Spans reach beyond the custom buckets.
    CustomBoundsTooFew {
        /// Number of bounds.
        bounds: usize,
        /// Where the spans end.
        spans: i64,
    },
    /// Custom buckets with observations in the zero bucket.
    CustomZeroCount,
    /// Custom buckets with a zero bucket.
    CustomZeroThreshold,
    /// Custom buckets with spans below zero.
    CustomNegativeSpans,
    /// Custom buckets with buckets below zero.
    CustomNegativeBuckets,
    /// An exponential schema with custom bounds.
    ExponentialCustomBounds,
    /// No schema has this number.
    InvalidSchema {
        /// The number.
        schema: i32,
    },
}

impl fmt::Display for HistogramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            None => "",
            Some(HistogramPart::Negative) => "negative side: ",
            Some(HistogramPart::Positive) => "positive side: ",
            Some(HistogramPart::Custom) => "custom buckets: ",
        })?;
        fmt::Display::fmt(&self.fault, f)
    }
}

impl fmt::Display for HistogramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NEGATIVE_BUCKET: &str = "histogram has a bucket whose observation count is negative";
        match *self {
            Self::SpanNegativeOffset { span, offset } => write!(
                f,
                "span number {span} with offset {offset}: histogram has a span whose offset is negative"
            ),
            Self::SpansBucketsMismatch { need, have } => write!(
                f,
                "spans need {need} buckets, have {have} buckets: \
                 histogram spans specify different number of buckets than provided"
            ),
            Self::NegativeBucketCount { bucket, count } => write!(
                f,
                "bucket number {bucket} has observation count of {count}: {NEGATIVE_BUCKET}"
            ),
            Self::NegativeFloatBucketCount { bucket, count } => write!(
                f,
                "bucket number {bucket} has observation count of {}: {NEGATIVE_BUCKET}",
                GoFloat(count)
            ),
            Self::NegativeZeroCount { count } => write!(
                f,
                "zero bucket has observation count of {}: {NEGATIVE_BUCKET}",
                GoFloat(count)
            ),
            // The two spaces are Prometheus's.
            Self::NegativeCount { count } => write!(
                f,
                "observation count is  {}: histogram's observation count is negative",
                GoFloat(count)
            ),
            Self::CountNotBigEnough { buckets, count } => write!(
                f,
                "{buckets} observations found in buckets, but the Count field is {count}: histogram's observation count \
                 should be at least the number of observations found in the buckets"
            ),
            Self::CountMismatch { buckets, count } => write!(
                f,
                "{buckets} observations found in buckets, but the Count field is {count}: histogram's observation count \
                 should equal the number of observations found in the buckets (in absence of NaN)"
            ),
            Self::CustomBoundNaN => f.write_str("histogram custom bounds must not be NaN"),
            Self::CustomBoundsNotRising { previous, current } => {
                f.write_str("previous bound is ")?;
                six_decimals(f, previous)?;
                f.write_str(" and current is ")?;
                six_decimals(f, current)?;
                f.write_str(": histogram custom bounds must be in strictly increasing order")
            }
            Self::CustomBoundInfinite => f.write_str(
                "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite",
            ),
            Self::CustomBoundsTooFew { bounds, spans } => write!(
                f,
                "only {bounds} custom bounds defined which is insufficient to cover total span length of {spans}: \
                 histogram custom bounds are too few"
            ),
            Self::CustomZeroCount => f.write_str("custom buckets: must have zero count of 0"),
            Self::CustomZeroThreshold => {
                f.write_str("custom buckets: must have zero threshold of 0")
            }
            Self::CustomNegativeSpans => {
                f.write_str("custom buckets: must not have negative spans")
            }
            Self::CustomNegativeBuckets => {
                f.write_str("custom buckets: must not have negative buckets")
            }
            Self::ExponentialCustomBounds => {
                f.write_str("histogram with exponential schema must not have custom bounds")
            }
            Self::InvalidSchema { schema } => write!(
                f,
                "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, \
                 or -53 for custom buckets, got schema {schema}"
            ),
        }
    }
}

/// Six digits after the point, infinities with their sign.
fn six_decimals(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    if value.is_finite() {
        write!(f, "{value:.6}")
    } else {
        fmt::Display::fmt(&GoFloat(value), f)
    }
}

impl std::error::Error for HistogramError {}
