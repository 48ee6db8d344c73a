//! Runs become fewer, or expire.
//!
//! Of a damaged run all that is readable is merged; the output records what is lost. Only a run whose index or directory
//! went bad since it was opened stops the merging of its partition, until the next start sets it aside.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Store, figures};
use crate::compact::{self, MergePlan, MergePolicy};
use crate::disk::{Partition, Run, RunMeta, publish, remove_runs};
use crate::error::Result;

/// What one merge leaves to the next.
#[derive(Debug, Default)]
pub(super) struct Merging {
    /// Runs that are replaced or expired and not yet unlinked. A run is unlinked before what replaced it is merged.
    gone: Vec<Arc<Run>>,
    /// Partitions with a damaged run.
    damaged: BTreeSet<Partition>,
}

/// What indexing the labels of a series of the output takes, in bytes.
const MERGE_BYTES_PER_SERIES: u64 = 120;

impl Store {
    /// Does what is worth doing in the background; says whether that was something.
    ///
    /// # Errors
    /// When a file cannot be read or written; the inputs stay then.
    pub(super) fn merge_once(&self) -> Result<bool> {
        let newest_ms = self.newest_ms.load(std::sync::atomic::Ordering::Relaxed);
        let policy = MergePolicy::new(self.options.min_block_ms);
        self.merge_by(|runs| compact::plan(runs, newest_ms, &policy))
    }

    /// Merges until every partition has one run.
    ///
    /// # Errors
    /// As [`merge_once`](Self::merge_once).
    pub(super) fn merge_all(&self) -> Result<()> {
        while self.merge_by(compact::plan_full)? {}
        Ok(())
    }

    fn merge_by(&self, plan: impl Fn(&[RunMeta]) -> Option<MergePlan>) -> Result<bool> {
        let mut merging = self.merging.lock();
        self.unlink_gone(&mut merging)?;
        let view = self.view.get();
        let mut metas = metas(&view.runs);
        metas.retain(|meta| !merging.damaged.contains(&meta.partition));
        let Some(plan) = plan(&metas) else {
            return Ok(false);
        };
        let inputs: Vec<Arc<Run>> = view
            .runs
            .iter()
            .filter(|run| plan.inputs.contains(&run.meta().file_id))
            .cloned()
            .collect();
        let spec = plan.spec(self.new_file_id());
        let series: u64 = inputs
            .iter()
            .map(|run| u64::from(run.index().series_len()))
            .sum();
        let _memory = self.budget.reserve(series * MERGE_BYTES_PER_SERIES)?;
        let begun = std::time::Instant::now();
        let merged = match compact::merge(&self.fs, &self.data_dir, self.identity, &inputs, spec) {
            Err(damage) if damage.is_corruption() => {
                figures::count(&self.counters.corruptions, 1);
                tracing::warn!(error = %damage, "runs of a partition are not merged, one of them is damaged");
                merging.damaged.insert(plan.partition);
                return Ok(true);
            }
            merged => merged?,
        };
        let output = publish(&self.fs, &self.data_dir, vec![merged])?;
        tracing::debug!(
            inputs = inputs.len(),
            bytes = output.iter().map(|run| run.meta().bytes).sum::<u64>(),
            seconds = begun.elapsed().as_secs_f64(),
            "runs merged"
        );
        self.view.change(|view| {
            view.runs
                .retain(|run| !plan.inputs.contains(&run.meta().file_id));
            view.runs.extend(output.iter().cloned());
            view.runs.sort_by_key(|run| run.meta().age());
        });
        figures::count(&self.counters.merges, 1);
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
            remove_runs(&*self.fs, &self.data_dir, &merging.gone)?;
            merging.gone.clear();
        }
        Ok(())
    }

    /// Unlinks the runs that are older than the retention.
    ///
    /// # Errors
    /// When a file cannot be unlinked: it is not read any more, and is unlinked the next time.
    pub(super) fn expire(&self) -> Result<()> {
        let mut merging = self.merging.lock();
        let view = self.view.get();
        let expired = compact::expired(&metas(&view.runs), self.retention_cutoff_ms());
        if expired.is_empty() {
            return Ok(());
        }
        let gone: Vec<Arc<Run>> = view
            .runs
            .iter()
            .filter(|run| expired.contains(&run.meta().file_id))
            .cloned()
            .collect();
        self.view.change(|view| {
            view.runs
                .retain(|run| !expired.contains(&run.meta().file_id));
        });
        tracing::info!(runs = gone.len(), "runs expired");
        merging.gone.extend(gone);
        self.unlink_gone(&mut merging)
    }
}

fn metas(runs: &[Arc<Run>]) -> Vec<RunMeta> {
    runs.iter().map(|run| run.meta().clone()).collect()
}
