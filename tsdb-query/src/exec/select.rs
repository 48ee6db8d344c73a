//! Instant selectors: the last sample before each step.

use std::sync::Arc;

use tsdb_core::{Columns, TimeRange, is_stale};

use super::operator::Sink;
use super::{Context, Operator, SeriesMeta};
use crate::error::QueryError;
use crate::storage::SeriesReader;
use crate::vector::{Column, Grid, Tile};

/// The time a selector or subquery refers to at each step.
#[derive(Clone, Copy, Debug)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Its value.
    Value,
    /// Its time in seconds: `timestamp(selector)`.
    Time,
    /// The value at the step itself on the line between the neighbours: `selector smoothed`.
    Smoothed,
}

/// `name{matchers} offset … @ …`
pub(crate) struct InstantSelect {
    pub(crate) readers: Vec<Arc<dyn SeriesReader>>,
    pub(crate) series: Vec<SeriesMeta>,
    pub(crate) reference: Reference,
    pub(crate) output: Output,
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
        let mut samples = Columns::default();
        let mut column = Column::default();
        let mut held = cx.hold(tile.len)?;
        let mut most = 0;
        for (i, reader) in (0u32..).zip(&self.readers) {
            cx.check()?;
            samples.clear();
            reader.read(range, &mut samples)?;
            if samples.is_empty() {
                continue;
            }
            cx.count_read(samples.len());
            if samples.len() > most {
                held.add(samples.len() - most)?;
                most = samples.len();
            }
            column.reset(tile.len);
            match self.output {
                Output::Smoothed => smooth(&samples, &self.reference, tile, back_ms, &mut column),
                Output::Value => {
                    last_before(&samples, &self.reference, tile, back_ms, &mut column, |i| {
                        samples.values[i]
                    });
                }
                Output::Time => {
                    last_before(&samples, &self.reference, tile, back_ms, &mut column, |i| {
                        samples.times_ms[i] as f64 / 1000.0
                    });
                }
            }
            if !column.present.is_empty() {
                sink(i, &mut column)?;
            }
        }
        Ok(())
    }
}

/// Sets each step to what `pick` says of the last sample at or before it, when that is neither too old nor a stale marker.
fn last_before(
    samples: &Columns,
    reference: &Reference,
    tile: Tile,
    back_ms: i64,
    column: &mut Column,
    pick: impl Fn(usize) -> f64,
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
        if times[i] > t_ms.saturating_sub(back_ms) && !is_stale(samples.values[i]) {
            column.set(k, pick(i));
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
