//! The histogram of floats: what is computed with.

use std::sync::Arc;

use super::integer::{same_bits, size_bytes};
use super::span::spans_match;
use super::{AllBuckets, Bucket, BucketIter, CounterResetHint, Side, is_custom_buckets_schema};
use crate::model::{STALE_NAN_BITS, is_stale};

/// A native histogram of float counts. Buckets hold absolute counts.
///
/// Equality (`==`) is that of the data: floats by their bits, spans by the buckets they stand for, the hint left out.
#[derive(Clone, Debug, Default)]
pub struct FloatHistogram {
    /// What is known of a counter reset before this sample.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution of the buckets.
    pub schema: i32,
    /// Half the width of the zero bucket, which includes its ends.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// All observations; those of NaN are in no bucket.
    pub count: f64,
    /// Sum of the observations, or the staleness marker.
    pub sum: f64,
    /// Buckets above zero.
    pub positive: Side<f64>,
    /// Buckets below zero, from zero downwards.
    pub negative: Side<f64>,
    /// Upper bounds of custom buckets, rising; empty for an exponential schema.
    pub custom_values: Arc<[f64]>,
}

impl FloatHistogram {
    /// The histogram that marks a series as stale.
    #[must_use]
    pub fn stale() -> Self {
        Self {
            sum: f64::from_bits(STALE_NAN_BITS),
            ..Self::default()
        }
    }

    /// Whether this is the staleness marker.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        is_stale(self.sum)
    }

    /// Whether the buckets have custom bounds.
    #[must_use]
    pub fn uses_custom_buckets(&self) -> bool {
        is_custom_buckets_schema(self.schema)
    }

    /// Buckets above zero, rising, empty ones too.
    #[must_use]
    pub fn positive_buckets(&self) -> BucketIter<'_> {
        BucketIter::positive(self)
    }

    /// Buckets below zero, from zero downwards, empty ones too.
    #[must_use]
    pub fn negative_buckets(&self) -> BucketIter<'_> {
        BucketIter::negative(self)
    }

    /// The zero bucket; a histogram with custom buckets has none.
    #[must_use]
    pub fn zero_bucket(&self) -> Option<Bucket<f64>> {
        (!self.uses_custom_buckets())
            .then(|| Bucket::around_zero(self.zero_threshold, self.zero_count))
    }

    /// All buckets from the lowest to the highest, empty ones too except for an empty zero bucket. One that overlaps the
    /// zero bucket is cut at its end.
    #[must_use]
    pub fn all_buckets(&self) -> AllBuckets<'_> {
        AllBuckets::new(self)
    }

    /// Whether a count or the sum is infinite.
    #[must_use]
    pub fn has_overflow(&self) -> bool {
        [self.zero_count, self.count, self.sum]
            .iter()
            .chain(&self.positive.buckets)
            .chain(&self.negative.buckets)
            .any(|v| v.is_infinite())
    }

    /// Bytes it takes in memory, as Prometheus counts them; its statistics and limits of samples count a histogram by them.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_bytes(&self.positive, &self.negative, &self.custom_values)
    }
}

impl PartialEq for FloatHistogram {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
            && self.count.to_bits() == other.count.to_bits()
            && self.sum.to_bits() == other.sum.to_bits()
            && (!self.uses_custom_buckets() || *self.custom_values == *other.custom_values)
            && self.zero_threshold == other.zero_threshold
            && self.zero_count.to_bits() == other.zero_count.to_bits()
            && spans_match(&self.negative.spans, &other.negative.spans)
            && same_bits(&self.negative.buckets, &other.negative.buckets)
            && spans_match(&self.positive.spans, &other.positive.spans)
            && same_bits(&self.positive.buckets, &other.positive.buckets)
    }
}
