//! Which selectors are asked for no more of native histograms than their counts and sums.
//!
//! That is seen in results: whether a counter was reset is found out when such a selector is read, and histograms with buckets of
//! different kinds go together when the buckets are left out.

use std::collections::HashSet;

use crate::ast::{BinaryOp, Expr, Link, VectorSelector};
use crate::exec::Detail;

/// The selectors below `histogram_count`, `histogram_sum` or `histogram_avg` and not below anything that needs buckets, told
/// apart by where they are in memory.
pub(crate) struct Statistics(HashSet<*const VectorSelector>);

/// What is above a node.
#[derive(Clone, Copy, Default)]
struct Above {
    statistics: bool,
    buckets: bool,
}

impl Statistics {
    pub(crate) fn of(expr: &Expr) -> Self {
        let mut this = Self(HashSet::new());
        this.visit(expr, Above::default());
        this
    }

    /// What is wanted of the histograms of a selector of the tree this was made of.
    pub(crate) fn detail(&self, selector: &VectorSelector) -> Detail {
        if self.0.contains(&std::ptr::from_ref(selector)) {
            Detail::Statistics
        } else {
            Detail::Whole
        }
    }

    fn add(&mut self, selector: &VectorSelector, above: Above) {
        if above.statistics && !above.buckets {
            self.0.insert(std::ptr::from_ref(selector));
        }
    }

    fn visit(&mut self, expr: &Expr, mut above: Above) {
        match expr {
            Expr::Number(_) | Expr::String(_) => {}
            Expr::Vector(e) => self.add(e, above),
            Expr::Matrix(e) => self.add(&e.selector, above),
            Expr::Subquery(e) => {
                above.buckets = true;
                self.visit(&e.expr, above);
            }
            Expr::Call(e) => {
                match e.function.name {
                    "histogram_count" | "histogram_sum" | "histogram_avg" => {
                        above.statistics = true;
                    }
                    "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => {
                        above.buckets = true;
                    }
                    _ => {}
                }
                e.args.iter().for_each(|arg| self.visit(arg, above));
            }
            Expr::Aggregate(e) => {
                self.visit(&e.expr, above);
                if let Some(param) = &e.param {
                    self.visit(param, above);
                }
            }
            Expr::Binary(_) => {
                let (first, links) = expr.chain();
                for Link { binary, .. } in links.iter().rev() {
                    let trims = matches!(binary.op, BinaryOp::TrimLower | BinaryOp::TrimUpper);
                    above.buckets |= trims;
                    self.visit(&binary.rhs, above);
                }
                self.visit(first, above);
            }
            Expr::Unary(e) => self.visit(&e.expr, above),
            Expr::Paren(e) => self.visit(&e.expr, above),
        }
    }
}
