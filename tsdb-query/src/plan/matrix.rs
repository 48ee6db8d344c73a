//! The series of a matrix, put together at the end of a query.

use std::collections::HashMap;
use std::sync::Arc;

use tsdb_core::{Columns, FloatHistogram, HistogramSample, Labels};

use crate::engine::EachSeries;
use crate::error::QueryError;
use crate::exec::{Context, SAME_LABELSET};
use crate::value::{MatrixSeries, QueryValue};
use crate::vector::{Column, Grid, Tile};

/// The samples of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct SeriesData {
    times_ms: Vec<i64>,
    values: Vec<f64>,
    histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

impl SeriesData {
    /// Takes those that were read, or a copy where there are histograms among them.
    pub(super) fn of(samples: &mut Columns) -> Self {
        let mut data = Self::default();
        if samples.histograms.is_empty() {
            data.times_ms = std::mem::take(&mut samples.times_ms);
            data.values = std::mem::take(&mut samples.values);
            return data;
        }
        let mut histograms = samples.histograms.iter().peekable();
        for (i, (&t_ms, &value)) in samples.times_ms.iter().zip(&samples.values).enumerate() {
            match histograms.next_if(|(at, _)| *at == i) {
                Some((_, HistogramSample::Float(h))) => {
                    data.histograms.push((t_ms, Arc::clone(h)));
                }
                Some((_, HistogramSample::Integer(h))) => {
                    data.histograms.push((t_ms, Arc::new(h.to_float())));
                }
                None => {
                    data.times_ms.push(t_ms);
                    data.values.push(value);
                }
            }
        }
        data
    }

    /// Appends the present steps of a column.
    pub(super) fn add(&mut self, column: &Column, grid: Grid, tile: Tile) {
        let time = |k: usize| grid.time(tile.first + k);
        if !column.has_histograms() && column.present.is_full() {
            // Most that are full here are full to the end, and a vector that doubles may take twice as much.
            if self.values.capacity() - self.values.len() < tile.len {
                self.times_ms.reserve_exact(grid.steps - tile.first);
                self.values.reserve_exact(grid.steps - tile.first);
            }
            self.times_ms.extend((0..column.values.len()).map(time));
            self.values.extend_from_slice(&column.values);
            return;
        }
        for (k, v) in column.iter() {
            self.times_ms.push(time(k));
            self.values.push(v);
        }
        for (k, h) in column.iter_histograms() {
            self.histograms.push((time(k), Arc::clone(h)));
        }
    }

    pub(super) fn named(self, labels: Labels) -> MatrixSeries {
        MatrixSeries {
            labels,
            times_ms: self.times_ms,
            values: self.values,
            histograms: self.histograms,
        }
    }
}

/// Gives the matrix of these series: in label order, none empty, those merged that have become the same now that names are
/// gone.
pub(super) fn finish(
    mut series: Vec<MatrixSeries>,
    cx: &Context,
    each: &mut EachSeries<'_>,
) -> Result<QueryValue, QueryError> {
    series.retain(|s| !(s.values.is_empty() && s.histograms.is_empty()));
    if cx.delayed_name_removal() {
        series = merge_same(series)?;
    }
    series.sort_unstable_by(|a, b| a.labels.cmp(&b.labels));
    series.into_iter().try_for_each(each)?;
    Ok(QueryValue::Matrix(Vec::new()))
}

fn merge_same(series: Vec<MatrixSeries>) -> Result<Vec<MatrixSeries>, QueryError> {
    let mut numbers: HashMap<Labels, usize> = HashMap::with_capacity(series.len());
    let mut merged: Vec<MatrixSeries> = Vec::with_capacity(series.len());
    for s in series {
        let at = *numbers.entry(s.labels.clone()).or_insert(merged.len());
        match merged.get_mut(at) {
            Some(existing) => merge(existing, s)?,
            None => merged.push(s),
        }
    }
    Ok(merged)
}

fn merge(existing: &mut MatrixSeries, other: MatrixSeries) -> Result<(), QueryError> {
    let mut points: Vec<(i64, f64)> =
        Vec::with_capacity(existing.values.len() + other.values.len());
    for part in [&*existing, &other] {
        let times = part.times_ms.iter().copied();
        points.extend(times.zip(part.values.iter().copied()));
    }
    points.sort_by_key(|p| p.0);
    let histograms = &mut existing.histograms;
    histograms.extend(other.histograms);
    histograms.sort_by_key(|h| h.0);
    let mut times: Vec<i64> = points.iter().map(|p| p.0).collect();
    times.extend(histograms.iter().map(|h| h.0));
    times.sort_unstable();
    if times.windows(2).any(|w| w[0] == w[1]) {
        return Err(QueryError::Execution(SAME_LABELSET.to_owned()));
    }
    (existing.times_ms, existing.values) = points.into_iter().unzip();
    Ok(())
}
