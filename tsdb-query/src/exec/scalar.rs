//! Expressions of scalar type: one series without labels, a value at every step.

use super::operator::{BoxOperator, Sink, run_scalar};
use super::{Arithmetic, Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::{Bits, Column, Grid, Tile};
use tsdb_core::Labels;

/// Where a scalar comes from.
pub(crate) enum ScalarSource {
    /// A number.
    Constant(f64),
    /// `time()`: the time of the step, in seconds.
    Time(Grid),
    /// `scalar(v)`: the value of the only series, NaN when there is none or more than one.
    Only(BoxOperator),
    /// `max_of(a, b)` and the like.
    Function(fn(f64, f64) -> f64, BoxOperator, BoxOperator),
    /// `-s`
    Negated(BoxOperator),
    /// `vector(s)`: the same column, as a vector.
    Same(BoxOperator),
}

/// A scalar.
pub(crate) struct Scalar {
    source: ScalarSource,
    series: [SeriesMeta; 1],
    column: Column,
    other: Column,
}

impl Scalar {
    pub(crate) fn new(source: ScalarSource) -> Self {
        Self {
            source,
            series: [Labels::empty().into()],
            column: Column::default(),
            other: Column::default(),
        }
    }
}

impl Operator for Scalar {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let _held = cx.hold(tile.len)?;
        let column = &mut self.column;
        match &mut self.source {
            ScalarSource::Constant(value) => column.fill(tile.len, *value),
            ScalarSource::Time(grid) => {
                column.fill(tile.len, 0.0);
                for (k, v) in column.values.iter_mut().enumerate() {
                    *v = grid.time(tile.first + k) as f64 / 1000.0;
                }
            }
            ScalarSource::Only(input) => only(input.as_mut(), cx, tile, column)?,
            ScalarSource::Function(f, a, b) => {
                run_scalar(a.as_mut(), cx, tile, column)?;
                run_scalar(b.as_mut(), cx, tile, &mut self.other)?;
                for (x, y) in column.values.iter_mut().zip(&self.other.values) {
                    *x = f(*x, *y);
                }
            }
            ScalarSource::Negated(input) => {
                run_scalar(input.as_mut(), cx, tile, column)?;
                column.values.iter_mut().for_each(|v| *v = -*v);
            }
            ScalarSource::Same(input) => run_scalar(input.as_mut(), cx, tile, column)?,
        }
        column.present.fill(tile.len);
        sink(0, column)
    }
}

fn only(
    input: &mut dyn Operator,
    cx: &Context,
    tile: Tile,
    column: &mut Column,
) -> Result<(), QueryError> {
    column.reset(tile.len);
    let mut several = Bits::none(tile.len);
    input.run(cx, tile, &mut |_, c| {
        for (k, v) in c.iter() {
            if column.present.get(k) {
                several.set(k);
            } else {
                column.set(k, v);
            }
        }
        Ok(())
    })?;
    for k in 0..tile.len {
        if several.get(k) || !column.present.get(k) {
            column.values[k] = f64::NAN;
        }
    }
    Ok(())
}

/// `s op s`; comparisons give 0 or 1.
pub(crate) struct ScalarBinary {
    pub(crate) op: Arithmetic,
    pub(crate) lhs: BoxOperator,
    pub(crate) rhs: BoxOperator,
    series: [SeriesMeta; 1],
    columns: [Column; 2],
}

impl ScalarBinary {
    pub(crate) fn new(op: Arithmetic, lhs: BoxOperator, rhs: BoxOperator) -> Self {
        Self {
            op,
            lhs,
            rhs,
            series: [Labels::empty().into()],
            columns: Default::default(),
        }
    }
}

impl Operator for ScalarBinary {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let [left, right] = &mut self.columns;
        run_scalar(self.lhs.as_mut(), cx, tile, left)?;
        run_scalar(self.rhs.as_mut(), cx, tile, right)?;
        for (x, y) in left.values.iter_mut().zip(&right.values) {
            *x = self.op.scalar(*x, *y);
        }
        left.present.fill(tile.len);
        sink(0, left)
    }
}
