use super::*;
use CounterResetHint::{Gauge, NotReset, Reset, Unknown};

fn sum(a: &FloatHistogram, b: &FloatHistogram) -> FloatHistogram {
    let mut sum = a.clone();
    sum.add(b).unwrap();
    sum
}

fn spans(side: &Side<f64>) -> Vec<(i32, u32)> {
    side.spans.iter().map(|s| (s.offset, s.length)).collect()
}

#[test]
fn buckets_of_both_are_in_the_sum() {
    for (a, b, expected_spans, expected) in [
        // The same buckets.
        (
            side(&[(0, 2)], &[1.0, 2.0]),
            side(&[(0, 2)], &[10.0, 20.0]),
            vec![(0, 2)],
            vec![11.0, 22.0],
        ),
        // Some of the same.
        (
            side(&[(0, 3)], &[1.0, 2.0, 3.0]),
            side(&[(1, 1)], &[10.0]),
            vec![(0, 3)],
            vec![1.0, 12.0, 3.0],
        ),
        // Before, and not touching.
        (
            side(&[(5, 1)], &[1.0]),
            side(&[(-2, 1)], &[10.0]),
            vec![(-2, 1), (6, 1)],
            vec![10.0, 1.0],
        ),
        // Before, touching.
        (
            side(&[(5, 1)], &[1.0]),
            side(&[(3, 2)], &[10.0, 20.0]),
            vec![(3, 2), (0, 1)],
            vec![10.0, 20.0, 1.0],
        ),
        (
            side(&[(5, 1)], &[1.0]),
            side(&[(4, 1)], &[10.0]),
            vec![(4, 2)],
            vec![10.0, 1.0],
        ),
        // Behind, touching and not.
        (
            side(&[(5, 1)], &[1.0]),
            side(&[(6, 2)], &[10.0, 20.0]),
            vec![(5, 3)],
            vec![1.0, 10.0, 20.0],
        ),
        (
            side(&[(5, 1)], &[1.0]),
            side(&[(8, 1)], &[10.0]),
            vec![(5, 1), (2, 1)],
            vec![1.0, 10.0],
        ),
        // The gap is filled: two spans that touch stay.
        (
            side(&[(0, 1), (1, 1)], &[1.0, 3.0]),
            side(&[(1, 1)], &[2.0]),
            vec![(0, 2), (0, 1)],
            vec![1.0, 2.0, 3.0],
        ),
        // In a gap, next to the span behind it.
        (
            side(&[(0, 1), (3, 1)], &[1.0, 5.0]),
            side(&[(3, 1)], &[4.0]),
            vec![(0, 1), (2, 2)],
            vec![1.0, 4.0, 5.0],
        ),
        // In a gap, next to neither.
        (
            side(&[(0, 1), (3, 1)], &[1.0, 5.0]),
            side(&[(2, 1)], &[3.0]),
            vec![(0, 1), (1, 1), (1, 1)],
            vec![1.0, 3.0, 5.0],
        ),
        // Nothing on one side.
        (
            Side::new(),
            side(&[(2, 1), (1, 1)], &[1.0, 2.0]),
            vec![(2, 1), (1, 1)],
            vec![1.0, 2.0],
        ),
        (
            side(&[(2, 1)], &[1.0]),
            Side::new(),
            vec![(2, 1)],
            vec![1.0],
        ),
    ] {
        let with = |side: &Side<f64>| FloatHistogram {
            positive: side.clone(),
            negative: side.clone(),
            ..FloatHistogram::default()
        };
        let sum = sum(&with(&a), &with(&b));
        for side in [&sum.positive, &sum.negative] {
            assert_eq!(
                (spans(side), &side.buckets),
                (expected_spans.clone(), &expected),
                "{a:?} + {b:?}"
            );
        }
    }
}

#[test]
fn the_lower_schema_wins() {
    let fine = exponential(1, (0.0, 0.0), 1, &[1.0, 2.0, 3.0, 4.0]);
    let coarse = exponential(0, (0.0, 0.0), 1, &[10.0, 20.0]);
    for sum in [sum(&fine, &coarse), sum(&coarse, &fine)] {
        assert_eq!((sum.schema, sum.count, sum.sum), (0, 40.0, 20.0));
        assert_eq!(
            (spans(&sum.positive), sum.positive.buckets),
            (vec![(1, 2)], vec![13.0, 27.0])
        );
    }
    let reduced = fine.copy_to_schema(-1).unwrap();
    assert_eq!(
        (spans(&reduced.positive), reduced.positive.buckets),
        (vec![(1, 1)], vec![10.0])
    );
    assert!(coarse.copy_to_schema(1).is_err());
    assert!(custom(&[1.0], &[1.0, 2.0]).copy_to_schema(0).is_err());
    let mut integers = Histogram {
        schema: 1,
        positive: side(&[(1, 3), (2, 1)], &[1, 1, 1, -2]),
        ..Histogram::default()
    };
    integers.reduce_resolution(0).unwrap();
    // Counts 1 + 2, 3 and 1 in buckets 1, 2, 3.
    assert_eq!(integers.positive, side(&[(1, 3)], &[3, 0, -2]));
}

#[test]
fn zero_buckets_are_widened_to_cover_both() {
    // (0.5, 1] and (1, 2] of the first lie in the zero bucket of the second.
    let narrow = exponential(0, (0.25, 1.0), 0, &[2.0, 3.0, 4.0]);
    let wide = exponential(0, (2.0, 10.0), 2, &[5.0]);
    for sum in [sum(&narrow, &wide), sum(&wide, &narrow)] {
        assert_eq!((sum.zero_threshold, sum.zero_count), (2.0, 16.0));
        assert_eq!(
            (spans(&sum.positive), sum.positive.buckets),
            (vec![(2, 1)], vec![9.0])
        );
    }
    // A threshold inside of a populated bucket moves to its end, on whichever side of zero.
    let inside = exponential(0, (1.5, 10.0), 2, &[5.0]);
    assert_eq!(sum(&narrow, &inside).zero_threshold, 2.0);
    let mut negative = narrow.clone();
    std::mem::swap(&mut negative.positive, &mut negative.negative);
    assert_eq!(sum(&negative, &inside).zero_threshold, 2.0);
    assert_eq!(sum(&negative, &inside).zero_count, 16.0);
    // Of an empty bucket not.
    let mut empty = narrow.clone();
    empty.positive.buckets[1] = 0.0;
    assert_eq!(sum(&empty, &inside).zero_threshold, 1.5);
    assert_eq!(sum(&empty, &inside).positive.buckets, [9.0]);
}

#[test]
fn custom_bounds_are_intersected() {
    let a = custom(&[1.0, 2.0, 3.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 5.0]);
    let b = custom(&[2.0, 4.0, 5.0], &[10.0, 20.0, 30.0, 40.0]);
    let mut sum = a.clone();
    let reconciled = sum.add(&b).unwrap();
    assert!(reconciled.custom_bounds && !reconciled.counter_reset_collision);
    assert_eq!(&*sum.custom_values, [2.0, 5.0]);
    assert_eq!(
        (spans(&sum.positive), &sum.positive.buckets),
        (vec![(0, 3)], &vec![13.0, 57.0, 45.0])
    );
    sum.sub(&b).unwrap();
    assert_eq!(sum.positive.buckets, [3.0, 7.0, 5.0]);
    // Nothing in common: all in the bucket to infinity, and an empty bucket is left out.
    let c = custom(&[7.0], &[0.0, 1.0]);
    let mut sum = a.clone();
    sum.add(&c).unwrap();
    assert_eq!(
        (sum.custom_values.len(), &sum.positive),
        (0, &side(&[(0, 1)], &[16.0]))
    );
    // The same bounds need nothing.
    let mut twice = a.clone();
    assert_eq!(twice.add(&a).unwrap(), Reconciled::default());
    assert_eq!(twice.positive.buckets, [2.0, 4.0, 6.0, 8.0, 10.0]);
    assert_eq!(
        twice.add(&FloatHistogram::default()),
        Err(IncompatibleSchemas)
    );
}

#[test]
fn hints_of_sums() {
    for (a, b, expected, collision) in [
        (Reset, Reset, Reset, false),
        (NotReset, NotReset, NotReset, false),
        (Gauge, Reset, Gauge, false),
        (NotReset, Gauge, Gauge, false),
        (Unknown, Gauge, Gauge, false),
        (Unknown, Reset, Unknown, false),
        (NotReset, Unknown, Unknown, false),
        (Reset, NotReset, Unknown, true),
        (NotReset, Reset, Unknown, true),
    ] {
        let with = |counter_reset_hint| FloatHistogram {
            counter_reset_hint,
            ..FloatHistogram::default()
        };
        let mut sum = with(a);
        let reconciled = sum.add(&with(b)).unwrap();
        assert_eq!(
            (sum.counter_reset_hint, reconciled.counter_reset_collision),
            (expected, collision)
        );
    }
}

#[test]
fn multiples() {
    let mut h = exponential(0, (1.0, 2.0), 1, &[4.0, 8.0]);
    h.mul(0.5);
    assert_eq!(
        (h.zero_count, h.count, h.sum, &h.positive.buckets),
        (1.0, 7.0, 5.0, &vec![2.0, 4.0])
    );
    assert_eq!(h.counter_reset_hint, Unknown);
    h.negate();
    assert_eq!((h.count, h.counter_reset_hint), (-7.0, Gauge));
    h.div(-2.0);
    assert_eq!((h.count, &h.positive.buckets), (3.5, &vec![1.0, 2.0]));
    h.div(0.0);
    assert_eq!(
        (h.count, h.sum, &h.positive),
        (f64::INFINITY, f64::INFINITY, &Side::new())
    );
    assert!(h.has_overflow());
}

#[test]
fn compacting_leaves_out_empty_buckets() {
    for (max_empty, before, after) in [
        (
            0,
            side(&[(0, 3)], &[0.0, 1.0, 0.0]),
            side(&[(1, 1)], &[1.0]),
        ),
        (
            0,
            side(&[(0, 4)], &[1.0, 0.0, 0.0, 2.0]),
            side(&[(0, 1), (2, 1)], &[1.0, 2.0]),
        ),
        (
            2,
            side(&[(0, 4)], &[1.0, 0.0, 0.0, 2.0]),
            side(&[(0, 4)], &[1.0, 0.0, 0.0, 2.0]),
        ),
        (
            1,
            side(&[(0, 4)], &[1.0, 0.0, 0.0, 2.0]),
            side(&[(0, 1), (2, 1)], &[1.0, 2.0]),
        ),
        // Spans that touch or have no length.
        (
            0,
            side(&[(0, 1), (0, 1), (2, 0), (1, 1)], &[1.0, 2.0, 3.0]),
            side(&[(0, 2), (3, 1)], &[1.0, 2.0, 3.0]),
        ),
        // Spans that are near enough, one of them empty.
        (
            3,
            side(&[(0, 1), (1, 1), (1, 1)], &[1.0, 0.0, 2.0]),
            side(&[(0, 5)], &[1.0, 0.0, 0.0, 0.0, 2.0]),
        ),
        (
            2,
            side(&[(0, 1), (1, 1), (1, 1)], &[1.0, 0.0, 2.0]),
            side(&[(0, 1), (3, 1)], &[1.0, 2.0]),
        ),
        (0, side(&[(0, 2)], &[0.0, 0.0]), Side::new()),
    ] {
        let mut h = FloatHistogram {
            positive: before.clone(),
            ..FloatHistogram::default()
        };
        h.compact(max_empty);
        assert_eq!(h.positive, after, "{before:?}");
    }
    let mut integers = Histogram {
        positive: side(&[(0, 4)], &[0, 2, -2, 3]),
        ..Histogram::default()
    };
    integers.compact(0);
    assert_eq!(integers.positive, side(&[(1, 1), (1, 1)], &[2, 1]));
}

#[test]
fn compensation_keeps_small_terms() {
    let small = exponential(0, (0.5, 1.0), 1, &[1.0, 1.0]);
    let mut large = small.clone();
    large.mul(1e100);
    let mut negative = large.clone();
    negative.mul(-1.0);
    let (mut total, mut lost) = (small.clone(), None);
    for h in [&large, &small, &negative] {
        total.kahan_add(h, &mut lost).unwrap();
    }
    total.add(&lost.unwrap()).unwrap();
    assert_eq!((total.zero_count, total.count, total.sum), (2.0, 6.0, 20.0));
    assert_eq!(total.positive.buckets, [2.0, 2.0]);
    // Other layouts, schemas and zero buckets take what was lost along.
    let (mut total, mut lost) = (small.clone(), None);
    let wide = exponential(0, (1.0, 1.0), 5, &[1.0]);
    let coarse = exponential(-1, (1.0, 1.0), 1, &[1.0]);
    for h in [&large, &wide, &coarse, &negative] {
        total.kahan_add(h, &mut lost).unwrap();
    }
    let lost = lost.unwrap();
    assert_eq!(lost.positive.buckets.len(), total.positive.buckets.len());
    total.add(&lost).unwrap();
    total.compact(0);
    // small: zero bucket 1, (1, 2] and (2, 4] 1 each; wide: zero bucket 1, (16, 32] 1; coarse: zero bucket 1, (1, 4] 1.
    assert_eq!(
        (
            total.schema,
            total.zero_threshold,
            total.zero_count,
            total.count
        ),
        (-1, 1.0, 3.0, 7.0)
    );
    assert_eq!(total.positive, side(&[(1, 1), (1, 1)], &[3.0, 1.0]));
    // Custom bounds.
    let a = custom(&[1.0, 2.0], &[1.0, 1.0, 1.0]);
    let mut huge = custom(&[2.0, 3.0], &[1.0, 1.0, 1.0]);
    huge.mul(1e100);
    let (mut total, mut lost) = (a.clone(), None);
    assert!(total.kahan_add(&huge, &mut lost).unwrap().custom_bounds);
    huge.negate();
    total.kahan_add(&huge, &mut lost).unwrap();
    total.add(&lost.unwrap()).unwrap();
    assert_eq!(
        (&*total.custom_values, &total.positive.buckets),
        (&[2.0][..], &vec![2.0, 1.0])
    );
}
