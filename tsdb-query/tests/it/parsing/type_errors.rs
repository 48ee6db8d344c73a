//! Errors of calls, aggregations and types.

use super::errors::check;

#[test]
fn of_calls_and_aggregations() {
    check(&[
        ("foo(x)", r#"1:1: unknown function with name "foo""#),
        ("1 + START()", r#"1:5: unknown function with name "START""#),
        ("Rate(x[5m])", r#"1:1: unknown function with name "Rate""#),
        (
            "rate(x[5m],)",
            "1:11: trailing commas not allowed in function call args",
        ),
        (
            "clamp(x,,1)",
            "1:8: trailing commas not allowed in function call args",
        ),
        ("abs(,)", r#"1:5: unexpected ",""#),
        ("abs(x y)", r#"1:7: unexpected identifier "y""#),
        (
            "floor()",
            r#"1:1: expected 1 argument(s) in call to "floor", got 0"#,
        ),
        (
            "floor(a, 1)",
            r#"1:1: expected 1 argument(s) in call to "floor", got 2"#,
        ),
        (
            "hour(a, a, a)",
            r#"1:1: expected at most 1 argument(s) in call to "hour", got 3"#,
        ),
        (
            "round(x, 1, 2)",
            r#"1:1: expected at most 2 argument(s) in call to "round", got 3"#,
        ),
        (
            "label_join(a, \"b\")",
            r#"1:1: expected at least 3 argument(s) in call to "label_join", got 2"#,
        ),
        (
            "time(x)",
            r#"1:1: expected 0 argument(s) in call to "time", got 1"#,
        ),
        (
            "floor(1)",
            r#"1:7: expected type instant vector in call to function "floor", got scalar"#,
        ),
        (
            "rate(a)",
            r#"1:6: expected type range vector in call to function "rate", got instant vector"#,
        ),
        (
            "label_join(a, \"b\", \"c\", \"d\", 5)",
            r#"1:30: expected type string in call to function "label_join", got scalar"#,
        ),
        (
            "info(a, b{c=\"d\"})",
            "1:9: expected label selectors only, got vector selector instead",
        ),
        (
            "info(a, {c=\"d\"} == 1)",
            "1:9: expected label selectors only",
        ),
        (
            "info(a, 1)",
            r#"1:1: expected type instant vector in call to function "info", got scalar"#,
        ),
        (
            "info(a, {}, {})",
            r#"1:1: expected at most 2 argument(s) in call to "info", got 3"#,
        ),
        (
            "sum()",
            "1:1: no arguments for aggregate expression provided",
        ),
        (
            "sum(a, b)",
            "1:1: wrong number of arguments for aggregate expression provided, expected 1, got 2",
        ),
        (
            "topk(a)",
            "1:1: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        (
            "topk(a, b)",
            "1:6: expected type scalar in aggregation parameter, got instant vector",
        ),
        (
            "count_values(5, a)",
            "1:14: expected type string in aggregation parameter, got scalar",
        ),
        (
            "sum(a[5m])",
            "1:5: expected type instant vector in aggregation expression, got range vector",
        ),
        (
            "sum(5)",
            "1:5: expected type instant vector in aggregation expression, got scalar",
        ),
        (
            "sum by x (y)",
            r#"1:8: unexpected identifier "x" in grouping opts, expected "(""#,
        ),
        (
            "sum by (a) y",
            r#"1:12: unexpected identifier "y" in aggregation"#,
        ),
        (
            "sum without(test)",
            "1:18: unexpected end of input in aggregation",
        ),
        (
            "sum(foo bar)",
            r#"1:9: unexpected identifier "bar" in aggregation"#,
        ),
        (
            "sum(rate(a[5m]) b)",
            r#"1:17: unexpected identifier "b" in aggregation"#,
        ),
        (
            "sum(abs(a b))",
            r#"1:11: unexpected identifier "b" in aggregation"#,
        ),
        ("sum(a) b", r#"1:8: unexpected identifier "b""#),
        ("sum a by (b)", r#"1:5: unexpected identifier "a""#),
        ("sum (a) without (b) by (b)", "1:21: unexpected <by>"),
        (
            "sum(a) by (without)",
            r#"1:12: unexpected <without> in grouping opts, expected label"#,
        ),
    ]);
}

#[test]
fn of_types() {
    const OPERANDS: &str = "binary expression must contain only scalar and instant vector types";
    check(&[
        (
            "1 == 1",
            "1:3: comparisons between scalars must use BOOL modifier",
        ),
        (
            "1 and 1",
            r#"1:1: set operator "and" not allowed in binary scalar expression"#,
        ),
        (
            "a or 1",
            r#"1:1: set operator "or" not allowed in binary scalar expression"#,
        ),
        (
            "a + bool b",
            "1:3: bool modifier can only be used on comparison operators",
        ),
        (
            "a </ bool b",
            "1:3: bool modifier can only be used on comparison operators",
        ),
        (
            "a + on(b) group_left(b) c",
            r#"1:3: label "b" must not occur in ON and GROUP clause at once"#,
        ),
        (
            "a and on(b) group_left(c) d",
            r#"1:1: no grouping allowed for "and" operation"#,
        ),
        (
            "1 + on(b) c",
            "1:1: vector matching only allowed between instant vectors",
        ),
        (
            "1 + fill(0) c",
            "1:1: filling in missing series only allowed between instant vectors",
        ),
        (
            "a or fill(0) b",
            "1:1: filling in missing series not allowed for set operators",
        ),
        ("a[5m] + b", &format!("1:1: {OPERANDS}")),
        ("b + \"x\"", &format!("1:5: {OPERANDS}")),
        (
            "-\"string\"",
            r#"1:1: unary expression only allowed on expressions of type scalar or instant vector, got "string""#,
        ),
        (
            "-a[5m]",
            r#"1:1: unary expression only allowed on expressions of type scalar or instant vector, got "range vector""#,
        ),
        (
            "a[5m][5m:]",
            "1:1: subquery is only allowed on instant vector, got matrix instead",
        ),
        (
            "1[5m:]",
            "1:1: subquery is only allowed on instant vector, got scalar instead",
        ),
    ]);
}
