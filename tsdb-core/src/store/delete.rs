//! Deletes: a tombstone is logged, and every part of the store loses what it names.
//!
//! * The active generation gives the samples up at once, so that what is written later stands apart from them.
//! * Runs and frozen generations do not change: the tombstone is resolved to their series once, readers leave those ranges
//!   out, and the next flush or merge does not write them.
//! * A snapshot keeps the view it captured, and with it what was deleted then.
//! * A tombstone is needed until no run or frozen generation has samples that only it hides.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::tombstones::Tombstones;
use super::{Store, figures};
use crate::disk::Run;
use crate::error::{Error, Result};
use crate::head::SeriesRef;
use crate::index::{DeletedSeries, LabelBuffer, newly_deleted};
use crate::model::{Matcher, TimeRange, TimeUnit, Tombstone};
use crate::read::{Deletions, View};

/// What a tombstone takes from the parts that do not change: their ids, and the series with the ticks.
#[derive(Debug, Default)]
struct Touched {
    runs: Vec<(u64, Vec<(u32, TimeRange)>)>,
    frozen: Vec<(u64, Vec<(SeriesRef, TimeRange)>)>,
}

impl Touched {
    fn of(view: &View, tombstone: &Tombstone) -> Result<Self> {
        let mut touched = Self::default();
        for run in &view.runs {
            let series = series_of_run(run, tombstone, view.deletions.of_run(run))?;
            if !series.is_empty() {
                touched.runs.push((run.meta().file_id, series));
            }
        }
        for generation in &view.frozen {
            let deleted = view.deletions.of_generation(generation);
            generation.forget_last(tombstone)?;
            let series = generation.newly_deleted(tombstone, deleted)?;
            if !series.is_empty() {
                touched.frozen.push((generation.id(), series));
            }
        }
        Ok(touched)
    }

    fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.frozen.is_empty()
    }

    /// What is deleted of the touched parts after this tombstone, where these are the deletions before.
    fn deleted(&self, before: &Deletions, tombstone: &Tombstone) -> Deletions {
        let mut after = Deletions::default();
        let parts = [
            (&self.runs, &before.runs, &mut after.runs),
            (&self.frozen, &before.frozen, &mut after.frozen),
        ];
        for (touched, before, after) in parts {
            for (id, series) in touched {
                let mut deleted = before.get(id).map_or_else(Arc::default, Arc::clone);
                Arc::make_mut(&mut deleted).extend(tombstone, series);
                after.insert(*id, deleted);
            }
        }
        after
    }
}

impl Store {
    /// Deletes the samples in the range, which is in ticks of `unit`, of every series that matches all matchers of any of the
    /// lists; with nanoseconds of series of nanoseconds alone.
    ///
    /// # Errors
    /// See [`Db::delete`](crate::Db::delete).
    pub(crate) fn delete(
        &self,
        selectors: &[&[Matcher]],
        range: TimeRange,
        unit: TimeUnit,
    ) -> Result<()> {
        self.check_writable()?;
        if range.is_empty() {
            return Err(Error::InvalidOption {
                name: "range",
                reason: "its end is before its start".to_owned(),
            });
        }
        self.apply_delete(selectors, range, unit)?;
        figures::count(&self.counters.deletes, 1);
        self.signal.runs_changed();
        // Also when nothing was found: it may be another delete, still on its way to the disk, that took it.
        match &self.wal {
            Some(wal) => wal.wait(wal.last_seq()),
            None => Ok(()),
        }
    }

    fn apply_delete(
        &self,
        selectors: &[&[Matcher]],
        range: TimeRange,
        unit: TimeUnit,
    ) -> Result<()> {
        // No run comes and no other delete while this is held.
        let mut tombstones = self.tombstones.lock();
        let tombstone = tombstones.next(selectors, range, unit)?;
        let (mut lane, touched, deleted) = loop {
            let seen = self.view.get();
            let touched = Touched::of(&seen, &tombstone)?;
            // Made before readers and writers are kept out, as it may be long.
            let deleted = touched.deleted(&seen.deletions, &tombstone);
            let lane = self.lane.lock();
            // The head may only be taken apart by who holds the lane.
            if self.view.get().epoch == seen.epoch {
                break (lane, touched, deleted);
            }
        };
        // Both the old and the new ones are there until readers have let go of the old ones.
        let _memory = self.budget.reserve(deleted.bytes())?;
        self.check_open()?;
        if let Some(wal) = &self.wal {
            wal.check_writable()?;
        }
        {
            let mut held = self.view.hold_exclusively();
            let in_active = held.active.delete(&tombstone)?;
            if !in_active && touched.is_empty() {
                return Ok(());
            }
            let view = Arc::make_mut(&mut held);
            view.deletions.extend(deleted);
            view.epoch += 1;
            if let Some(wal) = &self.wal {
                wal.append(lane.tombstone_record(&tombstone));
            }
        }
        self.charge_view();
        drop(lane);
        tombstones.raise_number(tombstone.number);
        if !touched.is_empty() {
            tombstones.add(tombstone);
        }
        Ok(())
    }

    /// Flushes and rewrites whatever has deleted samples, and drops the tombstones that are done with.
    ///
    /// # Errors
    /// When a file cannot be read or written; the tombstones stay then.
    pub(crate) fn clean_tombstones(&self) -> Result<()> {
        self.check_writable()?;
        while !self.view.get().deletions.frozen.is_empty() && self.flush_oldest()? {}
        self.rewrite_all_deleted()?;
        self.drop_tombstones()
    }

    /// Drops the tombstones that nothing needs any more. Runs that are gone must be unlinked durably before.
    ///
    /// # Errors
    /// When the file cannot be written; it is tried again.
    pub(super) fn drop_tombstones(&self) -> Result<()> {
        let mut tombstones = self.tombstones.lock();
        if tombstones.len() == 0 {
            return Ok(());
        }
        let view = self.view.get();
        let deletions = &view.deletions;
        let parts = deletions.runs.values().chain(deletions.frozen.values());
        let needed: BTreeSet<u64> = parts.flat_map(|deleted| deleted.tombstones()).collect();
        match tombstones.retain(&needed) {
            0 => Ok(()),
            _ => self.save(&mut tombstones),
        }
    }

    /// Writes the file of tombstones if it is behind.
    ///
    /// # Errors
    /// When it cannot be written; the old one stands then.
    pub(super) fn save_tombstones(&self) -> Result<()> {
        let mut tombstones = self.tombstones.lock();
        match tombstones.is_changed() {
            true => self.save(&mut tombstones),
            false => Ok(()),
        }
    }

    fn save(&self, tombstones: &mut Tombstones) -> Result<()> {
        if let Some(wal) = &self.wal {
            // A tombstone that a crash takes out of the log must not be in the file: its number would be given again.
            wal.sync()?;
        }
        tombstones.save(&*self.fs, &self.dir, self.identity)
    }
}

/// The series of a run that a tombstone takes more from than what is `deleted` already.
fn series_of_run(
    run: &Run,
    tombstone: &Tombstone,
    deleted: Option<&DeletedSeries>,
) -> Result<Vec<(u32, TimeRange)>> {
    let meta = run.meta();
    let held = TimeRange::new(meta.min_ms, meta.max_ms);
    if !tombstone.range_in_ms().overlaps(&held) {
        return Ok(Vec::new());
    }
    let mut buffer = LabelBuffer::default();
    let extent = |series| run.extent_of(series, &mut buffer);
    newly_deleted(tombstone, run.index(), extent, deleted)
}

/// Resolves the tombstones in force to the series of runs to which they are not applied; by file id.
///
/// # Errors
/// When the index of a run cannot be read.
pub(super) fn deletions_of(
    runs: &[Arc<Run>],
    tombstones: &Tombstones,
) -> Result<Vec<(u64, Arc<DeletedSeries>)>> {
    let mut deletions = Vec::new();
    for run in runs {
        let mut deleted = DeletedSeries::default();
        for tombstone in tombstones.after(run.meta().tombstones) {
            let series = series_of_run(run, tombstone, Some(&deleted))?;
            deleted.extend(tombstone, &series);
        }
        if !deleted.is_empty() {
            deletions.push((run.meta().file_id, Arc::new(deleted)));
        }
    }
    Ok(deletions)
}
