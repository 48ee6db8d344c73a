//! The samples of subqueries: the values of an expression at the steps of a grid of its own.

use tsdb_core::Columns;

use super::Context;
use super::operator::BoxOperator;
use super::samples::append;
use crate::error::QueryError;
use crate::vector::{Grid, Tile};

/// `expr[range:step]`
pub(crate) struct Subquery {
    pub(crate) input: BoxOperator,
    /// Absolute multiples of the step.
    pub(crate) grid: Grid,
    /// Steps that are evaluated at a time where all of them belong to one series.
    tile_steps: usize,
    /// Operators of the expression.
    operators: usize,
    /// The longest tile that they have columns for.
    longest: usize,
}

/// Takes the number of a series and its samples, which it may take away.
type Each<'e> = dyn FnMut(u32, &mut Columns) -> Result<(), QueryError> + 'e;

impl Subquery {
    pub(crate) fn new(input: BoxOperator, grid: Grid, tile_steps: usize, operators: usize) -> Self {
        Self {
            input,
            grid,
            tile_steps,
            operators,
            longest: 0,
        }
    }

    /// Gives the samples of each series at the steps of a tile, in the order of the series.
    ///
    /// Series come one by one with all of their steps, so that every operator keeps columns as long as the tile. Not so where there is
    /// one series: its steps are evaluated in pieces, however many there are.
    pub(crate) fn run(
        &mut self,
        cx: &Context,
        tile: Tile,
        each: &mut Each<'_>,
    ) -> Result<(), QueryError> {
        let mut samples = Columns::default();
        if self.input.series().len() != 1 {
            self.lengthen(cx, tile.len)?;
            return self.input.run(cx, tile, &mut |i, column| {
                cx.check()?;
                samples.clear();
                reserve(&mut samples, tile);
                append(&mut samples, column, self.grid, tile);
                each(i, &mut samples)
            });
        }
        self.lengthen(cx, tile.len.min(self.tile_steps))?;
        reserve(&mut samples, tile);
        for piece in tile.pieces(self.tile_steps) {
            self.input.run(cx, piece, &mut |_, column| {
                append(&mut samples, column, self.grid, piece);
                Ok(())
            })?;
            cx.check()?;
        }
        match samples.is_empty() {
            true => Ok(()),
            false => each(0, &mut samples),
        }
    }

    /// Pays for the columns of a tile.
    fn lengthen(&mut self, cx: &Context, steps: usize) -> Result<(), QueryError> {
        let more = steps.saturating_sub(self.longest);
        cx.charge_columns(self.operators, more)?;
        self.longest += more;
        Ok(())
    }
}

/// Has place for all steps: a vector that grows takes up to three times as much. What is not used is no memory.
fn reserve(samples: &mut Columns, tile: Tile) {
    samples.times_ms.reserve_exact(tile.len);
    samples.values.reserve_exact(tile.len);
}
