//! What is too old.

use crate::disk::RunMeta;

/// Ids of the runs whose last sample is older than `cutoff_ms`; none without a cutoff.
pub(crate) fn expired(runs: &[RunMeta], cutoff_ms: Option<i64>) -> Vec<u64> {
    runs.iter()
        .filter(|run| cutoff_ms.is_some_and(|cutoff_ms| run.max_ms < cutoff_ms))
        .map(|run| run.file_id)
        .collect()
}
