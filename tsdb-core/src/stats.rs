//! What a store tells of itself.

use crate::budget::MemoryUse;

/// Figures of a store at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Series in the active generation of the head.
    pub head_series: u64,
    /// Series ever created in a generation of the head since open.
    pub series_created: u64,
    /// Samples in the head, frozen generations included.
    pub head_samples: u64,
    /// Estimated memory of the head, in bytes.
    pub head_bytes: u64,
    /// The budget of memory and who uses it.
    pub memory: MemoryUse,
    /// Oldest and newest sample time in the head, in milliseconds.
    pub head_time_range: Option<(i64, i64)>,
    /// Generations waiting to be flushed.
    pub frozen_generations: u64,
    /// Runs on disk.
    pub runs: u64,
    /// Their size, in bytes.
    pub run_bytes: u64,
    /// Samples in them; a sample that was written twice may count twice until it is merged.
    pub run_samples: u64,
    /// Decompressed groups of runs that are kept in memory, in bytes.
    pub cache_bytes: u64,
    /// Size of the write-ahead log, in bytes.
    pub wal_bytes: u64,
    /// Newest sample, in milliseconds; `None` for an empty store.
    pub newest_ms: Option<i64>,
    /// Oldest sample, in milliseconds; `None` for an empty store.
    pub oldest_ms: Option<i64>,
    /// Samples accepted since open.
    pub samples_accepted: u64,
    /// Samples refused since open.
    pub samples_rejected: u64,
    /// Flushes since open.
    pub flushes: u64,
    /// Merges since open.
    pub merges: u64,
    /// Runs removed since open because of their age.
    pub time_retentions: u64,
    /// Runs removed since open because of the size of all.
    pub size_retentions: u64,
    /// Deletes since open.
    pub deletes: u64,
    /// Tombstones that hide samples which are still in a file.
    pub tombstones: u64,
    /// Their size, in bytes.
    pub tombstone_bytes: u64,
    /// Flushes and merges that failed since open (they are tried again).
    pub maintenance_failures: u64,
    /// Files that were damaged and set aside, damaged stretches of the write-ahead log, and damaged parts of runs that
    /// the scrub found.
    pub corruptions: u64,
    /// Frames of the write-ahead log replayed at open.
    pub replayed_frames: u64,
    /// Times that all runs were read to look for damage, since open.
    pub scrubs: u64,
    /// Bytes that were read for that.
    pub scrubbed_bytes: u64,
    /// Whether writes are stopped by a failed fsync.
    pub writes_stopped: bool,
}

/// The labels that make the most series in the active generation of the head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cardinality {
    /// Distinct label pairs.
    pub label_pairs: u64,
    /// Metric names by number of series, largest first.
    pub series_by_metric: Vec<(String, u64)>,
    /// Label names by number of distinct values, largest first.
    pub values_by_label: Vec<(String, u64)>,
    /// Label names by bytes of their distinct values, largest first.
    pub bytes_by_label: Vec<(String, u64)>,
    /// Label pairs, as `name=value`, by number of series, largest first.
    pub series_by_pair: Vec<(String, u64)>,
}
