//! The series of an export, and their samples piece by piece.

use tsdb_core::{Columns, Db, Matcher, Series, TimeRange};

use super::stream::Cut;
use crate::api::Params;
use crate::error::ApiError;

/// A piece of a series has about as many samples.
const PIECE_SAMPLES: usize = 100_000;

/// The time that is read at once in the beginning; it is doubled where samples are few and halved where they are many.
const FIRST_STEP_MS: i64 = 3_600_000;

/// What a request selects.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) sets: Vec<Vec<Matcher>>,
    pub(super) range: TimeRange,
}

impl Selection {
    /// Of the parameters `match[]`, `start` and `end`.
    pub(super) fn of(params: &Params) -> Result<Self, ApiError> {
        let sets = params
            .matcher_sets()
            .map_err(|e| ApiError::invalid_parameter("match[]", e))?;
        if sets.is_empty() {
            return Err(ApiError::bad_data("no match[] parameter provided"));
        }
        let range = params.time_range()?;
        Ok(Self { sets, range })
    }

    /// The selected series in label order, each once, all captured at one moment.
    pub(super) fn series(&self, db: &Db) -> Result<Vec<Series>, ApiError> {
        let selectors: Vec<&[Matcher]> = self.sets.iter().map(Vec::as_slice).collect();
        let snapshot = db.snapshot(&selectors)?;
        let mut series = Vec::new();
        for set in &self.sets {
            series.extend(snapshot.select(set, self.range)?);
        }
        if self.sets.len() > 1 {
            series.sort_by(|a, b| a.labels().cmp(b.labels()));
            series.dedup_by(|a, b| a.labels() == b.labels());
        }
        for warning in snapshot.warnings() {
            tracing::warn!(warning, "export of what is left");
        }
        Ok(series)
    }
}

/// Calls `take` with the floats of a series, piece by piece: times in milliseconds, rising, and values. Native histograms
/// are left out, for formats that cannot hold them.
pub(super) fn for_each_piece(
    series: &Series,
    mut take: impl FnMut(&[i64], &[f64]) -> Result<(), Cut>,
) -> Result<(), Cut> {
    for_each_part(series, |columns| {
        drop_histograms(columns);
        match columns.is_empty() {
            true => Ok(()),
            false => take(&columns.times_ms, &columns.values),
        }
    })
}

/// Calls `take` with the samples of a series, part by part, none of which is empty.
pub(super) fn for_each_part<E: From<tsdb_core::Error>>(
    series: &Series,
    mut take: impl FnMut(&mut Columns) -> Result<(), E>,
) -> Result<(), E> {
    let Some(range) = series.time_range() else {
        return Ok(());
    };
    let mut columns = Columns::default();
    let mut step_ms = FIRST_STEP_MS;
    let mut start_ms = range.start_ms;
    loop {
        let end_ms = start_ms.saturating_add(step_ms - 1).min(range.end_ms);
        let before = columns.len();
        series.read_into(TimeRange::new(start_ms, end_ms), &mut columns)?;
        let is_last = end_ms == range.end_ms;
        let read = columns.len() - before;
        if is_last || columns.len() >= PIECE_SAMPLES {
            if !columns.is_empty() {
                take(&mut columns)?;
            }
            columns.clear();
        }
        if is_last {
            return Ok(());
        }
        if read < PIECE_SAMPLES / 4 {
            step_ms = step_ms.saturating_mul(2);
        } else if read > PIECE_SAMPLES {
            step_ms = (step_ms / 2).max(1);
        }
        start_ms = end_ms + 1; // before the last end
    }
}

fn drop_histograms(columns: &mut Columns) {
    for (at, _) in columns.histograms.drain(..).rev() {
        columns.times_ms.remove(at);
        columns.values.remove(at);
    }
}
