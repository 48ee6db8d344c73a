//! The parser from outside: queries of every form, errors in Prometheus's words, printing, limits, real queries.

#![expect(clippy::unwrap_used, reason = "test code")]

pub(crate) mod arbitrary;
mod arbitrary_durations;
pub(crate) mod corpora;
mod errors;
mod forms;
mod limits;
mod printing;
mod type_errors;

use tsdb_query::ast::Expr;
use tsdb_query::parse::{ParseOptions, parse};

/// The tree of a query that must parse.
fn tree(query: &str) -> Expr {
    match parse(query, &ParseOptions::default()) {
        Ok(expr) => expr,
        Err(e) => panic!("{query}\n{e}"),
    }
}

/// The error of a query that must not parse.
fn error(query: &str) -> String {
    match parse(query, &ParseOptions::default()) {
        Ok(expr) => panic!("parses as {expr}: {query}"),
        Err(e) => e.to_string(),
    }
}

/// Prints a tree, reads it again and compares.
fn assert_prints_as_itself(expr: &Expr) {
    let printed = expr.to_string();
    let again = tree(&printed);
    assert!(again.same_as(expr), "{printed} reads otherwise");
    let pretty = expr.pretty(usize::MAX).unwrap();
    assert!(tree(&pretty).same_as(expr), "{pretty}");
}
