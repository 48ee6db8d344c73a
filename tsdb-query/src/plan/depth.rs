//! How deep evaluation recurses: through the tree, down for steps and up for samples.

use crate::ast::Expr;

/// Trees up to this height are evaluated on the caller's stack: a fifth of a thread's usual 2 MiB, without optimisation.
pub(crate) const SHALLOW: usize = 100;

/// Stack for each level of higher trees, four times what it takes without optimisation.
pub(crate) const STACK_BYTES_PER_LEVEL: usize = 16 << 10;

/// So many operators of a chain are evaluated through each other, and count as levels; of longer chains the results in between
/// are kept.
pub(crate) const MAX_LINKS: usize = 16;

/// Levels of evaluation of a tree.
pub(crate) fn height(expr: &Expr) -> usize {
    let below = match expr {
        Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => 0,
        Expr::Subquery(e) => height(&e.expr),
        Expr::Call(e) => e.args.iter().map(height).max().unwrap_or(0),
        Expr::Aggregate(e) => height(&e.expr).max(e.param.as_deref().map_or(0, height)),
        Expr::Binary(_) => {
            let (first, links) = expr.chain();
            let sides = links.iter().map(|link| height(&link.binary.rhs));
            sides.fold(height(first), usize::max) + links.len().min(MAX_LINKS)
        }
        Expr::Unary(e) => height(&e.expr),
        Expr::Paren(e) => height(&e.expr),
    };
    below + 1
}
