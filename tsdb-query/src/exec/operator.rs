//! What every operator offers.

use super::{Context, SeriesMeta};
use crate::error::QueryError;
use crate::vector::{Column, Tile};

/// Takes the number of a series and its column; may change the column.
pub(crate) type Sink<'s> = dyn FnMut(u32, &mut Column) -> Result<(), QueryError> + 's;

/// A node of the plan that evaluates.
pub(crate) trait Operator {
    /// Its series, each label set once. Fixed when it is built.
    fn series(&self) -> &[SeriesMeta];

    /// Evaluates the steps of `tile`, not empty, and pushes every series that has a sample there, once each.
    ///
    /// # Errors
    /// [`QueryError`], also what `sink` returns.
    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError>;
}

/// An operator behind a pointer.
pub(crate) type BoxOperator = Box<dyn Operator>;

/// No series at all.
pub(crate) struct Empty;

impl Operator for Empty {
    fn series(&self) -> &[SeriesMeta] {
        &[]
    }

    fn run(&mut self, _: &Context, _: Tile, _: &mut Sink<'_>) -> Result<(), QueryError> {
        Ok(())
    }
}

/// Runs an operator of scalar type, which has one series, and keeps its column.
pub(crate) fn run_scalar(
    operator: &mut dyn Operator,
    cx: &Context,
    tile: Tile,
    out: &mut Column,
) -> Result<(), QueryError> {
    out.reset(tile.len);
    operator.run(cx, tile, &mut |_, column| {
        out.copy_from(column);
        Ok(())
    })
}
