//! `quantile(φ, v)`: all values of a group are needed at once.

use super::operator::{BoxOperator, Sink};
use super::stored::Parameter;
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::quantile::quantile;
use crate::vector::{Column, Grid, Tile};

/// `quantile by (…) (φ, v)`
pub(crate) struct QuantileAggregation {
    input: BoxOperator,
    /// Where the input stands.
    input_span: Span,
    phi: Parameter,
    series: Vec<SeriesMeta>,
    group_of: Vec<u32>,
}

impl QuantileAggregation {
    pub(crate) fn new(
        (input, input_span): (BoxOperator, Span),
        (phi, span): (BoxOperator, Span),
        (series, group_of): (Vec<SeriesMeta>, Vec<u32>),
        cx: &Context,
        grid: Grid,
    ) -> Result<Self, QueryError> {
        let phi = Parameter::evaluate(phi, cx, grid)?;
        let mut annotations = cx.annotations.borrow_mut();
        if phi.has_nan() {
            annotations.invalid_quantile(f64::NAN, span);
        }
        for extreme in [phi.max(), phi.min()] {
            if !(0.0..=1.0).contains(&extreme) && !extreme.is_nan() {
                annotations.invalid_quantile(extreme, span);
            }
        }
        drop(annotations);
        Ok(Self {
            input,
            input_span,
            phi,
            series,
            group_of,
        })
    }
}

impl Operator for QuantileAggregation {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let mut members: Vec<Vec<Column>> = vec![Vec::new(); self.series.len()];
        let mut order = Vec::new();
        let mut held = cx.hold(0)?;
        let (group_of, span) = (&self.group_of, self.input_span);
        self.input.run(cx, tile, &mut |i, column| {
            if column.drop_histograms() {
                cx.annotations
                    .borrow_mut()
                    .ignored_in_aggregation("quantile", span);
                if column.present.is_empty() {
                    return Ok(());
                }
            }
            let number = group_of[i as usize];
            let group = &mut members[number as usize];
            if group.is_empty() {
                order.push(number);
            }
            held.add(tile.len)?;
            group.push(column.clone());
            Ok(())
        })?;
        if tile.len > 1 {
            order.sort_unstable();
        }
        let mut values = Vec::new();
        let mut column = Column::default();
        for number in order {
            cx.check()?;
            column.reset(tile.len);
            for k in 0..tile.len {
                values.clear();
                values.extend(members[number as usize].iter().filter_map(|c| c.get(k)));
                if !values.is_empty() {
                    column.set(k, quantile(self.phi.at(tile.first + k), &mut values));
                }
            }
            sink(number, &mut column)?;
        }
        Ok(())
    }
}
