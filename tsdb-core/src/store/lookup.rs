//! What a batch needs to know of its series, found outside the lane.

use std::borrow::Cow;
use std::cell::RefCell;
use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::fast::RandomState;

use super::Store;
use crate::disk::Run;
use crate::error::{Error, Result};
use crate::head::{Generation, SeriesRef};
use crate::index::FoundPairs;
use crate::model::{
    BatchSeries, Columns, Form, LastSample, TimeRange, TimeUnit, TimeUnits, WriteBatch,
};
use crate::read::{Deletions, View};

/// A batch, and the generation whose series its entries may name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) batch: &'a WriteBatch,
    /// Of no use to a batch in which every entry has labels.
    pub(super) recognized_in: Option<&'a Generation>,
}

impl<'a> Incoming<'a> {
    /// Canonical label bytes of an entry.
    pub(super) fn canonical(&self, entry: &BatchSeries) -> Cow<'a, [u8]> {
        match (entry.form, self.recognized_in) {
            (Form::Known(series), Some(generation)) => generation.canonical(series).into(),
            _ => self.batch.labels_of(entry).into(),
        }
    }
}

/// One entry of a batch.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// It is in the active generation.
    There {
        series: SeriesRef,
        /// Unit of its times.
        unit: TimeUnit,
    },
    /// It was not there.
    Missing {
        /// Hash of the canonical label bytes.
        hash: u64,
        /// Its newest sample in what is older, as far as the batch could meet it.
        last: Option<LastSample>,
        /// Unit of its times there, as far as it could be another than that of the entry.
        unit: Option<TimeUnit>,
        /// Whether something older is known to have it.
        known: bool,
    },
}

/// What is known of a series outside of the active generation.
#[derive(Clone, Debug)]
struct Elsewhere {
    unit: TimeUnit,
    /// Its newest sample, as far as it was asked for.
    last: Option<LastSample>,
}

impl Elsewhere {
    /// With the last sample of an older place, if that is newer.
    fn or_newer(mut self, older: Self) -> Self {
        let newest = self.last.as_ref().map(|last| last.t_ms);
        let is_newer = older.last.as_ref().map(|last| last.t_ms) > newest;
        if self.unit == older.unit && is_newer {
            self.last = older.last;
        }
        self
    }

    /// Whether the newest sample is not older than any of this millisecond.
    fn reaches(&self, ms: i64) -> bool {
        let end = self.unit.ticks_of(TimeRange::new(ms, ms)).end_ms;
        self.last.as_ref().is_some_and(|last| end <= last.t_ms)
    }
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
    // The lane, which works on one sample after the other, would wait for each series.
    let there = |series| Target::There {
        series,
        unit: view.active.prefetch(series),
    };
    {
        let lookup = view.active.lookup();
        for entry in batch.entries() {
            targets.push(match entry.form {
                Form::Known(series) if current => there(series),
                _ => {
                    let canonical = incoming.canonical(entry);
                    let hash = store.hash(&canonical);
                    match lookup.find(hash, &canonical) {
                        Some(series) => there(series),
                        None => {
                            missing = true;
                            Target::Missing {
                                hash,
                                last: None,
                                unit: None,
                                known: false,
                            }
                        }
                    }
                }
            });
        }
    }
    if missing {
        let places = Places::new(store, view);
        let asks_runs = store.asks_runs.load(Ordering::Relaxed);
        for (target, entry) in targets.iter_mut().zip(batch.entries()) {
            if let Target::Missing {
                hash,
                last,
                unit,
                known,
            } = target
            {
                let canonical = incoming.canonical(entry);
                let found = places.find(&Wanted {
                    hash: *hash,
                    canonical: &canonical,
                    oldest_ms: oldest_ms(batch, entry),
                    unit: entry.unit,
                })?;
                *known = found.is_some() || (asks_runs && places.in_recent_run(&canonical)?);
                if let Some(found) = found {
                    (*last, *unit) = (found.last, Some(found.unit));
                }
            }
        }
    }
    if view.active.has_recalls() {
        recall(store, view, incoming, &targets)?;
    }
    Ok(targets)
}

/// Time of the oldest sample of an entry, in milliseconds.
fn oldest_ms(batch: &WriteBatch, entry: &BatchSeries) -> i64 {
    let oldest = batch.oldest_of(entry);
    oldest.map_or(i64::MAX, |oldest| entry.unit.to_ms(oldest))
}

/// A series without a sample for longer is not active any more, in milliseconds.
const RECENT_MS: i64 = 60 * 60_000;

/// Tells the series of a batch that do not know it of their newest samples in what is older: those that came from the log,
/// which does not say, and those that lost the one they knew to a delete. Only those that the batch could meet are read, and
/// each only once, so that a store with many series is open at once after a crash.
///
/// # Errors
/// When a run that holds a series cannot be read.
fn recall(store: &Store, view: &View, incoming: Incoming<'_>, targets: &[Target]) -> Result<()> {
    let frozen = view.frozen.iter();
    let frozen_ms = frozen.filter_map(|generation| generation.time_range());
    let older_ms = frozen_ms.map(|(_, max_ms)| max_ms);
    let older_ms = older_ms.fold(view.runs_max_ms(), i64::max);
    let places = Places::new(store, view);
    let mut recalled = Vec::new();
    for (entry, target) in incoming.batch.entries().iter().zip(targets) {
        let Target::There { series, unit } = *target else {
            continue;
        };
        if oldest_ms(incoming.batch, entry) > older_ms || !view.active.recall_due(series) {
            continue;
        }
        let canonical = view.active.canonical(series);
        let found = places.find(&Wanted {
            hash: store.hash(&canonical),
            canonical: &canonical,
            oldest_ms: i64::MIN,
            unit,
        })?;
        let last = found.filter(|found| found.unit == unit);
        recalled.push((series, last.and_then(|found| found.last)));
    }
    if recalled.is_empty() {
        return Ok(());
    }
    let held = store.view.hold();
    // What was deleted since must not come back; the batch is looked up again then.
    if held.epoch == view.epoch {
        for (series, last) in recalled {
            view.active.recall_last(series, last);
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

/// A series that is looked for.
struct Wanted<'a> {
    hash: u64,
    canonical: &'a [u8],
    /// The oldest of its samples that may meet one elsewhere, in milliseconds.
    oldest_ms: i64,
    /// Unit of the times of those samples.
    unit: TimeUnit,
}

/// What is older than the active generation: the frozen ones and the runs, both oldest first.
struct Places<'a> {
    store: &'a Store,
    generations: &'a [Arc<Generation>],
    /// Each with the label pairs that were looked for in it.
    runs: Vec<(&'a Run, RefCell<FoundPairs>)>,
    /// What is deleted of them.
    deletions: &'a Deletions,
    /// The newest sample of all runs, in milliseconds, and the units of their series.
    runs_max_ms: i64,
    runs_units: TimeUnits,
}

impl<'a> Places<'a> {
    fn new(store: &'a Store, view: &'a View) -> Self {
        let units = view.runs.iter().map(|run| run.meta().units);
        Self {
            store,
            generations: &view.frozen,
            runs: view
                .runs
                .iter()
                .map(|run| (&**run, RefCell::default()))
                .collect(),
            deletions: &view.deletions,
            runs_max_ms: view.runs_max_ms(),
            runs_units: units.fold(TimeUnits::default(), TimeUnits::union),
        }
    }

    /// The series in the newest of the generations that has it, or else in the runs. Those are asked only for what can make
    /// a difference: for the newest sample, if the samples at hand could meet it there, and for the unit, if it could be
    /// another.
    fn find(&self, wanted: &Wanted<'_>) -> Result<Option<Elsewhere>> {
        let mut found: Option<Elsewhere> = None;
        for generation in self.generations.iter().rev() {
            if let Some(series) = generation.find(wanted.hash, wanted.canonical) {
                let here = Elsewhere {
                    unit: generation.unit(series),
                    last: self.last_in_generation(generation, series)?,
                };
                found = Some(match found {
                    Some(newer) => newer.or_newer(here),
                    None => here,
                });
                if !generation.recall_due(series) {
                    return Ok(found);
                }
            }
        }
        let meets = wanted.oldest_ms <= self.runs_max_ms;
        let differs = found.is_none() && self.runs_units.has_beside(wanted.unit);
        if !meets && !differs {
            return Ok(found);
        }
        for (run, pairs) in self.runs.iter().rev() {
            // A run behind what is known already cannot have a newer sample; at equal times the later run counts.
            let meets = meets && !found.as_ref().is_some_and(|f| f.reaches(run.meta().max_ms));
            let differs = found.is_none() && run.meta().units.has_beside(wanted.unit);
            if !meets && !differs {
                continue;
            }
            let id = run.index().find(wanted.canonical, &mut pairs.borrow_mut());
            let oldest_ms = meets.then_some(wanted.oldest_ms);
            match id.and_then(|id| self.find_in_run(run, id, oldest_ms, found.as_ref())) {
                Ok(newer) => found = newer.or(found),
                // A damaged run is read by nobody: it must not keep writes or the store from going on.
                Err(e) if e.is_damage() => {
                    tracing::warn!(error = %e, "the last sample of a series cannot be read, a conflict with it is not seen");
                }
                Err(e) => return Err(e),
            }
        }
        Ok(found)
    }

    /// Whether a run with samples of the last hour has a series.
    fn in_recent_run(&self, canonical: &[u8]) -> Result<bool> {
        let newest_ms = self.store.newest_ms.load(Ordering::Relaxed);
        let since_ms = newest_ms.saturating_sub(RECENT_MS);
        let recent = self
            .runs
            .iter()
            .filter(|(run, _)| run.meta().max_ms >= since_ms);
        for (run, pairs) in recent {
            match run.index().find(canonical, &mut pairs.borrow_mut()) {
                Ok(None) => {}
                Ok(Some(_)) => return Ok(true),
                // Of a damaged run nobody knows what it has.
                Err(e) if e.is_damage() => return Ok(true),
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }

    /// The series with this number in a run; none if a later run is known to have a newer sample. With its last sample if one
    /// from `oldest_ms` on could meet that.
    fn find_in_run(
        &self,
        run: &Run,
        series: Option<u32>,
        oldest_ms: Option<i64>,
        known: Option<&Elsewhere>,
    ) -> Result<Option<Elsewhere>> {
        let Some(series) = series else {
            return Ok(None);
        };
        let unit = run.index().unit(series)?;
        let ends = run.column_range(series).map_or(i64::MIN, |(_, max)| max);
        let is_newer = |last: &LastSample| last.t_ms < ends;
        if known
            .is_some_and(|known| known.unit != unit || !known.last.as_ref().is_none_or(is_newer))
        {
            return Ok(None);
        }
        let known_last = known.and_then(|known| known.last.as_ref());
        let last = match oldest_ms.is_some_and(|oldest_ms| oldest_ms <= unit.to_ms(ends)) {
            true => self.last_in_run(run, series, ends, known_last)?,
            false => None,
        };
        // All that it had may be deleted.
        Ok((last.is_some() || known.is_none()).then_some(Elsewhere { unit, last }))
    }

    /// The last sample that a series has left in a run, where its samples end at `ends`; none if that is not newer than what
    /// is known.
    fn last_in_run(
        &self,
        run: &Run,
        series: u32,
        ends: i64,
        known: Option<&LastSample>,
    ) -> Result<Option<LastSample>> {
        let deleted = self.deletions.of_run(run);
        let deleted = deleted.and_then(|deleted| deleted.of(series));
        let Some(deleted) = deleted.filter(|deleted| deleted.contains(ends)) else {
            return run.last_sample(series, &self.store.cache);
        };
        let newer = known.map_or(i64::MIN, |known| known.t_ms.saturating_add(1));
        let mut samples = Columns::default();
        let lost = &mut |_, damage| Err(damage);
        let range = TimeRange::new(newer, ends);
        run.read_series(series, range, &self.store.cache, &mut samples, lost)?;
        samples.remove(0, deleted);
        Ok(samples.last())
    }

    /// The newest sample that a generation knows of, or has left where a delete made it forget that.
    fn last_in_generation(
        &self,
        generation: &Generation,
        series: SeriesRef,
    ) -> Result<Option<LastSample>> {
        if let Some(last) = generation.last(series) {
            return Ok(Some(last));
        }
        let captured = generation.capture(series);
        let mut samples = Columns::default();
        captured
            .read(TimeRange::ALL, &mut samples)
            .map_err(|e| Error::corrupt("(memory)", e.at as u64, e.what))?;
        let deleted = self.deletions.of_generation(generation);
        if let Some(deleted) = deleted.and_then(|deleted| deleted.of(series)) {
            samples.remove(0, deleted);
        }
        Ok(samples.last())
    }
}
