//! Kernels by tables, and against the kernels of floats.

use proptest::prelude::*;
use tsdb_core::histogram::{CUSTOM_BUCKETS_SCHEMA, Side};
use tsdb_core::{CounterResetHint, FloatHistogram, Span};

use super::*;
use crate::functions::kernel::Window;

/// A histogram of schema 0 with positive buckets from (1, 2] on.
fn exponential(zero: (f64, f64), buckets: &[f64]) -> FloatHistogram {
    let spans = [Span {
        offset: 1,
        length: buckets.len() as u32,
    }];
    FloatHistogram {
        zero_threshold: zero.0,
        zero_count: zero.1,
        count: zero.1 + buckets.iter().sum::<f64>(),
        sum: 10.0,
        positive: Side {
            spans: spans.into_iter().filter(|span| span.length > 0).collect(),
            buckets: buckets.to_vec(),
        },
        ..FloatHistogram::default()
    }
}

fn custom(bounds: &[f64], buckets: &[f64]) -> FloatHistogram {
    let mut h = exponential((0.0, 0.0), buckets);
    h.schema = CUSTOM_BUCKETS_SCHEMA;
    h.custom_values = bounds.into();
    h.positive.spans[0].offset = 0;
    h
}

fn mirrored(mut h: FloatHistogram) -> FloatHistogram {
    std::mem::swap(&mut h.positive, &mut h.negative);
    h
}

fn with_hint(hint: CounterResetHint, mut h: FloatHistogram) -> FloatHistogram {
    h.counter_reset_hint = hint;
    h
}

#[test]
fn quantiles() {
    const INF: f64 = f64::INFINITY;
    let h = exponential((0.5, 2.0), &[4.0, 0.0, 4.0]);
    for (h, phi, expected) in [
        (&h, -0.1, -INF),
        (&h, 1.1, INF),
        (&h, 0.0, 0.0),
        // Half of the zero bucket, which begins at 0 without negative buckets.
        (&h, 0.1, 0.25),
        // 2 of the 4 in (1, 2].
        (&h, 0.4, 2f64.sqrt()),
        // Between two buckets: the end of the upper one, as it is found from above.
        (&h, 0.6, 4.0),
        (&h, 0.8, 32f64.sqrt()),
        (&h, 1.0, 8.0),
        (&mirrored(h.clone()), 0.2, -(32f64.sqrt())),
        (&mirrored(h.clone()), 1.0, 0.0),
        (&mirrored(h.clone()), 0.9, -0.25),
        (&custom(&[2.0, 4.0], &[2.0, 2.0, 4.0]), 0.125, 1.0),
        (&custom(&[2.0, 4.0], &[2.0, 2.0, 4.0]), 0.375, 3.0),
        (&custom(&[2.0, 4.0], &[2.0, 2.0, 4.0]), 0.9, 4.0),
        (&custom(&[-2.0, 4.0], &[2.0, 2.0, 4.0]), 0.125, -2.0),
    ] {
        let result = histogram_quantile(phi, h);
        assert!(
            result.value == expected || (result.value - expected).abs() < 1e-12,
            "{phi}-quantile of {h}: {} instead of {expected}",
            result.value
        );
        assert_eq!(result.annotations, []);
    }
    assert!(
        histogram_quantile(0.5, &FloatHistogram::default())
            .value
            .is_nan()
    );
    assert!(histogram_quantile(f64::NAN, &h).value.is_nan());
}

#[test]
fn observations_of_nan() {
    let mut h = exponential((0.0, 0.0), &[12.0]);
    (h.count, h.sum) = (15.0, f64::NAN);
    let result = histogram_quantile(0.81, &h);
    assert!(result.value.is_nan());
    assert_eq!(result.annotations, [Annotation::QuantileNaNResult]);
    let result = histogram_quantile(0.8, &h);
    assert_eq!(
        (result.value, result.annotations),
        (2.0, vec![Annotation::QuantileNaNSkew])
    );
    let result = histogram_fraction(0.0, 100.0, &h);
    assert_eq!(
        (result.value, result.annotations),
        (0.8, vec![Annotation::FractionNaNs])
    );
    // Both infinities make the sum NaN too.
    h.count = 12.0;
    assert_eq!(histogram_quantile(1.0, &h).annotations, []);
    assert_eq!(histogram_fraction(0.0, 100.0, &h), 1.0.into());
}

#[test]
fn fractions() {
    const INF: f64 = f64::INFINITY;
    let h = exponential((0.5, 2.0), &[4.0, 0.0, 4.0]);
    let custom = custom(&[2.0, 4.0], &[2.0, 2.0, 4.0]);
    for (h, lower, upper, expected) in [
        (&h, -INF, INF, 1.0),
        (&h, 0.0, 0.25, 0.1),
        (&h, 0.75, 2.0, 0.4),
        (&h, 2f64.sqrt(), 2.0, 0.2),
        (&h, 2.0, 1.0, 0.0),
        (&h, 100.0, 200.0, 0.0),
        (&mirrored(h.clone()), -2.0, -(2f64.sqrt()), 0.2),
        (&mirrored(h.clone()), -0.25, INF, 0.1),
        (&custom, 0.0, 1.0, 0.125),
        (&custom, -INF, 3.0, 0.375),
        (&custom, 4.0, 5.0, 0.0),
        (&custom, 4.0, INF, 0.5),
    ] {
        let fraction = histogram_fraction(lower, upper, h).value;
        assert!(
            (fraction - expected).abs() < 1e-12,
            "{lower} to {upper} of {h}: {fraction}"
        );
    }
    assert!(histogram_fraction(f64::NAN, 1.0, &h).value.is_nan());
    assert!(
        histogram_fraction(0.0, 1.0, &FloatHistogram::default())
            .value
            .is_nan()
    );
}

#[test]
fn statistics_of_observations() {
    let mut h = exponential((0.5, 1.0), &[2.0]);
    h.sum = 3.0;
    assert_eq!(
        (histogram_count(&h), histogram_sum(&h), histogram_avg(&h)),
        (3.0, 3.0, 1.0)
    );
    // 0 and twice √2, around 1.
    let expected = (1.0 + 2.0 * (2f64.sqrt() - 1.0).powi(2)) / 3.0;
    assert!((histogram_stdvar(&h) - expected).abs() < 1e-15);
    assert!((histogram_stddev(&h) - expected.sqrt()).abs() < 1e-15);
    let mut h = custom(&[2.0, 4.0], &[1.0, 1.0]);
    h.positive.spans[0].offset = 1;
    h.positive.buckets = vec![2.0];
    h.sum = 6.0;
    // All at 3, the mean.
    assert_eq!(histogram_stdvar(&h), 0.0);
}

fn minute<'a>(
    times_ms: &'a [i64],
    histograms: &'a [FloatHistogram],
) -> HistogramWindow<'a, FloatHistogram> {
    HistogramWindow {
        times_ms,
        histograms,
        start_times_ms: &[],
        start_ms: 0,
        end_ms: 60_000,
    }
}

const TIMES: [i64; 4] = [15_000, 30_000, 45_000, 60_000];

#[test]
fn increases_bucket_by_bucket() {
    let h: Vec<_> = [[10.0, 5.0], [20.0, 5.0], [30.0, 6.0], [40.0, 8.0]]
        .iter()
        .map(|b| exponential((0.5, 1.0), b))
        .collect();
    let result = increase(&minute(&TIMES, &h));
    assert_eq!(result.annotations, []);
    let h = result.value.unwrap();
    // 33 in 45 s, to the start of the window by 15 s more; the empty zero bucket stays, as it is no bucket of a span.
    assert_eq!(
        (&h.positive.buckets, h.count, h.zero_count),
        (&vec![40.0, 4.0], 44.0, 0.0)
    );
    assert_eq!(h.counter_reset_hint, CounterResetHint::Gauge);
    // One histogram has no rate.
    assert_eq!(
        rate(&minute(&TIMES[..1], &[exponential((0.5, 1.0), &[1.0])])),
        None.into()
    );
}

#[test]
fn resets_are_made_up_for() {
    let h = [[10.0, 5.0], [20.0, 5.0], [2.0, 1.0], [4.0, 8.0]].map(|b| exponential((0.5, 1.0), &b));
    let whole = HistogramWindow {
        start_ms: 14_999,
        ..minute(&TIMES, &h)
    };
    let sum = increase(&whole).value.unwrap();
    // 10 + 4 and 0 + 8, by (45 + 0.001) / 45.
    let factor = 45.001 / 45.0;
    assert_eq!(sum.positive.buckets, [14.0 * factor, 8.0 * factor]);
    // Right behind the first sample: it counts for nothing, whatever its buckets.
    let mut first = custom(&[1.0], &[5.0, 6.0]);
    first.count = 1000.0;
    let h = [first, h[2].clone(), h[3].clone()];
    let result = increase(&minute(&TIMES[1..], &h));
    assert_eq!(result.annotations, []);
    assert!(result.value.unwrap().positive.buckets[1] > 8.0);
    // A start time tells of a reset that the counts hide.
    let h = [[1.0], [2.0], [3.0], [4.0]].map(|b| exponential((0.0, 0.0), &b));
    let starts = [1, 1, 31_000, 31_000];
    let w = HistogramWindow {
        start_times_ms: &starts,
        start_ms: 14_999,
        ..minute(&TIMES, &h)
    };
    assert_eq!(increase(&w).value.unwrap().count, 5.0 * factor);
}

#[test]
fn warnings_of_rates() {
    use CounterResetHint::{Gauge, Unknown};
    let h = |hint| with_hint(hint, exponential((0.0, 0.0), &[1.0]));
    let at = &TIMES[..2];
    let counter = Annotation::NativeHistogramNotCounter;
    let gauge = Annotation::NativeHistogramNotGauge;
    for (hints, of_rate, of_delta) in [
        ([Unknown, Unknown], vec![], vec![gauge]),
        ([Gauge, Gauge], vec![counter], vec![]),
        ([Gauge, Unknown], vec![counter], vec![gauge]),
    ] {
        let histograms = hints.map(h);
        let w = minute(at, &histograms);
        assert_eq!(
            (rate(&w).annotations, delta(&w).annotations),
            (of_rate.clone(), of_delta.clone())
        );
        let points: Vec<_> = w.points().collect();
        assert_eq!(irate(&points[0], &points[1]).annotations, of_rate);
        assert_eq!(idelta(&points[0], &points[1]).annotations, of_delta);
    }
    let mixed = Annotation::MixedExponentialCustomHistograms;
    let a = exponential((0.0, 0.0), &[1.0]);
    let b = custom(&[2.0], &[5.0, 5.0]);
    for histograms in [
        [a.clone(), a.clone(), b.clone()],
        [a.clone(), b.clone(), a.clone()],
    ] {
        let times = &TIMES[..3];
        assert_eq!(
            delta(&minute(times, &histograms)).value.is_none(),
            histograms[2] == b
        );
    }
    let histograms = [a.clone(), a.clone(), b.clone()];
    assert_eq!(
        rate(&minute(&TIMES[..3], &histograms)),
        Annotated::with(None, [mixed])
    );
    let c = custom(&[3.0], &[7.0, 7.0]);
    let histograms = [with_hint(Gauge, b), with_hint(Gauge, c)];
    let result = delta(&minute(at, &histograms));
    assert_eq!(
        result.annotations,
        [Annotation::MismatchedCustomBuckets(HistogramOperation::Sub)]
    );
    assert_eq!(result.value.unwrap().custom_values.len(), 0);
}

#[test]
fn instant_rates() {
    let h = [[10.0, 5.0], [20.0, 5.0]].map(|b| exponential((0.5, 1.0), &b));
    let w = minute(&TIMES[..2], &h);
    let points: Vec<_> = w.points().collect();
    let result = irate(&points[0], &points[1]).value.unwrap();
    // Buckets that did not rise are left out.
    assert_eq!(
        (result.count, &result.positive.buckets),
        (10.0 / 15.0, &vec![10.0 / 15.0])
    );
    assert_eq!(idelta(&points[0], &points[1]).value.unwrap().count, 10.0);
    // Behind a reset the last histogram is the increase.
    assert_eq!(
        irate(
            &Point {
                t_ms: 0,
                ..points[1]
            },
            &points[0]
        )
        .value
        .unwrap()
        .count,
        16.0 / 15.0
    );
    let float = Point {
        value: PointValue::Float(1.0),
        ..points[0]
    };
    assert_eq!(
        irate(&float, &points[1]),
        Annotated::with(None, [Annotation::MixedFloatsHistograms])
    );
}

#[test]
fn sums_and_means() {
    use CounterResetHint::{NotReset, Reset};
    let h = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].map(|b| exponential((0.5, 1.0), &b));
    let w = minute(&TIMES[..3], &h);
    let sum = sum_over_time(&w).value.unwrap();
    assert_eq!(
        (&sum.positive.buckets, sum.count, sum.zero_count, sum.sum),
        (&vec![9.0, 12.0], 24.0, 3.0, 30.0)
    );
    let mean = avg_over_time(&w).value.unwrap();
    assert_eq!(
        (&mean.positive.buckets, mean.count, mean.sum),
        (&vec![3.0, 4.0], 8.0, 10.0)
    );
    // The mean outlives the overflow of the sum.
    let mut huge = exponential((0.0, 0.0), &[1.0]);
    huge.mul(f64::MAX / 4.0);
    huge.sum = f64::MAX;
    let histograms = [huge.clone(), huge.clone(), huge.clone()];
    let w = minute(&TIMES[..3], &histograms);
    assert_eq!(sum_over_time(&w).value.unwrap().sum, f64::INFINITY);
    let mean = avg_over_time(&w).value.unwrap();
    assert!((mean.sum / f64::MAX - 1.0).abs() < 1e-15);

    let histograms = [
        with_hint(Reset, h[0].clone()),
        with_hint(NotReset, h[1].clone()),
    ];
    let collision = Annotation::HistogramCounterResetCollision(HistogramOperation::Agg);
    let w = minute(&TIMES[..2], &histograms);
    assert_eq!(sum_over_time(&w).annotations, [collision]);
    assert_eq!(avg_over_time(&w).annotations, [collision]);
    let histograms = [custom(&[1.0], &[1.0, 1.0]), custom(&[2.0], &[1.0, 1.0])];
    let w = minute(&TIMES[..2], &histograms);
    assert_eq!(
        sum_over_time(&w).annotations,
        [Annotation::MismatchedCustomBuckets(HistogramOperation::Agg)]
    );
    let histograms = [custom(&[1.0], &[1.0, 1.0]), h[0].clone()];
    let w = minute(&TIMES[..2], &histograms);
    assert_eq!(
        avg_over_time(&w),
        Annotated::with(None, [Annotation::MixedExponentialCustomHistograms])
    );
    assert_eq!(sum_over_time(&minute(&[], &[])), None.into());
}

#[test]
fn changes_and_resets_of_mixed_windows() {
    let floats = Window {
        times_ms: &[10_000, 40_000, 50_000],
        values: &[1.0, 1.0, 0.5],
        start_ms: 0,
        end_ms: 60_000,
        eval_ms: 60_000,
    };
    let h = [[10.0], [10.0], [20.0]].map(|b| exponential((0.0, 0.0), &b));
    let times = [20_000, 30_000, 60_000];
    let w = minute(&times, &h);
    let order: Vec<i64> = by_time(&floats, &[], &w).map(|point| point.t_ms).collect();
    assert_eq!(order, [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    // Float, two equal histograms, two floats of which the second is less, histogram.
    assert_eq!(changes(by_time(&floats, &[], &w)), Some(4.0));
    assert_eq!(resets(by_time(&floats, &[], &w)), Some(4.0));
    let falling: Vec<_> = h.iter().rev().cloned().collect();
    assert_eq!(resets(minute(&times, &falling).points()), Some(1.0));
    assert_eq!(changes(std::iter::empty()), None);
}

fn any_histogram() -> impl Strategy<Value = FloatHistogram> {
    (
        proptest::collection::vec(0u8..9, 1..6),
        0u8..5,
        any::<bool>(),
    )
        .prop_map(|(buckets, zero, negative)| {
            let buckets: Vec<f64> = buckets.into_iter().map(f64::from).collect();
            let h = exponential((0.5, f64::from(zero)), &buckets);
            if negative { mirrored(h) } else { h }
        })
}

proptest! {
    #[test]
    fn the_fraction_below_a_quantile_is_phi(h in any_histogram(), phi in 0.001f64..1.0) {
        prop_assume!(h.count > 0.0);
        let quantile = histogram_quantile(phi, &h).value;
        let fraction = histogram_fraction(f64::NEG_INFINITY, quantile, &h).value;
        prop_assert!((fraction - phi).abs() < 1e-9, "{} is {fraction} of {h}", quantile);
    }

    #[test]
    fn counts_have_the_rate_of_floats(steps in proptest::collection::vec((1i64..30_000, 0u8..10, any::<bool>()), 2..12)) {
        let (mut t, mut count) = (0, 0.0);
        let (mut times, mut values) = (vec![], vec![]);
        for (gap, rise, reset) in steps {
            t += gap;
            count = if reset && gap % 5 == 0 { 0.0 } else { count } + f64::from(rise);
            times.push(t);
            values.push(count);
        }
        let histograms: Vec<_> = values.iter().map(|&v| exponential((0.0, 0.0), &[v])).collect();
        let w = HistogramWindow { times_ms: &times, histograms: &histograms, start_times_ms: &[], start_ms: -1000, end_ms: t + 5000 };
        let floats = Window { times_ms: &times, values: &values, start_ms: -1000, end_ms: t + 5000, eval_ms: 0 };
        let crate::functions::Kernel::Window(kernel) = crate::functions::lookup("rate").unwrap().kernel else { unreachable!() };
        let expected = (kernel.eval)(&floats, &[]).unwrap();
        prop_assert_eq!(rate(&w).value.unwrap().count, expected);
        prop_assert_eq!(resets(w.points()), Some(values.windows(2).filter(|p| p[1] < p[0]).count() as f64));
    }
}
