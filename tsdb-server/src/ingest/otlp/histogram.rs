//! Histograms of OpenTelemetry as native histograms.
//!
//! A scale is a schema; those above 8 are reduced to it.

use tsdb_core::histogram::{CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX};
use tsdb_core::histogram::{EXPONENTIAL_SCHEMA_MAX_RESERVED, EXPONENTIAL_SCHEMA_MIN};
use tsdb_core::{Histogram, HistogramSample};

use super::model::Point;
use crate::ingest::buckets::{Buckets, DEFAULT_ZERO_THRESHOLD};

/// An exponential histogram.
///
/// # Errors
/// Why it cannot be one.
pub(super) fn exponential(point: &Point<'_>) -> Result<HistogramSample, String> {
    if point.is_stale() {
        return Ok(Histogram::stale().into());
    }
    let scales = EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX_RESERVED;
    if !scales.contains(&point.scale) {
        return Err(format!(
            "scale {} of the exponential histogram is not from {} to {}",
            point.scale,
            scales.start(),
            scales.end()
        ));
    }
    let zero_threshold = match point.zero_threshold {
        0.0 => DEFAULT_ZERO_THRESHOLD,
        threshold => threshold,
    };
    let mut histogram = Histogram {
        schema: point.scale,
        zero_threshold,
        zero_count: point.zero_count,
        count: point.count,
        sum: point.sum.unwrap_or(0.0),
        positive: point.positive.side(1)?,
        negative: point.negative.side(1)?,
        ..Histogram::default()
    };
    if histogram.schema > EXPONENTIAL_SCHEMA_MAX {
        let reduced = histogram.reduce_resolution(EXPONENTIAL_SCHEMA_MAX);
        reduced.map_err(|e| e.to_string())?;
    }
    valid(histogram)
}

/// A histogram with explicit bounds, as one with custom buckets.
///
/// # Errors
/// Why it cannot be one.
pub(super) fn custom(point: &Point<'_>) -> Result<HistogramSample, String> {
    if point.is_stale() {
        return Ok(Histogram::stale().into());
    }
    let counts = Buckets {
        offset: 0,
        counts: point.bucket_counts.clone(),
    };
    valid(Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: point.count,
        sum: point.sum.unwrap_or(0.0),
        positive: counts.side(0)?,
        custom_values: point.explicit_bounds.as_slice().into(),
        ..Histogram::default()
    })
}

fn valid(histogram: Histogram) -> Result<HistogramSample, String> {
    let sample = HistogramSample::from(histogram);
    sample.validate().map_err(|e| e.to_string())?;
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tsdb_core::histogram::exp2;

    use super::*;

    fn point(scale: i32, offset: i32, counts: &[u64]) -> Point<'static> {
        Point {
            count: counts.iter().sum(),
            sum: Some(1.0),
            scale,
            positive: Buckets {
                offset,
                counts: counts.to_vec(),
            },
            ..Point::default()
        }
    }

    /// Upper bound and count of the buckets that have any.
    fn buckets(sample: &HistogramSample) -> Vec<(f64, f64)> {
        let HistogramSample::Integer(histogram) = sample else {
            panic!("not of integers");
        };
        let float = histogram.to_float();
        let buckets = float.positive_buckets().filter(|b| b.count != 0.0);
        buckets.map(|b| (b.upper, b.count)).collect()
    }

    #[test]
    fn scale_and_offset_mean_the_same_bounds() {
        // Scale 0: bucket 0 is (1, 2].
        let sample = exponential(&point(0, 0, &[3, 0, 0, 5])).unwrap();
        assert_eq!(buckets(&sample), [(2.0, 3.0), (16.0, 5.0)]);
        let sample = exponential(&point(1, -2, &[1, 1])).unwrap();
        assert_eq!(buckets(&sample), [(exp2(-0.5), 1.0), (1.0, 1.0)]);
        // Scale 9 has two buckets for one of scale 8.
        let sample = exponential(&point(9, 0, &[1, 2, 4, 8])).unwrap();
        let bounds = [exp2(1.0 / 256.0), exp2(2.0 / 256.0)];
        assert_eq!(buckets(&sample), [(bounds[0], 3.0), (bounds[1], 12.0)]);
    }

    #[test]
    fn what_cannot_be_a_native_histogram_says_why() {
        assert!(
            exponential(&point(-5, 0, &[1]))
                .unwrap_err()
                .contains("scale -5")
        );
        assert!(
            exponential(&point(53, 0, &[1]))
                .unwrap_err()
                .contains("scale 53")
        );
        assert!(
            exponential(&point(0, i32::MAX, &[1]))
                .unwrap_err()
                .contains("out of range")
        );
        assert!(
            exponential(&point(0, 0, &[u64::MAX]))
                .unwrap_err()
                .contains("2^63")
        );
        let mut wrong = point(0, 0, &[1]);
        wrong.count = 5;
        assert!(exponential(&wrong).unwrap_err().contains("count"));
        wrong.flags = 1;
        assert!(matches!(exponential(&wrong), Ok(HistogramSample::Integer(h)) if h.is_stale()));
        let unordered = Point {
            count: 2,
            bucket_counts: vec![1, 1, 0],
            explicit_bounds: vec![2.0, 1.0],
            ..Point::default()
        };
        assert!(custom(&unordered).is_err());
    }

    #[test]
    fn explicit_bounds_become_custom_buckets() {
        let given = Point {
            count: 6,
            sum: Some(20.0),
            bucket_counts: vec![1, 0, 2, 3],
            explicit_bounds: vec![1.0, 2.0, 5.0],
            ..Point::default()
        };
        let sample = custom(&given).unwrap();
        assert_eq!(
            buckets(&sample),
            [(1.0, 1.0), (5.0, 2.0), (f64::INFINITY, 3.0)]
        );
    }

    proptest! {
        #[test]
        fn no_observation_is_lost(scale in -4i32..=20, offset in -5000i32..5000, counts in proptest::collection::vec(prop_oneof![Just(0u64), 1u64..1000], 0..200)) {
            let given = point(scale, offset, &counts);
            let sample = exponential(&given).unwrap();
            let total: f64 = buckets(&sample).iter().map(|(_, count)| count).sum();
            prop_assert_eq!(total, given.count as f64);
        }

        #[test]
        fn any_numbers_are_an_answer(scale: i32, offset: i32, counts in proptest::collection::vec(any::<u64>(), 0..5), count: u64) {
            let buckets = || Buckets { offset, counts: counts.clone() };
            let given = Point { scale, count, positive: buckets(), negative: buckets(), bucket_counts: counts.clone(), ..Point::default() };
            let _ = exponential(&given);
            let _ = custom(&given);
        }
    }
}
