//! The commit lane: one batch at a time is classified, logged and applied, so that log order is the order of effects.
//!
//! * The log holds outcomes: accepted samples and nothing else. Replay asks neither clock nor limits.
//! * A series is made with its first accepted sample, in the order of the log, so that replay gives it the same number.
//! * A series is defined in the first two frames that use it, so that one damaged frame costs only itself.
//! * An acknowledgement waits for everything logged so far, also when the batch brought nothing new: the equal sample
//!   that it met may not be durable yet.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::apply::Apply;
use super::lookup::{Incoming, look_up};
use super::partitions::Partitions;
use super::sample_limits::Limits;
use super::series_limits::Admission;
use super::write::{Commit, WriteReport};
use super::{Store, figures};
use crate::error::Result;
use crate::head::SeriesRef;
use crate::model::Tombstone;
use crate::wal::RecordBuilder;

/// Metrics that are named to who is refused for a limit of series.
const NAMED_MAKERS: usize = 3;

/// What only the lane touches.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) record: RecordBuilder,
    pub(super) definitions: Definitions,
    /// When the active generation got its first sample.
    pub(super) begun: Option<Instant>,
    /// The newest sample when the last generation was frozen, in milliseconds.
    pub(super) newest_frozen_ms: Option<i64>,
    pub(super) admission: Admission,
    pub(super) partitions: Partitions,
}

/// For each series of the active generation, in which frames it was defined.
#[derive(Debug, Default)]
pub(super) struct Definitions(Vec<u64>);

impl Definitions {
    const TWICE: u64 = u64::MAX;

    /// Whether the frame `seq` is to define the series. Sequences begin at 1.
    pub(super) fn due(&mut self, series: SeriesRef, seq: u64) -> bool {
        let at = series as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        let state = &mut self.0[at];
        let due = *state != Self::TWICE && *state != seq;
        if due {
            *state = if *state == 0 { seq } else { Self::TWICE };
        }
        due
    }

    /// Begins the next generation.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Applies a batch.
///
/// # Errors
/// See [`Db::submit`](crate::Db::submit); nothing is applied then.
pub(super) fn submit(store: &Store, incoming: Incoming<'_>) -> Result<Commit> {
    let batch = incoming.batch;
    let (mut lane, targets) = loop {
        let seen = store.view.get();
        let targets = look_up(store, &seen, incoming)?;
        let lane = store.lane.lock();
        // The head may only be taken apart by who holds the lane.
        if store.view.get().epoch == seen.epoch {
            break (lane, targets);
        }
    };
    store.check_writable()?;
    let seq = match &store.wal {
        Some(wal) => {
            wal.check_writable()?;
            wal.last_seq() + 1
        }
        None => 1,
    };
    lane.check_room(store)?;

    let limits = Limits::of(store);
    let mut report = WriteReport::default();
    let lane = &mut *lane;
    lane.record.clear();
    lane.partitions
        .begin_batch(store.clock.now_ms(), limits.classes());
    for metadata in batch.metadata_entries() {
        if store.metadata.set(metadata) {
            lane.record.metadata(metadata);
        }
    }
    {
        let held = store.view.hold_exclusively();
        let mut apply = Apply {
            store,
            generation: &held.active,
            lane,
            limits,
            seq,
            report: &mut report,
            newest_ms: store.newest_ms.load(Ordering::Relaxed),
            learned: None,
        };
        for (entry, target) in batch.entries().iter().zip(&targets) {
            apply.entry(incoming, entry, target);
        }
        apply.exemplars(incoming);
        store.newest_ms.store(apply.newest_ms, Ordering::Relaxed);
        // Logged before readers are let in: what can be seen is on its way to the disk.
        if let Some(wal) = &store.wal
            && !lane.record.is_empty()
        {
            wal.append(lane.record.finish());
        }
    }
    figures::count(&store.counters.samples_accepted, report.accepted);
    figures::count(&store.counters.samples_rejected, report.rejected.total());
    if report.rejected.by_series_limits() {
        report.rejected.makers = lane.admission.makers(NAMED_MAKERS);
        report.rejected.retry_after = lane.admission.rest_of_interval();
    }
    store.head_memory.set(store.view.get().head_bytes());
    lane.rotate_if_due(store);
    let series = store.view.get().active.series_len();
    store
        .asks_runs
        .store(lane.admission.asks_runs(series), Ordering::Relaxed);
    Ok(Commit {
        seq: store.wal.as_ref().map_or(0, |wal| wal.last_seq()),
        wal: store.wal.clone(),
        report,
    })
}

impl Lane {
    /// The record of a delete.
    pub(super) fn tombstone_record(&mut self, tombstone: &Tombstone) -> &[u8] {
        self.record.clear();
        self.record.tombstone(tombstone);
        self.record.finish()
    }
}
