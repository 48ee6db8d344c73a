use super::*;
use crate::model::STALE_NAN_BITS;

fn example() -> Histogram {
    Histogram {
        schema: 0,
        zero_threshold: 0.001,
        zero_count: 2,
        count: 12,
        sum: 3.5,
        // Counts 1, 2 and, one further, 1.
        positive: side(&[(0, 2), (1, 1)], &[1, 1, -1]),
        // Counts 4, 2.
        negative: side(&[(1, 2)], &[4, -2]),
        ..Histogram::default()
    }
}

#[test]
fn text_lists_populated_buckets_from_the_lowest() {
    let text =
        "{count:12, sum:3.5, [-4,-2):2, [-2,-1):4, [-0.001,0.001]:2, (0.5,1]:1, (1,2]:2, (4,8]:1}";
    assert_eq!(example().to_string(), text);
    assert_eq!(example().to_float().to_string(), text);
    let empty = FloatHistogram {
        sum: f64::NAN,
        ..FloatHistogram::default()
    };
    assert_eq!(empty.to_string(), "{count:0, sum:NaN}");
    assert_eq!(
        custom(&[0.1, 1e7], &[1.0, 2.5, 3.0]).to_string(),
        "{count:6.5, sum:10, [-Inf,0.1]:1, (0.1,1e+07]:2.5, (1e+07,+Inf]:3}"
    );
}

#[test]
fn integers_become_floats() {
    let float = example().to_float();
    assert_eq!(float.positive.buckets, [1.0, 2.0, 1.0]);
    assert_eq!(float.negative.buckets, [4.0, 2.0]);
    assert_eq!(float.zero_count, 2.0);
    let custom = Histogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 3,
        positive: side(&[(0, 2)], &[1, 1]),
        custom_values: [1.0].into(),
        zero_threshold: 5.0,
        ..Histogram::default()
    };
    assert_eq!(custom.to_float().zero_threshold, 0.0);
    assert_eq!(&*custom.to_float().custom_values, [1.0]);
}

#[test]
fn buckets_have_the_rules_of_the_api() {
    let buckets: Vec<_> = example()
        .to_float()
        .all_buckets()
        .filter(|b| b.count != 0.0)
        .map(|b| (b.boundary_rule(), b.lower, b.upper, b.count))
        .collect();
    assert_eq!(
        buckets,
        [
            (1, -4.0, -2.0, 2.0),
            (1, -2.0, -1.0, 4.0),
            (3, -0.001, 0.001, 2.0),
            (0, 0.5, 1.0, 1.0),
            (0, 1.0, 2.0, 2.0),
            (0, 4.0, 8.0, 1.0),
        ]
    );
    let rules: Vec<u8> = custom(&[0.0, 1.0], &[1.0; 3])
        .all_buckets()
        .map(|b| b.boundary_rule())
        .collect();
    assert_eq!(rules, [3, 0, 0]);
}

#[test]
fn buckets_that_overlap_the_zero_bucket_are_cut() {
    let mut h = exponential(0, (0.75, 1.0), 0, &[1.0, 1.0]);
    h.negative = side(&[(0, 1)], &[1.0]);
    let bounds: Vec<_> = h.all_buckets().map(|b| (b.lower, b.upper)).collect();
    assert_eq!(
        bounds,
        [(-1.0, -0.75), (-0.75, 0.75), (0.75, 1.0), (1.0, 2.0)]
    );
    let mut reversed: Vec<_> = h.all_buckets().rev().map(|b| (b.lower, b.upper)).collect();
    reversed.reverse();
    assert_eq!(reversed, bounds);
    // Without observations there is no zero bucket to list, but the others are cut all the same.
    h.zero_count = 0.0;
    assert_eq!(h.all_buckets().count(), 3);
    assert_eq!(h.all_buckets().nth(1).map(|b| b.lower), Some(0.75));
}

#[test]
fn equality_is_by_bits_and_buckets() {
    let h = example();
    let mut same = h.clone();
    same.positive = side(&[(0, 2), (1, 0), (0, 1)], &[1, 1, -1]);
    same.counter_reset_hint = CounterResetHint::Gauge;
    assert_eq!(h, same);
    let stale = |bits| Histogram {
        sum: f64::from_bits(bits),
        ..example()
    };
    assert_eq!(stale(STALE_NAN_BITS), stale(STALE_NAN_BITS));
    assert_ne!(stale(STALE_NAN_BITS), stale(f64::NAN.to_bits()));
    assert!(Histogram::stale().is_stale() && FloatHistogram::stale().is_stale() && !h.is_stale());
    let float = h.to_float();
    let mut other = float.clone();
    other.positive.buckets[0] = f64::NAN;
    assert_ne!(float, other);
    assert_eq!(other, other.clone());
}

#[test]
fn size_grows_with_the_buckets() {
    let h = example();
    assert_eq!(h.size_bytes(), 168 + 3 * 8 + 5 * 8);
    assert_eq!(h.to_float().size_bytes(), h.size_bytes());
    assert_eq!(custom(&[1.0], &[1.0, 2.0]).size_bytes(), 168 + 4 * 8);
}

#[test]
fn faults_of_integers() {
    let change = |change: fn(&mut Histogram)| {
        let mut h = example();
        change(&mut h);
        h.validate().map_err(|e| e.to_string())
    };
    assert_eq!(change(|_| ()), Ok(()));
    for (fault, text) in [
        (
            (|h| h.schema = 9) as fn(&mut Histogram),
            "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom \
             buckets, got schema 9",
        ),
        (
            |h| h.positive.spans[1].offset = -1,
            "positive side: span number 2 with offset -1: histogram has a span whose offset is negative",
        ),
        (
            |h| h.negative.buckets.push(1),
            "negative side: spans need 2 buckets, have 3 buckets: histogram spans specify different number of buckets than \
             provided",
        ),
        (
            |h| h.negative.buckets[1] = -5,
            "negative side: bucket number 2 has observation count of -1: histogram has a bucket whose observation count is \
             negative",
        ),
        (
            |h| h.count = 13,
            "12 observations found in buckets, but the Count field is 13: histogram's observation count should equal the \
             number of observations found in the buckets (in absence of NaN)",
        ),
        (
            |h| (h.count, h.sum) = (11, f64::NAN),
            "12 observations found in buckets, but the Count field is 11: histogram's observation count should be at least \
             the number of observations found in the buckets",
        ),
        (
            |h| h.custom_values = [1.0].into(),
            "histogram with exponential schema must not have custom bounds",
        ),
    ] {
        assert_eq!(change(fault), Err(text.to_owned()));
    }
    // Observations of NaN are in no bucket.
    assert_eq!(change(|h| (h.count, h.sum) = (13, f64::NAN)), Ok(()));
}

#[test]
fn faults_of_custom_buckets_and_floats() {
    let change = |change: fn(&mut FloatHistogram)| {
        let mut h = custom(&[1.0, 2.0], &[1.0, 2.0, 3.0]);
        change(&mut h);
        h.validate().map_err(|e| e.to_string())
    };
    assert_eq!(change(|_| ()), Ok(()));
    for (fault, text) in [
        (
            (|h| h.custom_values = [1.0, f64::NAN].into()) as fn(&mut FloatHistogram),
            "custom buckets: histogram custom bounds must not be NaN",
        ),
        (
            |h| h.custom_values = [2.0, 2.0].into(),
            "custom buckets: previous bound is 2.000000 and current is 2.000000: histogram custom bounds must be in strictly \
             increasing order",
        ),
        (
            |h| h.custom_values = [1.0, f64::INFINITY].into(),
            "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite",
        ),
        (
            |h| h.custom_values = [1.0].into(),
            "custom buckets: only 1 custom bounds defined which is insufficient to cover total span length of 3: histogram \
             custom bounds are too few",
        ),
        (
            |h| h.zero_count = 1.0,
            "custom buckets: must have zero count of 0",
        ),
        (
            |h| h.zero_threshold = 1.0,
            "custom buckets: must have zero threshold of 0",
        ),
        (
            |h| h.negative.spans = vec![Span::default()],
            "custom buckets: must not have negative spans",
        ),
        (
            |h| h.negative.buckets = vec![1.0],
            "custom buckets: must not have negative buckets",
        ),
        (
            |h| h.count = -1.5,
            "observation count is  -1.5: histogram's observation count is negative",
        ),
        (
            |h| h.positive.buckets[0] = -1e7,
            "positive side: bucket number 1 has observation count of -1e+07: histogram has a bucket whose observation count is \
             negative",
        ),
    ] {
        assert_eq!(change(fault), Err(text.to_owned()));
    }
    let mut h = exponential(0, (0.1, -1.0), 0, &[1.0]);
    h.count = 0.0;
    assert_eq!(
        h.validate().unwrap_err().to_string(),
        "zero bucket has observation count of -1: histogram has a bucket whose observation count is negative"
    );
}
