//! What a batch needs to know of its series, found outside the lane.

use crate::error::Result;
use crate::head::{LastSample, SeriesRef};
use crate::model::{Labels, WriteBatch};
use crate::read::View;

use super::Store;

/// One entry of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) hash: u64,
    /// The series in the active generation, if it was there.
    pub(super) series: Option<SeriesRef>,
    /// If it was not: its newest sample in what is older, as far as the batch could meet it.
    pub(super) last: Option<LastSample>,
}

/// Looks up every entry of the batch.
///
/// # Errors
/// When a run that may hold a series cannot be read.
pub(super) fn look_up(store: &Store, view: &View, batch: &WriteBatch) -> Result<Vec<Target>> {
    let mut targets = Vec::with_capacity(batch.series_len());
    let mut missing = false;
    {
        let lookup = view.active.lookup();
        for entry in batch.entries() {
            let canonical = batch.labels_of(entry);
            let hash = store.hash(canonical);
            let series = lookup.find(hash, canonical);
            missing |= series.is_none();
            targets.push(Target {
                hash,
                series,
                last: None,
            });
        }
    }
    if missing {
        let runs_max_ms = view.runs_max_ms();
        for (target, entry) in targets.iter_mut().zip(batch.entries()) {
            if target.series.is_none() {
                let (times_ms, _) = batch.samples_of(entry);
                let oldest_ms = times_ms.iter().copied().min().unwrap_or(i64::MAX);
                let canonical = batch.labels_of(entry);
                target.last = last_before(store, view, target.hash, canonical, || {
                    oldest_ms <= runs_max_ms
                })?;
            }
        }
    }
    Ok(targets)
}

impl Store {
    pub(super) fn hash(&self, canonical: &[u8]) -> u64 {
        use std::hash::{BuildHasher as _, Hasher as _};
        let mut hasher = self.hasher.build_hasher();
        hasher.write(canonical);
        hasher.finish()
    }
}

/// The newest sample of a series in frozen generations and runs. Runs are asked only when `meets_runs`: a series whose
/// samples are all newer than any run cannot meet its last one there.
fn last_before(
    store: &Store,
    view: &View,
    hash: u64,
    canonical: &[u8],
    meets_runs: impl FnOnce() -> bool,
) -> Result<Option<LastSample>> {
    for generation in view.frozen.iter().rev() {
        if let Some(series) = generation.find(hash, canonical) {
            return Ok(generation.last(series));
        }
    }
    let mut newest: Option<LastSample> = None;
    if meets_runs() {
        let labels = Labels::from_canonical(canonical)?;
        for run in view.runs.iter().rev() {
            // A run behind what is known already cannot have a newer sample; at equal times the later run counts.
            if newest.is_some_and(|last| run.meta().max_ms <= last.t_ms) {
                continue;
            }
            let Some(series) = run.index().find(&labels)? else {
                continue;
            };
            let ends_ms = run
                .column_range(series)
                .map_or(i64::MIN, |(_, max_ms)| max_ms);
            if newest.is_none_or(|last| ends_ms > last.t_ms)
                && let Some((t_ms, bits)) = run.last_sample(series, &store.cache)?
            {
                newest = Some(LastSample { t_ms, bits });
            }
        }
    }
    Ok(newest)
}
