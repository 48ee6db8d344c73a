use super::*;

#[test]
fn whole_buckets_stay_or_go() {
    // (1, 2], (2, 4], (4, 8]
    let h = exponential(0, (0.0, 0.0), 1, &[1.0, 2.0, 4.0]);
    let below = h.trimmed(4.0, Trim::Upper);
    assert_eq!(
        (below.count, &below.positive),
        (3.0, &side(&[(1, 2)], &[1.0, 2.0]))
    );
    assert_eq!(below.sum, 2f64.sqrt() + 8f64.sqrt() * 2.0);
    let above = h.trimmed(4.0, Trim::Lower);
    assert_eq!(
        (above.count, &above.positive),
        (4.0, &side(&[(3, 1)], &[4.0]))
    );
    // Nothing to leave out: the sum is the one observed.
    assert_eq!(h.trimmed(8.0, Trim::Upper), h);
    assert_eq!(h.trimmed(0.5, Trim::Lower), h);
    assert_eq!(h.trimmed(1.0, Trim::Upper).count, 0.0);
}

#[test]
fn the_bucket_at_the_value_is_interpolated() {
    let mut h = exponential(0, (0.0, 0.0), 1, &[1.0, 2.0, 4.0]);
    // Half way through (4, 8] on the logarithmic scale.
    let middle = 32f64.sqrt();
    let below = h.trimmed(middle, Trim::Upper);
    assert!((below.positive.buckets[2] - 2.0).abs() < 1e-12);
    let above = h.trimmed(middle, Trim::Lower);
    assert!((above.count - 2.0).abs() < 1e-12);
    // Mirrored below zero.
    std::mem::swap(&mut h.positive, &mut h.negative);
    let above = h.trimmed(-middle, Trim::Lower);
    assert!((above.count - 5.0).abs() < 1e-12);
    assert!(above.sum < 0.0);
    // Linear between custom bounds.
    let h = custom(&[2.0, 4.0], &[2.0, 4.0, 8.0]);
    let below = h.trimmed(3.0, Trim::Upper);
    // From 0 to 2: midpoint 1; from 2 to 3: midpoint 2.5.
    assert_eq!(
        (&below.positive.buckets, below.count, below.sum),
        (&vec![2.0, 2.0], 4.0, 7.0)
    );
    let below = h.trimmed(1.0, Trim::Upper);
    assert_eq!((&below.positive.buckets, below.sum), (&vec![1.0], 0.5));
    // To infinity nothing is known.
    let below = h.trimmed(100.0, Trim::Upper);
    assert_eq!(
        (below.count, &below.positive.buckets),
        (6.0, &vec![2.0, 4.0])
    );
    let above = h.trimmed(100.0, Trim::Lower);
    assert_eq!((above.count, above.sum), (8.0, 800.0));
}

#[test]
fn the_zero_bucket_lies_where_the_others_do() {
    let both = FloatHistogram {
        zero_threshold: 1.0,
        zero_count: 4.0,
        count: 6.0,
        positive: side(&[(1, 1)], &[1.0]),
        negative: side(&[(1, 1)], &[1.0]),
        ..FloatHistogram::default()
    };
    let above = both.trimmed(0.5, Trim::Lower);
    assert_eq!((above.zero_count, above.count), (1.0, 2.0));
    let positive = FloatHistogram {
        negative: Side::new(),
        count: 5.0,
        ..both.clone()
    };
    assert_eq!(positive.trimmed(0.5, Trim::Lower).zero_count, 2.0);
    assert_eq!(positive.trimmed(0.0, Trim::Upper).count, 0.0);
    let negative = FloatHistogram {
        positive: Side::new(),
        count: 5.0,
        ..both
    };
    assert_eq!(negative.trimmed(0.0, Trim::Upper), negative);
    assert_eq!(negative.trimmed(-0.25, Trim::Upper).zero_count, 3.0);
}
