//! `limitk` and `limit_ratio`: some of the series, whatever their values.

use super::aggregate_k::{check_k, limit};
use super::operator::{BoxOperator, Sink};
use super::ratio::offset_of;
use super::stored::Parameter;
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::vector::{Grid, Tile};

enum Rule {
    /// The first k of each group at each step.
    First { group_of: Vec<u32>, groups: usize },
    /// Those whose place between 0 and 1, taken from their labels, lies below the ratio.
    Ratio { offsets: Vec<f64> },
}

/// `limitk by (…) (k, v)`, `limit_ratio(r, v)`
pub(crate) struct Limit {
    input: BoxOperator,
    parameter: Parameter,
    rule: Rule,
}

impl Limit {
    /// `limitk`; `None` when no step can have a result.
    pub(crate) fn first(
        input: BoxOperator,
        k: BoxOperator,
        (groups, group_of): (usize, Vec<u32>),
        cx: &Context,
        grid: Grid,
    ) -> Result<Option<Self>, QueryError> {
        let parameter = Parameter::evaluate(k, cx, grid)?;
        let rule = Rule::First { group_of, groups };
        Ok(check_k(&parameter)?.then_some(Self {
            input,
            parameter,
            rule,
        }))
    }

    /// `limit_ratio`; `None` when no step can have a result.
    pub(crate) fn ratio(
        input: BoxOperator,
        ratio: BoxOperator,
        span: Span,
        cx: &Context,
        grid: Grid,
    ) -> Result<Option<Self>, QueryError> {
        let parameter = Parameter::evaluate(ratio, cx, grid)?;
        if parameter.max() == 0.0 && parameter.min() == 0.0 {
            return Ok(None);
        }
        if parameter.has_nan() {
            return Err(QueryError::Execution("Ratio value is NaN".to_owned()));
        }
        let mut annotations = cx.annotations.borrow_mut();
        if parameter.max() > 1.0 {
            annotations.invalid_ratio(parameter.max(), 1.0, span);
        }
        if parameter.min() < -1.0 {
            annotations.invalid_ratio(parameter.min(), -1.0, span);
        }
        drop(annotations);
        let series = input.series().iter();
        let rule = Rule::Ratio {
            offsets: series.map(|s| offset_of(&s.labels)).collect(),
        };
        Ok(Some(Self {
            input,
            parameter,
            rule,
        }))
    }
}

impl Operator for Limit {
    fn series(&self) -> &[SeriesMeta] {
        self.input.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let parameter = &self.parameter;
        match &self.rule {
            Rule::First { group_of, groups } => {
                let count = self.input.series().len();
                let _held = cx.hold(groups.saturating_mul(tile.len))?;
                let mut taken = vec![0usize; groups * tile.len];
                let limits: Vec<usize> = (0..tile.len)
                    .map(|k| limit(parameter.at(tile.first + k), count))
                    .collect();
                self.input.run(cx, tile, &mut |i, column| {
                    let taken = &mut taken[group_of[i as usize] as usize * tile.len..][..tile.len];
                    for k in 0..tile.len {
                        if !column.present.get(k) {
                            continue;
                        }
                        if taken[k] < limits[k] {
                            taken[k] += 1;
                        } else {
                            column.present.clear(k);
                        }
                    }
                    if column.present.is_empty() {
                        return Ok(());
                    }
                    sink(i, column)
                })
            }
            Rule::Ratio { offsets } => self.input.run(cx, tile, &mut |i, column| {
                let offset = offsets[i as usize];
                for k in 0..tile.len {
                    let ratio = parameter.at(tile.first + k).clamp(-1.0, 1.0);
                    let stays = if ratio >= 0.0 {
                        offset < ratio
                    } else {
                        offset >= 1.0 + ratio
                    };
                    // Zero takes none, also not a series at offset zero.
                    if !stays || ratio == 0.0 {
                        column.present.clear(k);
                    }
                }
                if column.present.is_empty() {
                    return Ok(());
                }
                sink(i, column)
            }),
        }
    }
}
