//! How high a tree is: evaluation recurses through it, down for steps and up for samples.

use crate::ast::Expr;

/// Trees up to this height are evaluated on the caller's stack: a fifth of a thread's usual 2 MiB, without optimisation.
pub(crate) const SHALLOW: usize = 100;

/// Stack for the highest trees that the parser lets through, with a wide margin.
pub(crate) const DEEP_STACK_BYTES: usize = 32 << 20;

/// Levels of a tree.
pub(crate) fn height(expr: &Expr) -> usize {
    let below = match expr {
        Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => 0,
        Expr::Subquery(e) => height(&e.expr),
        Expr::Call(e) => e.args.iter().map(height).max().unwrap_or(0),
        Expr::Aggregate(e) => height(&e.expr).max(e.param.as_deref().map_or(0, height)),
        Expr::Binary(e) => height(&e.lhs).max(height(&e.rhs)),
        Expr::Unary(e) => height(&e.expr),
        Expr::Paren(e) => height(&e.expr),
    };
    below + 1
}
