//! What a batch needs to know of its series, found outside the lane.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Store;
use crate::disk::Run;
use crate::error::{Error, Result};
use crate::head::{Generation, SeriesRef};
use crate::model::{BatchSeries, Columns, Form, Labels, LastSample, TimeRange, WriteBatch};
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
                let runs = match oldest_ms <= runs_max_ms {
                    true => view.runs.as_slice(),
                    false => &[],
                };
                let canonical = incoming.canonical(entry);
                *last = last_before(store, view, runs, &view.frozen, *hash, canonical)?;
            }
        }
    }
    Ok(targets)
}

/// The last sample of a series in a run, if it is newer than what is known.
fn last_in_run(
    store: &Store,
    view: &View,
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
    let deleted = view.deletions.of_run(run);
    match deleted.and_then(|deleted| deleted.of(series)) {
        Some(deleted) if deleted.contains(ends_ms) => {
            let after_ms = known.map_or(i64::MIN, |last| last.t_ms);
            let mut samples = Columns::default();
            run.read_series(
                series,
                TimeRange::new(after_ms, ends_ms),
                &store.cache,
                &mut samples,
            )?;
            samples.remove(0, deleted);
            let last = samples.last();
            Ok(last.filter(|last| known.is_none_or(|known| known.t_ms < last.t_ms)))
        }
        _ => run.last_sample(series, &store.cache),
    }
}

/// The newest sample of a series that a generation knows of, and whether older parts may have a newer one.
fn last_in_generation(
    view: &View,
    generation: &Generation,
    series: SeriesRef,
) -> Result<(Option<LastSample>, bool)> {
    let last = generation.last(series);
    let deleted = view.deletions.of_generation(generation);
    match (deleted.and_then(|deleted| deleted.of(series)), last) {
        (Some(deleted), Some(last)) if deleted.contains(last.t_ms) => {
            let mut samples = Columns::default();
            let captured = generation.capture(series);
            captured
                .read(TimeRange::ALL, &mut samples)
                .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what))?;
            samples.remove(0, deleted);
            Ok((samples.last(), true))
        }
        (_, last) => Ok((last, false)),
    }
}

/// Tells the series of generations that come from the log of their newest samples in what is older, which they knew when
/// they were made: the log does not say.
///
/// # Errors
/// When a run that holds a series cannot be read.
pub(super) fn recall_last(store: &Store) -> Result<()> {
    let view = store.view.get();
    let runs_max_ms = view.runs_max_ms();
    let generations: Vec<&Arc<Generation>> = view.generations().collect();
    for (i, generation) in generations.iter().enumerate() {
        let earlier = &view.frozen[..i];
        for series in 0..generation.series_len() {
            let newest_ms = generation.last(series).map_or(i64::MIN, |last| last.t_ms);
            let runs = match newest_ms <= runs_max_ms {
                true => view.runs.as_slice(),
                false => &[],
            };
            if runs.is_empty() && earlier.is_empty() {
                continue;
            }
            let canonical = generation.canonical(series);
            let hash = store.hash(canonical);
            if let Some(last) = last_before(store, &view, runs, earlier, hash, canonical)? {
                generation.recall_last(series, last);
            }
        }
    }
    Ok(())
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

/// The newest sample of a series in these generations, or else in these runs, both oldest first and of this view. Runs
/// need not be asked for a series whose samples are all newer than theirs: they cannot meet its last one there.
///
/// # Errors
/// When a run that may hold the series cannot be read.
pub(super) fn last_before(
    store: &Store,
    view: &View,
    runs: &[Arc<Run>],
    generations: &[Arc<Generation>],
    hash: u64,
    canonical: &[u8],
) -> Result<Option<LastSample>> {
    let mut newest: Option<LastSample> = None;
    for generation in generations.iter().rev() {
        let Some(series) = generation.find(hash, canonical) else {
            continue;
        };
        let (last, unsure) = last_in_generation(view, generation, series)?;
        if last.as_ref().map(|last| last.t_ms) > newest.as_ref().map(|newest| newest.t_ms) {
            newest = last;
        }
        if !unsure {
            return Ok(newest);
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
            match last_in_run(store, view, run, &labels, newest.as_ref()) {
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
