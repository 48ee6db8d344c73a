//! What a query selects: all of it is captured before any of it is read.

use std::collections::HashSet;

use tsdb_core::{MatchOp, Matcher};

use crate::ast::Expr;

/// The matchers of every selector of an expression, each once.
pub(crate) fn selectors(expr: &Expr) -> Vec<&[Matcher]> {
    let mut found = Vec::new();
    collect(expr, &mut found);
    let mut seen = HashSet::new();
    found.retain(|matchers| seen.insert(MatcherKey::of(matchers)));
    found
}

/// What tells lists of matchers apart.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MatcherKey(Vec<(String, MatchOp, String)>);

impl MatcherKey {
    pub(super) fn of(matchers: &[Matcher]) -> Self {
        let key = |m: &Matcher| (m.name().to_owned(), m.op(), m.value().to_owned());
        Self(matchers.iter().map(key).collect())
    }
}

/// The parser bounds how deep a tree is.
fn collect<'a>(expr: &'a Expr, found: &mut Vec<&'a [Matcher]>) {
    match expr {
        Expr::Number(_) | Expr::String(_) => {}
        Expr::Vector(e) => found.push(&e.matchers),
        Expr::Matrix(e) => found.push(&e.selector.matchers),
        Expr::Subquery(e) => collect(&e.expr, found),
        Expr::Call(e) => e.args.iter().for_each(|arg| collect(arg, found)),
        Expr::Aggregate(e) => {
            collect(&e.expr, found);
            if let Some(param) = &e.param {
                collect(param, found);
            }
        }
        Expr::Binary(_) => {
            let (first, links) = expr.chain();
            collect(first, found);
            links.iter().for_each(|l| collect(&l.binary.rhs, found));
        }
        Expr::Unary(e) => collect(&e.expr, found),
        Expr::Paren(e) => collect(&e.expr, found),
    }
}
