//! What a query selects: all of it is captured before any of it is read.

use tsdb_core::Matcher;

use crate::ast::Expr;

/// The matchers of every selector of an expression.
pub(crate) fn selectors(expr: &Expr) -> Vec<&[Matcher]> {
    let mut found = Vec::new();
    collect(expr, &mut found);
    found
}

/// The parser bounds how deep a tree is.
fn collect<'a>(expr: &'a Expr, found: &mut Vec<&'a [Matcher]>) {
    match expr {
        Expr::Number(_) | Expr::String(_) => {}
        Expr::Vector(e) => add(&e.matchers, found),
        Expr::Matrix(e) => add(&e.selector.matchers, found),
        Expr::Subquery(e) => collect(&e.expr, found),
        Expr::Call(e) => e.args.iter().for_each(|arg| collect(arg, found)),
        Expr::Aggregate(e) => {
            collect(&e.expr, found);
            if let Some(param) = &e.param {
                collect(param, found);
            }
        }
        Expr::Binary(e) => {
            collect(&e.lhs, found);
            collect(&e.rhs, found);
        }
        Expr::Unary(e) => collect(&e.expr, found),
        Expr::Paren(e) => collect(&e.expr, found),
    }
}

fn add<'a>(matchers: &'a [Matcher], found: &mut Vec<&'a [Matcher]>) {
    if !found.contains(&matchers) {
        found.push(matchers);
    }
}
