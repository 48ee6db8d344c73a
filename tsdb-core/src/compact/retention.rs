//! What is too old, or too much.

use crate::disk::RunMeta;

/// Ids of the runs whose last sample is older than the cutoff of its class; none without a cutoff.
pub(crate) fn expired(runs: &[RunMeta], cutoff_ms: impl Fn(&RunMeta) -> Option<i64>) -> Vec<u64> {
    runs.iter()
        .filter(|run| cutoff_ms(run).is_some_and(|cutoff_ms| run.max_ms < cutoff_ms))
        .map(|run| run.file_id)
        .collect()
}

/// Ids of the runs that have to go for the rest, with `other_bytes` beside it, to be no more than `max_bytes`: the oldest
/// partition first, in it what ends first.
pub(crate) fn beyond_size(runs: &[RunMeta], other_bytes: u64, max_bytes: u64) -> Vec<u64> {
    let mut oldest_first: Vec<&RunMeta> = runs.iter().collect();
    oldest_first.sort_by_key(|run| (run.partition.start_ms, run.max_ms, run.age()));
    let mut total = runs
        .iter()
        .fold(other_bytes, |total, run| total.saturating_add(run.bytes));
    let mut gone = Vec::new();
    for run in oldest_first {
        if total <= max_bytes {
            break;
        }
        total = total.saturating_sub(run.bytes);
        gone.push(run.file_id);
    }
    gone
}
