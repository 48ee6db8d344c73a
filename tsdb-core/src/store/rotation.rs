//! When the active generation is frozen, and when there is no room for more.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Store;
use super::lane::Lane;
use crate::error::{Error, Result};
use crate::head::Generation;

/// Generations that may wait to be flushed. More would be memory that nobody asked for.
const MAX_FROZEN: usize = 2;

/// When the disk does not keep up, the active generation grows to so many times its usual size, then writes are refused.
const OVERGROWTH: u64 = 4;

impl Lane {
    /// Refuses a batch when the head is full and the disk does not keep up.
    pub(super) fn check_room(&self, store: &Store) -> Result<()> {
        store.budget.check_head()?;
        let view = store.view.get();
        if view.frozen.len() < MAX_FROZEN {
            return Ok(());
        }
        let full = |limit: &'static str, max: u64| Err(Error::LimitExceeded { limit, max });
        let samples = OVERGROWTH.saturating_mul(samples_due(store, &view.active));
        if view.active.samples() >= samples {
            return full("samples in the head", samples);
        }
        let wal_bytes = OVERGROWTH.saturating_mul(wal_bytes_due(store, &view.active));
        if wal_bytes_of(store) >= wal_bytes {
            return full("write-ahead log of the head", wal_bytes);
        }
        Ok(())
    }

    /// Freezes the active generation when it is large or old enough, and there is room for another one.
    pub(super) fn rotate_if_due(&mut self, store: &Store) {
        let view = store.view.get();
        if view.active.samples() == 0 {
            return;
        }
        let newest_ms = store.newest_ms.load(Ordering::Relaxed);
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let newest_frozen_ms = *self.newest_frozen_ms.get_or_insert(newest_ms);
        let rotation = &store.options.rotation;
        // Forward progress counts, so that a backfill does not rotate with every batch. At three quarters of what may be in
        // memory the generation is frozen: its flush has the rest to be done.
        let progress_ms = newest_ms.saturating_sub(newest_frozen_ms);
        let due = view.active.samples() >= samples_due(store, &view.active)
            || wal_bytes_of(store) >= wal_bytes_due(store, &view.active)
            || progress_ms >= store.options.min_block_ms / 4 * 3
            || begun.elapsed() >= rotation.age
            || self.partitions.are_many()
            || store.budget.wants_flush(view.active.bytes() as u64);
        if due && view.frozen.len() < MAX_FROZEN {
            self.rotate(store);
        }
    }

    /// Freezes the active generation and begins the next one.
    pub(super) fn rotate(&mut self, store: &Store) {
        store.view.change(|view| {
            let id = view.active.id() + 1;
            let frozen = std::mem::replace(&mut view.active, Generation::new(id).into());
            view.frozen.push(frozen);
            view.epoch += 1;
            if let Some(wal) = &store.wal {
                wal.rotate(id);
            }
        });
        if let Some(frozen) = store.view.get().frozen.last() {
            self.admission.frozen(|| frozen.hashes());
        }
        self.begun = None;
        self.newest_frozen_ms = Some(store.newest_ms.load(Ordering::Relaxed));
        self.definitions.clear();
        self.partitions.begin(&store.view.get());
        store.signal.generation_frozen();
    }
}

fn samples_due(store: &Store, active: &Generation) -> u64 {
    let rotation = &store.options.rotation;
    rotation
        .samples
        .max(rotation.samples_per_series * u64::from(active.series_len()))
}

fn wal_bytes_due(store: &Store, active: &Generation) -> u64 {
    let rotation = &store.options.rotation;
    rotation
        .wal_bytes
        .max(rotation.wal_bytes_per_series * u64::from(active.series_len()))
}

/// Bytes of the log of the active generation.
fn wal_bytes_of(store: &Store) -> u64 {
    store.wal.as_ref().map_or(0, |wal| wal.generation_bytes())
}
