//! Functions of one value: arithmetic, calendar, comparison with a scalar.

use tsdb_core::FloatHistogram;

use super::merge::{Merge, MergeRule};
use super::operator::{BoxOperator, Sink, run_scalar};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::functions::MathKernel;
use crate::vector::{Bits, Column, Grid, Tile};

/// Scalar arguments of a function, step by step.
#[derive(Default)]
pub(crate) struct ScalarArgs {
    operators: Vec<BoxOperator>,
    columns: Vec<Column>,
    row: Vec<f64>,
}

impl ScalarArgs {
    pub(crate) fn new(operators: Vec<BoxOperator>) -> Self {
        Self {
            columns: operators.iter().map(|_| Column::default()).collect(),
            row: Vec::with_capacity(operators.len()),
            operators,
        }
    }

    /// Evaluates them for a tile.
    pub(crate) fn run(&mut self, cx: &Context, tile: Tile) -> Result<(), QueryError> {
        for (operator, column) in self.operators.iter_mut().zip(&mut self.columns) {
            run_scalar(operator.as_mut(), cx, tile, column)?;
        }
        Ok(())
    }

    /// Their values at a step of the tile.
    pub(crate) fn at(&mut self, step: usize) -> &[f64] {
        self.row.clear();
        self.row.extend(self.columns.iter().map(|c| c.values[step]));
        &self.row
    }

    /// Values of argument `i`.
    pub(crate) fn values(&self, i: usize) -> &[f64] {
        self.columns.get(i).map_or(&[], |c| c.values.as_slice())
    }

    /// Whether no argument changes in the tile.
    pub(crate) fn are_constant(&self) -> bool {
        self.columns.iter().all(|c| {
            c.values
                .windows(2)
                .all(|w| w[0].to_bits() == w[1].to_bits())
        })
    }
}

/// What is done with each value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mapping {
    /// A function of the value and of scalars.
    Math(MathKernel),
    /// A function of the value as a time.
    Clock(fn(f64) -> f64),
    /// The time of the step, whatever the value: `timestamp(v)`.
    StepTime,
    /// Nothing is left.
    Nothing,
    /// A function of each native histogram; nothing is left of numbers.
    Histogram(fn(&FloatHistogram) -> f64),
}

/// Applies a function to each value; drops the metric name.
pub(crate) struct MapValues {
    input: BoxOperator,
    args: ScalarArgs,
    mapping: Mapping,
    merge: Merge,
    grid: Grid,
}

impl MapValues {
    /// `series` are those of `input` with the name dropped.
    pub(crate) fn new(
        input: BoxOperator,
        args: Vec<BoxOperator>,
        mapping: Mapping,
        series: Vec<SeriesMeta>,
        grid: Grid,
    ) -> Self {
        Self {
            input,
            args: ScalarArgs::new(args),
            mapping,
            merge: Merge::new(series, MergeRule::Step),
            grid,
        }
    }
}

impl Operator for MapValues {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let (args, mapping, grid) = (&mut self.args, self.mapping, self.grid);
        args.run(cx, tile)?;
        let constant = args.are_constant();
        let mut applies = Bits::default();
        applies.fill(tile.len);
        if let Mapping::Math(kernel) = mapping {
            for k in 0..tile.len {
                if !(kernel.applies)(args.at(k)) {
                    applies.clear(k);
                }
            }
        }
        let mut merging = self.merge.begin(cx);
        self.input.run(cx, tile, &mut |i, column| {
            match mapping {
                Mapping::Math(_) | Mapping::Clock(_) if column.has_histograms() => {
                    column.drop_histograms();
                }
                _ => {}
            }
            match mapping {
                Mapping::Math(kernel) => {
                    column.present.and(&applies);
                    if constant {
                        let row = args.at(0);
                        column
                            .values
                            .iter_mut()
                            .for_each(|v| *v = (kernel.eval)(*v, row));
                    } else {
                        for (k, v) in column.values.iter_mut().enumerate() {
                            *v = (kernel.eval)(*v, args.at(k));
                        }
                    }
                }
                Mapping::Clock(f) => column.values.iter_mut().for_each(|v| *v = f(*v)),
                Mapping::StepTime => {
                    column.forget_histograms();
                    for (k, v) in column.values.iter_mut().enumerate() {
                        *v = grid.time(tile.first + k) as f64 / 1000.0;
                    }
                }
                Mapping::Nothing => column.reset(tile.len),
                Mapping::Histogram(f) => column.of_histograms(f),
            }
            merging.push(i, column, sink)
        })?;
        merging.finish(sink)
    }
}
