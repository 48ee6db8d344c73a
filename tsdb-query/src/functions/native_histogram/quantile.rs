//! Quantiles and fractions of the observations of a native histogram.

use tsdb_core::FloatHistogram;
use tsdb_core::histogram::{Bucket, exp2, log2};

use super::{Annotated, Annotation};

/// The φ-quantile, interpolated inside of its bucket: linearly in custom buckets and in the zero bucket, on a logarithmic scale
/// elsewhere.
///
/// NaN without observations, for φ of NaN, and where observations of NaN, taken for the largest, make it so; ∓∞ for φ outside
/// of `[0, 1]`.
pub(crate) fn histogram_quantile(phi: f64, h: &FloatHistogram) -> Annotated<f64> {
    if phi < 0.0 {
        return f64::NEG_INFINITY.into();
    }
    if phi > 1.0 {
        return f64::INFINITY.into();
    }
    if h.count == 0.0 || phi.is_nan() {
        return f64::NAN.into();
    }
    // From the nearer end; but observations of NaN are in no bucket, and count as if they followed the highest.
    let has_nan_sum = h.sum.is_nan();
    let forwards = has_nan_sum || phi < 0.5;
    let mut buckets = h.all_buckets();
    let mut next = || {
        if forwards {
            buckets.next()
        } else {
            buckets.next_back()
        }
    };
    let rank = if forwards {
        phi * h.count
    } else {
        (1.0 - phi) * h.count
    };
    let mut count = 0.0;
    let mut bucket = NO_BUCKET;
    while let Some(b) = next() {
        bucket = b;
        if b.count == 0.0 {
            continue;
        }
        count += b.count;
        if count >= rank {
            break;
        }
    }
    if h.uses_custom_buckets() {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return bucket.upper.into();
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return bucket.lower.into();
        }
    } else {
        bucket = one_sided(bucket, h, bucket.lower < 0.0 && bucket.upper > 0.0);
    }
    // Rounding may have made the buckets more than they are together.
    count = if count > h.count { h.count } else { count };
    if count < rank {
        if has_nan_sum {
            return Annotated::with(f64::NAN, [Annotation::QuantileNaNResult]);
        }
        return bucket.upper.into();
    }
    let rank = if forwards {
        rank - (count - bucket.count)
    } else {
        count - rank
    };
    let mut annotations = None;
    if has_nan_sum {
        // The sum is also NaN when both infinities were observed; then all observations are in buckets. That the bucket ends
        // up being the last one is the reference's doing, and changes the result.
        while let Some(b) = next() {
            bucket = b;
            count += b.count;
        }
        if count < h.count {
            annotations = Some(Annotation::QuantileNaNSkew);
        }
    }
    let inside = rank / bucket.count;
    let value = if h.uses_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        bucket.lower + (bucket.upper - bucket.lower) * inside
    } else {
        let (lower, upper) = (log2(bucket.lower.abs()), log2(bucket.upper.abs()));
        if bucket.lower > 0.0 {
            exp2(lower + (upper - lower) * inside)
        } else {
            -exp2(upper + (lower - upper) * (1.0 - inside))
        }
    };
    Annotated::with(value, annotations)
}

/// What stands for the bucket of a histogram without any.
const NO_BUCKET: Bucket<f64> = Bucket {
    lower: 0.0,
    upper: 0.0,
    lower_inclusive: false,
    upper_inclusive: false,
    count: 0.0,
    index: 0,
};

/// The zero bucket ends at 0 on the side on which the histogram has no buckets.
fn one_sided(mut bucket: Bucket<f64>, h: &FloatHistogram, is_zero: bool) -> Bucket<f64> {
    if is_zero {
        match (h.negative.is_empty(), h.positive.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }
    bucket
}

/// The fraction of the observations between `lower` and `upper`, interpolated inside of buckets as quantiles are.
///
/// NaN without observations and for bounds of NaN. Observations of NaN are in no fraction.
pub(crate) fn histogram_fraction(lower: f64, upper: f64, h: &FloatHistogram) -> Annotated<f64> {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN.into();
    }
    if lower >= upper {
        return 0.0.into();
    }
    let mut in_buckets = 0.0;
    let mut rank = 0.0;
    let (mut lower_rank, mut upper_rank) = (None, None);
    let mut buckets = h.all_buckets();
    for bucket in buckets.by_ref() {
        in_buckets += bucket.count;
        let is_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        let bucket = one_sided(bucket, h, is_zero);
        let linear = h.uses_custom_buckets() || is_zero;
        for (bound, at) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if at.is_some() {
                continue;
            }
            if bucket.lower >= bound {
                *at = Some(rank);
            } else if bucket.upper > bound {
                *at = Some(rank_inside(&bucket, rank, bound, linear));
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank += bucket.count;
    }
    let mut annotations = None;
    let mut count = h.count;
    if h.sum.is_nan() {
        count = in_buckets;
        for bucket in buckets {
            count += bucket.count;
        }
        if count < h.count {
            annotations = Some(Annotation::FractionNaNs);
        }
    }
    let within =
        |rank: Option<f64>| rank.map_or(count, |rank| if rank > count { count } else { rank });
    let fraction = (within(upper_rank) - within(lower_rank)) / h.count;
    Annotated::with(fraction, annotations)
}

/// How many observations are below `bound`, which lies inside of `bucket`, when `rank` are below the bucket.
fn rank_inside(bucket: &Bucket<f64>, rank: f64, bound: f64, linear: bool) -> f64 {
    if linear {
        // Nothing can be divided by an infinite width: with the lowest bucket of that kind, all of it is below.
        if bucket.lower == f64::NEG_INFINITY {
            return bucket.count;
        }
        return rank + bucket.count * (bound - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let log = |bound: f64| log2(bound.abs());
    let (lower, upper) = (log(bucket.lower), log(bucket.upper));
    let inside = if bound > 0.0 {
        (log(bound) - lower) / (upper - lower)
    } else {
        1.0 - ((log(bound) - upper) / (lower - upper))
    };
    rank + bucket.count * inside
}
