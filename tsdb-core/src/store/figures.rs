//! What a store tells of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Store;
use crate::stats::{Cardinality, Stats};

/// Counts since the store was opened.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) samples_accepted: AtomicU64,
    pub(super) samples_rejected: AtomicU64,
    pub(super) series_created: AtomicU64,
    pub(super) flushes: AtomicU64,
    pub(super) merges: AtomicU64,
    pub(super) deletes: AtomicU64,
    pub(super) time_retentions: AtomicU64,
    pub(super) size_retentions: AtomicU64,
    pub(super) maintenance_failures: AtomicU64,
    pub(super) corruptions: AtomicU64,
    pub(super) replayed_frames: AtomicU64,
    pub(super) scrubs: AtomicU64,
    pub(super) scrubbed_bytes: AtomicU64,
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl Store {
    pub(crate) fn stats(&self) -> Stats {
        let view = self.view.get();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let head_time_range = view
            .generations()
            .filter_map(|generation| generation.time_range())
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let of_runs = |figure: fn(&crate::disk::RunMeta) -> u64| {
            view.runs.iter().map(|run| figure(run.meta())).sum::<u64>()
        };
        let oldest_in_runs = view.runs.iter().map(|run| run.meta().min_ms).min();
        let oldest_in_head = head_time_range.map(|(min_ms, _)| min_ms);
        let (tombstones, tombstone_bytes) = {
            let tombstones = self.tombstones.lock();
            (tombstones.len(), tombstones.bytes())
        };
        let newest_ms = self.newest_ms.load(Ordering::Relaxed);
        Stats {
            head_series: u64::from(view.active.series_len()),
            series_created: read(&self.counters.series_created),
            head_samples: view
                .generations()
                .map(|generation| generation.samples())
                .sum(),
            head_bytes: view.head_bytes(),
            memory: self.budget.usage(),
            head_time_range,
            frozen_generations: view.frozen.len() as u64,
            runs: view.runs.len() as u64,
            run_bytes: of_runs(|meta| meta.bytes),
            run_samples: of_runs(|meta| meta.samples),
            cache_bytes: self.cache.bytes(),
            wal_bytes: self.wal.as_ref().map_or(0, |wal| wal.bytes()),
            newest_ms: (newest_ms != i64::MIN).then_some(newest_ms),
            oldest_ms: oldest_in_runs.into_iter().chain(oldest_in_head).min(),
            samples_accepted: read(&self.counters.samples_accepted),
            samples_rejected: read(&self.counters.samples_rejected),
            flushes: read(&self.counters.flushes),
            merges: read(&self.counters.merges),
            deletes: read(&self.counters.deletes),
            time_retentions: read(&self.counters.time_retentions),
            size_retentions: read(&self.counters.size_retentions),
            tombstones,
            tombstone_bytes,
            maintenance_failures: read(&self.counters.maintenance_failures),
            corruptions: read(&self.counters.corruptions),
            replayed_frames: read(&self.counters.replayed_frames),
            scrubs: read(&self.counters.scrubs),
            scrubbed_bytes: read(&self.counters.scrubbed_bytes),
            writes_stopped: self.wal.as_ref().is_some_and(|wal| wal.writes_stopped()),
        }
    }

    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        self.view.get().active.cardinality(limit)
    }
}
