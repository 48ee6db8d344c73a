//! Quantiles and fractions of classic histograms: cumulative counts in buckets `le`.

/// Relative difference of neighbouring counts up to which it is taken for a rounding error.
///
/// A true difference of one observation falls below it only after 10¹² observations.
const SMALL_DELTA_TOLERANCE: f64 = 1e-12;

/// A bucket of a classic histogram.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    /// Upper bound (inclusive), the value of the label `le`.
    pub(crate) upper: f64,
    /// Observations up to the bound; a float because of `rate`.
    pub(crate) count: f64,
}

/// Where counts fell from one bucket to the next and were lifted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ForcedMonotonicity {
    /// Least upper bound of a lifted bucket.
    pub(crate) min_bucket: f64,
    /// Greatest upper bound of a lifted bucket.
    pub(crate) max_bucket: f64,
    /// By how much the count was lifted, at most.
    pub(crate) max_diff: f64,
}

/// A quantile, and what had to be done to the buckets for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BucketQuantile {
    /// The value.
    pub(crate) value: f64,
    /// Set when the counts were not monotonic.
    pub(crate) forced: Option<ForcedMonotonicity>,
}

impl From<f64> for BucketQuantile {
    fn from(value: f64) -> Self {
        Self {
            value,
            forced: None,
        }
    }
}

/// The value of a label `le`; `None` when it is no number.
pub(crate) fn parse_upper_bound(le: &str) -> Option<f64> {
    le.parse().ok()
}

/// The φ-quantile, interpolated linearly inside its bucket.
///
/// The lowest bucket begins at 0 when its bound is positive; of a quantile in it otherwise, and of one in the highest bucket,
/// only a bound is known, which is the result. NaN when φ is NaN, the highest bucket is not `+Inf`, there are fewer than two
/// buckets or no observations; ∓Inf for φ outside of `[0, 1]`. Sorts `buckets`, merges those of one bound, makes the counts
/// rise: calling it again with the same buckets reports no forced monotonicity.
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "a NaN count is below every rank"
)]
pub(crate) fn bucket_quantile(phi: f64, buckets: &mut Vec<Bucket>) -> BucketQuantile {
    if phi.is_nan() {
        return f64::NAN.into();
    }
    if phi < 0.0 {
        return f64::NEG_INFINITY.into();
    }
    if phi > 1.0 {
        return f64::INFINITY.into();
    }
    if !sort_and_merge(buckets) {
        return f64::NAN.into();
    }
    let forced = make_monotonic(buckets);
    let (highest, rest) = match buckets.as_slice() {
        [rest @ .., highest] if !rest.is_empty() => (highest, rest),
        _ => return f64::NAN.into(),
    };
    if highest.count == 0.0 {
        return f64::NAN.into();
    }
    let rank = phi * highest.count;
    let at = rest.partition_point(|b| !(b.count >= rank));
    let value = match (at.checked_sub(1).and_then(|i| rest.get(i)), rest.get(at)) {
        // In the highest bucket: no more is known than that it is above the bound before.
        (Some(before), None) => before.upper,
        (None, Some(first)) if first.upper <= 0.0 => first.upper,
        (None, Some(first)) => first.upper * (rank / first.count),
        (Some(before), Some(bucket)) => {
            let inside = (rank - before.count) / (bucket.count - before.count);
            before.upper + (bucket.upper - before.upper) * inside
        }
        (None, None) => f64::NAN,
    };
    BucketQuantile { value, forced }
}

/// The fraction of the observations between `lower` and `upper`, interpolated linearly inside of buckets.
///
/// NaN when a bound is NaN, the highest bucket is not `+Inf` or there are no observations. Sorts and merges `buckets`.
pub(crate) fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !sort_and_merge(buckets) {
        return f64::NAN;
    }
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return f64::NAN;
    };
    let total = last.count;
    if total == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    // As for quantiles: a positive first bound means that nothing lies below zero.
    let start = if first.upper > 0.0 {
        0.0
    } else {
        f64::NEG_INFINITY
    };
    let below = |bound| observations_below(bound, start, buckets).min(total);
    (below(upper) - below(lower)) / total
}

/// How many observations lie below `bound`; all of them when no bucket reaches it.
fn observations_below(bound: f64, start: f64, buckets: &[Bucket]) -> f64 {
    let mut lower = start;
    let mut rank = 0.0;
    for bucket in buckets {
        if lower >= bound {
            return rank;
        }
        if bucket.upper > bound {
            // Lies inside this bucket; one without a lower end cannot be divided.
            return if lower == f64::NEG_INFINITY {
                bucket.count
            } else {
                rank + (bucket.count - rank) * (bound - lower) / (bucket.upper - lower)
            };
        }
        (lower, rank) = (bucket.upper, bucket.count);
    }
    f64::INFINITY
}

/// Sorts by bound and adds up buckets of one bound (`le="1"` and `le="1.0"`). Whether the highest is `+Inf`.
fn sort_and_merge(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| super::sort::nan_first(a.upper, b.upper));
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
    buckets.last().is_some_and(|b| b.upper == f64::INFINITY)
}

/// Takes out tiny differences between neighbouring counts, then lifts counts that fall to the one before.
///
/// Counts fall when the buckets are not of one scrape, as in results of rules or after federation.
fn make_monotonic(buckets: &mut [Bucket]) -> Option<ForcedMonotonicity> {
    let mut forced: Option<ForcedMonotonicity> = None;
    let (first, rest) = buckets.split_first_mut()?;
    let mut before = first.count;
    for bucket in rest {
        if almost_equal(before, bucket.count) {
            bucket.count = before;
        } else if bucket.count < before {
            let diff = before - bucket.count;
            bucket.count = before;
            let f = forced.get_or_insert(ForcedMonotonicity {
                min_bucket: bucket.upper,
                max_bucket: bucket.upper,
                max_diff: diff,
            });
            f.min_bucket = f.min_bucket.min(bucket.upper);
            f.max_bucket = f.max_bucket.max(bucket.upper);
            f.max_diff = f.max_diff.max(diff);
        } else {
            before = bucket.count;
        }
    }
    forced
}

/// Whether two counts differ by less than [`SMALL_DELTA_TOLERANCE`] of their sum (`util/almost`).
fn almost_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let sum = a.abs() + b.abs();
    let diff = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return diff < SMALL_DELTA_TOLERANCE * f64::MIN_POSITIVE;
    }
    diff / sum.min(f64::MAX) < SMALL_DELTA_TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        let pairs = pairs.iter();
        pairs
            .map(|&(upper, count)| Bucket { upper, count })
            .collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn interpolates_inside_the_bucket() {
        let b = [(1.0, 2.0), (2.0, 6.0), (INF, 8.0)];
        // Rank 4: half way through the four observations of (1, 2].
        assert_eq!(bucket_quantile(0.5, &mut buckets(&b)), 1.5.into());
        // Rank 1: half way through the first bucket, which begins at zero.
        assert_eq!(bucket_quantile(0.125, &mut buckets(&b)), 0.5.into());
        assert_eq!(bucket_quantile(0.9, &mut buckets(&b)), 2.0.into());
        assert_eq!(bucket_quantile(-1.0, &mut buckets(&b)), (-INF).into());
        assert_eq!(bucket_quantile(2.0, &mut buckets(&b)), INF.into());
        let negative = [(-1.0, 2.0), (INF, 4.0)];
        assert_eq!(bucket_quantile(0.1, &mut buckets(&negative)), (-1.0).into());
    }

    #[test]
    fn unusable_buckets_give_nan() {
        for b in [
            &[][..],
            &[(INF, 5.0)],
            &[(1.0, 1.0), (2.0, 2.0)],
            &[(1.0, 0.0), (INF, 0.0)],
        ] {
            assert!(bucket_quantile(0.5, &mut buckets(b)).value.is_nan());
            if b.len() != 1 {
                assert!(bucket_fraction(0.0, 1.0, &mut buckets(b)).is_nan());
            }
        }
    }

    #[test]
    fn falling_counts_are_lifted_and_reported() {
        let mut b = buckets(&[(1.0, 5.0), (2.0, 3.0), (3.0, 4.0), (4.0, 9.0), (INF, 8.0)]);
        let q = bucket_quantile(0.99, &mut b);
        let forced = ForcedMonotonicity {
            min_bucket: 2.0,
            max_bucket: INF,
            max_diff: 2.0,
        };
        assert_eq!(q.forced, Some(forced));
        // Rounding errors are silent.
        let mut b = buckets(&[(1.0, 5.0), (2.0, 5.0 - 1e-14), (INF, 8.0)]);
        assert_eq!(bucket_quantile(0.99, &mut b).forced, None);
    }

    #[test]
    fn same_bounds_are_added() {
        let mut b = buckets(&[(INF, 4.0), (1.0, 1.0), (INF, 4.0), (1.0, 1.0)]);
        bucket_quantile(0.5, &mut b);
        assert_eq!(b, buckets(&[(1.0, 2.0), (INF, 8.0)]));
    }

    #[test]
    fn fractions() {
        let b = [(1.0, 2.0), (2.0, 6.0), (INF, 8.0)];
        assert_eq!(bucket_fraction(0.0, 1.0, &mut buckets(&b)), 0.25);
        assert_eq!(bucket_fraction(1.0, 1.5, &mut buckets(&b)), 0.25);
        assert_eq!(bucket_fraction(-INF, INF, &mut buckets(&b)), 1.0);
        assert_eq!(bucket_fraction(2.0, 1.0, &mut buckets(&b)), 0.0);
        assert!(bucket_fraction(f64::NAN, 1.0, &mut buckets(&b)).is_nan());
        // Below a negative first bound, the bucket goes whole to what lies under the bound.
        let negative = [(-1.0, 2.0), (INF, 4.0)];
        assert_eq!(bucket_fraction(-INF, -5.0, &mut buckets(&negative)), 0.5);
    }

    proptest! {
        #[test]
        fn fraction_below_the_quantile_is_phi(counts in proptest::collection::vec(1u32..100, 2..12), phi in 0.001f64..1.0) {
            let mut total = 0.0;
            let mut b: Vec<Bucket> = (1u32..).zip(&counts).map(|(i, &c)| {
                total += f64::from(c);
                Bucket { upper: f64::from(i), count: total }
            }).collect();
            // No observation above the last bound, or its quantiles would not be known.
            b.push(Bucket { upper: INF, count: total });
            let q = bucket_quantile(phi, &mut b).value;
            prop_assert!((bucket_fraction(-INF, q, &mut b) - phi).abs() < 1e-9);
        }
    }
}
