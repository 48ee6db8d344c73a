//! How many connections there are, and what became of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::watch::Closed;

/// Counters of connections.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    accepted: AtomicU64,
    ended: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    handshakes_failed: AtomicU64,
    idle: AtomicU64,
    slow_heads: AtomicU64,
    stalled: AtomicU64,
    evicted: AtomicU64,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed); // counters order nothing
}

/// A connection while it is open.
#[derive(Debug)]
pub(super) struct Open(Arc<Counts>);

impl Drop for Open {
    fn drop(&mut self) {
        add(&self.0.ended);
    }
}

impl Counts {
    pub(super) fn open(self: &Arc<Self>) -> Open {
        add(&self.accepted);
        Open(Arc::clone(self))
    }

    pub(super) fn refused(&self) {
        add(&self.refused);
    }

    pub(super) fn failed(&self) {
        add(&self.failed);
    }

    pub(super) fn handshake_failed(&self) {
        add(&self.handshakes_failed);
    }

    pub(super) fn closed(&self, why: Closed) {
        add(match why {
            Closed::Idle => &self.idle,
            Closed::SlowHead => &self.slow_heads,
            Closed::Stalled => &self.stalled,
            Closed::Evicted => &self.evicted,
        });
    }

    /// Connections that are open.
    pub(crate) fn now(&self) -> u64 {
        let ended = self.ended.load(Ordering::Relaxed);
        self.accepted.load(Ordering::Relaxed).saturating_sub(ended)
    }

    /// Connections that were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections that had no place, were not taken, or were closed by us, by reason.
    pub(crate) fn by_reason(&self) -> [(&'static str, u64); 7] {
        [
            ("accept_failed", &self.failed),
            ("evicted", &self.evicted),
            ("handshake_failed", &self.handshakes_failed),
            ("idle", &self.idle),
            ("no_place", &self.refused),
            ("slow_head", &self.slow_heads),
            ("stalled", &self.stalled),
        ]
        .map(|(reason, counter)| (reason, counter.load(Ordering::Relaxed)))
    }
}
