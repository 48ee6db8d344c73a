//! Which labels of a selector's series are looked at: an aggregation right above it needs those that make its groups and no others, which
//! are much work to find for many series.

use std::collections::HashMap;

use tsdb_core::METRIC_NAME;

use super::build::strip;
use crate::ast::{Aggregate, AggregateOp, Expr, Link, VectorSelector};

/// The names of the labels, by where the selectors are in memory. Of those that are not in it all labels are looked at.
pub(crate) struct LookedAt(HashMap<*const VectorSelector, Vec<String>>);

impl LookedAt {
    pub(crate) fn of(expr: &Expr) -> Self {
        let mut this = Self(HashMap::new());
        this.visit(expr);
        this
    }

    /// The labels of a selector of the tree this was made of; `None` for all.
    pub(crate) fn labels(&self, selector: &VectorSelector) -> Option<&[String]> {
        let labels = self.0.get(&std::ptr::from_ref(selector));
        labels.map(Vec::as_slice)
    }

    fn add(&mut self, e: &Aggregate) {
        let folds = !matches!(
            e.op,
            AggregateOp::Topk
                | AggregateOp::Bottomk
                | AggregateOp::Limitk
                | AggregateOp::LimitRatio
                | AggregateOp::CountValues
        );
        if let Expr::Vector(selector) = strip(&e.expr)
            && folds
            && !e.grouping.without
            && selector.extension.is_none()
        {
            let mut labels = e.grouping.labels.clone();
            // Remarks name the metric.
            labels.push(METRIC_NAME.to_owned());
            self.0.insert(selector, labels);
        }
    }

    fn visit(&mut self, expr: &Expr) {
        match expr {
            Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => {}
            Expr::Subquery(e) => self.visit(&e.expr),
            Expr::Call(e) => e.args.iter().for_each(|arg| self.visit(arg)),
            Expr::Aggregate(e) => {
                self.add(e);
                self.visit(&e.expr);
                if let Some(param) = &e.param {
                    self.visit(param);
                }
            }
            Expr::Binary(_) => {
                let (first, links) = expr.chain();
                self.visit(first);
                for Link { binary, .. } in links {
                    self.visit(&binary.rhs);
                }
            }
            Expr::Unary(e) => self.visit(&e.expr),
            Expr::Paren(e) => self.visit(&e.expr),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::{ParseOptions, parse};

    /// The labels looked at of the selector in the aggregation that is all of a query.
    fn labels(query: &str) -> Option<Vec<String>> {
        let expr = parse(query, &ParseOptions::default()).unwrap();
        let looked_at = LookedAt::of(&expr);
        let labels = looked_at.0.into_values().next();
        labels.map(|mut labels| {
            labels.sort();
            labels
        })
    }

    #[test]
    fn groups_are_made_of_few_labels() {
        for (query, expected) in [
            ("count(m)", vec!["__name__"]),
            ("sum by (b, a) ((m))", vec!["__name__", "a", "b"]),
            ("quantile by (a) (0.5, m offset 5m)", vec!["__name__", "a"]),
            (
                "1 + max(rate(m[1m])) / min by (x) (m)",
                vec!["__name__", "x"],
            ),
        ] {
            assert_eq!(labels(query).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn all_labels_are_looked_at_elsewhere() {
        for query in [
            "m",
            "sum without (a) (m)",
            "topk by (a) (3, m)",
            "sum by (a) (rate(m[1m]))",
            "sum by (a) (-m)",
            r#"count_values by (a) ("b", m)"#,
        ] {
            assert_eq!(labels(query), None, "{query}");
        }
    }
}
