//! What the forms of the grammar mean, and where their parts stand.

use tsdb_query::ast::{
    AtModifier, BinaryOp, Duration, DurationExpr, Expr, MatchCardinality, RangeExtension, Span,
    ValueType,
};
use tsdb_query::functions::FUNCTIONS;
use tsdb_query::parse::{ParseOptions, parse_selector};

use super::{assert_prints_as_itself, tree};

/// The tree with every operator's operands in parentheses.
fn grouped(expr: &Expr) -> String {
    match expr {
        Expr::Binary(e) => format!("({} {} {})", grouped(&e.lhs), e.op, grouped(&e.rhs)),
        Expr::Unary(e) => format!("({}{})", e.op.as_str(), grouped(&e.expr)),
        other => other.to_string(),
    }
}

#[test]
fn operators_bind_as_they_should() {
    for (query, expected) in [
        ("a + b * c ^ d ^ e", "(a + (b * (c ^ (d ^ e))))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b % c atan2 d", "(((a / b) % c) atan2 d)"),
        ("a == b + c", "(a == (b + c))"),
        ("a or b and c unless d", "(a or ((b and c) unless d))"),
        ("a or b or c", "((a or b) or c)"),
        ("a < b >/ c </ d", "(((a < b) >/ c) </ d)"),
        ("-a ^ b", "(-(a ^ b))"),
        ("-1 ^ 2", "(-(1 ^ 2))"),
        ("-1 ^ -2", "(-(1 ^ -2))"),
        ("-a * b", "((-a) * b)"),
        ("a ^ -b * c", "((a ^ (-b)) * c)"),
        ("a * -b ^ c", "(a * (-(b ^ c)))"),
        ("- - 1", "1"),
        ("+1 + -2 * 1", "(1 + (-2 * 1))"),
        ("a offset 100 + b", "(a offset 1m40s + b)"),
        ("a offset -2 ^ b", "(a offset -2s ^ b)"),
        ("a @ 5 - b", "(a @ 5.000 - b)"),
        ("a AND b", "(a and b)"),
    ] {
        assert_eq!(grouped(&tree(query)), expected, "{query}");
    }
}

#[test]
fn keywords_are_names_too() {
    for name in [
        "sum",
        "by",
        "without",
        "offset",
        "and",
        "or",
        "unless",
        "start",
        "end",
        "step",
        "range",
        "min_of",
        "max_of",
        "anchored",
        "smoothed",
        "fill",
        "fill_left",
        "fill_right",
        "topk",
        "limit_ratio",
        "SUM",
        "a:b",
        ":",
        "_",
        "infinity",
    ] {
        for query in [
            name.to_owned(),
            format!("{name} + {name}"),
            format!("abs({name})"),
            format!("sum({name})"),
            format!("{name}{{on=\"1\",bool=\"2\",inf=\"3\"}}[5m]"),
        ] {
            assert_prints_as_itself(&tree(&query));
        }
    }
    for label in [
        "sum",
        "by",
        "bool",
        "on",
        "ignoring",
        "group_left",
        "offset",
        "and",
        "atan2",
        "start",
        "step",
        "max_of",
        "fill",
        "smoothed",
        "a:b",
        "\"without\"",
        "\"inf\"",
        "\"a b\"",
    ] {
        assert_prints_as_itself(&tree(&format!("sum by ({label}, x) (a)")));
        assert_prints_as_itself(&tree(&format!("a + on({label}) group_right(x) b")));
    }
    assert!(matches!(tree("inf"), Expr::Number(_)));
    assert!(matches!(tree("NaN"), Expr::Number(_)));
}

#[test]
fn every_function_can_be_called() {
    for function in FUNCTIONS {
        let arg = |t: &ValueType| match t {
            ValueType::Scalar => "1",
            ValueType::Vector => "{a=\"b\"}",
            ValueType::Matrix => "a[5m]",
            ValueType::String => "\"s\"",
        };
        let args: Vec<&str> = function.args.iter().map(arg).collect();
        let expr = tree(&format!("{}({})", function.name, args.join(", ")));
        assert_eq!(expr.value_type(), function.returns);
        assert_prints_as_itself(&expr);
    }
}

#[test]
fn modifiers_in_any_order() {
    for query in [
        "a[5m] anchored @ 5 offset 1m",
        "a[5m] offset 1m @ 5 anchored",
        "a[5m] @ 5 anchored offset 1m # a comment",
        "a [ 5m ] OFFSET 60 @ 5.000 ANCHORED",
    ] {
        let Expr::Matrix(matrix) = tree(query) else {
            panic!("{query}");
        };
        let modifiers = &matrix.selector.modifiers;
        assert_eq!(modifiers.at, Some(AtModifier::Timestamp(5_000)));
        assert!(matches!(modifiers.offset, Some(Duration::Literal(60_000))));
        assert_eq!(matrix.selector.extension, Some(RangeExtension::Anchored));
        assert!(matches!(matrix.range, Duration::Literal(300_000)));
    }
    let Expr::Subquery(subquery) = tree("a[1h:] @ end() offset -5m") else {
        panic!();
    };
    assert_eq!(subquery.modifiers.at, Some(AtModifier::End));
    assert!(subquery.step.is_none());
    assert!(matches!(
        subquery.modifiers.offset,
        Some(Duration::Literal(-300_000))
    ));
    let Expr::Vector(vector) = tree("a @ -1.5 offset 0s offset 5m") else {
        panic!();
    };
    assert_eq!(vector.modifiers.at, Some(AtModifier::Timestamp(-1_500)));
    assert!(matches!(
        vector.modifiers.offset,
        Some(Duration::Literal(300_000))
    ));
}

#[test]
fn durations_are_literals_or_arithmetic() {
    let range = |text: &str| match tree(&format!("a[{text}]")) {
        Expr::Matrix(matrix) => matrix.range,
        other => panic!("{other}"),
    };
    assert!(matches!(range("((5m))"), Duration::Literal(300_000)));
    assert!(matches!(range("+1.5"), Duration::Literal(1_500)));
    assert!(matches!(range("0x3c"), Duration::Literal(60_000)));
    for (text, printed) in [
        ("5m*2", "5m * 2"),
        ("-step() ^ 2", "-step() ^ 2"),
        ("+range()", "range()"),
        ("MIN_OF(step(), 5m) + 1", "min_of(step(), 5m) + 1"),
        ("-(10s-5s)+20s", "-(10s - 5s) + 20s"),
        ("1 - 2 - 3 * 4", "1 - 2 - 3 * 4"),
    ] {
        assert_eq!(range(text).to_string(), printed);
    }
    let Duration::Expr(e) = range("11s+10s-5*2^2") else {
        panic!();
    };
    assert!(matches!(
        *e,
        DurationExpr::Binary(_, _, _, Span { start: 2, end: 15 })
    ));
    // An offset that begins with a parenthesis takes all the arithmetic that follows.
    assert_eq!(tree("a offset (5m) + 5m").to_string(), "a offset (5m) + 5m");
    assert_eq!(
        tree("a offset -(5m) + 5m").to_string(),
        "a offset -(5m) + 5m"
    );
    assert!(matches!(tree("a offset (5m) + 5m"), Expr::Vector(_)));
    assert!(matches!(tree("a offset -(5m) + 5m"), Expr::Binary(_)));
}

#[test]
fn sides_match_as_written() {
    let matching = |query: &str| match tree(query) {
        Expr::Binary(binary) => binary.matching.clone(),
        other => panic!("{other}"),
    };
    let m = matching("a * on(x, y) group_left(z,) b").unwrap();
    assert!(m.on);
    assert_eq!((m.labels.len(), m.include.len()), (2, 1));
    assert_eq!(m.card, MatchCardinality::ManyToOne);
    let m = matching("a and ignoring(x) b").unwrap();
    assert_eq!(m.card, MatchCardinality::ManyToMany);
    let m = matching("a + fill_right(-1) fill_left(5m) b").unwrap();
    assert_eq!((m.fill_left, m.fill_right), (Some(300.0), Some(-1.0)));
    let m = matching("a + on() group_right fill(Inf) b").unwrap();
    assert_eq!(m.card, MatchCardinality::OneToMany);
    assert_eq!(m.fill_left, Some(f64::INFINITY));
    assert!(matching("a + 1").is_none());
    assert!(matching("1 + on() a").is_none());
}

#[test]
fn names_stand_before_or_in_the_braces() {
    let selector = |query: &str| match tree(query) {
        Expr::Vector(selector) => selector,
        other => panic!("{other}"),
    };
    let s = selector("foo{a=\"b\",}");
    assert_eq!(s.name.as_deref(), Some("foo"));
    assert_eq!(s.matchers.last().unwrap().name(), "__name__");
    let s = selector("{\"my.metric\", \"label.x\"=~'y\\'', `c`!~`\\d`}");
    assert_eq!(s.name, None);
    let matchers: Vec<_> = s
        .matchers
        .iter()
        .map(|m| (m.name(), m.op().as_str(), m.value()))
        .collect();
    assert_eq!(
        matchers,
        [
            ("__name__", "=", "my.metric"),
            ("label.x", "=~", "y'"),
            ("c", "!~", "\\d")
        ]
    );
}

#[test]
fn selectors_alone() {
    let options = ParseOptions::default();
    let names = |text: &str| -> Vec<String> {
        let matchers = parse_selector(text, &options).unwrap();
        matchers.iter().map(|m| m.name().to_owned()).collect()
    };
    assert_eq!(names("a{b=\"c\"}"), ["b", "__name__"]);
    assert_eq!(names("{b=~\".*\"}"), ["b"]);
    assert!(names("{}").is_empty());
    for (text, message) in [
        ("sum(x)", r#"1:4: parse error: unexpected "(""#),
        ("", "unknown position: parse error: unexpected end of input"),
        ("1", r#"1:1: parse error: unexpected number "1""#),
        (
            "a{",
            "1:3: parse error: unexpected end of input inside braces",
        ),
    ] {
        assert_eq!(parse_selector(text, &options).unwrap_err().message, message);
    }
}

/// Every node with the text it stands for.
fn texts<'q>(expr: &Expr, query: &'q str, out: &mut Vec<&'q str>) {
    let Span { start, end } = expr.span();
    out.push(&query[start as usize..end as usize]);
    match expr {
        Expr::Subquery(e) => texts(&e.expr, query, out),
        Expr::Call(e) => e.args.iter().for_each(|arg| texts(arg, query, out)),
        Expr::Aggregate(e) => {
            e.param.iter().for_each(|param| texts(param, query, out));
            texts(&e.expr, query, out);
        }
        Expr::Binary(e) => {
            let op = &query[e.op_span.start as usize..e.op_span.end as usize];
            assert_eq!(op, e.op.as_str());
            texts(&e.lhs, query, out);
            texts(&e.rhs, query, out);
        }
        Expr::Unary(e) => texts(&e.expr, query, out),
        Expr::Paren(e) => texts(&e.expr, query, out),
        _ => {}
    }
}

#[test]
fn nodes_know_where_they_stand() {
    let query = " topk(2, -(a{b=\"é\"} offset 5m)) + 1 ";
    let mut found = Vec::new();
    texts(&tree(query), query, &mut found);
    assert_eq!(
        found,
        [
            "topk(2, -(a{b=\"é\"} offset 5m)) + 1",
            "topk(2, -(a{b=\"é\"} offset 5m))",
            "2",
            "-(a{b=\"é\"} offset 5m)",
            "(a{b=\"é\"} offset 5m)",
            "a{b=\"é\"} offset 5m",
            "1"
        ]
    );
    let query =
        "sum(max_over_time(rate(x[5m] @ 1 smoothed)[1h : 5m] offset - 1m )) by (y) > bool - 5m";
    let mut found = Vec::new();
    texts(&tree(query), query, &mut found);
    assert_eq!(
        found,
        [
            query,
            "sum(max_over_time(rate(x[5m] @ 1 smoothed)[1h : 5m] offset - 1m )) by (y)",
            "max_over_time(rate(x[5m] @ 1 smoothed)[1h : 5m] offset - 1m )",
            "rate(x[5m] @ 1 smoothed)[1h : 5m] offset - 1m",
            "rate(x[5m] @ 1 smoothed)",
            "x[5m] @ 1 smoothed",
            "- 5m"
        ]
    );
    let Expr::Binary(binary) = tree("a == # comment\n b") else {
        panic!();
    };
    assert_eq!(binary.op, BinaryOp::Eq);
    assert_eq!(binary.op_span, Span { start: 2, end: 4 });
}
