//! Functions of range vectors: each series is read once, its windows slide over the samples.

use std::sync::Arc;

use tsdb_core::{Columns, is_stale};

use super::extended::Extension;
use super::map::ScalarArgs;
use super::merge::{Merge, MergeRule};
use super::operator::{BoxOperator, Sink};
use super::select::Reference;
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::{Scratch, WindowKernel, Windows};
use crate::storage::SeriesReader;
use crate::vector::{Column, Grid, Tile};

/// Where the samples of a range vector come from.
pub(crate) enum Samples {
    /// `selector[range]`
    Stored(Vec<Arc<dyn SeriesReader>>),
    /// `expr[range:step]`: the steps of an inner grid.
    Subquery {
        /// The inner expression.
        input: BoxOperator,
        /// Its grid: absolute multiples of the step.
        grid: Grid,
    },
}

/// `function(range vector, scalars…)`
pub(crate) struct WindowFunction {
    pub(crate) samples: Samples,
    pub(crate) reference: Reference,
    pub(crate) range_ms: i64,
    pub(crate) kernel: WindowKernel,
    pub(crate) extension: Option<Extension>,
    args: ScalarArgs,
    merge: Merge,
    /// Series that gave a result, when someone wants to know.
    pub(crate) counter_hint: Option<CounterHint>,
    /// Where the φ of `quantile_over_time` stands, for remarks on its value.
    pub(crate) phi_span: Option<Span>,
}

/// Remarks on series whose names do not look like a counter's.
pub(crate) struct CounterHint {
    /// Name of each series.
    pub(crate) names: Vec<Option<String>>,
    pub(crate) span: Span,
}

impl WindowFunction {
    /// `series` are those of the samples, named as the function names its results.
    pub(crate) fn new(
        samples: Samples,
        reference: Reference,
        range_ms: i64,
        kernel: WindowKernel,
        args: Vec<BoxOperator>,
        series: Vec<SeriesMeta>,
    ) -> Self {
        Self {
            samples,
            reference,
            range_ms,
            kernel,
            extension: None,
            args: ScalarArgs::new(args),
            merge: Merge::new(series, MergeRule::Series),
            counter_hint: None,
            phi_span: None,
        }
    }
}

impl Operator for WindowFunction {
    fn series(&self) -> &[SeriesMeta] {
        self.merge.series()
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        self.args.run(cx, tile)?;
        let reference = self.reference;
        let (back_ms, ahead_ms) = match &self.extension {
            Some(extension) => extension.reach(cx.lookback_ms()),
            None => (0, 0),
        };
        let steps = tile.first..tile.first + tile.len;
        let mut work = Work {
            kernel: self.kernel,
            extension: self.extension,
            range_ms: self.range_ms,
            back_ms,
            ahead_ms,
            ends_ms: steps.clone().map(|k| reference.time(k)).collect(),
            evals_ms: steps.map(|k| reference.grid.time(k)).collect(),
            constant: self.args.are_constant(),
            args: &mut self.args,
            bounds: Vec::with_capacity(tile.len),
            scratch: Scratch::default(),
            column: Column::default(),
            cx,
            phi_span: self.phi_span,
        };
        let mut held = cx.hold(tile.len)?;
        let mut merging = self.merge.begin(cx);
        let hint = self.counter_hint.as_ref();
        let mut give = |i: u32, column: &mut Column, sink: &mut Sink<'_>| {
            if let Some(hint) = hint
                && !column.present.is_empty()
                && let Some(Some(name)) = hint.names.get(i as usize)
            {
                cx.annotations
                    .borrow_mut()
                    .possible_non_counter(name, hint.span);
            }
            merging.push(i, column, sink)
        };
        match &mut self.samples {
            Samples::Stored(readers) => {
                let back_ms = self.range_ms.saturating_add(back_ms);
                let range = reference.range(tile, back_ms, ahead_ms);
                let mut samples = Columns::default();
                let mut most = 0;
                for (i, reader) in (0u32..).zip(readers.iter()) {
                    cx.check()?;
                    samples.clear();
                    reader.read(range, &mut samples)?;
                    cx.count_read(samples.len());
                    take_out_stale(&mut samples);
                    if samples.is_empty() {
                        continue;
                    }
                    if samples.len() > most {
                        held.add(samples.len() - most)?;
                        most = samples.len();
                    }
                    let column = work.evaluate(&samples)?;
                    give(i, column, sink)?;
                }
            }
            Samples::Subquery { input, grid } => {
                let range = reference.range(tile, self.range_ms, 0);
                if let Some(inner) = steps_inside(*grid, range.start_ms, range.end_ms) {
                    held.add(inner.len)?;
                    let mut samples = Columns::default();
                    input.run(cx, inner, &mut |i, column| {
                        cx.check()?;
                        samples.clear();
                        for (k, v) in column.iter() {
                            samples.push(grid.time(inner.first + k), v);
                        }
                        give(i, work.evaluate(&samples)?, sink)
                    })?;
                }
            }
        }
        merging.finish(sink)
    }
}

/// The steps of a grid inside `start_ms..=end_ms`.
pub(crate) fn steps_inside(grid: Grid, start_ms: i64, end_ms: i64) -> Option<Tile> {
    let step = i128::from(grid.step_ms);
    let from_start = |t: i64| i128::from(t) - i128::from(grid.start_ms);
    // The first step at or after the start, and one past the last at or before the end.
    let first = (from_start(start_ms) + step - 1).div_euclid(step).max(0);
    let end = (from_start(end_ms).div_euclid(step) + 1).min(grid.steps as i128);
    let first = usize::try_from(first).ok()?;
    let end = usize::try_from(end).ok()?;
    (first < end).then(|| Tile {
        first,
        len: end - first,
    })
}

/// Removes the staleness markers.
pub(crate) fn take_out_stale(samples: &mut Columns) {
    let Some(first) = samples.values.iter().position(|&v| is_stale(v)) else {
        return;
    };
    let mut kept = first;
    for i in first..samples.values.len() {
        if !is_stale(samples.values[i]) {
            samples.values[kept] = samples.values[i];
            samples.times_ms[kept] = samples.times_ms[i];
            kept += 1;
        }
    }
    samples.values.truncate(kept);
    samples.times_ms.truncate(kept);
}

/// What is the same for all series of a tile, and memory that is used again.
struct Work<'a> {
    kernel: WindowKernel,
    extension: Option<Extension>,
    range_ms: i64,
    back_ms: i64,
    ahead_ms: i64,
    ends_ms: Vec<i64>,
    evals_ms: Vec<i64>,
    args: &'a mut ScalarArgs,
    constant: bool,
    bounds: Vec<(usize, usize)>,
    scratch: Scratch,
    column: Column,
    cx: &'a Context,
    phi_span: Option<Span>,
}

impl Work<'_> {
    /// The function's values for one series.
    fn evaluate(&mut self, samples: &Columns) -> Result<&mut Column, QueryError> {
        self.find_bounds(&samples.times_ms);
        let windows = Windows {
            times_ms: &samples.times_ms,
            values: &samples.values,
            bounds: &self.bounds,
            ends_ms: &self.ends_ms,
            evals_ms: &self.evals_ms,
            range_ms: self.range_ms,
        };
        let column = &mut self.column;
        column.reset(self.ends_ms.len());
        match (self.extension, self.kernel.slide) {
            (Some(extension), _) => extension.evaluate(&windows, column),
            (None, Some(slide)) => slide(&windows, &mut self.scratch, column),
            (None, None) => {
                let mut checked = false;
                for k in 0..self.ends_ms.len() {
                    let Some(window) = windows.at(k) else {
                        continue;
                    };
                    let args = self.args.at(k);
                    if !checked {
                        (self.kernel.check)(args).map_err(QueryError::Execution)?;
                        checked = self.constant;
                    }
                    if let (Some(span), Some(phi)) = (self.phi_span, args.first())
                        && !(0.0..=1.0).contains(phi)
                    {
                        let mut annotations = self.cx.annotations.borrow_mut();
                        annotations.invalid_quantile(*phi, span);
                    }
                    if let Some(v) = (self.kernel.eval)(&window, args) {
                        column.set(k, v);
                    }
                }
            }
        }
        Ok(column)
    }

    fn find_bounds(&mut self, times_ms: &[i64]) {
        self.bounds.clear();
        let (mut lo, mut hi) = (0, 0);
        for &end_ms in &self.ends_ms {
            let start_ms = end_ms
                .saturating_sub(self.range_ms)
                .saturating_sub(self.back_ms);
            let end_ms = end_ms.saturating_add(self.ahead_ms);
            while times_ms.get(lo).is_some_and(|&t| t <= start_ms) {
                lo += 1;
            }
            hi = hi.max(lo);
            while times_ms.get(hi).is_some_and(|&t| t <= end_ms) {
                hi += 1;
            }
            self.bounds.push((lo, hi));
        }
    }
}
