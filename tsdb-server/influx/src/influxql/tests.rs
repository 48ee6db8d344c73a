//! Statements through the printer and back, and anything else.

use proptest::prelude::*;

use super::ast::Expr;
use super::*;

fn one(text: &str) -> Statement {
    let mut statements = parse(text, &Params::default()).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(statements.len(), 1, "{text}");
    statements.remove(0)
}

fn fault(text: &str) -> String {
    parse(text, &Params::default()).unwrap_err().to_string()
}

const STATEMENTS: &[&str] = &[
    "SELECT mean(\"value\"), max(x) / 2 AS y FROM db.rp.\"m 1\", /re\\/x/ WHERE (a = 'b' AND time > now() - 1h) OR c =~ /d/ GROUP BY time(1m, 10s), host, * fill(previous) ORDER BY time DESC LIMIT 1 OFFSET 2 SLIMIT 3 SOFFSET 4 TZ('Europe/Berlin')",
    "SELECT * FROM (SELECT distinct(a) FROM b) WHERE x::tag != 'y' GROUP BY /t/ fill(1.5)",
    "SELECT *::field, *::tag, a::float FROM db..m",
    "SELECT a INTO b FROM c",
    "SHOW DATABASES",
    "SHOW TAG VALUES ON d FROM a, /b/ WITH KEY IN (x, \"y z\") WHERE a = 'b' LIMIT 1 OFFSET 2",
    "SHOW TAG VALUES WITH KEY !~ /x/",
    "SHOW MEASUREMENTS WITH MEASUREMENT =~ /x/ WHERE a = 'b'",
    "SHOW SERIES EXACT CARDINALITY ON d FROM a",
    "SHOW FIELD KEY CARDINALITY",
    "SHOW RETENTION POLICIES ON d",
    "CREATE DATABASE d WITH DURATION 3d REPLICATION 1 SHARD DURATION 1h NAME p",
    "CREATE RETENTION POLICY \"default\" ON d DURATION 1w REPLICATION 2 DEFAULT",
    "ALTER RETENTION POLICY p ON d DURATION 90m REPLICATION 1 SHARD DURATION 1h DEFAULT",
    "DROP RETENTION POLICY p ON d",
    "DROP SERIES FROM a WHERE b = 'c'",
    "DELETE FROM a WHERE time < 5",
    "DROP MEASUREMENT \"a b\"",
    "GRANT ALL PRIVILEGES TO u",
    "DROP USER u",
];

#[test]
fn what_is_printed_means_the_same() {
    for text in STATEMENTS {
        let statement = one(text);
        let printed = statement.to_string();
        assert_eq!(one(&printed), statement, "{printed}");
    }
}

fn leaf() -> impl Strategy<Value = Expr> {
    prop_oneof![
        "[a-zA-Z \"\\\\]{1,5}".prop_map(|name| Expr::Var { name, cast: None }),
        Just(Expr::var("select")),
        any::<i64>().prop_map(Expr::Integer),
        (-1e15..1e15).prop_map(Expr::Number),
        "[a'\n\\\\ ]{0,4}".prop_map(Expr::String),
        any::<bool>().prop_map(Expr::Boolean),
        (0..i64::MAX).prop_map(Expr::Duration),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    use super::ast::BinaryOp::{Add, And, BitXor, Div, Eq, Less, Mul, Or, Sub};
    let ops = vec![Add, Sub, Mul, Div, BitXor, Eq, Less, And, Or];
    leaf().prop_recursive(4, 32, 3, move |inner| {
        let pair = (
            prop::sample::select(ops.clone()),
            inner.clone(),
            inner.clone(),
        );
        prop_oneof![
            // Parentheses keep the tree what it is.
            pair.prop_map(|(op, lhs, rhs)| Expr::Paren(Box::new(Expr::Binary {
                op,
                lhs: Box::new(lhs),
                rhs: Box::new(rhs),
            }))),
            prop::collection::vec(inner, 0..3).prop_map(|args| Expr::Call {
                name: "f".to_owned(),
                args,
            }),
        ]
    })
}

proptest! {
    #[test]
    fn expressions_come_back(expr in expr()) {
        let text = format!("SELECT {expr} FROM m");
        let Statement::Select(select) = one(&text) else { panic!("{text}") };
        prop_assert_eq!(&select.fields[0].expr, &expr, "{}", text);
    }

    #[test]
    fn any_text_is_an_answer(text in ".{0,100}") {
        let _ = parse(&text, &Params::default());
    }

    #[test]
    fn any_words_are_an_answer(words in prop::collection::vec(
        prop::sample::select(vec![
            "SELECT", "FROM", "WHERE", "GROUP", "BY", "time", "(", ")", "*", "/", "a", "'b'", "1", "1h", "=", "=~", ",",
            "SHOW", "TAG", "VALUES", "WITH", "KEY", "IN", "LIMIT", "fill", "$p", ";", "::", "-", "\"", "AND", "DROP", "ON",
        ]),
        0..20,
    )) {
        let text = words.join(" ");
        if let Ok(statements) = parse(&text, &Params::default()) {
            for statement in statements {
                let _ = statement.to_string();
            }
        }
    }
}

#[test]
fn depth_is_bounded() {
    let deep = |open: &str, close: &str, n: usize| {
        format!("SELECT {}a{} FROM m", open.repeat(n), close.repeat(n))
    };
    assert!(fault(&deep("(", ")", 600)).contains("nests deeper"));
    assert!(fault(&deep("f(", ")", 600)).contains("nests deeper"));
    assert!(fault(&deep("a+", "", 1001)).contains("operators"));
    one(&deep("a+", "", 1000));
    one(&deep("-", "", 0));
    assert!(fault(&deep("-", "", 600)).contains("expected"));
    one(&deep("(", ")", 100));
    let many = vec!["a"; 5000].join(", ");
    one(&format!("SELECT {many} FROM m"));
    let nested = format!(
        "{}SELECT a FROM m{}",
        "SELECT a FROM (".repeat(40),
        ")".repeat(40)
    );
    assert!(fault(&nested).contains("nested subqueries"));
}

#[test]
fn sources_of_a_statement_are_bounded() {
    let sources = |n: usize| vec!["m"; n].join(", ");
    let select = format!("SELECT a FROM {}", sources(1000));
    one(&select);
    let twice = parse(&format!("{select}; {select}"), &Params::default());
    assert_eq!(twice.unwrap().len(), 2);
    let selects = ["(SELECT a FROM m)"; 501].join(", ");
    for too_many in [
        sources(1001),
        format!("(SELECT a FROM {})", sources(1000)),
        selects,
    ] {
        let fault = fault(&format!("SELECT a FROM {too_many}"));
        assert!(fault.contains("more than 1000 sources"), "{fault}");
    }
}

#[test]
fn patterns_of_a_query_are_bounded_together() {
    // Each compiles to some 5 MiB.
    let pattern = |k: usize| format!("\\p{{L}}{{60}}{k}");
    let select = |n: usize| {
        let patterns = (0..n).map(|k| format!("t =~ /{}/", pattern(k)));
        format!(
            "SELECT a FROM m WHERE {}",
            patterns.collect::<Vec<_>>().join(" OR ")
        )
    };
    one(&select(3));
    let together = fault(&select(100));
    assert!(together.contains("67108864 bytes together"), "{together}");
    let mut params = Params::default();
    params.set("p", Param::Regex(pattern(0)));
    let bound = vec!["t =~ $p"; 100].join(" OR ");
    let together = parse(&format!("SELECT a FROM m WHERE {bound}"), &params).unwrap_err();
    assert!(
        together.to_string().contains("bytes together"),
        "{together}"
    );
}

#[test]
fn a_deadline_ends_the_parsing_of_patterns() {
    let now = Some(std::time::Instant::now());
    let late = parse_until("SELECT a FROM /m/", &Params::default(), now).unwrap_err();
    assert!(late.is_late(), "{late}");
    assert!(parse_until("SELECT a FROM m", &Params::default(), now).is_ok());
}

#[test]
fn parameters_are_values() {
    let mut params = Params::default();
    params.set("h", Param::String("a'b".to_owned()));
    params.set("n", Param::Integer(-5));
    params.set("d", Param::duration("5m").unwrap());
    params.set("i", Param::Identifier("from".to_owned()));
    let text = "SELECT $i FROM m WHERE h = $h AND v > $n AND time > now() - $d";
    let statements = parse(text, &params).unwrap();
    let expected = "SELECT \"from\" FROM m WHERE h = 'a\\'b' AND v > -5 AND time > now() - 5m";
    assert_eq!(statements[0].to_string(), expected);
    assert_eq!(fault("SELECT $x FROM m"), "missing parameter: x");
}
