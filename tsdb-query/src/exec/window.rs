//! Functions of range vectors: each series is read once, its windows slide over the samples.

use std::rc::Rc;
use std::sync::Arc;

use tsdb_core::{Columns, METRIC_NAME};

use super::extended::Extension;
use super::map::ScalarArgs;
use super::merge::{Merge, MergeRule};
use super::meter::Meter;
use super::operator::{BoxOperator, Sink};
use super::reading::Reading;
use super::samples::{self, Apart, Detail, take_out_stale, weight_of};
use super::select::Reference;
use super::subquery::Subquery;
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::functions::mixed::{MixedWindow, WithHistograms};
use crate::functions::native_histogram::HistogramWindow;
use crate::functions::{Scratch, Window, WindowKernel, Windows};
use crate::storage::SeriesReader;
use crate::value::SampleCount;
use crate::vector::{Column, Grid, Sample, Tile};

/// What kernels keep of each sample at most: two numbers.
const KERNEL_BYTES: u64 = 16;

/// What is counted for the statistics at each step of a subquery.
const METER_BYTES: u64 = size_of::<SampleCount>() as u64;

/// Where the samples of a range vector come from.
pub(crate) enum Samples {
    /// `selector[range]`
    Stored {
        /// The series.
        readers: Rc<[Arc<dyn SeriesReader>]>,
        /// How much of histograms is wanted.
        detail: Detail,
    },
    /// `expr[range:step]`: the steps of an inner grid.
    Subquery(Subquery),
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
    /// The series of the samples.
    inputs: Vec<SeriesMeta>,
    /// Series that gave a result, when someone wants to know.
    pub(crate) counter_hint: Option<CounterHint>,
    /// Whether the times at which samples began to count are looked at.
    pub(crate) start_times: bool,
    /// Where the first argument stands, for remarks on the samples.
    pub(crate) span: Span,
    /// Where the φ of `quantile_over_time` stands, for remarks on its value.
    pub(crate) phi_span: Option<Span>,
}

/// Remarks on series that do not look like counters.
pub(crate) struct CounterHint {
    /// What makes a counter of each series doubtful.
    pub(crate) doubts: Vec<Option<Doubt>>,
    pub(crate) span: Span,
}

/// Why a series may not be a counter.
pub(crate) struct Doubt {
    pub(crate) name: String,
    /// Its type, when that is what says so rather than the name.
    pub(crate) of_type: Option<String>,
}

impl WindowFunction {
    /// `series` are those of the samples, `inputs`, named as the function names its results.
    pub(crate) fn new(
        samples: Samples,
        reference: Reference,
        range_ms: i64,
        kernel: WindowKernel,
        args: Vec<BoxOperator>,
        (inputs, series): (Vec<SeriesMeta>, Vec<SeriesMeta>),
    ) -> Self {
        Self {
            samples,
            reference,
            range_ms,
            kernel,
            extension: None,
            args: ScalarArgs::new(args),
            merge: Merge::new(series, MergeRule::Series),
            inputs,
            counter_hint: None,
            start_times: false,
            span: Span::default(),
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
            first: tile.first,
            before_ms: tile.first.checked_sub(1).map(|k| reference.time(k)),
            ends_ms: steps.clone().map(|k| reference.time(k)).collect(),
            evals_ms: steps.map(|k| reference.grid.time(k)).collect(),
            constant: self.args.are_constant(),
            args: &mut self.args,
            bounds: Vec::with_capacity(tile.len),
            scratch: Scratch::default(),
            column: Column::default(),
            cx,
            inputs: &self.inputs,
            span: self.span,
            phi_span: self.phi_span,
        };
        let mut held = cx.hold(tile.len)?;
        let mut merging = self.merge.begin(cx);
        let hint = self.counter_hint.as_ref();
        let start_times = self.start_times;
        let mut give = |i: u32, column: &mut Column, sink: &mut Sink<'_>| {
            if let Some(hint) = hint
                && column.iter().next().is_some()
                && let Some(Some(doubt)) = hint.doubts.get(i as usize)
            {
                let mut annotations = cx.annotations.borrow_mut();
                match &doubt.of_type {
                    Some(of_type) => {
                        annotations.possible_non_counter_type(&doubt.name, of_type, hint.span);
                    }
                    None => annotations.possible_non_counter(&doubt.name, hint.span),
                }
            }
            merging.push(i, column, sink)
        };
        match &mut self.samples {
            Samples::Stored { readers, detail } => {
                let back_ms = self.range_ms.saturating_add(back_ms);
                let range = reference.range(tile, back_ms, ahead_ms);
                let reading = Reading {
                    readers,
                    range,
                    start_times,
                };
                let mut starts = Vec::new();
                let mut most = 0;
                reading.run(cx, &mut |i, samples| {
                    samples::prepare(samples, *detail);
                    let weight = weight_of(samples);
                    cx.count_read(weight);
                    take_out_stale(samples);
                    if samples.is_empty() {
                        return Ok(());
                    }
                    if weight > most {
                        held.add(weight - most)?;
                        held.add_beside(weight - most, KERNEL_BYTES)?;
                        most = weight;
                    }
                    starts.clear();
                    starts.extend(samples.start_times());
                    work.count(samples);
                    let column = work.evaluate(i, samples, &starts)?;
                    give(i, column, sink)
                })?;
            }
            Samples::Subquery(subquery) => {
                let grid = subquery.grid;
                let range = reference.range(tile, self.range_ms, 0);
                if let Some(inner) = steps_inside(grid, range.start_ms, range.end_ms) {
                    held.add(inner.len)?;
                    held.add_beside(inner.len, KERNEL_BYTES + METER_BYTES)?;
                    let outer = cx.meter.replace(Meter::of_steps(inner));
                    subquery.run(cx, inner, &mut |i, samples| {
                        give(i, work.evaluate(i, samples, &[])?, sink)
                    })?;
                    let counted = cx.meter.replace(outer);
                    cx.meter.borrow_mut().add_subquery(
                        &counted,
                        grid,
                        (&reference, tile, self.range_ms),
                    );
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

/// What is the same for all series of a tile, and memory that is used again.
struct Work<'a> {
    kernel: WindowKernel,
    extension: Option<Extension>,
    range_ms: i64,
    back_ms: i64,
    ahead_ms: i64,
    /// The first step.
    first: usize,
    /// Where the window of the step before that ends.
    before_ms: Option<i64>,
    ends_ms: Vec<i64>,
    evals_ms: Vec<i64>,
    args: &'a mut ScalarArgs,
    constant: bool,
    bounds: Vec<(usize, usize)>,
    scratch: Scratch,
    column: Column,
    cx: &'a Context,
    inputs: &'a [SeriesMeta],
    span: Span,
    phi_span: Option<Span>,
}

impl Work<'_> {
    /// Counts the samples of a series for the statistics.
    fn count(&mut self, samples: &Columns) {
        let times_ms = &samples.times_ms;
        self.find_bounds(times_ms);
        let seen = self.before_ms.map_or(0, |before_ms| {
            let before_ms = before_ms.saturating_add(self.ahead_ms);
            times_ms.partition_point(|&t| t <= before_ms)
        });
        let mut meter = self.cx.meter.borrow_mut();
        if samples.histograms.is_empty() {
            let plain = |lo: usize, hi: usize| (hi - lo) as u64;
            meter.add_windows(self.first, &self.bounds, seen, plain);
            return;
        }
        let sums = samples::weights_up_to(samples);
        let weight = |lo: usize, hi: usize| sums[hi] - sums[lo];
        meter.add_windows(self.first, &self.bounds, seen, weight);
    }

    /// The function's values for one series; `starts` are the start times that are known, by the times of their samples.
    fn evaluate(
        &mut self,
        series: u32,
        samples: &Columns,
        starts: &[(i64, i64)],
    ) -> Result<&mut Column, QueryError> {
        self.column.reset(self.ends_ms.len());
        if !samples.histograms.is_empty() || !starts.is_empty() {
            self.evaluate_mixed(series, &Apart::of(samples).with_starts(starts))?;
            return Ok(&mut self.column);
        }
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
        match (self.extension, self.kernel.slide) {
            (Some(extension), _) => extension.evaluate(&windows, column),
            (None, Some(slide)) => {
                let looked = |samples| self.cx.check_work(samples);
                slide(&windows, &mut self.scratch, column, &looked)?;
            }
            (None, None) => {
                let mut checked = false;
                for k in 0..self.ends_ms.len() {
                    let Some(window) = windows.at(k) else {
                        continue;
                    };
                    self.cx.check_work(window.values.len())?;
                    let args = self.args.at(k);
                    if !checked {
                        (self.kernel.check)(args).map_err(QueryError::Execution)?;
                        checked = self.constant;
                    }
                    tell_phi(self.cx, self.phi_span, args);
                    if let Some(v) = (self.kernel.eval)(&window, args) {
                        column.set(k, v);
                    }
                }
            }
        }
        Ok(column)
    }

    /// The same for a series with native histograms or start times.
    fn evaluate_mixed(&mut self, series: u32, samples: &Apart) -> Result<(), QueryError> {
        let labels = self.inputs.get(series as usize).map(|s| &s.labels);
        let name = labels.and_then(|l| l.get(METRIC_NAME)).unwrap_or("");
        self.find_bounds(&samples.histogram_times_ms);
        let histogram_bounds = std::mem::take(&mut self.bounds);
        self.find_bounds(&samples.floats.times_ms);
        for (k, &(from, to)) in histogram_bounds.iter().enumerate() {
            let (lo, hi) = self.bounds[k];
            if lo == hi && from == to {
                continue;
            }
            self.cx.check_work((hi - lo) + (to - from))?;
            let args = self.args.at(k);
            (self.kernel.check)(args).map_err(QueryError::Execution)?;
            let end_ms = self.ends_ms[k];
            let start_ms = end_ms.saturating_sub(self.range_ms);
            let window = MixedWindow {
                floats: Window {
                    times_ms: &samples.floats.times_ms[lo..hi],
                    values: &samples.floats.values[lo..hi],
                    start_ms,
                    end_ms,
                    eval_ms: self.evals_ms[k],
                },
                float_start_times_ms: samples.float_starts_ms.get(lo..hi).unwrap_or(&[]),
                histograms: HistogramWindow {
                    times_ms: &samples.histogram_times_ms[from..to],
                    histograms: &samples.histograms[from..to],
                    start_times_ms: samples.histogram_starts_ms.get(from..to).unwrap_or(&[]),
                    start_ms,
                    end_ms,
                },
            };
            let result = match (self.extension, self.kernel.with_histograms) {
                (Some(extension), _) => extension.evaluate_mixed(&window),
                (None, WithHistograms::Counted(kernel)) => kernel(&window),
                (None, WithHistograms::Ignored) if lo == hi => continue,
                (None, WithHistograms::Ignored) => {
                    if from < to {
                        let mut annotations = self.cx.annotations.borrow_mut();
                        annotations.ignored_in_mixed_range(name, self.span);
                    }
                    tell_phi(self.cx, self.phi_span, args);
                    let v = (self.kernel.eval)(&window.floats, args);
                    v.map(Sample::Float).into()
                }
            };
            for annotation in result.annotations {
                let mut annotations = self.cx.annotations.borrow_mut();
                annotations.native(annotation, name, self.span);
            }
            if let Some(sample) = result.value {
                self.column.set_sample(k, sample);
            }
        }
        Ok(())
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

/// Remarks on a φ, if that is what the first argument is, out of range.
fn tell_phi(cx: &Context, span: Option<Span>, args: &[f64]) {
    if let (Some(span), Some(phi)) = (span, args.first())
        && !(0.0..=1.0).contains(phi)
    {
        cx.annotations.borrow_mut().invalid_quantile(*phi, span);
    }
}
