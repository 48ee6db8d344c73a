//! How far the opening of a store is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells others how much of the write-ahead log is replayed while [`Db::open`](crate::Db::open) runs. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct RecoveryProgress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    segments: AtomicU64,
    replayed: AtomicU64,
}

impl RecoveryProgress {
    /// Segments of the log that are to be replayed, and how many of them are.
    #[must_use]
    pub fn segments(&self) -> (u64, u64) {
        // The total is written first.
        let replayed = self.0.replayed.load(Ordering::Acquire);
        (self.0.segments.load(Ordering::Relaxed), replayed)
    }

    pub(crate) fn begin(&self, segments: usize) {
        self.0.segments.store(segments as u64, Ordering::Relaxed);
    }

    /// So many segments are replayed.
    pub(crate) fn reached(&self, segments: usize) {
        self.0.replayed.store(segments as u64, Ordering::Release);
    }
}
