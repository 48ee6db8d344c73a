//! Instant selectors: the last sample before each step.

use std::rc::Rc;
use std::sync::Arc;

use tsdb_core::{Columns, METRIC_NAME, TimeRange, is_stale};

use super::operator::Sink;
use super::reading::Reading;
use super::samples::{self, Detail, histogram_at, weight_of};
use super::smoothed::{Smoothed, smooth_histograms};
use super::{Context, Operator, SeriesMeta};
use crate::ast::Span;
use crate::error::QueryError;
use crate::storage::SeriesReader;
use crate::vector::{Column, Grid, Tile};

/// The time a selector or subquery refers to at each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    pub(crate) grid: Grid,
    /// `@`
    pub(crate) at_ms: Option<i64>,
    /// `offset`
    pub(crate) offset_ms: i64,
}

impl Reference {
    /// The time at step `k`.
    pub(crate) fn time(&self, k: usize) -> i64 {
        let base = self.at_ms.unwrap_or_else(|| self.grid.time(k));
        base.saturating_sub(self.offset_ms)
    }

    /// Times that are looked at for the steps `first..=last` when each looks back and ahead that far; itself left-open.
    pub(crate) fn range(&self, tile: Tile, back_ms: i64, ahead_ms: i64) -> TimeRange {
        TimeRange::new(
            self.time(tile.first)
                .saturating_sub(back_ms)
                .saturating_add(1),
            self.time(tile.last()).saturating_add(ahead_ms),
        )
    }
}

/// What an instant selector gives of the sample it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Output {
    /// Its value.
    Value,
    /// Its time in seconds: `timestamp(selector)`.
    Time,
    /// The time at which it began to count in seconds, 0 where unknown: `start_timestamp(selector)`.
    StartTime,
    /// Its time for a series that must have no native histograms: those of info metrics.
    TimeOfFloat,
    /// The value at the step itself on the line between the neighbours: `selector smoothed`.
    Smoothed,
}

/// `name{matchers} offset … @ …`
#[derive(Clone)]
pub(crate) struct InstantSelect {
    pub(crate) readers: Rc<[Arc<dyn SeriesReader>]>,
    pub(crate) series: Rc<[SeriesMeta]>,
    pub(crate) reference: Reference,
    pub(crate) output: Output,
    pub(crate) detail: Detail,
    /// Where the selector stands.
    pub(crate) span: Span,
}

impl Operator for InstantSelect {
    fn series(&self) -> &[SeriesMeta] {
        &self.series
    }

    fn run(&mut self, cx: &Context, tile: Tile, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let back_ms = cx.lookback_ms();
        let ahead_ms = match self.output {
            Output::Smoothed => back_ms,
            _ => 0,
        };
        let range = self.reference.range(tile, back_ms, ahead_ms);
        let reading = Reading {
            readers: &self.readers,
            range,
            start_times: self.output == Output::StartTime,
        };
        let mut column = Column::default();
        let mut held = cx.hold(tile.len)?;
        let mut most = 0;
        reading.run(cx, &mut |i, samples| {
            if samples.is_empty() {
                return Ok(());
            }
            samples::prepare(samples, self.detail);
            let weight = weight_of(samples);
            cx.count_read(weight);
            if weight > most {
                held.add(weight - most)?;
                most = weight;
            }
            column.reset(tile.len);
            let reference = &self.reference;
            match self.output {
                Output::Smoothed if samples.histograms.is_empty() => {
                    smooth(samples, reference, tile, back_ms, &mut column);
                }
                Output::Smoothed => {
                    let name = self.series[i as usize].labels.get(METRIC_NAME);
                    let smoothed = Smoothed {
                        cx,
                        reference,
                        tile,
                        back_ms,
                        name: name.unwrap_or(""),
                        span: self.span,
                    };
                    smooth_histograms(samples, &smoothed, &mut column);
                }
                Output::Value if samples.histograms.is_empty() => {
                    last_before(
                        samples,
                        reference,
                        tile,
                        back_ms,
                        &mut column,
                        |column, k, i| {
                            column.set(k, samples.values[i]);
                        },
                    );
                }
                Output::Value => {
                    last_before(
                        samples,
                        reference,
                        tile,
                        back_ms,
                        &mut column,
                        |column, k, i| match histogram_at(samples, i) {
                            Some(h) => column.set_histogram(k, Arc::clone(h)),
                            None => column.set(k, samples.values[i]),
                        },
                    );
                }
                Output::StartTime => {
                    last_before(
                        samples,
                        reference,
                        tile,
                        back_ms,
                        &mut column,
                        |column, k, i| {
                            let start_ms = samples.start_time_ms(i).unwrap_or(0);
                            column.set(k, start_ms as f64 / 1000.0);
                        },
                    );
                }
                Output::Time | Output::TimeOfFloat => {
                    let mut histograms = false;
                    last_before(
                        samples,
                        reference,
                        tile,
                        back_ms,
                        &mut column,
                        |column, k, i| {
                            histograms |= histogram_at(samples, i).is_some();
                            column.set(k, samples.times_ms[i] as f64 / 1000.0);
                        },
                    );
                    if histograms && self.output == Output::TimeOfFloat {
                        let labels = &self.series[i as usize].labels;
                        return Err(QueryError::Execution(format!(
                            "this should be an info metric, with float samples: {labels:?}"
                        )));
                    }
                }
            }
            if !column.present.is_empty() {
                cx.meter.borrow_mut().add_column(tile, &column);
                sink(i, &mut column)?;
            }
            Ok(())
        })
    }
}

/// Has `pick` set each step by the last sample at or before it, when that is neither too old nor a stale marker.
fn last_before(
    samples: &Columns,
    reference: &Reference,
    tile: Tile,
    back_ms: i64,
    column: &mut Column,
    mut pick: impl FnMut(&mut Column, usize, usize),
) {
    let times = samples.times_ms.as_slice();
    let mut next = 0;
    for k in 0..tile.len {
        let t_ms = reference.time(tile.first + k);
        while times.get(next).is_some_and(|&t| t <= t_ms) {
            next += 1;
        }
        let Some(i) = next.checked_sub(1) else {
            continue;
        };
        if times[i] > t_ms.saturating_sub(back_ms)
            && !is_stale(samples.values[i])
            && !histogram_at(samples, i).is_some_and(|h| h.is_stale())
        {
            pick(column, k, i);
        }
    }
}

/// Sets each step to the value on the line between its neighbours, or to the last value where none follows.
fn smooth(samples: &Columns, reference: &Reference, tile: Tile, back_ms: i64, column: &mut Column) {
    let alive = |&(_, v): &(i64, f64)| !is_stale(v);
    let points: Vec<(i64, f64)> = samples
        .times_ms
        .iter()
        .copied()
        .zip(samples.values.iter().copied())
        .filter(alive)
        .collect();
    let mut next = 0;
    for k in 0..tile.len {
        let t_ms = reference.time(tile.first + k);
        let (oldest, newest) = (t_ms.saturating_sub(back_ms), t_ms.saturating_add(back_ms));
        while points.get(next).is_some_and(|p| p.0 < t_ms) {
            next += 1;
        }
        let before = next
            .checked_sub(1)
            .and_then(|i| points.get(i))
            .filter(|p| p.0 > oldest);
        let after = points.get(next).filter(|p| p.0 <= newest);
        match (before, after) {
            (_, Some(&(t, v))) if t == t_ms => column.set(k, v),
            (Some(&before), Some(&after)) => column.set(k, interpolate(before, after, t_ms)),
            (Some(&(_, v)), None) => column.set(k, v),
            (None, _) => {}
        }
    }
}

/// The value at `t_ms` on the line through two points.
pub(crate) fn interpolate(from: (i64, f64), to: (i64, f64), t_ms: i64) -> f64 {
    from.1 + (to.1 - from.1) * (t_ms - from.0) as f64 / (to.0 - from.0) as f64
}
