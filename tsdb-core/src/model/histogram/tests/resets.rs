use super::*;

fn resets(before: &FloatHistogram, now: &FloatHistogram) -> bool {
    now.detect_reset(before)
}

#[test]
fn falling_counts_are_resets() {
    let h = exponential(0, (0.5, 1.0), 1, &[2.0, 0.0, 3.0]);
    let change = |change: fn(&mut FloatHistogram)| {
        let mut now = h.clone();
        change(&mut now);
        resets(&h, &now)
    };
    assert!(!change(|_| ()));
    assert!(!change(|h| h.sum = -1.0));
    assert!(change(|h| h.count -= 1.0));
    assert!(change(|h| h.zero_count -= 1.0));
    assert!(change(|h| h.positive.buckets[0] -= 1.0));
    assert!(!change(|h| h.positive.buckets[0] += 1.0));
    // A populated bucket is gone; an empty one may go.
    assert!(change(|h| h.positive = side(&[(1, 2)], &[2.0, 4.0])));
    assert!(change(|h| h.positive = Side::new()));
    assert!(!change(
        |h| h.positive = side(&[(1, 1), (1, 1)], &[2.0, 3.0])
    ));
    assert!(!change(|h| h.negative = side(&[(1, 1)], &[2.0])));
    // The hint knows better.
    assert!(change(|h| h.counter_reset_hint = CounterResetHint::Reset));
    assert!(!change(
        |h| (h.counter_reset_hint, h.count) = (CounterResetHint::NotReset, 0.0)
    ));
    assert!(change(
        |h| (h.counter_reset_hint, h.count) = (CounterResetHint::Gauge, 0.0)
    ));
    // A bucket below zero fell.
    let mut negative = h.clone();
    std::mem::swap(&mut negative.positive, &mut negative.negative);
    let mut fell = negative.clone();
    fell.negative.buckets[2] = 1.0;
    assert!(resets(&negative, &fell));
}

#[test]
fn schemas_and_zero_buckets() {
    let fine = exponential(1, (0.5, 1.0), 1, &[1.0, 2.0, 3.0, 4.0]);
    let coarse = exponential(0, (0.5, 1.0), 1, &[3.0, 7.0]);
    assert!(resets(&coarse, &fine));
    assert!(!resets(&fine, &coarse));
    let mut fell = coarse.clone();
    fell.positive.buckets = vec![2.0, 8.0];
    assert!(resets(&fine, &fell));

    let wider = exponential(0, (2.0, 4.0), 2, &[7.0]);
    assert!(!resets(&coarse, &wider));
    assert!(resets(&wider, &coarse));
    // What is in the zero bucket now was more before.
    assert!(resets(&coarse, &exponential(0, (2.0, 3.0), 2, &[8.0])));
    // The zero bucket ends inside of a populated bucket.
    assert!(resets(&coarse, &exponential(0, (1.5, 4.0), 2, &[7.0])));
}

#[test]
fn custom_buckets() {
    let h = custom(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
    assert!(!resets(&h, &h));
    assert!(resets(&FloatHistogram::default(), &h));
    assert!(resets(&h, &exponential(0, (0.0, 0.0), 1, &[100.0])));
    // On the bound both have, 2: 3 and 7.
    assert!(!resets(&h, &custom(&[2.0, 5.0], &[3.0, 0.0, 7.0])));
    assert!(resets(&h, &custom(&[2.0, 5.0], &[4.0, 6.0, 0.0])));
    assert!(resets(&h, &custom(&[2.0, 5.0], &[2.0, 9.0, 0.0])));
    // Without a common bound the totals count.
    assert!(!resets(&h, &custom(&[1.5], &[0.0, 10.0])));
}
