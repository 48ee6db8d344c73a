//! Printed trees: Prometheus's form, and the same tree when read again.

use proptest::prelude::*;

use super::arbitrary::Source;
use super::{assert_prints_as_itself, tree};

#[test]
fn prints_as_prometheus_does() {
    for (query, printed) in [
        ("1e3", "1000"),
        ("0x1F", "31"),
        ("Inf", "+Inf"),
        ("-inf", "-Inf"),
        ("nan", "NaN"),
        ("1e-7", "0.0000001"),
        ("1_000.5", "1000.5"),
        ("90m", "1h30m"),
        ("-7d", "-1w"),
        ("'a\"'", r#""a\"""#),
        ("a [7d]", "a[1w]"),
        ("a[8d]", "a[8d]"),
        ("a[365d]", "a[1y]"),
        ("a[90s:1500ms]", "a[1m30s:1s500ms]"),
        ("a[1h:]", "a[1h:]"),
        ("a offset -7m", "a offset -7m"),
        ("a @ 10", "a @ 10.000"),
        ("a @ -1.5", "a @ -1.500"),
        ("a[1m] offset 5m @ start()", "a[1m] @ start() offset 5m"),
        ("a[1m] @ 5 anchored", "a[1m] anchored @ 5.000"),
        (
            "a smoothed @ end() offset 5m",
            "a @ end() smoothed offset 5m",
        ),
        ("{ c='d', b!~\"e\" }", r#"{b!~"e",c="d"}"#),
        ("a{}", "a"),
        ("{\"a.b\"}", r#"{__name__="a.b"}"#),
        ("{'a.b'=\"c\"}", r#"{"a.b"="c"}"#),
        ("a{\"b\"=\"c\"}", r#"a{b="c"}"#),
        ("SUM(A)", "sum(A)"),
        ("sum(a) by ()", "sum(a)"),
        ("sum(a) by (b,)", "sum by (b) (a)"),
        ("sum(a) without ()", "sum without () (a)"),
        (
            "topk(5, a) without (b, \"c d\")",
            "topk without (b, \"c d\") (5, a)",
        ),
        ("count_values(\"v\", a)", "count_values(\"v\", a)"),
        ("a-on()c", "a - on () c"),
        ("a - ignoring() c", "a - c"),
        ("a - on(b) group_left c", "a - on (b) group_left () c"),
        (
            "a - ignoring(b) group_right(d,e) c",
            "a - ignoring (b) group_right (d, e) c",
        ),
        ("a == bool on(b) c", "a == bool on (b) c"),
        ("a + fill(1e21) b", "a + fill (1e+21) b"),
        (
            "a + fill_right(2) fill_left(-1) b",
            "a + fill_left (-1) fill_right (2) b",
        ),
        ("a >/ (2) </ 3", "a >/ (2) </ 3"),
        ("- a + + b", "-a + +b"),
        (
            "label_replace(a,'b','$1','c','(.*)')",
            r#"label_replace(a, "b", "$1", "c", "(.*)")"#,
        ),
        ("a[(5m*2)]", "a[(5m * 2)]"),
        (
            "a[5m*-2 : max_of(step(),1)]",
            "a[5m * -2:max_of(step(), 1)]",
        ),
        ("info(a, {})", "info(a, {})"),
        ("a offset step() @ 5", "a @ 5.000 offset step()"),
        (
            "a offset (step()*2) @ 5 + 1",
            "a offset (step() * 2) @ 5.000 + 1",
        ),
    ] {
        let expr = tree(query);
        assert_eq!(expr.to_string(), printed, "{query}");
        assert_prints_as_itself(&expr);
    }
}

#[test]
fn long_queries_go_over_several_lines() {
    let short = "sum by (job) (rate(a[5m]))";
    assert_eq!(tree(short).pretty(usize::MAX).unwrap(), short);
    let query = r#"histogram_quantile(0.9, sum by (le, job) (rate(a_quite_long_metric_name_seconds_bucket{job="x"}[5m]))) > on(job) group_left() -(topk(3, another_long_metric_name{with="labels"} * 2) + avg_over_time((a_third_long_metric_name{with="labels"} - yet_another_metric_name{with="labels"})[5m:1m]))"#;
    let pretty = r#"  histogram_quantile(
    0.9,
    sum by (le, job) (rate(a_quite_long_metric_name_seconds_bucket{job="x"}[5m]))
  )
> on (job) group_left ()
  -(
      topk(3, another_long_metric_name{with="labels"} * 2)
    +
      avg_over_time(
        (a_third_long_metric_name{with="labels"} - yet_another_metric_name{with="labels"})[5m:1m]
      )
  )"#;
    assert_eq!(tree(query).pretty(usize::MAX).unwrap(), pretty);
    let long = "a".repeat(101);
    assert_eq!(tree(&long).pretty(usize::MAX).unwrap(), long);
    assert_eq!(
        tree(&format!("count_values(\"v\", {long})"))
            .pretty(usize::MAX)
            .unwrap(),
        format!("count_values(\n  \"v\",\n  {long}\n)")
    );
}

#[test]
fn sameness_sees_every_difference() {
    let queries = [
        "1",
        "1s",
        "-1",
        "NaN",
        "0",
        "-0",
        "\"a\"",
        "\"b\"",
        "a",
        "b",
        "a{b=\"c\"}",
        "a{b!=\"c\"}",
        "{__name__=\"a\"}",
        "a @ 1",
        "a @ 2",
        "a @ start()",
        "a offset 1m",
        "a offset 2m",
        "a offset step()",
        "a offset -step()",
        "a offset range()",
        "a smoothed",
        "a anchored",
        "a[1m]",
        "a[2m]",
        "a[1m:]",
        "a[1m:1m]",
        "a[1m:2m]",
        "a[1m:] @ 1",
        "a[1m+1m]",
        "a[1m+2m]",
        "a[1m-2m]",
        "a[(1m+2m)]",
        "abs(a)",
        "ceil(a)",
        "round(a, 1)",
        "round(a)",
        "sum(a)",
        "avg(a)",
        "sum by (b) (a)",
        "sum without (b) (a)",
        "topk(1, a)",
        "topk(2, a)",
        "a + b",
        "a - b",
        "a + c",
        "a == b",
        "a == bool b",
        "a + on (c) b",
        "a + ignoring (c) b",
        "a + on (c) group_left () b",
        "a + on (c) group_left (d) b",
        "a + on (c) group_right () b",
        "a + fill (1) b",
        "a + fill_left (1) b",
        "a + fill_right (1) b",
        "-a",
        "+a",
        "(a)",
    ];
    for (i, a) in queries.iter().enumerate() {
        for (j, b) in queries.iter().enumerate() {
            assert_eq!(tree(a).same_as(&tree(b)), i == j, "{a} and {b}");
        }
    }
    assert!(tree("a{b=\"c\",d=\"e\"}").same_as(&tree(" a {d='e', b='c'}")));
}

#[test]
fn powers_of_infinity_keep_their_base_over_lines() {
    let long = "a_metric_with_a_name_that_is_long".repeat(4);
    assert_prints_as_itself(&tree(&format!("Inf ^ {long}")));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn random_trees_print_as_themselves(decisions in proptest::collection::vec(any::<u16>(), 0..300)) {
        assert_prints_as_itself(&Source::new(&decisions).expr());
    }

    #[test]
    fn random_text_never_panics(text in "[ -~é\n]{0,60}") {
        let options = tsdb_query::parse::ParseOptions::default();
        if let Ok(expr) = tsdb_query::parse::parse(&text, &options) {
            assert_prints_as_itself(&expr);
        }
    }

    #[test]
    fn random_words_never_panic(words in proptest::collection::vec(
        proptest::sample::select(vec![
            "a", "b:c", "1", "5m", "0x1", "(", ")", "{", "}", "[", "]", ",", ":", "=", "=~", "!~", "!=", "==", "@", "+", "-",
            "*", "/", "%", "^", "<", ">/", "\"s\"", "'", "sum", "topk", "by", "without", "on", "ignoring", "group_left",
            "fill", "fill_left", "bool", "offset", "anchored", "start", "end", "step", "range", "min_of", "rate", "abs",
            "and", "or", "atan2", "inf", "# c\n",
        ]), 0..25), gap in any::<bool>())
    {
        let text = words.join(if gap { " " } else { "" });
        let options = tsdb_query::parse::ParseOptions::default();
        if let Ok(expr) = tsdb_query::parse::parse(&text, &options) {
            assert_prints_as_itself(&expr);
        }
    }
}
