//! Runs become fewer, or expire.

use std::sync::Arc;

use super::{Store, figures};
use crate::compact::{self, MergePlan, MergePolicy};
use crate::disk::{Run, RunMeta, publish, remove_runs};
use crate::error::Result;

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
        let _one_at_a_time = self.merging.lock();
        let view = self.view.get();
        let Some(plan) = plan(&metas(&view.runs)) else {
            return Ok(false);
        };
        let inputs: Vec<Arc<Run>> = view
            .runs
            .iter()
            .filter(|run| plan.inputs.contains(&run.meta().file_id))
            .cloned()
            .collect();
        let spec = plan.spec(self.new_file_id());
        let begun = std::time::Instant::now();
        let merged = compact::merge(&self.fs, &self.data_dir, self.identity, &inputs, spec)?;
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
            view.runs.extend(output);
            view.runs.sort_by_key(|run| run.meta().age());
        });
        figures::count(&self.counters.merges, 1);
        remove_runs(&*self.fs, &self.data_dir, &inputs)?;
        Ok(true)
    }

    /// Unlinks the runs that are older than the retention.
    ///
    /// # Errors
    /// When a file cannot be unlinked: it is not read any more, and unlinked with the next round after an open.
    pub(super) fn expire(&self) -> Result<()> {
        let _one_at_a_time = self.merging.lock();
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
        remove_runs(&*self.fs, &self.data_dir, &gone)
    }
}

fn metas(runs: &[Arc<Run>]) -> Vec<RunMeta> {
    runs.iter().map(|run| run.meta().clone()).collect()
}
