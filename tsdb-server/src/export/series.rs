//! The series of an export, and their samples piece by piece.

use std::time::Instant;

use tsdb_core::{Columns, Db, Matcher, Reservation, Samples, Series, TimeRange};

use super::stream::Cut;
use crate::api::{Params, Selectors};
use crate::error::{ApiError, ErrorKind};
use crate::state::AppState;

/// A piece of a series has about as many samples.
const PIECE_SAMPLES: usize = 100_000;

/// The time that is read at once in the beginning; it is doubled where samples are few and halved where they are many.
const FIRST_STEP_MS: i64 = 3_600_000;

/// What a request selects.
#[derive(Debug)]
pub(super) struct Selection {
    selectors: Selectors,
    range: TimeRange,
    /// When the series have to be found.
    deadline: Option<Instant>,
}

impl Selection {
    /// Of the parameters `match[]`, `start` and `end`.
    pub(super) fn of(state: &AppState, params: &Params) -> Result<Self, ApiError> {
        let selectors = params.selectors();
        if selectors.is_empty() {
            return Err(ApiError::bad_data("no match[] parameter provided"));
        }
        Ok(Self::new(state, selectors, params.time_range()?))
    }

    /// What these select; the series have to be found within the timeout of queries.
    pub(super) fn new(state: &AppState, selectors: Selectors, range: TimeRange) -> Self {
        let timeout = state.shared.config.query_timeout;
        Self {
            selectors,
            range,
            deadline: Instant::now().checked_add(timeout),
        }
    }

    fn check_time(&self) -> Result<(), ApiError> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(ApiError::new(
                ErrorKind::Timeout,
                "selecting the series timed out (--query.timeout)",
            )),
            _ => Ok(()),
        }
    }

    /// The selected series in label order, each once, all captured at one moment, and their share of the memory.
    pub(super) fn series(&self, db: &Db) -> Result<(Vec<Series>, Reservation), ApiError> {
        let sets = self.selectors.matcher_sets();
        let sets = sets.map_err(|e| ApiError::invalid_parameter("match[]", e))?;
        let selectors: Vec<&[Matcher]> = sets.iter().map(Vec::as_slice).collect();
        let snapshot = db.snapshot(&selectors)?;
        let mut series = Vec::new();
        // Sets may overlap: what is held stays within twice what is left.
        let mut different = 0;
        for set in &sets {
            self.check_time()?;
            series.extend(snapshot.select(set, self.range)?);
            if series.len() > 2 * different {
                deduplicate(&mut series);
                different = series.len();
            }
        }
        deduplicate(&mut series);
        for warning in snapshot.warnings() {
            tracing::warn!(warning, "export of what is left");
        }
        let share = reserve(db, &series)?;
        Ok((series, share))
    }
}

/// Sorts a list of series, which is sorted already if it is of one set, and leaves each once.
fn deduplicate(series: &mut Vec<Series>) {
    series.sort_by(|a, b| a.labels().cmp(b.labels()));
    series.dedup_by(|a, b| a.labels() == b.labels());
}

/// Takes the memory of a list of series.
///
/// # Errors
/// When there is none.
pub(super) fn reserve(db: &Db, series: &[Series]) -> tsdb_core::Result<Reservation> {
    let bytes = series.iter().map(Series::memory_bytes).sum();
    db.memory().reserve(bytes)
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
    let mut columns = Columns::default();
    for_each_step(series, |range, is_last| {
        let before = columns.len();
        series.read_into(range, &mut columns)?;
        let read = columns.len() - before;
        if is_last || columns.len() >= PIECE_SAMPLES {
            if !columns.is_empty() {
                take(&mut columns)?;
            }
            columns.clear();
        }
        Ok(read)
    })
}

/// Calls `take` with the samples of a series as they were written, a stretch of time after the other.
pub(super) fn for_each_stretch(
    series: &Series,
    mut take: impl FnMut(&Samples) -> Result<(), Cut>,
) -> Result<(), Cut> {
    for_each_step(series, |range, _| {
        let samples = series.samples_within(range)?;
        take(&samples)?;
        Ok(samples.len())
    })
}

/// Calls `read` with one range of time after the other, until the last, which holds the samples of a series. It says how many
/// samples there were, by which the next range is chosen.
fn for_each_step<E: From<tsdb_core::Error>>(
    series: &Series,
    mut read: impl FnMut(TimeRange, bool) -> Result<usize, E>,
) -> Result<(), E> {
    let Some(range) = series.time_range() else {
        return Ok(());
    };
    let mut step_ms = FIRST_STEP_MS;
    let mut start_ms = range.start_ms;
    loop {
        let end_ms = start_ms.saturating_add(step_ms - 1).min(range.end_ms);
        let is_last = end_ms == range.end_ms;
        let samples = read(TimeRange::new(start_ms, end_ms), is_last)?;
        if is_last {
            return Ok(());
        }
        if samples < PIECE_SAMPLES / 4 {
            step_ms = step_ms.saturating_mul(2);
        } else if samples > PIECE_SAMPLES {
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
