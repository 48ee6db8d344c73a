//! What a batch needs to know of its series, found outside the lane.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::fast::RandomState;

use super::Store;
use crate::disk::Run;
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
        /// Whether something older is known to have it.
        known: bool,
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
                            Target::Missing {
                                hash,
                                last: None,
                                known: false,
                            }
                        }
                    }
                }
            });
        }
    }
    if missing {
        let runs_max_ms = view.runs_max_ms();
        let asks_runs = store.asks_runs.load(Ordering::Relaxed);
        for (target, entry) in targets.iter_mut().zip(batch.entries()) {
            if let Target::Missing { hash, last, known } = target {
                let runs = match oldest_of(batch, entry) <= runs_max_ms {
                    true => view.runs.as_slice(),
                    false => &[],
                };
                let canonical = incoming.canonical(entry);
                *last = last_before(store, runs, &view.frozen, *hash, canonical)?;
                *known = last.is_some() || (asks_runs && in_recent_run(store, view, canonical)?);
            }
        }
    }
    if view.active.is_replayed() {
        recall(store, view, incoming, &targets)?;
    }
    Ok(targets)
}

/// A series without a sample for longer is not active any more, in milliseconds.
const RECENT_MS: i64 = 60 * 60_000;

/// Whether a run with samples of the last hour has a series.
fn in_recent_run(store: &Store, view: &View, canonical: &[u8]) -> Result<bool> {
    let labels = Labels::from_canonical(canonical)?;
    let since_ms = store
        .newest_ms
        .load(Ordering::Relaxed)
        .saturating_sub(RECENT_MS);
    for run in view.runs.iter().filter(|run| run.meta().max_ms >= since_ms) {
        match run.index().find(&labels) {
            Ok(None) => {}
            Ok(Some(_)) => return Ok(true),
            // Of a damaged run nobody knows what it has.
            Err(e) if e.is_corruption() => return Ok(true),
            Err(e) => return Err(e),
        }
    }
    Ok(false)
}

/// The last sample of a series in a run, if it is newer than what is known.
fn last_in_run(
    store: &Store,
    run: &Run,
    labels: &Labels,
    known: Option<&LastSample>,
) -> Result<Option<LastSample>> {
    let Some(series) = run.index().find(labels)? else {
        return Ok(None);
    };
    let ends_ms = run
        .column_range(series)
        .map_or(i64::MIN, |(_, max_ms)| max_ms);
    if known.is_some_and(|last| ends_ms <= last.t_ms) {
        return Ok(None);
    }
    run.last_sample(series, &store.cache)
}

/// Tells the series of a batch that came from the log of their newest samples in what is older, which they knew when they
/// were made: the log does not say. Only those that the batch could meet are read, and each only once, so that a store with
/// many series is open at once after a crash.
///
/// # Errors
/// When a run that holds a series cannot be read.
fn recall(store: &Store, view: &View, incoming: Incoming<'_>, targets: &[Target]) -> Result<()> {
    let frozen_ms = view
        .frozen
        .iter()
        .filter_map(|generation| generation.time_range());
    let older_ms = frozen_ms
        .map(|(_, max_ms)| max_ms)
        .max()
        .unwrap_or(i64::MIN);
    let older_ms = older_ms.max(view.runs_max_ms());
    for (entry, target) in incoming.batch.entries().iter().zip(targets) {
        let Target::There(series) = *target else {
            continue;
        };
        if oldest_of(incoming.batch, entry) > older_ms || !view.active.recall_due(series) {
            continue;
        }
        let canonical = view.active.canonical(series);
        let hash = store.hash(canonical);
        let last = last_before(store, &view.runs, &view.frozen, hash, canonical)?;
        view.active.recall_last(series, last);
    }
    Ok(())
}

/// Time of the oldest sample of an entry, in milliseconds.
fn oldest_of(batch: &WriteBatch, entry: &BatchSeries) -> i64 {
    let (times_ms, _) = batch.samples_of(entry);
    let histograms = batch.histograms_of(entry).iter().map(|h| h.t_ms);
    let oldest_ms = times_ms.iter().copied().chain(histograms).min();
    oldest_ms.unwrap_or(i64::MAX)
}

impl Store {
    pub(super) fn hash(&self, canonical: &[u8]) -> u64 {
        hash_labels(&self.hasher, canonical)
    }
}

/// The hash by which a label set is looked up.
pub(super) fn hash_labels(hasher: &RandomState, canonical: &[u8]) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write(canonical);
    hasher.finish()
}

/// The newest sample of a series in these generations, or else in these runs, both oldest first. Runs need not be asked
/// for a series whose samples are all newer than theirs: they cannot meet its last one there.
fn last_before(
    store: &Store,
    runs: &[Arc<Run>],
    generations: &[Arc<Generation>],
    hash: u64,
    canonical: &[u8],
) -> Result<Option<LastSample>> {
    let mut newest: Option<LastSample> = None;
    for generation in generations.iter().rev() {
        if let Some(series) = generation.find(hash, canonical) {
            let last = generation.last(series);
            let is_newer = |last: &LastSample| newest.as_ref().is_none_or(|n| n.t_ms < last.t_ms);
            if last.as_ref().is_some_and(is_newer) {
                newest = last;
            }
            if !generation.recall_due(series) {
                return Ok(newest);
            }
        }
    }
    if !runs.is_empty() {
        let labels = Labels::from_canonical(canonical)?;
        for run in runs.iter().rev() {
            // A run behind what is known already cannot have a newer sample; at equal times the later run counts.
            if newest
                .as_ref()
                .is_some_and(|last| run.meta().max_ms <= last.t_ms)
            {
                continue;
            }
            match last_in_run(store, run, &labels, newest.as_ref()) {
                Ok(last) => newest = last.or(newest),
                // A damaged run is read by nobody: it must not keep writes or the store from going on.
                Err(e) if e.is_corruption() => {
                    tracing::warn!(error = %e, "the last sample of a series cannot be read, a conflict with it is not seen");
                }
                Err(e) => return Err(e),
            }
        }
    }
    Ok(newest)
}
