//! What a batch needs to know of its series, found outside the lane.

use std::hash::{BuildHasher as _, Hasher as _};

use super::Store;
use crate::error::Result;
use crate::head::{Generation, SeriesRef};
use crate::model::{BatchSeries, Form, Labels, LastSample, WriteBatch};
use crate::read::View;

/// A batch, and the generation whose series its entries may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) batch: &'a WriteBatch,
    /// Of no use to a batch in which every entry has labels.
    pub(super) recognized_in: Option<&'a Generation>,
}

impl<'a> Incoming<'a> {
    /// Canonical label bytes of an entry.
    pub(super) fn canonical(&self, entry: &BatchSeries) -> &'a [u8] {
        match (entry.form, self.recognized_in) {
            (Form::Known(series), Some(generation)) => generation.canonical(series),
            _ => self.batch.labels_of(entry),
        }
    }
}

/// One entry of a batch.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The series in the active generation.
    There(SeriesRef),
    /// It was not there.
    Missing {
        /// Hash of the canonical label bytes.
        hash: u64,
        /// Its newest sample in what is older, as far as the batch could meet it.
        last: Option<LastSample>,
    },
}

/// Looks up every entry of the batch.
///
/// # Errors
/// When a run that may hold a series cannot be read.
pub(super) fn look_up(store: &Store, view: &View, incoming: Incoming<'_>) -> Result<Vec<Target>> {
    let batch = incoming.batch;
    let current = incoming
        .recognized_in
        .is_some_and(|generation| generation.id() == view.active.id());
    let mut targets = Vec::with_capacity(batch.series_len());
    let mut missing = false;
    {
        let lookup = view.active.lookup();
        for entry in batch.entries() {
            targets.push(match entry.form {
                Form::Known(series) if current => Target::There(series),
                _ => {
                    let canonical = incoming.canonical(entry);
                    let hash = store.hash(canonical);
                    match lookup.find(hash, canonical) {
                        Some(series) => Target::There(series),
                        None => {
                            missing = true;
                            Target::Missing { hash, last: None }
                        }
                    }
                }
            });
        }
    }
    if missing {
        let runs_max_ms = view.runs_max_ms();
        for (target, entry) in targets.iter_mut().zip(batch.entries()) {
            if let Target::Missing { hash, last } = target {
                let (times_ms, _) = batch.samples_of(entry);
                let histograms = batch.histograms_of(entry).iter();
                let times_ms = times_ms.iter().copied().chain(histograms.map(|h| h.t_ms));
                let oldest_ms = times_ms.min().unwrap_or(i64::MAX);
                let meets_runs = oldest_ms <= runs_max_ms;
                *last = last_before(store, view, *hash, incoming.canonical(entry), meets_runs)?;
            }
        }
    }
    Ok(targets)
}

impl Store {
    pub(super) fn hash(&self, canonical: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(canonical);
        hasher.finish()
    }
}

/// The newest sample of a series in frozen generations and runs. Runs are asked only if it `meets_runs`: a series whose
/// samples are all newer than any run cannot meet its last one there.
fn last_before(
    store: &Store,
    view: &View,
    hash: u64,
    canonical: &[u8],
    meets_runs: bool,
) -> Result<Option<LastSample>> {
    for generation in view.frozen.iter().rev() {
        if let Some(series) = generation.find(hash, canonical) {
            return Ok(generation.last(series));
        }
    }
    let mut newest: Option<LastSample> = None;
    if meets_runs {
        let labels = Labels::from_canonical(canonical)?;
        for run in view.runs.iter().rev() {
            // A run behind what is known already cannot have a newer sample; at equal times the later run counts.
            if newest
                .as_ref()
                .is_some_and(|last| run.meta().max_ms <= last.t_ms)
            {
                continue;
            }
            let Some(series) = run.index().find(&labels)? else {
                continue;
            };
            let ends_ms = run
                .column_range(series)
                .map_or(i64::MIN, |(_, max_ms)| max_ms);
            if newest.as_ref().is_none_or(|last| ends_ms > last.t_ms)
                && let Some(last) = run.last_sample(series, &store.cache)?
            {
                newest = Some(last);
            }
        }
    }
    Ok(newest)
}
