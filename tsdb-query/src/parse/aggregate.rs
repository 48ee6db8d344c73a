//! Aggregations: `sum by (…) (expr)`, `topk(3, expr) without (…)`.

use super::error::{Result, fail};
use super::parser::{Parser, Tree};
use super::token::{Keyword, Kind, Token};
use crate::ast::{Aggregate, AggregateOp, Expr, Grouping};

/// `by` or `without`.
pub(super) fn is_modifier(kind: Kind) -> bool {
    matches!(kind, Kind::Keyword(Keyword::By | Keyword::Without))
}

impl Parser<'_> {
    /// An aggregation whose operator was taken.
    pub(super) fn aggregate(&mut self, name: Token<'_>, op: AggregateOp) -> Result<Tree> {
        self.open_aggregations += 1;
        let mut grouping = None;
        if is_modifier(self.token.kind) {
            grouping = Some(self.grouping()?);
        }
        let args = self.args()?;
        if grouping.is_none() && is_modifier(self.token.kind) {
            grouping = Some(self.grouping()?);
        }
        self.open_aggregations -= 1;
        self.aggregate_of(name, op, grouping.unwrap_or_default(), args)
    }

    fn aggregate_of(
        &self,
        name: Token<'_>,
        op: AggregateOp,
        grouping: Grouping,
        args: Vec<Tree>,
    ) -> Result<Tree> {
        let span = self.span_from(name.span.start);
        let count = args.len();
        if count == 0 {
            return fail(span, "no arguments for aggregate expression provided");
        }
        if op.is_experimental() && !self.options.experimental {
            return fail(
                span,
                format!(
                    "{op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
                ),
            );
        }
        let height = args.iter().map(|arg| arg.height).max().unwrap_or(0);
        let mut args = args.into_iter().map(|arg| arg.node);
        let wanted = 1 + usize::from(op.has_param());
        let param = if op.has_param() { args.next() } else { None };
        let (Some(expr), None) = (args.next(), args.next()) else {
            return fail(
                span,
                format!(
                    "wrong number of arguments for aggregate expression provided, expected {wanted}, got {count}"
                ),
            );
        };
        let node = Expr::Aggregate(Aggregate {
            op,
            expr,
            param,
            grouping,
            span,
        });
        self.grow(node, height, span)
    }

    fn grouping(&mut self) -> Result<Grouping> {
        let without = self.take()?.kind == Kind::Keyword(Keyword::Without);
        Ok(Grouping {
            without,
            labels: self.labels()?,
        })
    }
}
