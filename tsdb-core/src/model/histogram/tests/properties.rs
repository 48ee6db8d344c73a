use super::*;
use proptest::prelude::*;

/// A side of up to ten buckets, its counts small integers, some of them zero.
fn any_side() -> impl Strategy<Value = Side<f64>> {
    proptest::collection::vec((0i32..3, 0u8..5), 0..10).prop_map(|buckets| {
        let mut at = -3;
        Side::from_indexed(buckets.into_iter().map(|(gap, count)| {
            at += gap + 1;
            (at, f64::from(count))
        }))
    })
}

pub(super) fn any_exponential() -> impl Strategy<Value = FloatHistogram> {
    // Ends of buckets in every schema made here. Elsewhere the reference counts the observations of a bucket twice when it is
    // merged to one that the zero bucket does not cover, and so do we.
    let threshold = prop_oneof![Just(0.0), Just(0.0625), Just(1.0), Just(16.0)];
    let zero = (threshold, 0u8..5);
    (-2i32..4, zero, any_side(), any_side()).prop_map(
        |(schema, (threshold, zero), positive, negative)| {
            // What lies in the zero bucket is counted nowhere else.
            let outside = |side: &Side<f64>| {
                Side::from_indexed(
                    side.indexed()
                        .filter(|&(index, _)| scale::exponential_bound(index, schema) > threshold),
                )
            };
            let (positive, negative) = (outside(&positive), outside(&negative));
            let in_sides: f64 = positive.buckets.iter().chain(&negative.buckets).sum();
            FloatHistogram {
                schema,
                zero_threshold: threshold,
                zero_count: f64::from(zero),
                count: f64::from(zero) + in_sides,
                sum: 1.0,
                positive,
                negative,
                ..FloatHistogram::default()
            }
        },
    )
}

fn any_custom() -> impl Strategy<Value = FloatHistogram> {
    proptest::collection::vec((1u8..4, 0u8..5), 1..6).prop_map(|buckets| {
        let mut bound = 0.0;
        let bounds: Vec<f64> = buckets
            .iter()
            .map(|b| {
                bound += f64::from(b.0);
                bound
            })
            .collect();
        let mut counts: Vec<f64> = buckets.iter().map(|b| f64::from(b.1)).collect();
        counts.push(1.0);
        custom(&bounds, &counts)
    })
}

fn pair() -> impl Strategy<Value = (FloatHistogram, FloatHistogram)> {
    prop_oneof![
        (any_exponential(), any_exponential()),
        (any_custom(), any_custom())
    ]
}

fn total(h: &FloatHistogram) -> f64 {
    h.zero_count
        + h.positive
            .buckets
            .iter()
            .chain(&h.negative.buckets)
            .sum::<f64>()
}

proptest! {
    #[test]
    fn sums_lose_no_observation((a, b) in pair()) {
        let mut sum = a.clone();
        sum.add(&b).unwrap();
        prop_assert_eq!(sum.validate(), Ok(()));
        prop_assert_eq!(sum.count, a.count + b.count);
        prop_assert_eq!(total(&sum), sum.count);
        // Addition is commutative but for the spans.
        let mut turned = b.clone();
        turned.add(&a).unwrap();
        turned.compact(0);
        sum.compact(0);
        prop_assert_eq!(&sum, &turned);
        // A sum is no reset of its terms, where custom bounds and zero buckets allow to compare.
        if a.schema == sum.schema && a.zero_threshold == sum.zero_threshold {
            prop_assert!(!sum.detect_reset(&a));
        }
    }

    #[test]
    fn subtracting_undoes_adding((a, b) in pair()) {
        let mut back = a.clone();
        back.add(&b).unwrap();
        let (schema, threshold, bounds) = (back.schema, back.zero_threshold, back.custom_values.clone());
        back.sub(&b).unwrap();
        back.compact(0);
        prop_assert_eq!(back.count, a.count);
        // The same as `a` brought to that layout.
        let mut expected = a.clone();
        let empty = FloatHistogram { schema, zero_threshold: threshold, custom_values: bounds, ..FloatHistogram::default() };
        expected.add(&empty).unwrap();
        expected.compact(0);
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn compensated_sums_of_integers_are_the_plain_ones(histograms in proptest::collection::vec(any_exponential(), 2..6)) {
        let (mut plain, mut kahan, mut lost) = (histograms[0].clone(), histograms[0].clone(), None);
        for h in &histograms[1..] {
            let a = plain.add(h).unwrap();
            let b = kahan.kahan_add(h, &mut lost).unwrap();
            prop_assert_eq!(a, b);
            prop_assert_eq!(&kahan, &plain);
        }
        kahan.add(&lost.unwrap()).unwrap();
        prop_assert_eq!(kahan, plain);
    }

    #[test]
    fn compacting_keeps_the_populated_buckets(h in any_exponential(), max_empty in 0usize..4) {
        let mut compact = h.clone();
        compact.compact(max_empty);
        let populated = |h: &FloatHistogram| h.all_buckets().filter(|b| b.count != 0.0).collect::<Vec<_>>();
        prop_assert_eq!(populated(&h), populated(&compact));
        prop_assert_eq!(compact.validate(), Ok(()));
        let again = { let mut h = compact.clone(); h.compact(max_empty); h };
        prop_assert_eq!(again, compact);
    }

    #[test]
    fn trims_part_the_observations((h, _) in pair(), at in -20.0f64..20.0) {
        let below = h.trimmed(at, Trim::Upper);
        let above = h.trimmed(at, Trim::Lower);
        prop_assert_eq!(below.validate(), Ok(()));
        prop_assert_eq!(above.validate(), Ok(()));
        if !h.uses_custom_buckets() && h.positive_buckets().chain(h.negative_buckets()).all(|b| b.lower.abs() >= h.zero_threshold) {
            prop_assert!((below.count + above.count - h.count).abs() < 1e-9);
        }
    }

    #[test]
    fn nothing_panics_whatever_the_fields_hold(
        schemas in (any::<i32>(), -60i32..60),
        spans in proptest::collection::vec((any::<i32>(), 0u32..4), 0..4),
        more in proptest::collection::vec((-3i32..4, any::<u32>()), 0..3),
        buckets in proptest::collection::vec(any::<f64>(), 0..8),
        thresholds in (any::<f64>(), any::<f64>()),
        custom_values in proptest::collection::vec(any::<f64>(), 0..4),
    ) {
        let of = |schema, threshold, spans: &[(i32, u32)]| FloatHistogram {
            schema,
            zero_threshold: threshold,
            positive: side(spans, &buckets),
            negative: side(spans, &buckets),
            custom_values: custom_values.clone().into(),
            ..FloatHistogram::default()
        };
        let (a, b) = (of(schemas.0, thresholds.0, &spans), of(schemas.1, thresholds.1, &more));
        for (a, b) in [(&a, &b), (&b, &a)] {
            let (mut sum, mut kahan, mut lost) = (a.clone(), a.clone(), None);
            let _ = sum.add(b);
            let _ = kahan.kahan_add(b, &mut lost);
            let _ = (a.detect_reset(b), a.to_string(), a.validate(), a == b);
            a.trimmed(thresholds.0, Trim::Upper).compact(1);
            let _ = a.copy_to_schema(b.schema);
        }
        let mut integers = Histogram {
            schema: schemas.0,
            positive: side(&spans, &[i64::MAX, i64::MAX, i64::MIN]),
            ..Histogram::default()
        };
        let _ = (integers.validate(), integers.to_string(), integers.to_float());
        integers.compact(2);
        let _ = integers.reduce_resolution(schemas.1);
    }
}
