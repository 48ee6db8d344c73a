//! Data of the evaluator: the grid of steps, columns of values with a presence bitmap, windows over samples.
//!
//! * A column holds one series over consecutive steps of a grid. Values at absent steps mean nothing. Native histograms stand
//!   in a column of their own beside the numbers, which is there only when there is one.
//! * Times are milliseconds; arithmetic on them saturates, because they come from the outside.

mod bits;
mod column;
mod grid;
mod sample;

pub(crate) use bits::Bits;
pub(crate) use column::Column;
pub(crate) use grid::{Grid, Tile};
pub(crate) use sample::{Sample, weight};
