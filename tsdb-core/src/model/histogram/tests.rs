//! Values, sums, resets and trims by tables, and what must hold for any histogram.

mod properties;
mod resets;
mod sums;
mod trims;
mod values;

use super::*;

/// Spans as `(offset, length)` and buckets.
pub(super) fn side<C: Copy>(spans: &[(i32, u32)], buckets: &[C]) -> Side<C> {
    Side {
        spans: spans
            .iter()
            .map(|&(offset, length)| Span { offset, length })
            .collect(),
        buckets: buckets.to_vec(),
    }
}

/// An exponential histogram of positive buckets that begin at an index; the count is that of the buckets and the zero bucket.
pub(super) fn exponential(
    schema: i32,
    zero: (f64, f64),
    first: i32,
    buckets: &[f64],
) -> FloatHistogram {
    FloatHistogram {
        schema,
        zero_threshold: zero.0,
        zero_count: zero.1,
        count: zero.1 + buckets.iter().sum::<f64>(),
        sum: 10.0,
        positive: if buckets.is_empty() {
            Side::new()
        } else {
            side(&[(first, buckets.len() as u32)], buckets)
        },
        ..FloatHistogram::default()
    }
}

/// A histogram with custom buckets, all of them present.
pub(super) fn custom(bounds: &[f64], buckets: &[f64]) -> FloatHistogram {
    FloatHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: buckets.iter().sum(),
        sum: 10.0,
        positive: side(&[(0, buckets.len() as u32)], buckets),
        custom_values: bounds.into(),
        ..FloatHistogram::default()
    }
}
