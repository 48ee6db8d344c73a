//! Dashboards and rules that people use, over series that they ask for.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};

use tsdb_core::{Labels, MatchOp, Matcher};
use tsdb_query::ast::Expr;
use tsdb_query::parse::{ParseOptions, parse};
use tsdb_query::{Engine, QueryOptions, QueryValue};

use crate::memory::{Data, Memory};
use crate::parsing::corpora::{dashboards, rules};

/// Labels of a series, by name.
type Wanted = BTreeMap<String, String>;

/// The matchers of every selector below an expression, but for those that `info` looks up.
fn selectors(expr: &Expr, found: &mut Vec<Vec<Matcher>>) {
    match expr {
        Expr::Vector(e) => found.push(e.matchers.clone()),
        Expr::Matrix(e) => found.push(e.selector.matchers.clone()),
        Expr::Subquery(e) => selectors(&e.expr, found),
        Expr::Call(e) => e.args.iter().for_each(|arg| selectors(arg, found)),
        Expr::Aggregate(e) => selectors(&e.expr, found),
        Expr::Binary(e) => {
            selectors(&e.lhs, found);
            selectors(&e.rhs, found);
        }
        Expr::Unary(e) => selectors(&e.expr, found),
        Expr::Paren(e) => selectors(&e.expr, found),
        _ => {}
    }
}

/// A value that a regular expression of a dashboard matches.
fn example(matcher: &Matcher) -> Option<String> {
    let pattern = matcher.value().trim_matches(['(', ')', '^', '$']);
    let mut guesses: Vec<String> = pattern.split('|').map(str::to_owned).collect();
    guesses.extend(
        pattern
            .split('|')
            .map(|p| p.replace(".*", "x").replace(".+", "x").replace("\\", "")),
    );
    guesses.extend(["x", "200", "500", "eth0", "sda1", "/x"].map(str::to_owned));
    guesses.into_iter().find(|guess| matcher.matches(guess))
}

/// A label set that the matchers match; the labels that they leave open are the same everywhere, so that series meet.
fn wanted(matchers: &[Matcher]) -> Wanted {
    let open = [
        "cluster",
        "namespace",
        "pod",
        "instance",
        "job",
        "node",
        "container",
        "service",
    ];
    let mut labels: Wanted = open.map(|name| (name.to_owned(), "x".to_owned())).into();
    for matcher in matchers {
        let value = match matcher.op() {
            MatchOp::Equal => Some(matcher.value().to_owned()),
            MatchOp::Regex => example(matcher),
            _ if matcher.matches(labels.get(matcher.name()).map_or("", |v| v)) => None,
            _ => Some("y".to_owned()),
        };
        if let Some(value) = value {
            labels.insert(matcher.name().to_owned(), value);
        }
    }
    labels
}

/// For each metric one series that the selectors ask for, with buckets where the name asks for them.
fn store(queries: &[String]) -> Memory {
    let mut series: BTreeSet<Wanted> = BTreeSet::new();
    for query in queries {
        let expr = parse(query, &ParseOptions::default()).unwrap();
        let mut found = Vec::new();
        selectors(&expr, &mut found);
        for matchers in found {
            let labels = wanted(&matchers);
            let name = labels.get("__name__").cloned().unwrap_or_default();
            if name.ends_with("_bucket") && !labels.contains_key("le") {
                for le in ["0.1", "1", "+Inf"] {
                    let mut labels = labels.clone();
                    labels.insert("le".to_owned(), le.to_owned());
                    series.insert(labels);
                }
            } else {
                series.insert(labels);
            }
        }
    }
    let mut data = Data::new();
    for (i, labels) in (0..).zip(series) {
        let labels = Labels::from_pairs(labels).unwrap();
        let samples = (0..120).map(|k: i64| (k * 30_000, ((k * (i % 7 + 1)) as f64).into()));
        data.insert(labels, samples.collect());
    }
    Memory::new(&data)
}

#[test]
fn dashboards_and_rules_evaluate() {
    let queries: Vec<String> = dashboards().into_iter().chain(rules()).collect();
    if queries.is_empty() {
        return;
    }
    let (engine, options) = (Engine::default(), QueryOptions::default());
    let mut empty = Vec::new();
    for query in &queries {
        // Each has a store of its own: what others ask for would be in its way.
        let storage = store(std::slice::from_ref(query));
        let instant = engine.instant(&storage, query, 3_500_000, &options);
        let instant = instant.unwrap_or_else(|e| panic!("{query}: {e}"));
        let range = engine.range(&storage, query, 600_000, 3_500_000, 29_000, &options);
        let range = range.unwrap_or_else(|e| panic!("{query}: {e}"));
        if let (QueryValue::Vector(v), QueryValue::Matrix(m)) = (&instant.value, &range.value)
            && v.is_empty()
            && m.is_empty()
        {
            empty.push(query.as_str());
        }
    }
    // Conditions of alerts that these series do not meet.
    assert!(
        empty.len() * 4 < queries.len(),
        "{}: {empty:#?}",
        empty.len()
    );
}
