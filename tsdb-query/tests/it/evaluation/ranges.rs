//! A range query is the instant query at each step: random expressions over random data.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tsdb_core::histogram::CUSTOM_BUCKETS_SCHEMA;
use tsdb_core::{CounterResetHint, FloatHistogram, Labels, STALE_NAN_BITS, Span};
use tsdb_query::{Engine, QueryOptions, QueryValue};

use crate::memory::{Data, Memory, Value as Sample};

const STEP_OF_DATA_MS: i64 = 10_000;

/// A native histogram: an empty one, a stale one, of several schemas, with custom buckets of several bounds, a gauge.
fn histogram() -> impl Strategy<Value = FloatHistogram> {
    let buckets = proptest::collection::vec(0u8..5, 0..4);
    let kind = prop_oneof![
        3 => Just((0, &[][..])),
        1 => Just((1, &[][..])),
        1 => Just((CUSTOM_BUCKETS_SCHEMA, &[1.0, 2.5, 4.0][..])),
        1 => Just((CUSTOM_BUCKETS_SCHEMA, &[1.0, 3.0, 4.0][..])),
    ];
    (kind, buckets, -2i32..3, 0u8..30).prop_map(|((schema, bounds), buckets, offset, of_20)| {
        if of_20 == 29 {
            return FloatHistogram::stale();
        }
        let buckets: Vec<f64> = buckets.into_iter().map(f64::from).collect();
        let custom = schema == CUSTOM_BUCKETS_SCHEMA;
        let mut h = FloatHistogram {
            schema,
            custom_values: bounds.into(),
            zero_count: if custom { 0.0 } else { f64::from(of_20 % 3) },
            zero_threshold: if custom { 0.0 } else { 0.001 },
            ..FloatHistogram::default()
        };
        if of_20 == 28 {
            h.counter_reset_hint = CounterResetHint::Gauge;
        }
        if !buckets.is_empty() {
            h.positive.spans.push(Span {
                offset: if custom { 0 } else { offset },
                length: buckets.len() as u32,
            });
        }
        h.count = buckets.iter().sum::<f64>() + h.zero_count;
        h.sum = h.count * 1.5;
        h.positive.buckets = buckets;
        h
    })
}

/// Samples of a series: some missing, some stale, NaN, infinite, counters that are reset; in some series histograms among them
/// or alone, which mostly grow.
fn samples() -> impl Strategy<Value = Vec<(i64, Sample)>> {
    let histograms = proptest::collection::vec(histogram(), 60);
    let share = prop_oneof![5 => Just(0u8), 2 => Just(10), 1 => 1u8..10];
    let which = proptest::collection::vec(0u8..10, 60);
    (numbers(), histograms, share, which).prop_map(|(mut samples, histograms, share, which)| {
        let mut total: Option<FloatHistogram> = None;
        for ((sample, h), which) in samples.iter_mut().zip(histograms).zip(which) {
            if which >= share {
                continue;
            }
            let grows = total.filter(|_| which != 3 && !h.is_stale());
            let mut h = h;
            if let Some(total) = grows {
                // Different kinds of buckets do not add up.
                let _ = h.add(&total);
            }
            total = (!h.is_stale()).then(|| h.clone());
            sample.1 = Sample::Histogram(Arc::new(h));
        }
        samples
    })
}

fn numbers() -> impl Strategy<Value = Vec<(i64, Sample)>> {
    let value = prop_oneof![
        8 => (0u8..40).prop_map(|v| Some(f64::from(v))),
        2 => (-5.0f64..5.0).prop_map(Some),
        3 => Just(None),
        1 => Just(Some(f64::from_bits(STALE_NAN_BITS))),
        1 => Just(Some(f64::NAN)),
        1 => prop_oneof![Just(f64::INFINITY), Just(-0.0)].prop_map(Some),
    ];
    let jitter = prop_oneof![3 => Just(0i64), 1 => 0i64..9_000];
    proptest::collection::vec((value, jitter), 0..60).prop_map(|values| {
        let mut total = 0.0;
        let mut samples = Vec::new();
        for (i, (value, jitter)) in (0..).zip(values) {
            let Some(v) = value else { continue };
            // A walk upwards that falls at times.
            total = if v == 0.0 { 0.0 } else { total + v.abs() };
            let v = if v.is_finite() && v > 0.0 { total } else { v };
            samples.push((i * STEP_OF_DATA_MS + jitter, Sample::Float(v)));
        }
        samples
    })
}

fn data() -> impl Strategy<Value = Data> {
    let labels = (
        prop_oneof![4 => Just("m"), 4 => Just("n"), 1 => Just("target_info")],
        prop_oneof![Just(""), Just("1"), Just("2")],
        prop_oneof![Just("x"), Just("y")],
        prop_oneof![Just(""), Just("0.5"), Just("2"), Just("+Inf")],
    );
    let labels = labels.prop_map(|(name, a, b, le)| {
        // What `info` goes by. Without a job in any series of a query, as in Prometheus, it goes by less.
        let (i, le) = if name == "target_info" {
            (le, "")
        } else {
            ("", le)
        };
        let job = if a.is_empty() { "0" } else { a };
        let pairs = [("__name__", name), ("a", a), ("b", b), ("le", le)];
        let more = [("instance", b), ("job", job), ("i", i)];
        Labels::from_pairs(pairs.into_iter().chain(more)).unwrap()
    });
    proptest::collection::btree_map(labels, samples(), 0..12)
}

fn pick(texts: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    proptest::sample::select(texts).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = String> {
    let matchers = pick(&[
        "m",
        "n",
        "m{a=\"1\"}",
        "{b=\"x\"}",
        "n{a!=\"\"}",
        "m{le=\"\"}",
    ]);
    let modifiers = pick(&[
        "",
        "",
        "",
        " offset 25s",
        " offset -40s",
        " @ 150",
        " @ end()",
        " smoothed",
        " smoothed offset 5s",
    ]);
    (matchers, modifiers).prop_map(|(m, modifiers)| m + &modifiers)
}

fn range() -> impl Strategy<Value = String> {
    let matchers = pick(&["m", "n", "{b=\"y\"}", "m{a=\"2\"}"]);
    let ranges = pick(&["[35s]", "[1m]", "[10s]", "[4m] offset 15s", "[2m] @ 200"]);
    (matchers, ranges).prop_map(|(m, range)| m + &range)
}

fn window() -> impl Strategy<Value = String> {
    let call = pick(&[
        "rate(#)",
        "increase(#)",
        "delta(#)",
        "irate(#)",
        "idelta(#)",
        "resets(#)",
        "changes(#)",
        "sum_over_time(#)",
        "avg_over_time(#)",
        "min_over_time(#)",
        "max_over_time(#)",
        "count_over_time(#)",
        "last_over_time(#)",
        "first_over_time(#)",
        "stddev_over_time(#)",
        "quantile_over_time(0.3, #)",
        "deriv(#)",
        "predict_linear(#, 60)",
        "absent_over_time(#)",
        "present_over_time(#)",
        "mad_over_time(#)",
        "ts_of_max_over_time(#)",
        "ts_of_last_over_time(#)",
        "double_exponential_smoothing(#, 0.4, 0.6)",
        "stdvar_over_time(#)",
        "ts_of_first_over_time(#)",
        "ts_of_min_over_time(#)",
        "histogram_quantile(0.9, rate(#))",
        "histogram_quantiles(rate(#), \"q\", 0.1, 0.5)",
    ]);
    let calls = (call, range()).prop_map(|(call, range)| call.replace('#', &range));
    prop_oneof![5 => calls, 1 => extended_window()]
}

/// Functions of ranges with samples at their bounds.
fn extended_window() -> impl Strategy<Value = String> {
    let call = pick(&[
        "rate(#)",
        "increase(#)",
        "delta(#)",
        "changes(#)",
        "resets(#)",
    ]);
    let matchers = pick(&["m", "n{b=\"x\"}"]);
    let ranges = pick(&["[35s]", "[2m] offset 15s", "[1m] @ 200"]);
    (call, matchers, ranges, any::<bool>()).prop_map(|(call, m, range, smoothed)| {
        let smoothed = smoothed && !call.starts_with("changes") && !call.starts_with("resets");
        let extension = if smoothed { "smoothed" } else { "anchored" };
        call.replace('#', &format!("{m}{range} {extension}"))
    })
}

fn vector() -> impl Strategy<Value = String> {
    let extreme = pick(&["topk", "bottomk", "limitk"]);
    let leaf = prop_oneof![
        4 => selector(),
        4 => window(),
        1 => (extreme, selector()).prop_map(|(op, s)| format!("{op}(2, {s})")),
        1 => Just("vector(time())".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        let call = pick(&[
            "abs(#)",
            "-#",
            "# + 1",
            "2 - #",
            "# > 5",
            "3 < #",
            "# == bool 2",
            "ceil(#)",
            "clamp(#, 2, scalar(n{a=\"1\"}))",
            "timestamp(#)",
            "histogram_count(#)",
            "histogram_avg(#)",
            "histogram_stddev(#)",
            "# * 2",
            "# / 4",
            "# </ 2.5",
            "# >/ 1.5",
            "sum_over_time((#)[1m:20s])",
            "hour(#)",
            "round(#, 0.3)",
            "clamp_max(#, time() / 100)",
            "sgn(#)",
            "histogram_sum(#)",
            "histogram_stdvar(#)",
            "# % 3",
            "5 / #",
            "# atan2 2",
            "# != 4",
            "info(#)",
            "info(#, {i=~\".+\"})",
            "label_replace(#, \"a\", \"same\", \"a\", \".*\")",
            "label_replace(#, \"__name__\", \"o\", \"\", \"\")",
            "limit_ratio(0.6, #)",
            "limit_ratio(-0.4, #)",
            "sort_by_label(#, \"a\", \"b\")",
            "histogram_fraction(-Inf, 2, #)",
            "min_over_time((# offset 0s)[70s:])",
            "present_over_time((#)[2m:25s] offset -20s)",
            "double_exponential_smoothing((#)[2m:10s], 0.5, 0.5)",
            "absent(#)",
            "vector(scalar(#))",
            "histogram_quantile(0.7, #)",
            "histogram_fraction(0, 1, #)",
            "label_replace(#, \"b\", \"z\", \"b\", \"x\")",
            "label_join(#, \"a\", \"-\", \"a\", \"b\")",
            "max_over_time((#)[1m:20s])",
            "rate((#)[90s:15s] offset 10s)",
            "sum_over_time((#)[1m:10s] @ 170)",
            "count_values(\"v\", #)",
            "sort(#)",
        ]);
        let aggregation = (
            pick(&[
                "sum",
                "avg",
                "min",
                "max",
                "count",
                "group",
                "stddev",
                "stdvar",
                "quantile",
                "limit_ratio",
            ]),
            pick(&[
                "",
                " by (a)",
                " by (b, le)",
                " without (a)",
                " by (__name__)",
            ]),
        );
        let operator = pick(&[
            "+", "-", "*", "/", "%", "^", "==", ">", "<= bool", "and", "or", "unless",
        ]);
        let matching = pick(&["", "on (a)", "on (b, le)", "ignoring (b)", "on ()"]);
        let fill = pick(&[
            "",
            "",
            "",
            " fill (0)",
            " fill_left (2)",
            " fill_right (NaN)",
        ]);
        let group = pick(&["", "", " group_left", " group_right", " group_left (le)"]);
        prop_oneof![
            (call, inner.clone())
                .prop_map(|(call, inner)| call.replace('#', &format!("({inner})"))),
            (aggregation, inner.clone()).prop_map(|((op, by), inner)| {
                let param = match op.as_str() {
                    "quantile" => "0.4, ",
                    "limit_ratio" => "-0.5, ",
                    _ => "",
                };
                format!("{op}{by} ({param}{inner})")
            }),
            (inner.clone(), operator, matching, group, fill, inner).prop_map(
                |(l, op, on, group, fill, r)| {
                    let set = matches!(op.as_str(), "and" | "or" | "unless");
                    let group = if set || on.is_empty() { "" } else { &group };
                    let fill = if set { "" } else { &fill };
                    format!("({l}) {op} {on}{group}{fill} ({r})")
                }
            ),
        ]
    })
}

fn expression() -> impl Strategy<Value = String> {
    prop_oneof![8 => vector(), 1 => vector().prop_map(|v| format!("scalar({v}) + time()"))]
}

type Row = BTreeMap<Labels, (f64, Option<Arc<FloatHistogram>>)>;

fn row(value: &QueryValue) -> Row {
    match value {
        QueryValue::Vector(samples) => samples
            .iter()
            .map(|s| (s.labels.clone(), (s.value, s.histogram.clone())))
            .collect(),
        QueryValue::Scalar { value, .. } => Row::from([(Labels::empty(), (*value, None))]),
        other => panic!("unexpected {other:?}"),
    }
}

fn same(a: f64, b: f64) -> bool {
    // Folds may see their terms in another order.
    a.to_bits() == b.to_bits()
        || a == b
        || (a.is_nan() && b.is_nan())
        || (a - b).abs() <= 1e-9 * (a.abs() + b.abs())
}

type Value = (f64, Option<Arc<FloatHistogram>>);

fn same_value(a: &Value, b: &Value) -> bool {
    match (&a.1, &b.1) {
        (None, None) => same(a.0, b.0),
        (Some(a), Some(b)) => same_histogram(a, b),
        _ => false,
    }
}

fn same_histogram(a: &FloatHistogram, b: &FloatHistogram) -> bool {
    let compacted = |h: &FloatHistogram| {
        let mut h = h.clone();
        h.compact(0);
        h
    };
    let (a, b) = (compacted(a), compacted(b));
    let numbers = |h: &FloatHistogram| -> Vec<f64> {
        let buckets = h.positive.buckets.iter().chain(&h.negative.buckets);
        let scalars = [h.count, h.sum, h.zero_count].into_iter();
        scalars.chain(buckets.copied()).collect()
    };
    a.schema == b.schema
        && a.custom_values == b.custom_values
        && a.positive.buckets.len() == b.positive.buckets.len()
        && numbers(&a)
            .iter()
            .zip(numbers(&b))
            .all(|(a, b)| same(*a, b))
}

/// The text of an error without the series it names: a range query meets the series of `topk` in another order.
fn without_names(e: &tsdb_query::QueryError) -> String {
    let text = e.to_string();
    text.split_once(": [")
        .map_or(text.clone(), |(before, _)| before.to_owned())
}

/// The configuration for that many cases, or for as many as the environment asks for.
fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok());
    ProptestConfig {
        // What fails is to become a script, under a name.
        failure_persistence: None,
        ..ProptestConfig::with_cases(asked.unwrap_or(cases))
    }
}

/// Whether the last bits of numbers stand in the labels of the result, and the numbers depend on the order of the terms:
/// `topk` gives its series in another order to a step alone than to a range.
fn shows_order_of_terms(expr: &str) -> bool {
    let shows_bits = expr.contains("count_values");
    let has_order = ["topk", "bottomk", "sort"].iter().any(|f| expr.contains(f));
    shows_bits && has_order
}

fn check(
    data: &Data,
    expr: &str,
    start_ms: i64,
    step_ms: i64,
    steps: &[i64],
) -> Result<(), TestCaseError> {
    if shows_order_of_terms(expr) {
        return Ok(());
    }
    let storage = Memory::new(data);
    let engine = Engine::default();
    // A lookback that is sometimes shorter than the gaps.
    let options = QueryOptions {
        lookback_ms: Some(60_000),
        ..QueryOptions::default()
    };
    let last = steps.iter().copied().max().unwrap_or(0);
    let end_ms = start_ms + last * step_ms;
    // `@ end()` is the end of the range.
    let expr = expr.replace("end()", &format!("{}", end_ms as f64 / 1000.0));
    let range = engine.range(&storage, &expr, start_ms, end_ms, step_ms, &options);
    let mut errors = Vec::new();
    for &step in steps {
        let t_ms = start_ms + step * step_ms;
        let at_step = match engine.instant(&storage, &expr, t_ms, &options) {
            Ok(result) => row(&result.value),
            Err(e) => {
                errors.push(without_names(&e));
                continue;
            }
        };
        let Ok(range) = &range else { continue };
        let QueryValue::Matrix(series) = &range.value else {
            panic!("a range query gives a matrix");
        };
        let in_range: Row = series
            .iter()
            .filter_map(|s| {
                let histogram = s.histograms.iter().find(|(t, _)| *t == t_ms);
                let value = match (s.times_ms.binary_search(&t_ms), histogram) {
                    (Ok(at), _) => (s.values[at], None),
                    (_, Some((_, h))) => (f64::NAN, Some(Arc::clone(h))),
                    _ => return None,
                };
                Some((s.labels.clone(), value))
            })
            .collect();
        let equal = at_step.len() == in_range.len()
            && at_step
                .iter()
                .zip(&in_range)
                .all(|(a, b)| a.0 == b.0 && same_value(a.1, b.1));
        prop_assert!(
            equal,
            "{expr} at {t_ms}: alone {at_step:?}, in the range {in_range:?}"
        );
    }
    match range {
        Ok(_) => prop_assert!(
            errors.is_empty(),
            "{expr}: only steps alone fail: {errors:?}"
        ),
        Err(e) => {
            let text = without_names(&e);
            // Window functions refuse two series of one label set even when they take turns.
            let of_whole_range = text == "vector cannot contain metrics with the same labelset";
            prop_assert!(
                of_whole_range || errors.contains(&text) || steps.len() < 20,
                "{expr}: {text}, {errors:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(400))]
    #[test]
    fn is_the_instant_query_at_each_step(
        data in data(),
        expr in expression(),
        start_ms in -50_000i64..200_000,
        step_ms in prop_oneof![Just(10_000i64), 1_000i64..90_000],
    ) {
        let steps: Vec<i64> = (0..25).collect();
        check(&data, &expr, start_ms, step_ms, &steps)?;
    }
}

proptest! {
    #![proptest_config(config(30))]
    #[test]
    fn is_it_in_all_tiles(
        data in data(),
        expr in expression(),
        start_ms in -1_300_000i64..0,
        step_ms in 300i64..1_500,
        some in proptest::collection::vec(0i64..2_100, 8),
    ) {
        let mut steps: Vec<i64> = vec![0, 1023, 1024, 2047, 2048, 2100];
        steps.extend(some);
        check(&data, &expr, start_ms, step_ms, &steps)?;
    }
}
