//! Numbers that sum up a native histogram.

use tsdb_core::FloatHistogram;

use crate::functions::kahan::Compensated;

/// `histogram_count(v)`: number of observations.
pub(crate) fn histogram_count(h: &FloatHistogram) -> f64 {
    h.count
}

/// `histogram_sum(v)`: sum of the observations.
pub(crate) fn histogram_sum(h: &FloatHistogram) -> f64 {
    h.sum
}

/// `histogram_avg(v)`: mean of the observations.
pub(crate) fn histogram_avg(h: &FloatHistogram) -> f64 {
    h.sum / h.count
}

/// `histogram_stdvar(v)`: variance of the observations around their mean, each taken for the middle of its bucket: the arithmetic
/// one of custom buckets, 0 of the zero bucket, else the geometric one.
pub(crate) fn histogram_stdvar(h: &FloatHistogram) -> f64 {
    let mean = histogram_avg(h);
    let mut squares = Compensated::default();
    for bucket in h.all_buckets().filter(|bucket| bucket.count != 0.0) {
        let middle = if h.uses_custom_buckets() {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            let middle = (bucket.upper * bucket.lower).sqrt();
            if bucket.upper < 0.0 { -middle } else { middle }
        };
        let distance = middle - mean;
        squares = squares.add(bucket.count * distance * distance);
    }
    squares.value() / h.count
}

/// `histogram_stddev(v)`: square root of [`histogram_stdvar`].
pub(crate) fn histogram_stddev(h: &FloatHistogram) -> f64 {
    histogram_stdvar(h).sqrt()
}
