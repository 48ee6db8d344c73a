//! A part of the query that is the same at every step.

use super::operator::{BoxOperator, Sink};
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::value::SampleCount;
use crate::vector::{Column, Sample, Tile};

/// Evaluates its operand once, at a grid of one step, and repeats the values.
pub(crate) struct StepInvariant {
    input: BoxOperator,
    values: Option<Vec<(u32, Sample)>>,
    column: Column,
    /// What was looked at for the values.
    counted: SampleCount,
}

impl StepInvariant {
    pub(crate) fn new(input: BoxOperator) -> Self {
        Self {
            input,
            values: None,
            column: Column::default(),
            counted: SampleCount::default(),
        }
    }
}

impl Operator for StepInvariant {
    fn series(&self) -> &[SeriesMeta] {
        self.input.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        if self.values.is_none() {
            let mut values = Vec::new();
            let outer = cx.meter.take();
            self.input
                .run(cx, Tile { first: 0, len: 1 }, &mut |i, column| {
                    if let Some(sample) = column.sample(0) {
                        cx.charge(sample.weight())?;
                        values.push((i, sample));
                    }
                    Ok(())
                })?;
            self.values = Some(values);
            self.counted = cx.meter.replace(outer).all;
        }
        // As if each step had looked at them.
        for k in tile.first..tile.first + tile.len {
            let SampleCount { queryable, read } = self.counted;
            let read = if k == 0 { read } else { 0 };
            cx.meter.borrow_mut().add(k, queryable, read);
        }
        let _held = cx.hold(tile.len)?;
        for (i, sample) in self.values.iter().flatten() {
            cx.check()?;
            self.column.fill_with(tile.len, sample);
            sink(*i, &mut self.column)?;
        }
        Ok(())
    }
}
