//! What operators do with the samples that a storage gives, before they are put on steps.

use std::sync::Arc;

use tsdb_core::{Columns, CounterResetHint, FloatHistogram, HistogramSample, is_stale};

use crate::vector::{Column, Grid, Tile, weight};

/// Whether histograms are wanted whole, or only what `histogram_count`, `histogram_sum` and `histogram_avg` take from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Detail {
    /// With their buckets.
    #[default]
    Whole,
    /// Count and sum, and for each whether it was reset since the one before.
    Statistics,
}

/// Makes floats of all histograms, and leaves out of them what is not wanted.
pub(crate) fn prepare(samples: &mut Columns, detail: Detail) {
    if samples.histograms.is_empty() {
        return;
    }
    for (_, sample) in &mut samples.histograms {
        if let HistogramSample::Integer(h) = sample {
            *sample = HistogramSample::Float(Arc::new(h.to_float()));
        }
    }
    if detail == Detail::Statistics {
        keep_statistics(samples);
    }
}

/// Resets are found out with the help of the buckets, which are then left out.
fn keep_statistics(samples: &mut Columns) {
    let mut before: Option<Arc<FloatHistogram>> = None;
    for (_, sample) in &mut samples.histograms {
        let HistogramSample::Float(h) = sample else {
            continue;
        };
        if h.is_stale() {
            continue;
        }
        let hint = match (h.counter_reset_hint, &before) {
            (CounterResetHint::Unknown, Some(before)) if h.detect_reset(before) => {
                CounterResetHint::Reset
            }
            (CounterResetHint::Unknown, Some(_)) => CounterResetHint::NotReset,
            (hint, _) => hint,
        };
        let statistics = FloatHistogram {
            counter_reset_hint: hint,
            count: h.count,
            sum: h.sum,
            ..FloatHistogram::default()
        };
        before = Some(std::mem::replace(h, Arc::new(statistics)));
    }
}

/// The histogram at an index of the columns.
pub(super) fn histogram_at(samples: &Columns, i: usize) -> Option<&Arc<FloatHistogram>> {
    if samples.histograms.is_empty() {
        return None;
    }
    let at = samples.histograms.binary_search_by_key(&i, |h| h.0).ok()?;
    float(&samples.histograms.get(at)?.1)
}

/// The histogram, which [`prepare`] has made one of floats.
fn float(sample: &HistogramSample) -> Option<&Arc<FloatHistogram>> {
    match sample {
        HistogramSample::Float(h) => Some(h),
        HistogramSample::Integer(_) => None,
    }
}

/// How much of the budget the samples take.
pub(crate) fn weight_of(samples: &Columns) -> usize {
    let histograms = samples.histograms.iter().filter_map(|(_, h)| float(h));
    let extra: usize = histograms.map(|h| weight(h).saturating_sub(1)).sum();
    samples.len() + extra
}

/// What the samples before each index count for together, and all of them.
pub(super) fn weights_up_to(samples: &Columns) -> Vec<u64> {
    let mut histograms = samples.histograms.iter().peekable();
    let mut sum = 0;
    let mut sums = vec![0];
    for i in 0..samples.len() {
        let histogram = histograms.next_if(|(at, _)| *at == i);
        let histogram = histogram.and_then(|(_, h)| float(h));
        sum += histogram.map_or(1, |h| weight(h)) as u64;
        sums.push(sum);
    }
    sums
}

/// Removes the staleness markers.
pub(crate) fn take_out_stale(samples: &mut Columns) {
    if !samples.histograms.is_empty() || samples.start_times().next().is_some() {
        return take_out_stale_of_any(samples);
    }
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

fn take_out_stale_of_any(samples: &mut Columns) {
    let mut all = samples.take();
    let mut histograms = std::mem::take(&mut all.histograms).into_iter().peekable();
    for (i, (&t_ms, &value)) in all.times_ms.iter().zip(&all.values).enumerate() {
        match histograms.next_if(|(at, _)| *at == i) {
            Some((_, h)) if float(&h).is_some_and(|h| h.is_stale()) => continue,
            Some((_, h)) => samples.push_histogram(t_ms, h),
            None if is_stale(value) => continue,
            None => samples.push(t_ms, value),
        }
        samples.set_start_time(all.start_time_ms(i).unwrap_or(0));
    }
}

/// Appends the present steps of a column of the steps `tile` of `grid`.
///
/// What is known of resets between the histograms of a series is not true of those at the steps: they may be further apart.
pub(super) fn append(samples: &mut Columns, column: &Column, grid: Grid, tile: Tile) {
    if !column.has_histograms() {
        for (k, v) in column.iter() {
            samples.push(grid.time(tile.first + k), v);
        }
        return;
    }
    for k in column.present.iter() {
        let t_ms = grid.time(tile.first + k);
        match (column.histogram(k), column.get(k)) {
            (Some(h), _) => {
                samples.push_histogram(t_ms, HistogramSample::Float(without_reset_hint(h)));
            }
            (None, Some(v)) => samples.push(t_ms, v),
            (None, None) => {}
        }
    }
}

fn without_reset_hint(h: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    match h.counter_reset_hint {
        CounterResetHint::Unknown | CounterResetHint::Gauge => Arc::clone(h),
        CounterResetHint::Reset | CounterResetHint::NotReset => Arc::new(FloatHistogram {
            counter_reset_hint: CounterResetHint::Unknown,
            ..(**h).clone()
        }),
    }
}

/// The floats and the histograms of a series apart.
#[derive(Debug, Default)]
pub(super) struct Apart {
    pub(super) floats: Columns,
    /// When each float began to count, 0 where unknown; empty when nothing is known of any sample.
    pub(super) float_starts_ms: Vec<i64>,
    pub(super) histogram_times_ms: Vec<i64>,
    pub(super) histograms: Vec<Arc<FloatHistogram>>,
    /// The same of histograms.
    pub(super) histogram_starts_ms: Vec<i64>,
}

impl Apart {
    /// Takes the samples apart.
    pub(super) fn of(samples: &Columns) -> Self {
        let mut apart = Self::default();
        let mut histograms = samples.histograms.iter().peekable();
        for (i, (&t_ms, &value)) in samples.times_ms.iter().zip(&samples.values).enumerate() {
            match histograms.next_if(|(at, _)| *at == i) {
                Some((_, h)) => {
                    if let Some(h) = float(h) {
                        apart.histogram_times_ms.push(t_ms);
                        apart.histograms.push(Arc::clone(h));
                    }
                }
                None => apart.floats.push(t_ms, value),
            }
        }
        apart
    }

    /// Sets the start times, which are given by the times of their samples.
    pub(super) fn with_starts(mut self, starts: &[(i64, i64)]) -> Self {
        if starts.is_empty() {
            return self;
        }
        let start = |t_ms: &i64| {
            let known = starts.binary_search_by_key(t_ms, |s| s.0);
            known.map_or(0, |at| starts[at].1)
        };
        self.float_starts_ms = self.floats.times_ms.iter().map(start).collect();
        self.histogram_starts_ms = self.histogram_times_ms.iter().map(start).collect();
        self
    }
}
