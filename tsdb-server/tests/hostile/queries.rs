//! PromQL and look-ups that are deep, long, large, or ask for what is not.

use super::case::Right::{Accepted, Costly, Either, Refused};
use super::case::{Case, Right, http, noise};
use super::common::http::encoded;
use super::server::now_ms;

const MIB: usize = 1 << 20;

type Text = fn() -> String;

fn form(target: &str, pairs: &[(&str, &str)]) -> Vec<u8> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    http(
        &format!("POST {target}"),
        &headers,
        encoded(pairs).as_bytes(),
    )
}

/// An instant query.
fn ask(name: &str, right: Right, query: Text) -> Case {
    Case::new(format!("query: {name}"), right, move || {
        form("/api/v1/query", &[("query", &query())])
    })
}

/// A query over an hour in steps of 15 s.
fn range(name: &str, right: Right, query: Text) -> Case {
    Case::new(format!("range: {name}"), right, move || {
        let end = now_ms() / 1000;
        let (start, end) = ((end - 3600).to_string(), end.to_string());
        form(
            "/api/v1/query_range",
            &[
                ("query", &query()),
                ("start", &start),
                ("end", &end),
                ("step", "15"),
            ],
        )
    })
}

/// Parameters as they are.
fn with(
    name: &str,
    right: Right,
    target: &'static str,
    pairs: &'static [(&'static str, &'static str)],
) -> Case {
    Case::new(format!("{target}: {name}"), right, move || {
        form(target, pairs)
    })
}

pub(crate) fn cases() -> Vec<Case> {
    [
        depth(),
        text(),
        regexes(),
        numbers(),
        over_everything(),
        growing(),
        parameters(),
        look_ups(),
    ]
    .concat()
}

fn depth() -> Vec<Case> {
    let nested = |name: &str,
                  right,
                  open: &'static str,
                  middle: &'static str,
                  close: &'static str,
                  n: usize| {
        Case::new(format!("query: {name}"), right, move || {
            let query = [&open.repeat(n), middle, &close.repeat(n)].concat();
            form("/api/v1/query", &[("query", &query)])
        })
    };
    vec![
        nested(
            "brackets, ten thousand",
            Refused(400),
            "(",
            "1",
            ")",
            10_000,
        ),
        nested(
            "brackets, two hundred thousand",
            Refused(400),
            "(",
            "1",
            ")",
            200_000,
        ),
        nested(
            "brackets that do not end",
            Refused(400),
            "(",
            "",
            "",
            500_000,
        ),
        nested(
            "minus signs, a hundred thousand",
            Refused(400),
            "-",
            "1",
            "",
            100_000,
        ),
        nested(
            "calls, twenty thousand",
            Refused(400),
            "abs(",
            "metric_01",
            ")",
            20_000,
        ),
        nested("calls, five hundred", Either, "abs(", "metric_01", ")", 500),
        nested(
            "aggregations, twenty thousand",
            Refused(400),
            "sum(",
            "metric_01",
            ")",
            20_000,
        ),
        nested(
            "subqueries in subqueries, a thousand",
            Refused(400),
            "max_over_time(",
            "metric_01",
            "[1m:1s])",
            1_000,
        ),
        nested(
            "subqueries in subqueries, fifty",
            Costly,
            "max_over_time(",
            "metric_01",
            "[1h:1s])",
            50,
        )
        .heavy(),
        nested("a sum of twenty thousand", Accepted, "1+", "1", "", 20_000),
        nested(
            "a sum of two hundred thousand",
            Refused(400),
            "1+",
            "1",
            "",
            200_000,
        ),
        nested("a power of twenty thousand", Either, "2^", "1", "", 20_000),
        nested(
            "a sum of selectors, two thousand",
            Costly,
            "metric_01+",
            "metric_01",
            "",
            2_000,
        ),
        nested(
            "or, two thousand",
            Costly,
            "metric_01 or ",
            "metric_01",
            "",
            2_000,
        ),
        nested(
            "comparisons, five thousand",
            Either,
            "1 == bool ",
            "1",
            "",
            5_000,
        ),
        nested("braces", Refused(400), "{", "", "}", 100_000),
        nested("square brackets", Either, "metric_01", "[1m]", "", 100_000),
        nested(
            "offsets, a thousand",
            Refused(400),
            "metric_01",
            "",
            " offset 1m",
            1_000,
        ),
    ]
}

fn text() -> Vec<Case> {
    vec![
        ask("nothing", Refused(400), String::new),
        ask("noise", Refused(400), || {
            String::from_utf8_lossy(&noise(13, 5_000)).into_owned()
        }),
        ask("longer than the limit", Refused(400), || {
            "1".repeat(MIB + 1)
        }),
        ask("a number of half a million digits", Either, || {
            "9".repeat(MIB / 2)
        }),
        ask("a comment of a megabyte", Refused(400), || {
            format!("#{}", "x".repeat(MIB - 2))
        }),
        ask("spaces", Refused(400), || " ".repeat(MIB - 2)),
        ask("a string of a megabyte", Either, || {
            format!("\"{}\"", "x".repeat(MIB - 10))
        }),
        ask("a string that does not end", Refused(400), || {
            format!("\"{}", "x".repeat(MIB - 10))
        }),
        ask("escapes that are none", Refused(400), || {
            "\"\\q\\xzz\\u12\\U00110000\\777\"".to_owned()
        }),
        ask("bytes that are not UTF-8 by escapes", Either, || {
            "{a=\"\\xff\\xfe\"}".to_owned()
        }),
        ask("a name of half a megabyte", Either, || "x".repeat(MIB / 2)),
        ask("a hundred thousand labels to sum by", Either, || {
            let labels: Vec<String> = (0..100_000).map(|i| format!("l{i}")).collect();
            format!("sum by ({}) (metric_01)", labels.join(","))
        }),
        ask("fifty thousand matchers", Either, || {
            let matchers: Vec<String> = (0..50_000).map(|i| format!("l{i}!=\"v\"")).collect();
            format!("metric_01{{{}}}", matchers.join(","))
        }),
        ask("ten thousand matchers of regexes", Either, || {
            let matchers: Vec<String> = (0..10_000).map(|i| format!("l{i}!~\"v.+{i}\"")).collect();
            format!("metric_01{{{}}}", matchers.join(","))
        }),
        ask("unknown functions", Refused(400), || {
            "nosuch(metric_01)".to_owned()
        }),
        ask("letters of all kinds", Refused(400), || {
            "ｍｅｔｒｉｃ \u{202e} \u{0}".to_owned()
        }),
    ]
}

fn regexes() -> Vec<Case> {
    vec![
        ask("regex that backtracks", Accepted, || {
            "{instance=~\"(h+)+(o+)+(s+)+$x\"}".to_owned()
        }),
        ask("regex that backtracks over long values", Accepted, || {
            "{instance=~\"(.*)*(.*)*(.*)*(.*)*x\"}".to_owned()
        }),
        ask("regex that explodes", Refused(400), || {
            "{a=~\"((a{1,1000}){1,1000}){1,1000}\"}".to_owned()
        }),
        ask("regex of a thousand thousands", Refused(400), || {
            "{a=~\"(.{1000}){1000}\"}".to_owned()
        }),
        ask("regex of letters of all languages", Either, || {
            "{a=~\"\\\\pL{500}\\\\pN{500}(?i:\\\\pL{100})\"}".to_owned()
        }),
        ask("regex of a hundred thousand words", Either, || {
            let words: Vec<String> = (0..100_000).map(|i| format!("w{i}")).collect();
            format!("{{instance=~\"{}\"}}", words.join("|"))
        }),
        ask("regex with brackets in brackets", Refused(400), || {
            format!("{{a=~\"{}a{}\"}}", "(".repeat(50_000), ")".repeat(50_000))
        }),
        ask("regex that is none", Refused(400), || {
            "{a=~\"(\"}".to_owned()
        }),
        ask("regexes that are large, nine hundred", Refused(400), || {
            let selectors: Vec<String> = (0..900)
                .map(|i| format!("{{a=~\"(?:[a-z]{{300}}){{30}}{i}\"}}"))
                .collect();
            selectors.join(" or ")
        }),
        ask("regexes that are large, in label_replace", Costly, || {
            let calls: Vec<String> = (0..5_000)
                .map(|i| {
                    format!(
                        "label_replace(metric_01,\"a\",\"\",\"b\",\"(?:[a-z]{{300}}){{30}}{i}\")"
                    )
                })
                .collect();
            calls.join(" or ")
        })
        .heavy(),
        ask("a thousand regexes", Costly, || {
            let selectors: Vec<String> = (0..1_000)
                .map(|i| format!("count({{instance=~\".*(h|o|s|t)+.*{i}.*\"}})"))
                .collect();
            selectors.join(" or ")
        })
        .heavy(),
        ask("regex in label_replace that explodes", Refused(422), || {
            "label_replace(metric_01, \"a\", \"$1\", \"b\", \"((a{1,1000}){1,1000}){1,1000}\")"
                .to_owned()
        }),
    ]
}

fn numbers() -> Vec<Case> {
    vec![
        ask("durations that do not fit", Refused(400), || {
            "metric_01[99999999999999999999y]".to_owned()
        }),
        ask("durations that overflow together", Refused(400), || {
            "metric_01[292277024y292277024w]".to_owned()
        }),
        ask("the longest duration", Costly, || {
            "count_over_time(metric_01[292y])".to_owned()
        }),
        ask("an offset that does not fit", Refused(400), || {
            "metric_01 offset 292277024627y".to_owned()
        }),
        ask("the longest offsets", Either, || {
            "metric_01 offset 292y or metric_01 offset -292y".to_owned()
        }),
        ask("@ 1e300", Either, || "metric_01 @ 1e300".to_owned()),
        ask("@ -1e300", Either, || "metric_01 @ -1e300".to_owned()),
        ask("@ NaN", Refused(400), || "metric_01 @ NaN".to_owned()),
        ask("@ Inf", Refused(400), || "metric_01 @ Inf".to_owned()),
        ask("@ the latest time, and an offset", Either, || {
            "rate(metric_01[5m] @ 9223372036854775.807 offset -292y)".to_owned()
        }),
        ask("subquery over a century in milliseconds", Costly, || {
            "sum_over_time(metric_01[100y:1ms])".to_owned()
        }),
        ask("count_values of nothing over centuries", Costly, || {
            "max_over_time(count_values(\"x\", nosuch)[292y:1ms])".to_owned()
        }),
        ask("info of nothing over centuries", Costly, || {
            "max_over_time(info(nosuch)[292y:1ms])".to_owned()
        }),
        ask("subquery over a year in seconds", Costly, || {
            "sum_over_time(sum(metric_01)[1y:1s])".to_owned()
        }),
        ask("subquery of no step", Refused(400), || {
            "metric_01[1h:0s]".to_owned()
        }),
        ask("subquery of a nanosecond's step", Refused(400), || {
            "metric_01[1h:1ns]".to_owned()
        }),
        ask("numbers that do not fit", Either, || {
            "1e999999 + 0xffffffffffffffffffff".to_owned()
        }),
        ask("topk of 1e300", Either, || {
            "topk(1e300, metric_01)".to_owned()
        }),
        ask("topk below zero", Accepted, || {
            "topk(-1e300, metric_01)".to_owned()
        }),
        ask("topk of NaN", Either, || "topk(NaN, metric_01)".to_owned()),
        ask("topk of 2^63", Either, || {
            "topk(9223372036854775808, metric_01)".to_owned()
        }),
        ask("bottomk of everything", Costly, || {
            "bottomk(4294967296, {__name__=~\".+\"})".to_owned()
        }),
        ask("limitk of 2^63", Either, || {
            "limitk(9223372036854775807, metric_01)".to_owned()
        }),
        ask("limit_ratio of 1e300", Either, || {
            "limit_ratio(1e300, metric_01)".to_owned()
        }),
        ask("quantile of NaN", Accepted, || {
            "quantile(NaN, metric_01)".to_owned()
        }),
        ask("round to 1e-320", Accepted, || {
            "round(metric_01, 1e-320)".to_owned()
        }),
        ask("clamp the wrong way", Accepted, || {
            "clamp(metric_01, 1e300, -1e300)".to_owned()
        }),
        ask("predict_linear of 1e300", Accepted, || {
            "predict_linear(metric_01[5m], 1e300)".to_owned()
        }),
        ask("days of NaN", Accepted, || {
            "days_in_month(vector(NaN)) or year(vector(1e300)) or hour(vector(-1e300))".to_owned()
        }),
        ask("round, atan2, modulo of extremes", Accepted, || {
            "1e308 % 1e-308 + (-1e308) atan2 0 + 5 % 0".to_owned()
        }),
    ]
}

fn over_everything() -> Vec<Case> {
    vec![
        ask("every series", Costly, || "{__name__=~\".+\"}".to_owned()),
        ask("every sample", Costly, || {
            "{__name__=~\".+\"}[1d]".to_owned()
        }),
        range("every series", Costly, || "{__name__=~\".+\"}".to_owned()),
        range("rate of every series", Costly, || {
            "rate({__name__=~\".+\"}[1h])".to_owned()
        }),
        range("quantile over time of every series", Costly, || {
            "quantile_over_time(0.5, {__name__=~\".+\"}[1h])".to_owned()
        }),
        range("all functions over every series", Costly, || {
            let functions = [
                "stddev", "mad", "present", "last", "min", "max", "avg", "sum", "stdvar", "count",
            ];
            let calls =
                functions.map(|f| format!("count({f}_over_time({{__name__=~\".+\"}}[1h]))"));
            calls.join(" + ")
        })
        .heavy(),
        range("sums of windows of fifteen million", Costly, || {
            "sum_over_time(vector(time() + 0.5)[15000s:1ms])".to_owned()
        })
        .heavy(),
        range("count_values of every series", Costly, || {
            "count_values(\"value\", {__name__=~\".+\"})".to_owned()
        }),
        range("sort of every series", Costly, || {
            "sort_by_label({__name__=~\".+\"}, \"instance\")".to_owned()
        }),
        range("histogram_quantile of every series", Costly, || {
            "histogram_quantile(0.9, {__name__=~\".+\"})".to_owned()
        }),
        range("topk of every series", Costly, || {
            "topk(1000, {__name__=~\".+\"})".to_owned()
        }),
        range("quantile of every series", Costly, || {
            "quantile(0.5, {__name__=~\".+\"})".to_owned()
        }),
        range("every series many times", Costly, || {
            let terms: Vec<String> = (0..100)
                .map(|i| format!("count({{__name__=~\".+\",x{i}=\"\"}})"))
                .collect();
            terms.join(" + ")
        })
        .heavy(),
        ask("subquery over every series in seconds", Costly, || {
            "max_over_time({__name__=~\".+\"}[1h:1s])".to_owned()
        })
        .heavy(),
        ask("subqueries over every series", Costly, || {
            "max_over_time(rate({__name__=~\".+\"}[1h])[1h:1s])".to_owned()
        })
        .heavy(),
        ask("absent of every series", Costly, || {
            "absent_over_time({__name__=~\".+\"}[1d])".to_owned()
        }),
        range("Holt-Winters of every series", Costly, || {
            "double_exponential_smoothing({__name__=~\".+\"}[1h], 0.5, 0.5)".to_owned()
        }),
        ask("slow standard deviation", Costly, || {
            "stddev_over_time(vector(time())[10d:1s])".to_owned()
        })
        .heavy(),
        Case::new("range: slow windows at ten thousand steps", Costly, || {
            let query = "stddev_over_time(vector(time())[10d:1s])";
            form(
                "/api/v1/query_range",
                &[
                    ("query", query),
                    ("start", "1700000000"),
                    ("end", "1700010000"),
                    ("step", "1"),
                ],
            )
        }),
    ]
}

/// What makes more of what it has: pairs of series, long labels.
fn growing() -> Vec<Case> {
    vec![
        ask("group_left of everything with everything", Either, || {
            "{__name__=~\"metric_.+\"} * on() group_left() {__name__=~\"metric_.+\"}".to_owned()
        }),
        ask("group_left of everything by job", Either, || {
            "{__name__=~\"metric_.+\"} * on(job) group_left(instance) {__name__=~\"metric_.+\"}"
                .to_owned()
        }),
        range("one with many", Costly, || {
            "{__name__=~\"metric_.+\"} * on(instance) group_left(le) label_replace({__name__=~\"metric_.+\"}, \"x\", \"y\", \"\", \"\")".to_owned()
        }),
        ask("labels doubled thirty times", Either, || {
            let begun =
                "label_replace(vector(1), \"a\", \"xxxxxxxxxxxxxxxx\", \"\", \"\")".to_owned();
            (0..30).fold(begun, |inner, _| {
                format!("label_replace({inner}, \"a\", \"$1$1\", \"a\", \"(.*)\")")
            })
        }),
        ask("labels joined thirty times", Either, || {
            let begun =
                "label_replace(vector(1), \"a\", \"xxxxxxxxxxxxxxxx\", \"\", \"\")".to_owned();
            (0..30).fold(begun, |inner, _| {
                format!("label_join({inner}, \"a\", \"\", \"a\", \"a\", \"a\", \"a\")")
            })
        }),
        ask("labels doubled of every series", Either, || {
            (0..12).fold("{__name__=~\".+\"}".to_owned(), |inner, _| {
                format!("label_replace({inner}, \"instance\", \"$1$1\", \"instance\", \"(.*)\")")
            })
        }),
        ask("a label of every part", Either, || {
            format!(
                "label_replace({{__name__=~\".+\"}}, \"a\", \"{}\", \"instance\", \"(.*)\")",
                "$1".repeat(50_000)
            )
        }),
        ask("label_join of ten thousand", Either, || {
            format!(
                "label_join(metric_01, \"a\", \"{}\"{})",
                "x".repeat(1_000),
                ", \"instance\"".repeat(10_000)
            )
        }),
        ask("count_values into a long label", Either, || {
            format!("count_values(\"{}\", metric_01)", "x".repeat(100_000))
        }),
        ask("a vector of steps", Costly, || {
            "vector(time())[1y:1s]".to_owned()
        }),
        ask("union of everything, a hundred times", Costly, || {
            "{__name__=~\".+\"}".to_owned() + &" or {__name__=~\".+\"}".repeat(100)
        })
        .heavy(),
    ]
}

fn parameters() -> Vec<Case> {
    const ONE: (&str, &str) = ("query", "1");
    const RANGE: &str = "/api/v1/query_range";
    vec![
        with(
            "step of 1 ms over all time",
            Refused(400),
            RANGE,
            &[ONE, ("start", "0"), ("end", "1e10"), ("step", "0.001")],
        ),
        with(
            "step of 1e-300",
            Refused(400),
            RANGE,
            &[ONE, ("start", "0"), ("end", "1"), ("step", "1e-300")],
        ),
        with(
            "step of 0",
            Refused(400),
            RANGE,
            &[ONE, ("start", "0"), ("end", "1"), ("step", "0")],
        ),
        with(
            "step below zero",
            Refused(400),
            RANGE,
            &[ONE, ("start", "0"), ("end", "1"), ("step", "-1")],
        ),
        with(
            "step that is no number",
            Refused(400),
            RANGE,
            &[ONE, ("start", "0"), ("end", "1"), ("step", "NaN")],
        ),
        with(
            "step without end",
            Refused(400),
            RANGE,
            &[ONE, ("start", "0"), ("end", "1"), ("step", "Inf")],
        ),
        with(
            "from the earliest to the latest",
            Either,
            RANGE,
            &[ONE, ("start", "-1e300"), ("end", "1e300"), ("step", "9e9")],
        ),
        with(
            "the end before the start",
            Refused(400),
            RANGE,
            &[ONE, ("start", "2"), ("end", "1"), ("step", "1")],
        ),
        with(
            "step in years",
            Either,
            RANGE,
            &[ONE, ("start", "0"), ("end", "1e9"), ("step", "292y")],
        ),
        with(
            "time of 1e300",
            Either,
            "/api/v1/query",
            &[("query", "metric_01"), ("time", "1e300")],
        ),
        with(
            "time of -1e300",
            Either,
            "/api/v1/query",
            &[
                ("query", "rate(metric_01[5m] offset 1y)"),
                ("time", "-1e300"),
            ],
        ),
        with(
            "time that is no number",
            Refused(400),
            "/api/v1/query",
            &[ONE, ("time", "NaN")],
        ),
        with(
            "a year of six digits",
            Refused(400),
            "/api/v1/query",
            &[ONE, ("time", "999999-01-01T00:00:00Z")],
        ),
        with(
            "timeout below zero",
            Costly,
            "/api/v1/query",
            &[ONE, ("timeout", "-1")],
        ),
        with(
            "timeout of 1e300",
            Either,
            "/api/v1/query",
            &[ONE, ("timeout", "1e300")],
        ),
        with(
            "timeout of a nanosecond",
            Costly,
            "/api/v1/query",
            &[("query", "metric_01"), ("timeout", "1e-9")],
        ),
        with(
            "lookback of all time",
            Costly,
            "/api/v1/query",
            &[("query", "metric_01"), ("lookback_delta", "292y")],
        ),
        with(
            "limit below zero",
            Refused(400),
            "/api/v1/query",
            &[ONE, ("limit", "-1")],
        ),
        with(
            "limit that does not fit",
            Refused(400),
            "/api/v1/query",
            &[ONE, ("limit", "99999999999999999999")],
        ),
        with(
            "everything explained",
            Costly,
            "/api/v1/query",
            &[
                ("query", "{__name__=~\".+\"}"),
                ("stats", "all"),
                ("explain", "true"),
            ],
        ),
    ]
}

fn look_ups() -> Vec<Case> {
    let many = |name: &str, right, target: &'static str, part: &'static str, n: usize| {
        Case::new(format!("{target}: {name}"), right, move || {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            http(
                &format!("POST {target}"),
                &headers,
                part.repeat(n).as_bytes(),
            )
        })
    };
    let get = |name: &str, right, target: &'static str| {
        Case::new(format!("GET: {name}"), right, move || {
            http(&format!("GET {target}"), &[], &[])
        })
    };
    let deep = |target: &'static str| {
        Case::new(format!("{target}: deep"), Refused(400), move || {
            form(target, &[("query", &"(".repeat(200_000))])
        })
    };
    vec![
        many(
            "twenty thousand selectors",
            Refused(400),
            "/api/v1/series",
            "match[]=up&",
            20_000,
        ),
        many(
            "everything, nine thousand times",
            Costly,
            "/api/v1/series",
            "match[]={__name__=~\".%2B\"}&",
            9_000,
        )
        .heavy(),
        many(
            "everything, five hundred times",
            Costly,
            "/api/v1/series",
            "match[]={__name__=~\".%2B\"}&",
            500,
        )
        .heavy(),
        many(
            "regexes, five thousand times",
            Costly,
            "/api/v1/labels",
            "match[]={instance=~\".*(h|o|s|t)%2B.*7\"}&",
            5_000,
        )
        .heavy(),
        with("no selector", Refused(400), "/api/v1/series", &[]),
        with(
            "a selector of nothing",
            Refused(400),
            "/api/v1/series",
            &[("match[]", "{}")],
        ),
        with(
            "a selector that matches all",
            Refused(400),
            "/api/v1/series",
            &[("match[]", "{a=~\".*\"}")],
        ),
        with(
            "times of 1e300",
            Either,
            "/api/v1/series",
            &[("match[]", "up"), ("start", "-1e300"), ("end", "1e300")],
        ),
        with(
            "an exploding regex",
            Refused(400),
            "/api/v1/labels",
            &[("match[]", "{a=~\"((a{1,1000}){1,1000}){1,1000}\"}")],
        ),
        get(
            "values of a label with NUL",
            Either,
            "/api/v1/label/%00/values",
        ),
        get(
            "values of a label that is no text",
            Refused(0),
            "/api/v1/label/%ff%fe/values",
        ),
        get(
            "values of every label",
            Either,
            "/api/v1/label/__name__/values?match[]=%7B__name__=~%22.%2B%22%7D",
        ),
        deep("/api/v1/format_query"),
        deep("/api/v1/parse_query"),
        deep("/api/v1/query_exemplars"),
        Case::new("format: that grows", Either, || {
            let query = "sum(a) by (b) + ".repeat(60_000) + "1";
            form("/api/v1/format_query", &[("query", &query)])
        }),
        Case::new("parse: long", Either, || {
            form(
                "/api/v1/parse_query",
                &[("query", &("1+".repeat(90_000) + "1"))],
            )
        }),
        with(
            "exemplars of everything",
            Costly,
            "/api/v1/query_exemplars",
            &[
                ("query", "{__name__=~\".+\"}"),
                ("start", "-1e300"),
                ("end", "1e300"),
            ],
        ),
        get(
            "federate everything",
            Costly,
            "/federate?match[]=%7B__name__=~%22.%2B%22%7D",
        ),
        get(
            "federate everything, many times",
            Costly,
            "/federate?match[]=%7B__name__=~%22.%2B%22%7D&match[]=%7Bjob=~%22.%2B%22%7D&match[]=%7Ble=~%22.%2B%22%7D",
        ),
        get(
            "export everything",
            Costly,
            "/api/v1/export?match[]=%7B__name__=~%22.%2B%22%7D",
        ),
        get(
            "export everything as CSV",
            Either,
            "/api/v1/export/csv?match[]=%7B__name__=~%22.%2B%22%7D&format=__name__,__value__,__timestamp__:rfc3339",
        ),
        get(
            "metadata without limits",
            Either,
            "/api/v1/metadata?limit=-1&limit_per_metric=99999999999999999999",
        ),
    ]
}
