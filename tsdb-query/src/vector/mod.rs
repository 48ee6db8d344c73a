//! Data of the evaluator: the grid of steps, columns of values with a presence bitmap, windows over samples.
//!
//! * A column holds one series over consecutive steps of a grid. Values at absent steps mean nothing.
//! * Times are milliseconds; arithmetic on them saturates, because they come from the outside.

mod bits;
mod column;
mod grid;

pub(crate) use bits::Bits;
pub(crate) use column::Column;
pub(crate) use grid::{Grid, Tile};
