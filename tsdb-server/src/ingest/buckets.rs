//! Exponential buckets as OpenTelemetry counts them, and as native histograms have them.
//!
//! Bucket *i* of scale *s* holds the numbers above 2^(i · 2⁻ˢ), up to the next such bound; Prometheus gives buckets the
//! number of their upper bound, which is one more. A scale is a schema otherwise.

use tsdb_core::Span;
use tsdb_core::histogram::Side;

/// Half the width of the zero bucket where the sender has none, as in Prometheus.
pub(super) const DEFAULT_ZERO_THRESHOLD: f64 = 1e-128;

/// Counts of buckets that follow each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Buckets {
    /// Index of the first bucket.
    pub(super) offset: i32,
    pub(super) counts: Vec<u64>,
}

impl Buckets {
    /// The buckets that have observations, `shift` further up.
    ///
    /// # Errors
    /// Why they cannot be those of a native histogram.
    pub(super) fn side(&self, shift: i32) -> Result<Side<i64>, String> {
        let mut side = Side::new();
        let first = i64::from(self.offset) + i64::from(shift);
        // Where the last span ends, and the count of its last bucket.
        let (mut end, mut last) = (0_i64, 0_i64);
        for (index, &count) in (first..).zip(&self.counts) {
            if count != 0 {
                let count = i64::try_from(count)
                    .map_err(|_| format!("bucket count {count} is larger than 2^63"))?;
                match side.spans.last_mut() {
                    Some(span) if end == index => span.length += 1,
                    _ => side.spans.push(Span {
                        offset: i32::try_from(index - end)
                            .map_err(|_| format!("bucket index {index} is out of range"))?,
                        length: 1,
                    }),
                }
                side.buckets.push(count - last);
                (end, last) = (index + 1, count);
            }
        }
        if end > i64::from(i32::MAX) {
            return Err(format!("bucket index {} is out of range", end - 1));
        }
        Ok(side)
    }
}
