//! Aggregations.

use tsdb_core::METRIC_NAME;

use crate::ast::{Aggregate, AggregateOp, Expr};
use crate::error::QueryError;
use crate::exec::{
    Aggregation, BoxOperator, Empty, FoldKind, GroupKeys, Limit, MatchLabels, Operator,
    QuantileAggregation, SeriesMeta, TopK, count_values,
};
use crate::vector::Grid;

use super::build::{Builder, strip, unsupported};

fn boxed<O: Operator + 'static>(operator: Option<O>) -> BoxOperator {
    operator.map_or_else(|| Box::new(Empty) as BoxOperator, |o| Box::new(o))
}

impl Builder<'_> {
    pub(super) fn aggregate(&self, e: &Aggregate, grid: Grid) -> Result<BoxOperator, QueryError> {
        let named = !e.grouping.without;
        let mut keys = GroupKeys::new(MatchLabels::new(&e.grouping.labels, named));
        if e.op == AggregateOp::CountValues {
            return self.count_values(e, grid);
        }
        let param = match &e.param {
            Some(param) => Some((self.build(param, grid)?, param.span())),
            None => None,
        };
        let input = self.build(&e.expr, grid)?;
        let mut groups: Vec<SeriesMeta> = Vec::new();
        let mut group_of = Vec::with_capacity(input.series().len());
        for series in input.series() {
            let number = keys.number(&series.labels);
            match groups.get_mut(number as usize) {
                Some(group) => group.drop_name |= series.drop_name,
                None => groups.push(SeriesMeta {
                    labels: keys.labels(&series.labels),
                    drop_name: series.drop_name,
                }),
            }
            group_of.push(number);
        }
        let (cx, counted) = (self.cx, (groups.len(), group_of));
        let (param, span) = match (param, fold(e.op)) {
            (None, Some(kind)) => {
                return Ok(Box::new(Aggregation {
                    input,
                    kind,
                    span: e.expr.span(),
                    series: groups,
                    group_of: counted.1,
                }));
            }
            (Some(param), None) => param,
            _ => return unsupported("this aggregation", e.span),
        };
        Ok(match e.op {
            AggregateOp::Topk => {
                boxed(TopK::new(input, param, (false, e.span), counted, cx, grid)?)
            }
            AggregateOp::Bottomk => {
                boxed(TopK::new(input, param, (true, e.span), counted, cx, grid)?)
            }
            AggregateOp::Limitk => boxed(Limit::first(input, param, counted, cx, grid)?),
            AggregateOp::LimitRatio => boxed(Limit::ratio(input, param, span, cx, grid)?),
            _ => Box::new(QuantileAggregation::new(
                (input, e.expr.span()),
                (param, span),
                (groups, counted.1),
                cx,
                grid,
            )?),
        })
    }

    fn count_values(&self, e: &Aggregate, grid: Grid) -> Result<BoxOperator, QueryError> {
        let Some(Expr::String(label)) = e.param.as_deref().map(strip) else {
            return unsupported("a label that is no string literal", e.span);
        };
        let label = label.value.as_str();
        if label.is_empty() {
            return Err(QueryError::Execution(format!(
                "invalid label name {label:?}"
            )));
        }
        let named = !e.grouping.without;
        let value_counts =
            named || !(e.grouping.labels.iter().any(|n| n == label) || label == METRIC_NAME);
        let by = MatchLabels::new(&e.grouping.labels, named);
        let input = self.build(&e.expr, grid)?;
        let stored = count_values(input, label, &by, value_counts, self.cx, grid)?;
        Ok(Box::new(stored))
    }
}

fn fold(op: AggregateOp) -> Option<FoldKind> {
    Some(match op {
        AggregateOp::Sum => FoldKind::Sum,
        AggregateOp::Avg => FoldKind::Avg,
        AggregateOp::Count => FoldKind::Count,
        AggregateOp::Min => FoldKind::Min,
        AggregateOp::Max => FoldKind::Max,
        AggregateOp::Group => FoldKind::Group,
        AggregateOp::Stddev => FoldKind::Stddev,
        AggregateOp::Stdvar => FoldKind::Stdvar,
        _ => return None,
    })
}
