//! Queries of a few words that keep much: millions of computed samples, in windows, in operators, in results, and several times over.

use super::case::Case;
use super::case::Right::Costly;
use super::sly::form;

type Text = fn() -> String;

/// Windows and results of some millions of samples, as large as a query may have them or larger.
const SHORT: [(&str, &str); 31] = [
    ("a sum", "sum_over_time(vector(time())[8000s:1ms])"),
    (
        "a sum of fractions",
        "sum_over_time(vector(time() + 0.5)[8000s:1ms])",
    ),
    (
        "the rising maximum",
        "max_over_time(vector(-time())[8000s:1ms])",
    ),
    (
        "changes at every step",
        "changes(vector(time())[8000s:1ms])",
    ),
    (
        "resets at every step",
        "increase(vector(-time())[8000s:1ms])",
    ),
    (
        "a quantile",
        "quantile_over_time(0.5, vector(time())[5000s:1ms])",
    ),
    (
        "a median deviation",
        "mad_over_time(vector(time())[5000s:1ms])",
    ),
    (
        "a prediction",
        "predict_linear(vector(time())[5000s:1ms], 60)",
    ),
    (
        "smoothing",
        "double_exponential_smoothing(vector(time())[5000s:1ms], 0.5, 0.5)",
    ),
    (
        "what is absent",
        "absent_over_time(vector(time())[5000s:1ms])",
    ),
    (
        "in label_replace",
        "label_replace(max_over_time(vector(time())[5000s:1ms]), \"a\", \"$1\", \"b\", \"(.*)\")",
    ),
    (
        "in absent",
        "absent(max_over_time(vector(time())[5000s:1ms]))",
    ),
    (
        "of a stored sum",
        "sum_over_time(sum(metric_01)[3000s:1ms])",
    ),
    ("of a hundred series", "sum_over_time(metric_01[3000s:1ms])"),
    (
        "of a hundred rates",
        "max_over_time(rate(metric_01[5m])[1000s:1ms])",
    ),
    (
        "of labels that change",
        "max_over_time(count_values(\"v\", metric_01)[3000s:10ms])",
    ),
    (
        "of the first of every series",
        "max_over_time(topk(10, {__name__=~\"metric_.+\"})[1000s:10ms])",
    ),
    (
        "of some of every series",
        "max_over_time(limitk(10, {__name__=~\"metric_.+\"})[1000s:10ms])",
    ),
    (
        "of quantiles of every series",
        "max_over_time(quantile(0.5, {__name__=~\"metric_.+\"})[1000s:10ms])",
    ),
    (
        "of infos",
        "max_over_time(info(metric_01, {job=~\".+\"})[1000s:10ms])",
    ),
    (
        "of sorted series",
        "max_over_time(sort_by_label({__name__=~\"metric_.+\"}, \"instance\")[1000s:100ms])",
    ),
    (
        "of histograms",
        "max_over_time(histogram_quantile(0.9, {__name__=~\"metric_.+\"})[1000s:100ms])",
    ),
    (
        "of matched series",
        "max_over_time((metric_01 * on(instance) group_left() metric_01)[1000s:1ms])",
    ),
    (
        "of unmatched series",
        "max_over_time((metric_01 unless metric_02)[1000s:1ms])",
    ),
    (
        "of a window in a window",
        "max_over_time(sum_over_time(vector(time())[1000s:1ms])[1000s:1ms])",
    ),
    (
        "of windows in windows",
        "max_over_time(max_over_time(max_over_time(vector(time())[1000s:1ms])[1000s:1ms])[1000s:1ms])",
    ),
    ("as a result", "vector(time())[16000s:1ms]"),
    ("of many series as a result", "metric_01[150s:1ms]"),
    (
        "every sample, its place by its value",
        "count_values(\"v\", {__name__=~\"metric_.+\"})",
    ),
    (
        "sums of windows, added",
        "sum_over_time(vector(time())[4000s:1ms]) + sum_over_time(vector(time()+1)[4000s:1ms]) + sum_over_time(vector(time()+2)[4000s:1ms])",
    ),
    (
        "sums of windows, one or another",
        "sum_over_time(vector(time())[4000s:1ms]) or max_over_time(vector(1-time())[4000s:1ms]) or min_over_time(vector(time()-1)[4000s:1ms])",
    ),
];

/// Longer ones: what each operator keeps for its steps, however many operators there are.
const LONG: [(&str, Text); 7] = [
    ("a long sum at every step", || {
        format!(
            "max_over_time(vector({})[3000s:1ms])",
            vec!["time()"; 200].join("+")
        )
    }),
    ("a long sum of vectors at every step", || {
        let terms = vec!["vector(time())"; 200].join("+");
        format!("max_over_time(({terms})[3000s:1ms])")
    }),
    ("a long sum of series at every step", || {
        format!(
            "max_over_time(({})[1000s:1ms])",
            vec!["metric_01"; 100].join("+")
        )
    }),
    ("a long or at every step", || {
        let terms: Vec<String> = (1..40).map(|i| format!("metric_{i:02}")).collect();
        format!("max_over_time(({})[1000s:10ms])", terms.join(" or "))
    }),
    ("functions in functions at every step", || {
        let (open, close) = ("abs(".repeat(300), ")".repeat(300));
        format!("max_over_time({open}vector(time()){close}[3000s:1ms])")
    }),
    ("fifty windows at once", || {
        let windows = (0..50).map(|i| format!("sum_over_time(vector(time() + {i})[1000s:1ms])"));
        windows.collect::<Vec<_>>().join(" + ")
    }),
    ("fifty windows of series at once", || {
        let windows = (0..50).map(|i| format!("max_over_time(metric_{i:02}[1000s:1ms])"));
        windows.collect::<Vec<_>>().join(" or ")
    }),
];

/// At as many steps as a range query may have.
const STEPS: [(&str, &str); 12] = [
    ("of a thousand series", "{__name__=~\"metric_0.+\"}"),
    ("of two thousand series", "{__name__=~\"metric_[01].+\"}"),
    ("of every series", "{__name__=~\"metric_.+\"}"),
    (
        "the rate of two thousand series",
        "rate({__name__=~\"metric_[01].+\"}[1h])",
    ),
    (
        "the thousand largest",
        "topk(1000, {__name__=~\"metric_.+\"})",
    ),
    ("values as labels", "count_values(\"v\", metric_01)"),
    (
        "values as labels, all different",
        "count_values(\"v\", metric_01 + time() / 1000)",
    ),
    (
        "values as long labels",
        "label_replace(count_values(\"v\", metric_01 + time() / 1000), \"w\", \"$1$1$1$1$1$1$1$1\", \"v\", \"(.*)\")",
    ),
    (
        "infos",
        "info({__name__=~\"metric_0.+\"}, {__name__=~\"metric_1.+\"})",
    ),
    (
        "a thousand groups",
        "sum by (instance) ({__name__=~\"metric_0.+\"})",
    ),
    (
        "quantiles of a thousand groups",
        "quantile by (instance) (0.5, {__name__=~\"metric_0.+\"})",
    ),
    (
        "one or another",
        "{__name__=~\"metric_0.+\"} or {__name__=~\"metric_1.+\"}",
    ),
];

fn instant(query: &str) -> Vec<u8> {
    form("/api/v1/query", &[("query", query)])
}

/// Ten thousand steps that end now.
fn range(query: &str) -> Vec<u8> {
    let end = super::server::now_ms() / 1000;
    let (start, end) = ((end - 10_999).to_string(), end.to_string());
    let pairs = [
        ("query", query),
        ("start", &start),
        ("end", &end),
        ("step", "1"),
    ];
    form("/api/v1/query_range", &pairs)
}

pub(crate) fn cases() -> Vec<Case> {
    let short = SHORT.map(|(name, query)| {
        Case::new(format!("memory: {name}"), Costly, move || instant(query)).heavy()
    });
    let long = LONG.map(|(name, query)| {
        Case::new(format!("memory: {name}"), Costly, move || instant(&query())).heavy()
    });
    let steps = STEPS.map(|(name, query)| {
        Case::new(format!("memory: at all steps {name}"), Costly, move || {
            range(query)
        })
        .heavy()
    });
    let sums = (0..2_000)
        .map(|i| format!("time()*{i}"))
        .collect::<Vec<_>>();
    let sum = format!("{} + max_over_time(vector(1)[3h:1h])", sums.join("+"));
    let long_range = Case::new("memory: at all steps a long sum", Costly, move || {
        range(&sum)
    });
    [&short[..], &long, &steps, &[long_range.heavy()]].concat()
}
