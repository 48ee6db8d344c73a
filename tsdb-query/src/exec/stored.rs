//! Results that are already known, and numbers of scalar parameters.

use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::vector::{Column, Grid, Sample, Tile};

/// Series whose samples are in memory: of operators that cannot know their labels before they have seen samples.
pub(crate) struct Stored {
    series: Vec<SeriesMeta>,
    /// Steps and values of each series, steps rising.
    points: Vec<Vec<(usize, Sample)>>,
    column: Column,
}

impl Stored {
    pub(crate) fn new(series: Vec<SeriesMeta>, points: Vec<Vec<(usize, Sample)>>) -> Self {
        Self {
            series,
            points,
            column: Column::default(),
        }
    }
}

impl Operator for Stored {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        for (i, points) in (0u32..).zip(&self.points) {
            cx.check()?;
            let first = points.partition_point(|p| p.0 < tile.first);
            let end = points.partition_point(|p| p.0 <= tile.last());
            if first == end {
                continue;
            }
            self.column.reset(tile.len);
            for (step, sample) in &points[first..end] {
                self.column.set_sample(step - tile.first, sample.clone());
            }
            sink(i, &mut self.column)?;
        }
        Ok(())
    }
}

/// The parameter of an aggregation at every step of the query, known as a whole: its extremes decide.
pub(crate) struct Parameter {
    values: Vec<f64>,
}

impl Parameter {
    /// Evaluates a scalar over its whole grid.
    pub(crate) fn evaluate(
        mut scalar: BoxOperator,
        cx: &Context,
        grid: Grid,
    ) -> Result<Self, QueryError> {
        cx.charge(grid.steps)?;
        let mut values = Vec::with_capacity(grid.steps);
        for tile in grid.tiles(1024) {
            scalar.run(cx, tile, &mut |_, column| {
                values.extend_from_slice(&column.values);
                Ok(())
            })?;
        }
        Ok(Self { values })
    }

    /// Its value at a step of the grid.
    pub(crate) fn at(&self, step: usize) -> f64 {
        self.values.get(step).copied().unwrap_or(f64::NAN)
    }

    /// All values.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    pub(crate) fn has_nan(&self) -> bool {
        self.values.iter().any(|v| v.is_nan())
    }

    /// The greatest value; NaN when any is.
    pub(crate) fn max(&self) -> f64 {
        self.extreme(f64::NEG_INFINITY, f64::max)
    }

    /// The least value; NaN when any is.
    pub(crate) fn min(&self) -> f64 {
        self.extreme(f64::INFINITY, f64::min)
    }

    fn extreme(&self, start: f64, f: fn(f64, f64) -> f64) -> f64 {
        if self.has_nan() {
            f64::NAN
        } else {
            self.values.iter().copied().fold(start, f)
        }
    }
}
