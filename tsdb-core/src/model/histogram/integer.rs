//! The histogram of integers: what clients send.

use std::sync::Arc;

use super::span::spans_match;
use super::{CounterResetHint, FloatHistogram, Side, is_custom_buckets_schema};
use crate::model::{STALE_NAN_BITS, is_stale};

/// A native histogram of integer counts.
///
/// Equality (`==`) is that of the data: floats by their bits, spans by the buckets they stand for, the hint left out.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// What is known of a counter reset before this sample.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution of the buckets.
    pub schema: i32,
    /// Half the width of the zero bucket, which includes its ends.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: u64,
    /// All observations; those of NaN are in no bucket.
    pub count: u64,
    /// Sum of the observations, or the staleness marker.
    pub sum: f64,
    /// Buckets above zero, as differences.
    pub positive: Side<i64>,
    /// Buckets below zero, from zero downwards, as differences.
    pub negative: Side<i64>,
    /// Upper bounds of custom buckets, rising; empty for an exponential schema.
    pub custom_values: Arc<[f64]>,
}

impl Histogram {
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

    /// The same histogram in floats. Counts above 2⁵³ are rounded. What its schema does not use is left out.
    #[must_use]
    pub fn to_float(&self) -> FloatHistogram {
        let mut float = FloatHistogram {
            counter_reset_hint: self.counter_reset_hint,
            schema: self.schema,
            count: self.count as f64,
            sum: self.sum,
            positive: side_to_float(&self.positive),
            ..FloatHistogram::default()
        };
        if self.uses_custom_buckets() {
            float.custom_values = Arc::clone(&self.custom_values);
        } else {
            float.zero_threshold = self.zero_threshold;
            float.zero_count = self.zero_count as f64;
            float.negative = side_to_float(&self.negative);
        }
        float
    }

    /// Bytes it takes in memory, as Prometheus counts them; its statistics and limits of samples count a histogram by them.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_bytes(&self.positive, &self.negative, &self.custom_values)
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.schema == other.schema
            && self.count == other.count
            && self.sum.to_bits() == other.sum.to_bits()
            && (!self.uses_custom_buckets() || same_bits(&self.custom_values, &other.custom_values))
            && self.zero_threshold == other.zero_threshold
            && self.zero_count == other.zero_count
            && spans_match(&self.negative.spans, &other.negative.spans)
            && self.negative.buckets == other.negative.buckets
            && spans_match(&self.positive.spans, &other.positive.spans)
            && self.positive.buckets == other.positive.buckets
    }
}

/// Whether the floats are the same bit for bit.
pub(super) fn same_bits(a: &[f64], b: &[f64]) -> bool {
    let bits = |floats: &[f64]| floats.iter().map(|f| f.to_bits()).collect::<Vec<_>>();
    a.len() == b.len() && bits(a) == bits(b)
}

/// Bytes of a histogram without its spans, buckets and bounds.
const STRUCT_BYTES: usize = 168;

/// See [`Histogram::size_bytes`]; counts take eight bytes in both kinds.
pub(super) fn size_bytes<C>(positive: &Side<C>, negative: &Side<C>, bounds: &[f64]) -> usize {
    let side = |side: &Side<C>| size_of_val(&*side.spans) + size_of_val(&*side.buckets);
    STRUCT_BYTES + side(positive) + side(negative) + size_of_val(bounds)
}

/// Absolute counts of buckets that are stored as differences.
pub(crate) fn absolute_counts(differences: &[i64]) -> impl Iterator<Item = i64> {
    differences.iter().scan(0_i64, |count, &difference| {
        *count = count.wrapping_add(difference);
        Some(*count)
    })
}

/// Inverse of [`absolute_counts`].
pub(crate) fn differences(counts: impl IntoIterator<Item = i64>) -> Vec<i64> {
    let mut before = 0_i64;
    counts
        .into_iter()
        .map(|count| {
            let difference = count.wrapping_sub(before);
            before = count;
            difference
        })
        .collect()
}

fn side_to_float(side: &Side<i64>) -> Side<f64> {
    // Added up as floats, as Prometheus does.
    let mut count = 0.0;
    let buckets = side.buckets.iter().map(|&difference| {
        count += difference as f64;
        count
    });
    Side {
        buckets: buckets.collect(),
        spans: side.spans.clone(),
    }
}
