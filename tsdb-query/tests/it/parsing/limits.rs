//! What would exhaust memory or stack ends in an error instead.

use std::time::Duration;

use tsdb_query::parse::{ParseOptions, parse};

use super::error;
use crate::work::Work;

const TOO_DEEP: &str = "expression is nested more than 512 levels deep";

/// Runs on a stack smaller than the usual 2 MiB of a thread.
fn on_a_small_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(1_536 << 10)
        .spawn(test)
        .unwrap()
        .join()
        .unwrap();
}

fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    open.repeat(times) + inner + &close.repeat(times)
}

fn range(range: &str) -> String {
    format!("a[{range}]")
}

/// Every way to nest, `times` deep.
fn nests(times: usize) -> Vec<String> {
    vec![
        nested("(", "1", ")", times),
        nested("abs(", "a", ")", times),
        nested("sum by (x) (", "a", ")", times),
        nested("topk(1, ", "a", ")", times),
        nested("sum(a) or (", "a", ")", times / 2),
        "-".repeat(times) + "a",
        "1 ^ ".repeat(times) + "1",
        nested("max_over_time((", "a", ")[5m:])", times / 3),
        range(&nested("(", "1", ")", times)),
        range(&nested("min_of(1, ", "1", ")", times)),
        range(&("-".repeat(times) + "step()")),
        range(&("1 + ".repeat(times) + "1")),
        range(&("1 ^ ".repeat(times) + "1")),
        "a offset ".to_owned() + &nested("(", "1", ")", times),
    ]
}

#[test]
fn trees_up_to_the_limit_can_be_walked() {
    on_a_small_stack(|| {
        for query in nests(500) {
            let expr = super::tree(&query);
            super::assert_prints_as_itself(&expr);
            drop(expr.clone());
        }
    });
}

/// Chains of operators, `times` long.
fn chains(times: usize) -> Vec<String> {
    vec![
        "1 + ".repeat(times) + "1",
        "1 + ".repeat(times) + "a * 2",
        "a or ".repeat(times) + "a",
        "-a - ".repeat(times) + "sum(a)",
        "a > bool on (b) group_left (c) ".repeat(times) + "(a)",
        "sum(".to_owned() + &"a / ".repeat(times) + "a)",
    ]
}

#[test]
fn chains_of_operators_are_no_nesting() {
    on_a_small_stack(|| {
        for query in chains(4_000) {
            let start = Work::begin();
            let expr = super::tree(&query);
            let copy = expr.clone();
            assert!(super::tree(&expr.to_string()).same_as(&copy));
            assert!(expr.pretty(1 << 20).is_none(), "indentation adds up");
            assert!(format!("{expr:?}").len() > query.len() / 2);
            drop(expr);
            assert!(start.elapsed() < Duration::from_secs(5), "{}", &query[..20]);
        }
        for query in chains(60) {
            super::assert_prints_as_itself(&super::tree(&query));
        }
        for query in chains(100_000) {
            let message = error(&query);
            assert!(
                message.ends_with(" has more than 100000 operands")
                    || message.contains("longer than"),
                "{message}"
            );
        }
    });
}

#[test]
fn trees_beyond_the_limit_are_refused_at_once() {
    on_a_small_stack(|| {
        for query in nests(20_000) {
            let start = Work::begin();
            let message = error(&query);
            assert!(message.ends_with(TOO_DEEP), "{message}");
            assert!(start.elapsed() < Duration::from_secs(1), "{}", &query[..20]);
        }
        assert!(error(&"(".repeat(200_000)).ends_with(TOO_DEEP));
        assert!(error(&("a".to_owned() + &"[5m:]".repeat(20_000))).ends_with(TOO_DEEP));
    });
}

#[test]
fn patterns_are_compiled_once_and_are_not_too_many() {
    let start = Work::begin();
    super::tree(&("a{b=~\"c.*d\"} + ".repeat(20_000) + "a"));
    assert!(start.elapsed() < Duration::from_secs(5));
    let different: Vec<_> = (0..1_001).map(|i| format!("a{{b=~\"c.*{i}\"}}")).collect();
    super::tree(&different[..20].join(" or "));
    let message = error(&different.join(" or "));
    assert!(message.ends_with("expression has more than 1000 different regular expressions"));
}

#[test]
fn long_lists_are_read_in_no_time() {
    let labels = |prefix: &str| {
        let labels: Vec<String> = (0..50_000).map(|i| format!("{prefix}{i}")).collect();
        labels.join(",")
    };
    let mut options = ParseOptions::default();
    options.max_len = 4 << 20;
    let start = Work::begin();
    let query = format!("a + on({}) group_left({}) b", labels("x"), labels("y"));
    assert!(parse(&query, &options).is_ok());
    let query = format!("{{{}=\"z\"}}", labels("x").replace(',', "=\"z\","));
    assert!(parse(&query, &options).is_ok());
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn the_limits_can_be_set() {
    let mut options = ParseOptions::default();
    options.max_depth = 3;
    options.max_len = 20;
    options.max_operands = 5;
    assert!(parse("1 + 1 + 1 + 1 + 1", &options).is_ok());
    let e = parse("1 ^ 1 ^ 1 ^ 1", &options).unwrap_err();
    assert_eq!(
        e.message,
        "1:13: parse error: expression is nested more than 3 levels deep"
    );
    let e = parse("1+1+1+1+1+1", &options).unwrap_err();
    assert_eq!(
        e.message,
        "1:11: parse error: expression has more than 5 operands"
    );
    let e = parse("sum(a_long_name_of_a_metric)", &options).unwrap_err();
    assert_eq!(
        e.message,
        "1:1: parse error: query of 28 bytes is longer than the 20 allowed"
    );
}

#[test]
fn experimental_syntax_can_be_turned_off() {
    let mut options = ParseOptions::default();
    options.experimental = false;
    for (query, message) in [
        (
            "limitk(1, a)",
            "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        (
            "sum(mad_over_time(a[5m]))",
            r#"1:5: parse error: function "mad_over_time" is not enabled"#,
        ),
        (
            "1 + step()",
            r#"1:5: parse error: function "step" is not enabled"#,
        ),
        (
            "rate(a[5m] anchored)",
            "1:6: parse error: anchored modifier is experimental and not enabled",
        ),
        (
            "a smoothed",
            "1:1: parse error: smoothed modifier is experimental and not enabled",
        ),
        (
            "a + fill(0) b",
            "1:1: parse error: binop fill modifiers are experimental and not enabled",
        ),
    ] {
        assert_eq!(parse(query, &options).unwrap_err().message, message);
        assert!(parse(query, &ParseOptions::default()).is_ok());
    }
    // Stable since 3.14.
    assert!(parse("rate(a[5m + step()])", &options).is_ok());
    assert!(parse("fill + anchored", &options).is_ok());
}
