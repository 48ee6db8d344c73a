//! Runs become fewer, or expire.
//!
//! Of a damaged run all that is readable is merged; the output records what is lost. Only a run whose index or directory
//! went bad since it was opened stops the merging of its partition, until the next start sets it aside.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::delete::deletions_of;
use super::{Store, figures};
use crate::compact::{self, MergeInput, MergePlan, MergePolicy};
use crate::disk::{Partition, Run, RunMeta, publish, remove_runs};
use crate::error::Result;
use crate::index::LabelBuffer;
use crate::model::{METRIC_NAME, TimeRange};
use crate::read::View;

/// What one merge leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Merging {
    /// Runs that are replaced or expired and not yet unlinked. A run is unlinked before what replaced it is merged.
    gone: Vec<Arc<Run>>,
    /// Partitions with a damaged run.
    damaged: BTreeSet<Partition>,
}

/// Tombstones beyond which everything that has deleted samples is written anew in the background.
const MANY_TOMBSTONES: u64 = 1_000;

/// What indexing the labels of a series of the output takes, in bytes.
const MERGE_BYTES_PER_SERIES: u64 = 120;

/// A merge in the background takes one part in so many of the memory budget at most.
const MERGE_SHARE: u64 = 4;

impl Store {
    /// Does what is worth doing in the background; says whether that was something.
    ///
    /// # Errors
    /// When a file cannot be read or written; the inputs stay then.
    pub(super) fn merge_once(&self) -> Result<bool> {
        let newest_ms = self.newest_ms.load(std::sync::atomic::Ordering::Relaxed);
        let max_series = self.budget.limit() / MERGE_SHARE / MERGE_BYTES_PER_SERIES;
        let policy = MergePolicy::new(self.options.min_block_ms, max_series);
        let many = self.tombstones.lock().len() > MANY_TOMBSTONES;
        self.merge_by(|runs, view| {
            compact::plan(runs, newest_ms, &policy)
                .or_else(|| compact::plan_rewrite(runs, |meta| deleted_samples(view, meta), many))
        })
    }

    /// Merges until every partition has one run of each retention class.
    ///
    /// # Errors
    /// As [`merge_once`](Self::merge_once).
    pub(super) fn merge_all(&self) -> Result<()> {
        while self.merge_by(|runs, _| compact::plan_full(runs))? {}
        Ok(())
    }

    /// Writes every run anew of which anything is deleted.
    ///
    /// # Errors
    /// As [`merge_once`](Self::merge_once).
    pub(super) fn rewrite_all_deleted(&self) -> Result<()> {
        let plan = |runs: &[RunMeta], view: &View| {
            compact::plan_rewrite(runs, |meta| deleted_samples(view, meta), true)
        };
        while self.merge_by(plan)? {}
        Ok(())
    }

    fn merge_by(&self, plan: impl Fn(&[RunMeta], &View) -> Option<MergePlan>) -> Result<bool> {
        let mut merging = self.merging.lock();
        self.unlink_gone(&mut merging)?;
        let (view, applied) = {
            let tombstones = self.tombstones.lock();
            (self.view.get(), tombstones.last_number())
        };
        let mut metas = metas(&view.runs);
        metas.retain(|meta| !merging.damaged.contains(&meta.partition));
        let Some(plan) = plan(&metas, &view) else {
            return Ok(false);
        };
        let is_input = |run: &Run| plan.inputs.contains(&run.meta().file_id);
        let inputs = view.runs.iter().filter(|run| is_input(run));
        let inputs: Vec<MergeInput> = inputs
            .map(|run| MergeInput {
                run: Arc::clone(run),
                deleted: view.deletions.runs.get(&run.meta().file_id).cloned(),
            })
            .collect();
        let spec = plan.spec(self.new_file_id(), applied);
        let series: u64 = inputs
            .iter()
            .map(|input| u64::from(input.run.index().series_len()))
            .sum();
        let _memory = self.budget.reserve(series * MERGE_BYTES_PER_SERIES)?;
        let begun = std::time::Instant::now();
        let merged = match compact::merge(&self.fs, &self.data_dir, self.identity, &inputs, spec) {
            Err(damage) if damage.is_damage() => {
                figures::count(&self.counters.corruptions, 1);
                tracing::warn!(error = %damage, "runs of a partition are not merged, one of them is damaged");
                merging.damaged.insert(plan.partition);
                return Ok(true);
            }
            merged => merged?,
        };
        if let Some(wal) = &self.wal
            && inputs
                .iter()
                .any(|input| input.run.meta().tombstones < applied)
        {
            // What a crash may take out of the log must not be applied for good.
            wal.sync()?;
        }
        let output = publish(
            &self.fs,
            &self.data_dir,
            merged.into_iter().collect(),
            &self.ends,
        )?;
        tracing::debug!(
            inputs = inputs.len(),
            bytes = output.iter().map(|run| run.meta().bytes).sum::<u64>(),
            seconds = begun.elapsed().as_secs_f64(),
            "runs merged"
        );
        {
            let tombstones = self.tombstones.lock();
            // What was deleted while it was written.
            let deletions = deletions_of(&output, &tombstones)?;
            self.view.change(|view| {
                view.remove_runs(|run| is_input(run));
                view.deletions.runs.extend(deletions);
                view.runs.extend(output.iter().cloned());
                view.runs.sort_by_key(|run| run.meta().age());
            });
        }
        self.charge_view();
        figures::count(&self.counters.merges, 1);
        let inputs = inputs
            .into_iter()
            .map(|input| input.run)
            .collect::<Vec<_>>();
        self.tell_lost(&inputs, &output);
        merging.gone.extend(inputs);
        self.unlink_gone(&mut merging)?;
        Ok(true)
    }

    /// Tells of what a merge records to be lost and none of its inputs did.
    fn tell_lost(&self, inputs: &[Arc<Run>], output: &[Arc<Run>]) {
        let known = |lost| inputs.iter().any(|run| run.meta().lost.contains(lost));
        for run in output {
            for lost in run.meta().lost.iter().filter(|lost| !known(lost)) {
                figures::count(&self.counters.corruptions, 1);
                tracing::warn!(
                    recorded_in = %run.path().display(),
                    lost_from_ms = lost.range.start_ms,
                    lost_to_ms = lost.range.end_ms,
                    lost_series = lost.series,
                    lost_samples = lost.samples,
                    "damaged parts of runs are lost, the rest is merged"
                );
            }
        }
    }

    fn unlink_gone(&self, merging: &mut Merging) -> Result<()> {
        if !merging.gone.is_empty() {
            self.cache.forget(&merging.gone);
            remove_runs(&*self.fs, &self.data_dir, &merging.gone)?;
            merging.gone.clear();
        }
        self.drop_tombstones()
    }

    /// Unlinks the runs that are older than the retention of their class, then the oldest ones beyond the size.
    ///
    /// # Errors
    /// When a file cannot be unlinked: it is not read any more, and is unlinked the next time.
    pub(super) fn expire(&self) -> Result<()> {
        let mut merging = self.merging.lock();
        let retention = self.retention();
        let mut metas = metas(&self.view.get().runs);
        let reference_ms = self.retention_reference_ms();
        let cutoff_ms =
            |meta: &RunMeta| retention.cutoff_ms(meta.class, meta.classes, reference_ms?);
        let expired = compact::expired(&metas, cutoff_ms);
        metas.retain(|meta| !expired.contains(&meta.file_id));
        let wal_bytes = self.wal.as_ref().map_or(0, |wal| wal.bytes());
        let beyond_size = match retention.size_bytes {
            Some(max_bytes) => compact::beyond_size(&metas, wal_bytes, max_bytes),
            None => Vec::new(),
        };
        if expired.is_empty() && beyond_size.is_empty() {
            return Ok(());
        }
        figures::count(&self.counters.time_retentions, expired.len() as u64);
        figures::count(&self.counters.size_retentions, beyond_size.len() as u64);
        tracing::info!(
            by_age = expired.len(),
            by_size = beyond_size.len(),
            "runs expired"
        );
        let is_gone = |run: &Run| {
            let id = run.meta().file_id;
            expired.contains(&id) || beyond_size.contains(&id)
        };
        let mut gone = Vec::new();
        {
            // A delete under way has looked through the runs there are.
            let _tombstones = self.tombstones.lock();
            self.view.change(|view| {
                gone.extend(view.runs.iter().filter(|run| is_gone(run)).cloned());
                view.remove_runs(is_gone);
            });
        }
        self.charge_view();
        merging.gone.extend(gone);
        self.unlink_gone(&mut merging)?;
        let names = self
            .querier(TimeRange::ALL)
            .and_then(|querier| querier.label_values(METRIC_NAME, &[]));
        // While an index cannot be read, nobody knows which are left.
        if let Ok(names) = names {
            self.metadata.forget_without(&names);
        }
        Ok(())
    }
}

/// How many samples of a run are deleted, about: what a range takes of a series is told by its length.
fn deleted_samples(view: &View, meta: &RunMeta) -> u64 {
    let run = view
        .runs
        .iter()
        .find(|run| run.meta().file_id == meta.file_id);
    let Some((run, deleted)) = run.and_then(|run| Some((run, view.deletions.of_run(run)?))) else {
        return 0;
    };
    let mut samples = 0.0;
    let mut buffer = LabelBuffer::default();
    for (series, ranges) in deleted.iter() {
        let Ok(Some((_, extent))) = run.extent_of(series, &mut buffer) else {
            continue;
        };
        let len = |range: TimeRange| range.end_ms.abs_diff(range.start_ms) as f64 + 1.0;
        let of_range = |gap: TimeRange| {
            len(TimeRange::new(
                gap.start_ms.max(extent.start_ms),
                gap.end_ms.min(extent.end_ms),
            ))
        };
        let taken: f64 = ranges.overlapping(extent).map(of_range).sum();
        samples += run.samples_of(series) as f64 * taken / len(extent);
    }
    // A run of which anything is deleted counts: a single sample, too.
    (samples as u64).max(1)
}

fn metas(runs: &[Arc<Run>]) -> Vec<RunMeta> {
    runs.iter().map(|run| run.meta().clone()).collect()
}
